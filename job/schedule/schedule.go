package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Kind says how a schedule recurs.
type Kind uint8

// The kinds, each with the fields that it needs. Leave all other fields out,
// except Spread, which every kind may have (JOB-9).
const (
	OnDemand       Kind = 1 + iota // no field: starts when enabled
	Once                           // At, or Local and Zone
	Daily                          // Time, Zone
	Weekly                         // Time, Zone, Weekdays: one or more
	MonthlyDay                     // Time, Zone, Day
	MonthlyLast                    // Time, Zone: the last day of each month
	MonthlyWeekday                 // Time, Zone, Nth, Weekdays: exactly one
	PatchTuesday                   // Time, Zone, and Offset unless it is 0: days from the second Tuesday of a month
)

var kinds = enum.Of[Kind]("schedule kind", "on demand", "once", "daily", "weekly",
	"monthly by day", "monthly on the last day", "monthly by weekday", "patch tuesday")

func (k Kind) String() string                   { return kinds.String(k) }
func (k Kind) MarshalText() ([]byte, error)     { return kinds.MarshalText(k) }
func (k *Kind) UnmarshalText(text []byte) error { return kinds.UnmarshalText(text, k) }

// Nth is which occurrence of a weekday in a month is meant, such as the second
// Tuesday (JOB-9).
type Nth uint8

// The places. A month without a fifth such day is skipped; Last is the fourth
// or the fifth.
const (
	First Nth = 1 + iota
	Second
	Third
	Fourth
	Fifth
	Last
)

var nths = enum.Of[Nth]("place in the month", "first", "second", "third", "fourth", "fifth", "last")

func (n Nth) String() string                   { return nths.String(n) }
func (n Nth) MarshalText() ([]byte, error)     { return nths.MarshalText(n) }
func (n *Nth) UnmarshalText(text []byte) error { return nths.UnmarshalText(text, n) }

// AssetZone as the Zone of a [Schedule] means each asset's own time zone.
const AssetZone = "asset"

// East is the zone in which a local time comes first, and West the one in which
// it comes last. No clock is more than 14 hours ahead of UTC, or more than 12
// hours behind.
var (
	East = time.FixedZone("UTC+14", 14*60*60)
	West = time.FixedZone("UTC-12", -12*60*60)
)

// Schedule says when a job runs (JOB-9). See [Kind] for the fields that each
// kind takes. Two examples: Monday to Thursday nights on each asset's own
// clock; and the Saturday after Patch Tuesday in Berlin, spread over half an
// hour:
//
//	{"kind": "weekly", "time": "22:00", "zone": "asset", "weekdays": ["monday", "tuesday", "wednesday", "thursday"]}
//	{"kind": "patch tuesday", "time": "02:30", "zone": "Europe/Berlin", "offset": 4, "spread": 1800000000000}
type Schedule struct {
	Kind     Kind          `json:"kind"`
	At       time.Time     `json:"at,omitzero"`        // an instant, kept in UTC
	Local    LocalTime     `json:"local,omitempty"`    // date and time on the clock of Zone
	Time     TimeOfDay     `json:"time,omitempty"`     // on the clock of Zone
	Zone     string        `json:"zone,omitempty"`     // a name of the IANA time zone database, or AssetZone
	Weekdays Weekdays      `json:"weekdays,omitempty"` // of Weekly and MonthlyWeekday
	Nth      Nth           `json:"nth,omitempty"`      // of MonthlyWeekday
	Day      int           `json:"day,omitempty"`      // of the month, 1 to 31; a month without it is skipped
	Offset   int           `json:"offset,omitempty"`   // days, −27 to 27
	Spread   time.Duration `json:"spread,omitempty"`   // whole seconds, 2 h at most, shorter than the window; zero: all assets at once
}

// Equal reports whether two schedules are the same.
func (s Schedule) Equal(other Schedule) bool {
	at := s.At.Equal(other.At)
	s.At, other.At = time.Time{}, time.Time{}
	return at && s == other
}

// Delay returns how long after the start of a run an asset begins: whole
// seconds from 0 to just below Spread (JOB-9). It depends only on the order's
// id, which names the run and the asset. So it is the same wherever it is
// computed, and uniform over many assets. With h, the first eight bytes of the
// id's SHA-256 as a big-endian number, and n, the seconds of Spread, it is ⌊h ·
// n / 2⁶⁴⌋ seconds.
func (s Schedule) Delay(order string) time.Duration {
	if s.Spread <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(order))
	seconds, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), uint64(s.Spread/time.Second))
	return time.Duration(seconds) * time.Second
}

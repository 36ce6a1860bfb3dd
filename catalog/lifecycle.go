package catalog

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Lifecycle is the stage of a patch's life (CAT-8). A patch never leaves
// LifecycleDeprecated while its feed lists it.
type Lifecycle uint8

// The stages of a patch's life.
const (
	LifecycleActive     Lifecycle = 1 + iota // listed, no end announced
	LifecycleEOLMarked                       // the vendor announced its end of life: still honoured (CAT-10)
	LifecycleDeprecated                      // a sync ran at or after its EOL date, or saw it withdrawn (CAT-9)
)

var lifecycles = enum.Of[Lifecycle]("lifecycle", "Active", "EOLMarked", "Deprecated")

// String returns the stage's name.
func (l Lifecycle) String() string { return lifecycles.String(l) }

// MarshalText returns the stage's name, and the empty text for the zero value.
func (l Lifecycle) MarshalText() ([]byte, error) { return lifecycles.MarshalText(l) }

// UnmarshalText is the inverse of MarshalText.
func (l *Lifecycle) UnmarshalText(text []byte) error { return lifecycles.UnmarshalText(text, l) }

// EOLInstant returns the end of life that a date without a time means: the end
// of that day, UTC (CAT-13).
func EOLInstant(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
}

// ParseEOL reads an end of life: a date like 2006-01-02, which means the end of
// that day UTC, or an instant in RFC 3339 (CAT-13).
func ParseEOL(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return EOLInstant(day.Date()), nil
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("end of life %q is neither a date like 2006-01-02 nor an instant like 2006-01-02T15:04:05Z", text)
	}
	return instant.UTC(), nil
}

// past reports whether an end of life has come. Zero never comes, and at the
// instant it has (CAT-13).
func past(eol, now time.Time) bool { return !eol.IsZero() && !now.Before(eol) }

// due reports whether a sync deprecates a patch (CAT-8). A mark without a date
// never does (CAT-10).
func due(p *Patch, now time.Time) bool { return p.Withdrawn || past(p.EOL, now) }

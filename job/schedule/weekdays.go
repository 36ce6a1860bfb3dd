package schedule

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Weekday is a day of the week.
type Weekday uint8

// The weekdays, numbered as ISO 8601 does.
const (
	Monday Weekday = 1 + iota
	Tuesday
	Wednesday
	Thursday
	Friday
	Saturday
	Sunday
)

var weekdays = enum.Of[Weekday]("weekday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

func (d Weekday) String() string                   { return weekdays.String(d) }
func (d Weekday) MarshalText() ([]byte, error)     { return weekdays.MarshalText(d) }
func (d *Weekday) UnmarshalText(text []byte) error { return weekdays.UnmarshalText(text, d) }

// Weekdays is a set of weekdays. In JSON it is a list of names, written from
// monday to sunday and read in any order, each name once. The zero value is the
// empty set.
type Weekdays uint8

// WeekdaysOf returns the set of the days. A value that is not a weekday makes a
// set that [Schedule.Validate] refuses.
func WeekdaysOf(days ...Weekday) Weekdays {
	var set Weekdays
	for _, d := range days {
		if weekdays.Valid(d) {
			set |= 1 << (d - 1)
		} else {
			set |= noWeekday
		}
	}
	return set
}

// noWeekday marks a set made of a value that is not a weekday.
const noWeekday Weekdays = 1 << 7

// Has reports whether the day is in the set.
func (s Weekdays) Has(d Weekday) bool { return weekdays.Valid(d) && s&(1<<(d-1)) != 0 }

// List returns the days in order.
func (s Weekdays) List() []Weekday {
	return slices.DeleteFunc(weekdays.All(), func(d Weekday) bool { return !s.Has(d) })
}

// String returns the names, as "monday, friday".
func (s Weekdays) String() string {
	if !s.valid() {
		return fmt.Sprintf("weekdays(%d)", uint8(s))
	}
	var names []string
	for _, d := range s.List() {
		names = append(names, d.String())
	}
	return strings.Join(names, ", ")
}

// MarshalJSON writes the list of names. The error of an invalid set is an
// *Invalid.
func (s Weekdays) MarshalJSON() ([]byte, error) {
	if !s.valid() {
		return nil, problem.One("weekdays", "weekdays", s.String(), "is not a set of weekdays")
	}
	return json.Marshal(s.List())
}

// UnmarshalJSON reads a list of names. It refuses an unknown name as
// [Weekday.UnmarshalText] does; null, an empty name and a repeated day are an
// *Invalid.
func (s *Weekdays) UnmarshalJSON(text []byte) error {
	var list []Weekday
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	set := WeekdaysOf(list...)
	if list == nil || !set.valid() || set.count() < len(list) {
		return problem.One("weekdays", "weekdays", string(text), "is not a list of weekdays, each named once; write [\"monday\", \"friday\"] (JOB-20)")
	}
	*s = set
	return nil
}

// KeepUnknown is for text that a later release wrote. It makes s the empty set,
// which is valid in no schedule (MAN-11).
func (s *Weekdays) KeepUnknown(string) { *s = 0 }

func (s Weekdays) valid() bool { return s&noWeekday == 0 }
func (s Weekdays) count() int  { return bits.OnesCount8(uint8(s)) }

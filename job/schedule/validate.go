package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first. A problem's Field is the JSON name
// of the field.
type Invalid = problem.Invalid

// Validate says everything that is wrong with the schedule: fields that its
// kind lacks or does not take, and values out of their bounds (JOB-9, JOB-20).
// It does not look the zone up. The error is an *Invalid.
func (s Schedule) Validate() error {
	l := s.faults()
	switch {
	case s.Spread < 0 || s.Spread > MaxSpread:
		l.Add("spread", s.Spread.String(), "is not between zero (none) and %v (JOB-9)", MaxSpread)
	case s.Spread%time.Second != 0:
		l.Add("spread", s.Spread.String(), "is not a whole number of seconds (JOB-20)")
	}
	return l.Err("schedule")
}

// faults lists what keeps a schedule from having occurrences. A bad spread does
// not.
func (s Schedule) faults() (l problem.List) {
	if !kinds.Valid(s.Kind) {
		l.Add("kind", s.Kind.String(), "is not a kind of schedule; use one of %v (JOB-20)", quoted(kinds.All()))
		return l
	}
	for _, f := range s.fields() {
		switch {
		case f.taken && !f.set && f.name != "offset":
			l.Add(f.name, "", "is missing; a %q schedule needs %s (JOB-20)", s.Kind, f.want)
		case f.name == "at" && !f.taken && f.set && s.Kind == Once:
			l.Add("at", fmt.Sprint(f.value), "is one start, local and zone are another; keep one of them (JOB-20)")
		case !f.taken && f.set:
			l.Add(f.name, fmt.Sprint(f.value), "a %q schedule takes no %s; leave it out, or choose another kind (JOB-20)", s.Kind, f.name)
		case f.taken && f.set && !f.ok:
			l.Add(f.name, fmt.Sprint(f.value), "is not %s (JOB-20)", f.want)
		}
	}
	if s.Kind == MonthlyWeekday && s.Weekdays.valid() && s.Weekdays.count() > 1 {
		l.Add("weekdays", s.Weekdays.String(), "a \"monthly by weekday\" schedule takes exactly one weekday (JOB-20)")
	}
	return l
}

var wantedOffset = fmt.Sprintf("a number of days from -%d to %[1]d", MaxOffset)

// field is a field of a schedule.
type field struct {
	name, want     string
	taken, set, ok bool // the kind takes it; it is not zero; it is what is wanted
	value          any
}

// fields lists the fields other than kind and spread. Those that the kind takes
// are needed, except offset, which may be zero.
func (s Schedule) fields() []field {
	once, local, recurs, at := s.Kind == Once, s.Local != 0 || s.Zone != "", s.Kind >= Daily, ""
	if !s.At.IsZero() {
		at = s.At.UTC().Format(time.RFC3339)
	}
	year := s.At.UTC().Year()
	return []field{
		{"at", "a start between the years 1970 and 9999, here or as local and zone", once && !local, at != "", year >= 1970 && year <= 9999, at},
		{"local", "a local date and time such as 2026-03-29T02:30", once && local, s.Local != 0, s.Local.valid(), s.Local},
		{"time", "a time of day from 00:00 to 23:59", recurs, s.Time != 0, s.Time.valid(), s.Time},
		{"zone", "the name of a time zone such as Europe/Berlin or UTC, or \"asset\" for each asset's own",
			recurs || once && local, s.Zone != "", s.Zone == AssetZone || zoneName(s.Zone), s.Zone},
		{"weekdays", "a list of weekdays, monday to sunday", s.Kind == Weekly || s.Kind == MonthlyWeekday, s.Weekdays != 0, s.Weekdays.valid(), s.Weekdays},
		{"nth", "first, second, third, fourth, fifth or last", s.Kind == MonthlyWeekday, s.Nth != 0, nths.Valid(s.Nth), s.Nth},
		{"day", "a day of the month from 1 to 31", s.Kind == MonthlyDay, s.Day != 0, s.Day >= 1 && s.Day <= 31, s.Day},
		{"offset", wantedOffset,
			s.Kind == PatchTuesday, s.Offset != 0, s.Offset >= -MaxOffset && s.Offset <= MaxOffset, s.Offset},
	}
}

// Past returns an error if the only start has passed in every zone, so that no
// run can start any more. Otherwise it returns nil. The error is an *Invalid
// (JOB-20).
func (s Schedule) Past(now time.Time) error {
	if s.Kind != Once {
		return nil
	}
	var l problem.List
	if !s.At.IsZero() && !s.At.After(now) {
		l.Add("at", s.At.Format(time.RFC3339), "is past; choose a later start, or run the job on demand (JOB-20)")
	}
	if s.Local.valid() && !s.Local.In(West).After(now) {
		l.Add("local", s.Local.String(), "is past in every zone; choose a later start, or run the job on demand (JOB-20)")
	}
	return l.Err("schedule")
}

// ValidZone says why s cannot be the name of a time zone; nil if it can. It
// does not look the zone up. "Local" is refused, because it means another zone
// on each computer. The error is an *Invalid.
func ValidZone(s string) error {
	if !zoneName(s) {
		return problem.One("time zone", "", s, "is not the name of a time zone; use one of the IANA time zone database, such as Europe/Berlin or UTC (JOB-20)")
	}
	return nil
}

// zoneName reports whether s may name a zone: parts of letters, digits and _ -
// + joined by slashes. So it can name no file outside the zone files.
func zoneName(s string) bool {
	if len(s) > MaxZone || s == "Local" || s == AssetZone {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || strings.ContainsFunc(part, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-+", c)
		}) {
			return false
		}
	}
	return true
}

// quoted lists names for a message.
func quoted[T fmt.Stringer](list []T) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = fmt.Sprintf("%q", v.String())
	}
	return strings.Join(names, ", ")
}

package job

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// schedule says everything wrong with s: fields that its kind lacks or does not have, and values out of their bounds
// (JOB-20). Whether a zone of that name exists is known only where zones are resolved.
func (p *problems) schedule(s Schedule) {
	if !scheduleKinds.Valid(s.Kind) {
		p.add("schedule.kind", s.Kind.String(), fmt.Sprintf("is no kind of schedule; use one of %v (JOB-20)", quoted(ScheduleKinds())))
		return
	}
	needs := s.needs()
	for _, f := range scheduleFields {
		needed := slices.Contains(needs, f.name)
		switch set := f.set(s); {
		case needed && !set && f.name != "offset":
			p.add("schedule."+f.name, "", fmt.Sprintf("is missing; a schedule %q needs %s (JOB-20)", s.Kind, f.want))
		case f.name == "at" && !needed && set && s.Kind == Once:
			p.add("schedule.at", f.value(s), "is one start, and local and zone are another; keep one of them (JOB-20)")
		case !needed && set:
			p.add("schedule."+f.name, f.value(s), fmt.Sprintf("a schedule %q has no %s; leave it out, or choose another kind (JOB-20)",
				s.Kind, f.name))
		case needed && set && !f.ok(s):
			p.add("schedule."+f.name, f.value(s), fmt.Sprintf("is not %s (JOB-20)", f.want))
		}
	}
	if s.Kind == MonthlyWeekday && s.Weekdays.valid() && s.Weekdays.count() > 1 {
		p.add("schedule.weekdays", s.Weekdays.String(), "a schedule \"monthly by weekday\" has exactly one weekday (JOB-20)")
	}
}

// needs lists the fields a schedule of this kind has: each but offset, which may be zero, is needed.
func (s Schedule) needs() []string {
	switch s.Kind {
	case Once:
		if s.Local != 0 || s.Zone != "" {
			return []string{"local", "zone"}
		}
		return []string{"at"}
	case Daily, MonthlyLast:
		return []string{"time", "zone"}
	case Weekly:
		return []string{"time", "zone", "weekdays"}
	case MonthlyDay:
		return []string{"time", "zone", "day"}
	case MonthlyWeekday:
		return []string{"time", "zone", "weekdays", "nth"}
	case PatchTuesday:
		return []string{"time", "zone", "offset"}
	}
	return nil // OnDemand
}

var scheduleFields = []struct {
	name, want string
	set, ok    func(Schedule) bool
	value      func(Schedule) string
}{
	{"at", "a start between the years 1970 and 9999, here or as local and zone",
		func(s Schedule) bool { return !s.At.IsZero() },
		func(s Schedule) bool { return s.At.UTC().Year() >= 1970 && s.At.UTC().Year() <= 9999 },
		func(s Schedule) string { return s.At.UTC().Format(time.RFC3339) }},
	{"local", "a local date and time such as 2026-03-29T02:30",
		func(s Schedule) bool { return s.Local != 0 },
		func(s Schedule) bool { return s.Local.valid() },
		func(s Schedule) string { return s.Local.String() }},
	{"time", "a time of day from 00:00 to 23:59",
		func(s Schedule) bool { return s.Time != 0 },
		func(s Schedule) bool { return s.Time.valid() },
		func(s Schedule) string { return s.Time.String() }},
	{"zone", "the name of a time zone such as Europe/Berlin or UTC, or \"asset\" for each asset's own",
		func(s Schedule) bool { return s.Zone != "" },
		func(s Schedule) bool { return s.Zone == AssetZone || zoneName(s.Zone) },
		func(s Schedule) string { return s.Zone }},
	{"weekdays", "a list of weekdays, monday to sunday",
		func(s Schedule) bool { return s.Weekdays != 0 },
		func(s Schedule) bool { return s.Weekdays.valid() },
		func(s Schedule) string { return s.Weekdays.String() }},
	{"nth", "first, second, third, fourth, fifth or last",
		func(s Schedule) bool { return s.Nth != 0 },
		func(s Schedule) bool { return nths.Valid(s.Nth) },
		func(s Schedule) string { return s.Nth.String() }},
	{"day", "a day of the month from 1 to 31",
		func(s Schedule) bool { return s.Day != 0 },
		func(s Schedule) bool { return s.Day >= 1 && s.Day <= 31 },
		func(s Schedule) string { return fmt.Sprint(s.Day) }},
	{"offset", fmt.Sprintf("a number of days from -%d to %[1]d", MaxOffset),
		func(s Schedule) bool { return s.Offset != 0 },
		func(s Schedule) bool { return s.Offset >= -MaxOffset && s.Offset <= MaxOffset },
		func(s Schedule) string { return fmt.Sprint(s.Offset) }},
}

// spread refuses a spread that is too long, for the job's window too: an asset whose start falls behind the end of the
// window would never run (JOB-9). A window of zero is none.
func (p *problems) spread(s Schedule, window time.Duration) {
	switch {
	case s.Spread < 0 || s.Spread > MaxSpread:
		p.add("schedule.spread", s.Spread.String(), fmt.Sprintf("is not between zero (none) and %v (JOB-9)", MaxSpread))
	case s.Spread%time.Second != 0:
		p.add("schedule.spread", s.Spread.String(), "is no number of whole seconds (JOB-20)")
	case window > 0 && s.Spread >= window:
		p.add("schedule.spread", s.Spread.String(), fmt.Sprintf("is not shorter than the window, %v (JOB-9)", window))
	}
}

// past refuses a job whose only start has passed everywhere: no clock is further behind UTC than 12 hours.
func (p *problems) past(s Schedule, now time.Time) {
	if s.Kind != Once {
		return
	}
	if !s.At.IsZero() && !s.At.After(now) {
		p.add("schedule.at", s.At.Format(time.RFC3339), "is past; give a later start, or run the job on demand (JOB-20)")
	}
	if s.Local.valid() && !s.Local.In(time.FixedZone("", -12*60*60)).After(now) {
		p.add("schedule.local", s.Local.String(), "is past in every zone; give a later start, or run the job on demand (JOB-20)")
	}
}

// ValidZone says why s cannot be the name of a time zone; nil if it can. Whether there is such a zone, the time zone
// database says. "Local", which means another zone on every computer, is none. The error is an *Invalid.
func ValidZone(s string) error {
	var p problems
	if !zoneName(s) {
		p.add("zone", s, "is no name of a time zone; use one of the IANA time zone database, such as Europe/Berlin or UTC (JOB-20)")
	}
	return p.err("time zone")
}

// zoneName tells what may be a name of a zone: parts of letters, digits and _ - + joined by slashes. It keeps out whatever
// could lead a reader of zone files astray.
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

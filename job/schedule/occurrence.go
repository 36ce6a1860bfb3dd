package schedule

import "time"

// Occurrence is one time at which a schedule starts a run.
type Occurrence struct {
	Local LocalTime // the date and time that the schedule names, before any clock change; zero: it names an instant
	Start time.Time // the instant in the zone asked for: UTC, whole seconds, before any spread
}

// horizon is how many days are searched for an occurrence. Every schedule that
// recurs does so at least once a year.
const horizon = 366

// NextIn returns the first occurrence that starts after the instant after, and
// not before enabled, when the job was enabled (JOB-9). ok is false if there is
// none: the only one has passed, the schedule is not valid, it needs a zone and
// zone is nil, or the time is beyond the year 9998.
//
// If a clock change skips a whole day, its occurrence and that of the next day
// may start at the same instant. Then NextIn returns that of the next day. For
// other clock changes see [LocalTime.In].
//
// The zone is the one that Zone names, or the asset's for [AssetZone]. The
// caller resolves the name, because that reads the time zone database. An
// AssetZone schedule starts first in [East] and last in [West].
func (s Schedule) NextIn(enabled, after time.Time, zone *time.Location) (o Occurrence, ok bool) {
	enabled = enabled.Truncate(time.Second)
	if before := enabled.Add(-1); after.Before(before) {
		after = before
	}
	if !s.usable(zone) {
		return Occurrence{}, false
	}
	if s.Kind == OnDemand || s.Kind == Once {
		o = s.only(enabled, zone)
		return found(o, o.Start.After(after))
	}
	from := max(dayOf(after, zone), firstDay) // the day that the clock shows at after has begun
	for day := from; day < from+horizon && day <= lastDay; day++ {
		if !s.falls(day) {
			continue
		}
		if start := s.onDay(day).In(zone); start.After(after) {
			return s.PrevIn(enabled, start, zone) // the last of those that start together
		}
	}
	return Occurrence{}, false
}

// PrevIn returns the last occurrence that starts at or before the instant at,
// and not before enabled. If several runs were missed, it is the one that still
// runs (JOB-12). Otherwise it is like [Schedule.NextIn].
func (s Schedule) PrevIn(enabled, at time.Time, zone *time.Location) (o Occurrence, ok bool) {
	enabled = enabled.Truncate(time.Second)
	if !s.usable(zone) {
		return Occurrence{}, false
	}
	if s.Kind == OnDemand || s.Kind == Once {
		o = s.only(enabled, zone)
		return found(o, !o.Start.Before(enabled) && !o.Start.After(at))
	}
	from := min(dayOf(at, zone)+1, lastDay) // a clock that is set back has shown the next day already
	for day := from; day > from-horizon && day >= firstDay; day-- {
		if !s.falls(day) {
			continue
		}
		local := s.onDay(day)
		if start := local.In(zone); !start.After(at) {
			return found(Occurrence{local, start}, !start.Before(enabled))
		}
	}
	return Occurrence{}, false
}

// usable reports whether the schedule can have occurrences in the zone
// (JOB-20).
func (s Schedule) usable(zone *time.Location) bool {
	return len(s.faults()) == 0 && (zone != nil || s.Zone == "")
}

// only returns the one occurrence of a schedule that does not recur.
func (s Schedule) only(enabled time.Time, zone *time.Location) Occurrence {
	switch {
	case s.Kind == OnDemand:
		return Occurrence{Start: enabled.UTC()}
	case s.Local != 0:
		return Occurrence{s.Local, s.Local.In(zone)}
	}
	return Occurrence{Start: s.At.UTC().Truncate(time.Second)}
}

func found(o Occurrence, ok bool) (Occurrence, bool) {
	if !ok || o.Start.Year() < 1970 || o.Start.Year() > 9999 {
		return Occurrence{}, false
	}
	return o, true
}

// onDay returns when the schedule starts on a day.
func (s Schedule) onDay(day int64) LocalTime { return LocalTime(day*dayMinutes + s.Time.minutes()) }

// falls reports whether the schedule recurs on a day.
func (s Schedule) falls(day int64) bool {
	switch s.Kind {
	case Daily:
		return true
	case Weekly:
		return s.Weekdays.Has(weekdayOf(day))
	case MonthlyDay:
		return monthDay(day) == s.Day
	case MonthlyLast:
		return monthDay(day+1) == 1
	case MonthlyWeekday:
		nth, last := (monthDay(day)+6)/7, monthDay(day+7) <= 7
		return s.Weekdays.Has(weekdayOf(day)) && (int(s.Nth) == nth || s.Nth == Last && last)
	}
	tuesday := day - int64(s.Offset) // PatchTuesday
	return weekdayOf(tuesday) == Tuesday && (monthDay(tuesday)+6)/7 == 2
}

// dayOf returns the date that the zone's clock shows, in days from 1970-01-01.
func dayOf(t time.Time, zone *time.Location) int64 {
	year, month, day := t.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// weekdayOf counts from 1970-01-01, a Thursday; day is not negative.
func weekdayOf(day int64) Weekday { return Weekday((day+3)%7 + 1) }

func monthDay(day int64) int { return time.Unix(day*24*60*60, 0).UTC().Day() }

package schedule

import (
	"time"
)

// Occurrence is one time at which a schedule starts a run.
type Occurrence struct {
	Local LocalTime // the date and time that the schedule names, before any clock change; zero: it names an instant
	Start time.Time // the instant in the zone asked for: UTC, whole seconds, before any spread
}

// horizon is how many days are looked at for an occurrence. Each schedule that has any has one in every year.
const horizon = 366

// NextIn returns the first occurrence that starts after the instant after and not before enabled, the time at which the
// job was enabled (JOB-9). ok is false when there is none: the only one has passed, the schedule is not valid, it needs a
// zone and zone is nil, or the time is beyond the year 9998.
//
// A day that the month lacks is skipped. A local time that a clock change skips starts at the first instant after the
// gap; one that occurs twice starts at the first. If a change skips a whole day, its occurrence and the one of the day
// after may so come to start at the same instant: then they are one, the later.
//
// The zone is the one that Zone names, or for AssetZone the asset's. The caller resolves names, because that reads the
// time zone database. The first start of an AssetZone schedule on any asset is the one in East, the last the one in West.
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
	from := max(dayOf(after, zone), firstDay) // what the clock shows at after has started
	for day := from; day < from+horizon && day <= lastDay; day++ {
		if !s.falls(day) {
			continue
		}
		if start := s.onDay(day).In(zone); start.After(after) {
			return s.PrevIn(enabled, start, zone) // of those that start together the last
		}
	}
	return Occurrence{}, false
}

// PrevIn returns the last occurrence that starts at the instant at or before, and not before enabled: of several missed
// runs the one that is still to be run (JOB-12). For all else see NextIn.
func (s Schedule) PrevIn(enabled, at time.Time, zone *time.Location) (o Occurrence, ok bool) {
	enabled = enabled.Truncate(time.Second)
	if !s.usable(zone) {
		return Occurrence{}, false
	}
	if s.Kind == OnDemand || s.Kind == Once {
		o = s.only(enabled, zone)
		return found(o, !o.Start.Before(enabled) && !o.Start.After(at))
	}
	from := min(dayOf(at, zone)+1, lastDay) // a clock that was set back has shown the next day before
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

// usable keeps schedules away that nobody can understand (JOB-20).
func (s Schedule) usable(zone *time.Location) bool {
	return len(s.faults()) == 0 && (zone != nil || s.Zone == "")
}

// only is the one occurrence of a schedule that does not recur.
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

// onDay is when the schedule starts on a day.
func (s Schedule) onDay(day int64) LocalTime { return LocalTime(day*dayMinutes + s.Time.minutes()) }

// falls tells whether the schedule recurs on a day.
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

// dayOf is the date that the clock in the zone shows, in days from 1970-01-01.
func dayOf(t time.Time, zone *time.Location) int64 {
	year, month, day := t.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// weekdayOf counts from 1970-01-01, a Thursday. Days are not before it.
func weekdayOf(day int64) Weekday { return Weekday((day+3)%7 + 1) }

func monthDay(day int64) int { return time.Unix(day*24*60*60, 0).UTC().Day() }

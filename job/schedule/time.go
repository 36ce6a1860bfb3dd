package schedule

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Steady is an instant on a clock that is never set and keeps running through
// sleep and power-off, in nanoseconds since an arbitrary origin. Zero means
// "not set".
type Steady int64

// Add returns the instant d after s.
func (s Steady) Add(d time.Duration) Steady { return s + Steady(d) }

// Sub returns how long after t the instant s is.
func (s Steady) Sub(t Steady) time.Duration { return time.Duration(s - t) }

// Before reports whether s is before t.
func (s Steady) Before(t Steady) bool { return s < t }

// IsZero reports whether s is not set.
func (s Steady) IsZero() bool { return s == 0 }

// At is the time at which a state machine takes a step. UTC is the asset's
// clock, corrected by the server's. Steady measures durations (MAN-8).
type At struct {
	UTC    time.Time
	Steady Steady
}

// TimeOfDay is a time on a local clock, to the minute. Its text is "02:30",
// from "00:00" to "23:59". It counts minutes from one: 00:00 is 1, and zero
// means "not set".
type TimeOfDay uint16

const dayMinutes = 24 * 60

// Clock returns the time of day at an hour from 0 to 23 and a minute from 0 to
// 59. Any other is zero, which [Schedule.Validate] refuses.
func Clock(hour, minute int) TimeOfDay {
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0
	}
	return TimeOfDay(1 + hour*60 + minute)
}

// ParseTimeOfDay reads "02:30". The error is an *Invalid.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	t, err := time.Parse("15:04", s)
	if clock := Clock(t.Hour(), t.Minute()); err == nil && clock.String() == s {
		return clock, nil
	}
	return 0, problem.One("time of day", "time", s, "is not a time of day; write two digits each for hour and minute, from 00:00 to 23:59 (JOB-20)")
}

// String returns the text; an invalid value or one that is not set prints as
// "time of day(n)".
func (t TimeOfDay) String() string {
	if !t.valid() {
		return fmt.Sprintf("time of day(%d)", uint16(t))
	}
	return fmt.Sprintf("%02d:%02d", t.minutes()/60, t.minutes()%60)
}

// MarshalText returns the text, empty for zero. The error of an invalid value
// is an *Invalid.
func (t TimeOfDay) MarshalText() ([]byte, error) { return marshal(t, ParseTimeOfDay) }

// UnmarshalText reads what MarshalText writes. The error is that of
// [ParseTimeOfDay].
func (t *TimeOfDay) UnmarshalText(text []byte) error { return unmarshal(text, t, ParseTimeOfDay) }

func (t TimeOfDay) valid() bool    { return t >= 1 && t <= dayMinutes }
func (t TimeOfDay) minutes() int64 { return int64(t) - 1 }

// LocalTime is a date and a time on a local clock, to the minute, in the years
// 1971 to 9998. Which instant it is depends on the zone: see [LocalTime.In].
// Its text is "2026-03-29T02:30". It counts minutes from 1970-01-01T00:00 on
// that clock, so local times compare as numbers; zero means "not set".
type LocalTime int64

const localLayout = "2006-01-02T15:04"

// The days that schedules may fall on, counted from 1970-01-01. A day is a
// local date, and no zone is a day away from UTC. So each start and each end of
// a window has a year of four digits, as JSON demands.
const (
	firstDay = 365             // 1971-01-01
	lastDay  = 2_932_896 - 365 // 9998-12-31
	lastTime = (lastDay+1)*dayMinutes - 1
)

// ParseLocalTime reads "2026-03-29T02:30". The error is an *Invalid.
func ParseLocalTime(s string) (LocalTime, error) {
	t, err := time.Parse(localLayout, s)
	if local := LocalTime(t.Unix() / 60); err == nil && local.valid() && local.String() == s {
		return local, nil
	}
	return 0, problem.One("local time", "local", s, "is not a date and time; write it as 2026-03-29T02:30, without a zone, from 1971 to 9998 (JOB-20)")
}

// String returns the text; an invalid value or one that is not set prints as
// "local time(n)".
func (l LocalTime) String() string {
	if !l.valid() {
		return fmt.Sprintf("local time(%d)", int64(l))
	}
	return time.Unix(int64(l)*60, 0).UTC().Format(localLayout)
}

// MarshalText returns the text, empty for zero. The error of an invalid value
// is an *Invalid.
func (l LocalTime) MarshalText() ([]byte, error) { return marshal(l, ParseLocalTime) }

// UnmarshalText reads what MarshalText writes. The error is that of
// [ParseLocalTime].
func (l *LocalTime) UnmarshalText(text []byte) error { return unmarshal(text, l, ParseLocalTime) }

func (l LocalTime) valid() bool { return l >= firstDay*dayMinutes && l <= lastTime }

// marshal refuses an invalid value, whose text cannot be parsed.
func marshal[T interface {
	comparable
	fmt.Stringer
}](v T, parse func(string) (T, error)) ([]byte, error) {
	if v == *new(T) {
		return []byte{}, nil
	}
	text := v.String()
	_, err := parse(text)
	return []byte(text), err
}

// unmarshal sets a value by its text; the empty text is zero. After an error,
// the value is as it was.
func unmarshal[T any](text []byte, to *T, parse func(string) (T, error)) (err error) {
	var parsed T
	if len(text) > 0 {
		parsed, err = parse(string(text))
	}
	if err == nil {
		*to = parsed
	}
	return err
}

// stretchEnd returns an instant after t until which the clock in t's zone does
// not change; not ok: it never changes again.
func stretchEnd(t time.Time) (end time.Time, ok bool) {
	_, end = t.ZoneBounds()
	if end.IsZero() {
		return end, false
	}
	if !end.After(t) {
		// For a zone with a yearly rule, Go ends the year after 365
		// days. On the last day of a leap year that is past.
		end = t.Add(24 * time.Hour)
	}
	return end, true
}

// In returns the instant, in UTC, at which a job scheduled for l starts in the
// zone: the first instant at which the clock there shows l or later. A local
// time that a clock change skips becomes the first instant after the gap; one
// that occurs twice is the first of the two (JOB-9). If zone is nil or l is not
// valid, it is the zero time.
func (l LocalTime) In(zone *time.Location) time.Time {
	if zone == nil || !l.valid() {
		return time.Time{}
	}
	// Near a clock change time.Date promises neither of the two instants.
	// So walk the stretches between clock changes, from 26 hours before,
	// when no clock shows l yet, to the first stretch that reaches l.
	wall := int64(l) * 60
	t := time.Unix(wall, 0).Add(-26 * time.Hour).In(zone)
	for {
		_, offset := t.Zone()
		start := time.Unix(wall-int64(offset), 0)
		if start.Before(t) {
			start = t // the change that began the stretch skipped l
		}
		end, ok := stretchEnd(t)
		if !ok || start.Before(end) {
			return start.UTC()
		}
		t = end
	}
}

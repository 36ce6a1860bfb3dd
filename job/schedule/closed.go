package schedule

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Date is a day on a local clock, from 1971-01-01 to 9998-12-31. Its text is
// "2026-12-24". It counts days from 1970-01-01; zero means "not set".
type Date int32

// ParseDate reads "2026-12-24". The error is an *Invalid.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if d := Date(t.Unix() / (24 * 60 * 60)); err == nil && d.valid() && d.String() == s {
		return d, nil
	}
	return 0, problem.One("date", "date", s, "is not a date; write it as 2026-12-24, from 1971 to 9998 (JOB-20)")
}

// String returns the text. A value that is invalid or not set prints as that of
// a [LocalTime] does.
func (d Date) String() string {
	if !d.valid() {
		return d.midnight().String()
	}
	return d.midnight().String()[:len(time.DateOnly)]
}

// MarshalText returns the text, empty for zero. The error of an invalid value
// is an *Invalid.
func (d Date) MarshalText() ([]byte, error) { return marshal(d, ParseDate) }

// UnmarshalText reads what MarshalText writes. The error is that of
// [ParseDate].
func (d *Date) UnmarshalText(text []byte) error { return unmarshal(text, d, ParseDate) }

func (d Date) valid() bool { return d >= firstDay && d <= lastDay }

func (d Date) midnight() LocalTime { return LocalTime(int64(d) * dayMinutes) }

func (p Closed) days() bool { return p.First != 0 || p.Last != 0 }

// Span returns the period as instants. For a period of days it is empty if zone
// is nil, or if the clock of the zone skips all the days.
func (p Closed) Span(zone *time.Location) Span {
	if !p.days() {
		return Span{p.From.UTC(), p.Until.UTC()}
	}
	last := p.Last.midnight() + dayMinutes
	if !last.valid() { // the last day of all
		last = lastTime
	}
	return Span{p.First.midnight().In(zone), last.In(zone)}
}

// period is a part of a closed period that no override takes back.
type period struct {
	Span
	by *Closed
}

// closed returns what is closed. The parts of one period do not overlap.
func (c Calendar) closed(zone *time.Location) (all []period) {
	for i := range c.Closed {
		by := &c.Closed[i]
		parts := []Span{by.Span(zone)}
		for _, o := range c.Overrides {
			if o.Closed == by.Name {
				parts = without(parts, o)
			}
		}
		for _, s := range parts {
			if s.From.Before(s.Until) {
				all = append(all, period{s, by})
			}
		}
	}
	return all
}

// without takes the time of an override out of spans.
func without(spans []Span, o Override) (rest []Span) {
	for _, s := range spans {
		before, after := s, s
		if o.From.Before(before.Until) {
			before.Until = o.From.UTC()
		}
		if o.Until.After(after.From) {
			after.From = o.Until.UTC()
		}
		if !o.From.Before(o.Until) {
			before, after = s, Span{} // it ends before it begins
		}
		for _, part := range []Span{before, after} {
			if part.From.Before(part.Until) {
				rest = append(rest, part)
			}
		}
	}
	return rest
}

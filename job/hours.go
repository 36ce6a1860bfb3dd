package job

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Calendar is a calendar on one asset. Zone is the one that the calendar names,
// or the asset's for schedule.AssetZone. The zero Calendar is always open.
type Calendar struct {
	schedule.Calendar
	Zone *time.Location
}

// At is [schedule.Calendar.At] in the asset's zone.
func (c Calendar) At(at time.Time) schedule.Moment { return c.Calendar.At(at, c.Zone) }

// SpanIn returns when an order of the occurrence starts on the asset and when
// its window ends, as [Definition.Span] does, while a calendar is open: a start
// in a closed time waits for the next opening, and the closing of the calendar
// ends the window (CAL-1). A zero end means that there is no window and the
// calendar does not close. The spread counts from the opening.
//
// If the window ends before the calendar opens, or if it opens only after
// [MaxStartWait], the order cannot start: then ok is false and why says what
// closes the calendar.
func (d Definition) SpanIn(o schedule.Occurrence, asset AssetID, c Calendar) (start, end time.Time, why schedule.Moment, ok bool) {
	first, end := d.Span(o, asset)
	why = c.At(o.Start)
	open, opens := c.NextOpen(o.Start, c.Zone)
	if opens {
		start, opens = c.NextOpen(open.Add(first.Sub(o.Start)), c.Zone)
	}
	if !opens || !end.IsZero() && !start.Before(end) || start.Sub(o.Start) >= MaxStartWait {
		return first, end, why, false
	}
	if closes, shuts := c.NextClose(start, c.Zone); shuts && (end.IsZero() || closes.Before(end)) {
		end = closes
	}
	return start, end, why, true
}

// rebootAhead is for how long after its start an order knows the reboot hours: a
// window of a week, deferral for a week, and an opening that comes once a month.
const rebootAhead = 45 * 24 * time.Hour

// rebootHours returns when two calendars let an order reboot that starts at an
// instant; nil: always (RBT-10).
func rebootHours(a, b Calendar, from time.Time) *reboot.Hours {
	if a.always() && b.always() {
		return nil
	}
	hours := &reboot.Hours{Open: bothOpen(a, b, from)}
	at, until := from.UTC(), from.Add(rebootAhead)
	for _, s := range append(bothOpen(a.frozen(), b.frozen(), from), schedule.Span{From: until, Until: until}) {
		if at.Before(s.From) && len(hours.Closed) < schedule.MaxSpans {
			hours.Closed = append(hours.Closed, schedule.Span{From: at, Until: s.From.UTC()})
		}
		at = s.Until
	}
	return hours
}

func (c Calendar) always() bool { return len(c.Openings)+len(c.Closed) == 0 }

// frozen is the calendar without its openings.
func (c Calendar) frozen() Calendar { return Calendar{c.WithoutOpenings(), c.Zone} }

// bothOpen returns when two calendars are both open, in order and apart.
func bothOpen(a, b Calendar, from time.Time) (spans []schedule.Span) {
	for _, s := range a.Spans(from, from.Add(rebootAhead), a.Zone) {
		spans = append(spans, b.Spans(s.From, s.Until, b.Zone)...)
	}
	return spans[:min(len(spans), schedule.MaxSpans)]
}

package reboot

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Hours say when prompts, countdowns and reboots may happen: the spans of the
// calendars for some weeks (RBT-10). After the last known opening, nothing is
// open.
type Hours struct {
	Open   []schedule.Span `json:"open,omitempty"`   // sorted, without overlaps
	Closed []schedule.Span `json:"closed,omitempty"` // closed even at the bound of RBT-6; sorted, without overlaps
}

func (h *Hours) check(bad *problem.List) {
	for _, f := range []struct {
		field string
		spans []schedule.Span
	}{{"hours.open", h.Open}, {"hours.closed", h.Closed}} {
		if len(f.spans) > schedule.MaxSpans {
			bad.Add(f.field, fmt.Sprint(len(f.spans)), "are too many; use at most %d", schedule.MaxSpans)
			continue
		}
		for i, s := range f.spans {
			if !s.From.Before(s.Until) || i > 0 && s.From.Before(f.spans[i-1].Until) {
				bad.Add(fmt.Sprintf("%s[%d]", f.field, i), s.From.Format(time.RFC3339), "is not before its end, or not after the span before it")
			}
		}
	}
}

// in returns the span that has an instant.
func in(spans []schedule.Span, at time.Time) (schedule.Span, bool) {
	for _, s := range spans {
		if s.Has(at) {
			return s, true
		}
	}
	return schedule.Span{}, false
}

// next returns the first instant, not before at, at which something may happen:
// in an opening or from the bound on, and never in a closed period. It is not ok
// if none is known. A zero bound is none.
func (h *Hours) next(at, bound time.Time) (time.Time, bool) {
	for {
		if s, closed := in(h.Closed, at); closed {
			at = s.Until
			continue
		}
		_, open := in(h.Open, at)
		if open || !bound.IsZero() && !at.Before(bound) {
			return at, true
		}
		next := bound
		for _, s := range h.Open {
			if s.From.After(at) && (next.IsZero() || s.From.Before(next)) {
				next = s.From
			}
		}
		if next.IsZero() {
			return next, false
		}
		at = next
	}
}

// ends returns when something that may happen at an instant no longer may; zero:
// never.
func (h *Hours) ends(at, bound time.Time) (end time.Time) {
	if s, open := in(h.Open, at); open && (bound.IsZero() || s.Until.Before(bound)) {
		end = s.Until
	}
	for _, s := range h.Closed {
		if s.From.After(at) && (end.IsZero() || s.From.Before(end)) {
			end = s.From
		}
	}
	return end
}

// shut reports whether nothing may happen now.
func (m *machine) shut() bool {
	if m.p.Hours == nil {
		return false
	}
	next, ok := m.p.Hours.next(m.utc, m.force())
	return !ok || next.After(m.utc)
}

// wait waits for the hours to begin. In a closed period that is no deferral, so
// the bound of RBT-6 does not begin to run.
func (m *machine) wait() {
	m.Phase, m.Lease = Waiting, 0 // others may have the slot meanwhile
	if s, closed := in(m.p.Hours.Closed, m.utc); closed {
		m.Until = m.steady(s.Until)
		return
	}
	if m.FirstOffer.IsZero() {
		m.FirstOffer = m.now
	}
	next, _ := m.p.Hours.next(m.utc, m.force()) // there is a bound
	m.Until = m.steady(next)
}

// force returns from when on the countdown runs outside the openings too, so
// that it ends with deferral (RBT-6); zero: that is not known yet.
func (m *machine) force() time.Time {
	if end := m.end(); !end.IsZero() {
		return m.instant(end).Add(-m.p.Countdown)
	}
	return time.Time{}
}

// instant and steady convert between the clocks. Zero stays zero.
func (m *machine) instant(t schedule.Steady) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return m.utc.Add(t.Sub(m.now))
}

func (m *machine) steady(t time.Time) schedule.Steady {
	if t.IsZero() {
		return 0
	}
	return m.now.Add(t.Sub(m.utc))
}

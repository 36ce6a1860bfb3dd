package schedule

import (
	"fmt"
	"slices"
	"time"
)

// Calendar says when something may happen: while one of its openings is open
// and no closed period holds (CAL-1). The zero Calendar is always open.
//
// Openings and dates are in Zone. To resolve the name is to read the time zone
// database, so the caller does it and gives the zone to each method. For
// [AssetZone] it gives the asset's own. A calendar that has openings or dates and
// gets no zone is closed. Methods of a calendar that is not valid
// ([Calendar.Validate]) do not panic, and their results mean nothing.
//
// Saturday nights on each asset's own clock, except over the end of the year.
// In that time, ana allows the night of the 26th only:
//
//	{"name": "nights", "zone": "asset",
//	 "openings": [{"when": {"kind": "weekly", "time": "22:00", "weekdays": ["saturday"]}, "length": 28800000000000}],
//	 "closed": [{"name": "year end", "reason": "the books are closed", "first": "2026-12-20", "last": "2027-01-02"}],
//	 "overrides": [{"closed": "year end", "by": "ana", "reason": "an exploited hole in the mail server",
//	   "from": "2026-12-26T20:00:00Z", "until": "2026-12-27T08:00:00Z"}]}
type Calendar struct {
	Name      string     `json:"name"`
	Zone      string     `json:"zone,omitempty"`      // a name of the IANA time zone database, or AssetZone; empty: for a calendar without openings and dates
	Openings  []Opening  `json:"openings,omitempty"`  // none: open except in closed periods
	Closed    []Closed   `json:"closed,omitempty"`    // they outrank openings
	Overrides []Override `json:"overrides,omitempty"` // of closed periods
}

// Opening is a time that recurs. It lasts for its length, whatever the clock
// does meanwhile (CAL-4). Openings that touch or overlap are open as one.
type Opening struct {
	When   Schedule      `json:"when"`   // its starts, of a kind that recurs; without Zone and Spread
	Length time.Duration `json:"length"` // whole seconds, 1 min to 168 h
}

// Closed is a period in which the calendar is closed: whole days, both
// included, or from one instant to another. A day begins when the clock first
// shows midnight of that day or a later time (JOB-9).
type Closed struct {
	Name   string    `json:"name"` // unique in the calendar
	Reason string    `json:"reason"`
	First  Date      `json:"first,omitempty"` // with Last
	Last   Date      `json:"last,omitempty"`
	From   time.Time `json:"from,omitzero"` // with Until, instead of the days
	Until  time.Time `json:"until,omitzero"`
}

// Override is somebody's act that suspends a closed period for a time. The
// openings still apply (CAL-2).
type Override struct {
	Closed string    `json:"closed"` // the name of the period
	By     string    `json:"by"`     // who answers for it
	Reason string    `json:"reason"`
	From   time.Time `json:"from,omitzero"` // zero: at once
	Until  time.Time `json:"until"`
}

// Span is the time from one instant until another, which is not part of it.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Has reports whether the instant is in the span.
func (s Span) Has(at time.Time) bool { return !at.Before(s.From) && at.Before(s.Until) }

// Moment is what a calendar says about an instant (CAL-1).
type Moment struct {
	Open   bool      `json:"open"`
	Until  time.Time `json:"until,omitzero"`   // when it closes, or opens again; zero: not for a year
	Period string    `json:"period,omitempty"` // the closed period at that instant; if empty and not open, no opening is open
	Rule   string    `json:"rule,omitempty"`   // of Text
	Text   string    `json:"text,omitempty"`   // one sentence that says why it is not open
}

// lookAhead is how far openings without a break are followed. So every opening
// that recurs is seen, and an answer costs little.
const lookAhead = horizon * 24 * time.Hour

// At says whether the calendar is open, and until when; or what closes it, and
// when it opens again (CAL-1).
func (c Calendar) At(at time.Time, zone *time.Location) Moment {
	if !c.usable(zone) {
		return Moment{Rule: "JOB-9", Text: fmt.Sprintf("Calendar %q is closed, because the time zone is not known.", c.Name)}
	}
	closed := c.closed(zone)
	by := slices.IndexFunc(closed, func(p period) bool { return p.Has(at) })
	if by < 0 && c.opens(at, zone) {
		return Moment{Open: true, Until: c.closes(at, zone, closed)}
	}
	m := Moment{Rule: "CAL-1"}
	again := "it does not open again within a year"
	if next, ok := c.reopens(at, zone, closed); ok {
		m.Until, again = next, "it opens again at "+next.Format(time.RFC3339)
	}
	m.Text = fmt.Sprintf("It is outside the openings of calendar %q; %s.", c.Name, again)
	if by >= 0 {
		m.Period = closed[by].by.Name
		m.Text = fmt.Sprintf("Calendar %q is closed by %q (%s); %s.", c.Name, m.Period, closed[by].by.Reason, again)
	}
	return m
}

// NextOpen returns the first instant, not before at, at which the calendar is
// open. Ok is false if there is none within a year after the last closed
// period, or if the zone is needed and nil (CAL-1).
func (c Calendar) NextOpen(at time.Time, zone *time.Location) (open time.Time, ok bool) {
	if !c.usable(zone) {
		return time.Time{}, false
	}
	return c.reopens(at, zone, c.closed(zone))
}

// NextClose returns the first instant, not before at, at which the calendar is
// not open. Ok is false if the calendar stays open for a year (CAL-1).
func (c Calendar) NextClose(at time.Time, zone *time.Location) (closed time.Time, ok bool) {
	m := c.At(at, zone)
	if !m.Open {
		return at.UTC(), true
	}
	return m.Until, !m.Until.IsZero()
}

// Spans returns the times from one instant until another in which the calendar
// is open, in order and apart, [MaxSpans] at most.
func (c Calendar) Spans(from, until time.Time, zone *time.Location) (spans []Span) {
	for len(spans) < MaxSpans {
		open, ok := c.NextOpen(from, zone)
		if !ok || !open.Before(until) {
			break
		}
		end, closes := c.NextClose(open, zone)
		if !closes || end.After(until) {
			end = until.UTC()
		}
		spans = append(spans, Span{open, end})
		from = end
	}
	return spans
}

// WithoutOpenings returns the calendar without its openings: closed in its closed
// periods only.
func (c Calendar) WithoutOpenings() Calendar {
	c.Openings = nil
	return c
}

// Overridden returns the calendar with every closed period overridden until an
// instant. One use is a deadline whose row overrides closed periods (CAL-2).
func (c Calendar) Overridden(by, reason string, until time.Time) Calendar {
	c.Overrides = slices.Clone(c.Overrides)
	for _, closed := range c.Closed {
		c.Overrides = append(c.Overrides, Override{Closed: closed.Name, By: by, Reason: reason, Until: until})
	}
	return c
}

func (c Calendar) usable(zone *time.Location) bool {
	return zone != nil || len(c.Openings) == 0 && !slices.ContainsFunc(c.Closed, Closed.days)
}

// starts is the schedule of an opening, in the zone that the caller gives.
func (o Opening) starts() Schedule {
	o.When.Zone, o.When.Spread = AssetZone, 0
	return o.When
}

// ends returns when an opening that began at or before an instant ends; it may
// have ended. Those of one opening last equally long, so the last to begin ends
// last.
func (o Opening) ends(at time.Time, zone *time.Location) (time.Time, bool) {
	last, ok := o.starts().PrevIn(time.Time{}, at, zone)
	return last.Start.Add(o.Length), ok
}

// opens reports whether an opening is open at an instant.
func (c Calendar) opens(at time.Time, zone *time.Location) bool {
	return len(c.Openings) == 0 || slices.ContainsFunc(c.Openings, func(o Opening) bool {
		end, ok := o.ends(at, zone)
		return ok && end.After(at)
	})
}

// closes returns when the calendar closes that is open at an instant; zero: not
// for a year.
func (c Calendar) closes(at time.Time, zone *time.Location, closed []period) (end time.Time) {
	for _, p := range closed {
		if p.From.After(at) && (end.IsZero() || p.From.Before(end)) {
			end = p.From
		}
	}
	if len(c.Openings) == 0 {
		return end
	}
	for last := at; end.IsZero() || last.Before(end); {
		longest := last
		for _, o := range c.Openings {
			if e, ok := o.ends(last, zone); ok && e.After(longest) {
				longest = e
			}
		}
		if longest.Equal(last) {
			return last
		}
		if last = longest; last.Sub(at) > lookAhead {
			break
		}
	}
	return end
}

// reopens returns the first instant, not before at, at which the calendar is
// open.
func (c Calendar) reopens(at time.Time, zone *time.Location, closed []period) (time.Time, bool) {
	for at = at.UTC(); ; {
		if by := slices.IndexFunc(closed, func(p period) bool { return p.Has(at) }); by >= 0 {
			at = closed[by].Until
			continue
		}
		if c.opens(at, zone) {
			return at, true
		}
		var next time.Time
		for _, o := range c.Openings {
			if begins, ok := o.starts().NextIn(time.Time{}, at, zone); ok && o.Length > 0 && (next.IsZero() || begins.Start.Before(next)) {
				next = begins.Start
			}
		}
		if next.IsZero() {
			return next, false
		}
		at = next
	}
}

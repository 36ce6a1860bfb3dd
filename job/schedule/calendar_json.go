package schedule

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// Validate says everything that is wrong with the calendar (CAL-1, CAL-2). It
// does not look the zone up. The error is an *Invalid.
func (c Calendar) Validate() error {
	var l problem.List
	checkNamed(&l, "name", c.Name)
	for _, f := range []struct {
		field     string
		got, most int
	}{{"openings", len(c.Openings), MaxOpenings}, {"closed", len(c.Closed), MaxClosed}, {"overrides", len(c.Overrides), MaxOverrides}} {
		if f.got > f.most {
			l.Add(f.field, fmt.Sprint(f.got), "are too many; use at most %d", f.most)
		}
	}
	if len(l) > 0 && len(c.Openings)+len(c.Closed)+len(c.Overrides) > MaxOpenings+MaxClosed+MaxOverrides {
		return l.Err("calendar")
	}
	switch {
	case c.Zone == "" && !c.usable(nil):
		l.Add("zone", "", "is missing; openings and days need the name of a time zone such as Europe/Berlin or UTC, or \"asset\" for each asset's own (JOB-20)")
	case c.Zone != "" && c.Zone != AssetZone && !zoneName(c.Zone):
		l.Add("zone", c.Zone, "is not the name of a time zone; use one of the IANA time zone database, or \"asset\" for each asset's own (JOB-20)")
	}
	for i, o := range c.Openings {
		o.check(&l, fmt.Sprintf("openings[%d]", i))
	}
	names := make(map[string]bool, len(c.Closed))
	for i, p := range c.Closed {
		at := fmt.Sprintf("closed[%d]", i)
		p.check(&l, at)
		if names[p.Name] {
			l.Add(at+".name", p.Name, "is the name of another closed period; give each its own")
		}
		names[p.Name] = true
	}
	for i, o := range c.Overrides {
		o.check(&l, fmt.Sprintf("overrides[%d]", i), names)
	}
	return l.Err("calendar " + fmt.Sprintf("%q", problem.Clip(c.Name, 80)))
}

func (o Opening) check(l *problem.List, at string) {
	switch {
	case o.When.Kind == OnDemand || o.When.Kind == Once:
		l.Add(at+".when.kind", o.When.Kind.String(), "does not recur; use a kind that does, or a closed period (CAL-1)")
	case o.When.Zone != "":
		l.Add(at+".when.zone", o.When.Zone, "belongs to the calendar; leave it out here")
	default:
		l.Under(at+".when", o.starts().faults().Err("opening"))
	}
	if o.When.Spread != 0 {
		l.Add(at+".when.spread", o.When.Spread.String(), "has no effect on an opening; leave it out")
	}
	if o.Length < MinOpening || o.Length > MaxOpening || o.Length%time.Second != 0 {
		l.Add(at+".length", o.Length.String(), "is not a whole number of seconds from %v to %v (CAL-4)", MinOpening, MaxOpening)
	}
}

func (p Closed) check(l *problem.List, at string) {
	checkNamed(l, at+".name", p.Name)
	checkNamed(l, at+".reason", p.Reason)
	instants := !p.From.IsZero() || !p.Until.IsZero()
	switch {
	case p.days() == instants:
		l.Add(at, "", "takes first and last, or from and until, and not both (CAL-1)")
	case instants:
		checkSpan(l, at, p.From, p.Until)
	case !p.First.valid() || !p.Last.valid() || p.Last < p.First:
		l.Add(at+".last", p.Last.String(), "is not a day from the first, %v, on (CAL-1)", p.First)
	}
}

func (o Override) check(l *problem.List, at string, closed map[string]bool) {
	checkNamed(l, at+".by", o.By)
	checkNamed(l, at+".reason", o.Reason)
	if !closed[o.Closed] {
		l.Add(at+".closed", o.Closed, "is not the name of a closed period of the calendar (CAL-2)")
	}
	from := o.From
	if from.IsZero() {
		from = firstInstant
	}
	checkSpan(l, at, from, o.Until)
}

// firstInstant is the first that a calendar may have.
var firstInstant = time.Unix(0, 0).UTC()

func checkSpan(l *problem.List, at string, from, until time.Time) {
	if from.Before(firstInstant) || until.UTC().Year() > 9998 || !until.After(from) {
		l.Add(at+".until", until.UTC().Format(time.RFC3339), "is not after from, %s, or not between the years 1970 and 9998 (CAL-1)", from.UTC().Format(time.RFC3339))
	}
}

func checkNamed(l *problem.List, field, s string) {
	l.Text(field, s, MaxCalendarText)
	if s == "" {
		l.Add(field, "", "is missing")
	}
}

// ParseCalendar reads a calendar from JSON of at most [MaxCalendarJSON] bytes,
// which names no field twice and no field that [Calendar] does not have. The
// error is an *Invalid.
func ParseCalendar(data []byte) (c Calendar, err error) {
	const what = "calendar"
	if len(data) > MaxCalendarJSON {
		return c, problem.One(what, "", "", "has %d bytes; at most %d are allowed", len(data), MaxCalendarJSON)
	}
	if err := strictjson.Unmarshal(data, &c); err != nil {
		return Calendar{}, problem.One(what, "", "", "is not a calendar in JSON: %v", err)
	}
	return c, c.Validate()
}

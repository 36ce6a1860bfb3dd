package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// named adds the problems of a list of named things.
func named[T interface{ Validate() error }](l *problem.List, field string, list []T, name func(T) string) {
	if len(list) > MaxPolicies {
		l.Add(field, fmt.Sprint(len(list)), "are more than %d", MaxPolicies)
	}
	var names []string
	for i, x := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if l.Under(at, x.Validate()); slices.Contains(names, name(x)) {
			l.Add(at+".name", name(x), "is the name of another one, too")
		}
		names = append(names, name(x))
	}
}

func nameOfCalendar(c schedule.Calendar) string { return c.Name }

func nameOfBaseline(b baseline.Baseline) string { return b.Name }

// knows says which of the names in a definition the server does not have. The
// error is a *job.Invalid.
func (c Config) knows(d job.Definition) error {
	var l problem.List
	for _, x := range []struct{ field, name string }{{"calendar", d.Calendar}, {"rebootHours", d.RebootHours}} {
		if _, found := find(c.Calendars, nameOfCalendar, x.name); x.name != "" && !found {
			l.Add(x.field, x.name, "is no calendar of this server; start it with that calendar, or name another one (CAL-1)")
		}
	}
	if _, found := find(c.Baselines, nameOfBaseline, d.Baseline); d.Baseline != "" && !found {
		l.Add("baseline", d.Baseline, "is no baseline of this server; start it with that baseline, or name another one (APR-1)")
	}
	return l.Err("job " + string(d.ID))
}

func find[T any](list []T, name func(T) string, wanted string) (found T, is bool) {
	i := slices.IndexFunc(list, func(x T) bool { return name(x) == wanted })
	if i < 0 {
		return found, false
	}
	return list[i], true
}

// policies adds to the input of a plan what the definition names, the deadlines
// in force and what they ask about the asset. If the server has no baseline or
// calendar of a name any more, nothing is approved, or nothing is open.
func (r *reader) policies(d job.Definition, in job.PlanInput) job.PlanInput {
	in.Calendar, in.RebootHours = r.calendar(d.Calendar, in), r.calendar(d.RebootHours, in)
	if d.Baseline != "" {
		b, _ := find(r.c.config.Baselines, nameOfBaseline, d.Baseline)
		b.Name = d.Baseline // without rules, it approves nothing
		in.Baseline = &b
	}
	if in.Deadlines = r.c.config.Deadlines; len(in.Deadlines) > 0 || d.RebootSlots != nil {
		rec, _ := r.findAsset(in.Asset)
		in.Facts = deadline.Asset{Exposed: rec.Exposed, Tags: rec.Tags}
	}
	if len(in.Deadlines) > 0 {
		inventory, _ := load[inventoryRecord](r, tableInventories, key(string(in.Asset)))
		in.Arrived = inventory.arrived
		in.Evidence = func(cve string) bool { return r.get(tableEvidence, key(string(in.Asset), cve)) != nil }
	}
	return in
}

func (r *reader) calendar(name string, in job.PlanInput) (c job.Calendar) {
	if name == "" {
		return c
	}
	found, is := find(r.c.config.Calendars, nameOfCalendar, name)
	if !is {
		const long = 10 * 365 * 24 * time.Hour
		c.Name = name
		c.Closed = []schedule.Closed{{Name: "unknown", Reason: "the server has no calendar of this name", From: in.Now.Add(-long), Until: in.Now.Add(long)}}
		return c
	}
	zone := found.Zone
	if zone == schedule.AssetZone {
		zone = r.seen(in.Asset).Zone
	}
	c.Calendar = found
	c.Zone, _ = r.c.location(zone) // a calendar whose zone is not known is closed (CAL-1)
	return c
}

package controller

import (
	"context"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// CheckJob says which deadlines in force a job can miss, and by what chain, and
// what else of its policies may surprise (DUE-7, CAL-3, ROL-5, ROL-6). The
// definition need not be saved. With each asset's own zone, it is checked for
// UTC. It changes nothing. The error is a *job.Invalid.
func (c *Controller) CheckJob(ctx context.Context, d job.Definition, now time.Time) ([]job.Finding, error) {
	if d.State == 0 {
		d.State = job.Disabled
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if err := c.config.knows(d); err != nil {
		return nil, err
	}
	var members []rollout.Asset
	if d.Rollout != nil {
		err := c.eachAsset(ctx, now, func(a AssetStatus) error {
			if d.Select(a.Asset) {
				members = append(members, rollout.Asset{ID: string(a.ID), Tags: a.Tags})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return view(ctx, c, func(r *reader) []job.Finding { return r.check(d, members, now) })
}

func (r *reader) check(d job.Definition, members []rollout.Asset, now time.Time) []job.Finding {
	in := job.PlanInput{Now: now}
	p := job.Policies{
		Tables: r.c.config.Deadlines, Calendar: r.calendar(d.Calendar, in), RebootHours: r.calendar(d.RebootHours, in),
		Lead: r.c.config.Lead, CheckIn: r.c.config.Every, Now: now,
	}
	if b, found := find(r.c.config.Baselines, nameOfBaseline, d.Baseline); found {
		p.Baseline = &b
	}
	if z := d.Schedule.Zone; z != "" && z != schedule.AssetZone {
		p.Zone, _ = r.c.location(z)
	}
	if d.Rollout != nil {
		p.Members, p.Gaps = members, r.gaps(d)
	}
	return d.Check(p)
}

// gaps finds how long there is between two versions, as the median, of the
// products that a job is about and of which only the newest version can be
// fetched.
func (r *reader) gaps(d job.Definition) map[string]time.Duration {
	found, snap := map[string]time.Duration{}, r.snapshot()
	for p := range snap.Patches() {
		product, _ := snap.Product(p.Product)
		latest := slices.ContainsFunc(p.Artifacts, func(a catalog.Artifact) bool { return a.Availability == catalog.LatestOnly })
		if !latest || product.Platform != d.Platform || d.Patches.Query == nil && !slices.Contains(d.Patches.List, p.ID) {
			continue
		}
		var gaps []time.Duration
		history := snap.History(p.Product)
		for i := 1; i < len(history); i++ {
			newer, older := published(history[i-1].Published, history[i-1].Listed), published(history[i].Published, history[i].Listed)
			if gap := newer.Sub(older); gap > 0 {
				gaps = append(gaps, gap)
			}
		}
		if slices.Sort(gaps); len(gaps) > 0 {
			found[product.Name] = gaps[len(gaps)/2]
		}
	}
	return found
}

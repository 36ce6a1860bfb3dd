package controller

import (
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// earliest is the zone whose clock is ahead of all others: where a local time comes first. A run whose assets each go by
// their own zone is planned by it.
var earliest = time.FixedZone("UTC+14", 14*60*60)

// zone finds the zone that a schedule's starts are reckoned in for the whole run; nil for one that needs none.
func (c *Controller) zone(s schedule.Schedule) (*time.Location, error) {
	switch s.Zone {
	case "":
		return nil, nil
	case schedule.AssetZone:
		return earliest, nil
	}
	return c.location(s.Zone)
}

func (c *Controller) location(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	if c.config.Zone == nil {
		return nil, fmt.Errorf("this server has no time zones but UTC")
	}
	return c.config.Zone(name)
}

// next is the first occurrence of a job after an instant. The error is a *job.Invalid: the zone is unknown, or there is none.
func (c *Controller) next(d job.Definition, enabled, after time.Time) (schedule.Occurrence, error) {
	zone, err := c.zone(d.Schedule)
	if err != nil {
		return schedule.Occurrence{}, problem.One("job "+string(d.ID), "schedule.zone", d.Schedule.Zone, "cannot be used: %v (JOB-20)", err)
	}
	return nextIn(d, enabled, after, zone)
}

func nextIn(d job.Definition, enabled, after time.Time, zone *time.Location) (schedule.Occurrence, error) {
	o, ok := d.Schedule.NextIn(enabled, after, zone)
	if !ok {
		return o, problem.One("job "+string(d.ID), "schedule", d.Schedule.Kind.String(), "has no start after %s (JOB-20)", after.Format(time.RFC3339))
	}
	return o, nil
}

// nextOn is the first occurrence on an asset at an instant or after it. Where the asset's own zone is needed and unknown, it is the
// earliest anywhere: the asset is left out of that run with the reason.
func (c *Controller) nextOn(r Reader, d job.Definition, from time.Time, asset job.AssetID) (schedule.Occurrence, error) {
	if d.Schedule.Zone == schedule.AssetZone {
		seen, _, err := load[seenRecord](r, tableSeen, key(string(asset)))
		if err != nil {
			return schedule.Occurrence{}, err
		}
		if zone, err := c.location(seen.Zone); err == nil && seen.Zone != "" {
			return nextIn(d, from, from.Add(-1), zone)
		}
	}
	return c.next(d, from, from.Add(-1))
}

// recurs reports whether a schedule has a next run behind each.
func recurs(s schedule.Schedule) bool { return s.Kind != schedule.OnDemand && s.Kind != schedule.Once }

// renew plans the next run of a recurring job when one of its times is taken up. Missed: the one taken up is not worth making, since a
// newer one came due while no server was there, and of several missed runs only the newest runs (JOB-12).
func (t *tx) renew(run runRecord) (missed bool, err error) {
	if run.Local == 0 || !recurs(run.Definition.Schedule) || run.Definition.After != nil {
		return false, nil
	}
	rec, err := loadJob(t, run.Definition.ID)
	if err != nil || rec.Definition.State != job.Enabled {
		return false, err
	}
	d := rec.Definition
	o, err := t.c.next(d, rec.Enabled, run.Start)
	if err != nil {
		return false, nil // the last there is
	}
	zone, err := t.c.zone(d.Schedule)
	if err != nil {
		return false, err
	}
	if newest, ok := d.Schedule.PrevIn(rec.Enabled, t.now, zone); ok && newest.Start.After(o.Start) {
		o = newest
	}
	for { // one that was cancelled stays so
		was, err := loadRun(t, d.Run(o))
		if _, none := errors.AsType[*NotFoundError](err); none || err == nil && was.State != ledger.RunCancelled {
			break
		} else if err != nil {
			return false, err
		}
		if o, err = t.c.next(d, rec.Enabled, o.Start); err != nil {
			return false, nil
		}
	}
	id, err := t.planRun(d, o, "")
	if err == nil {
		err = t.reopen(&rec, id)
	}
	if err != nil {
		return false, err
	}
	return !o.Start.After(t.now), save(t, tableJobs, key(string(d.ID)), rec)
}

// onAsset turns an occurrence of a job into the one on an asset. The text says why there is none.
func (c *Controller) onAsset(r Reader, d job.Definition, o schedule.Occurrence, asset job.AssetID) (_ schedule.Occurrence, text string, err error) {
	if d.Schedule.Zone != schedule.AssetZone || o.Local == 0 {
		return o, "", nil
	}
	seen, _, err := load[seenRecord](r, tableSeen, key(string(asset)))
	if err != nil {
		return o, "", err
	}
	if seen.Zone == "" {
		return o, "The job goes by the asset's own time zone, and the asset never told it (JOB-20).", nil
	}
	zone, err := c.location(seen.Zone)
	if err != nil {
		return o, fmt.Sprintf("The job goes by the asset's own time zone %q, which cannot be used: %v (JOB-20).", seen.Zone, err), nil
	}
	o.Start = o.Local.In(zone)
	return o, "", nil
}

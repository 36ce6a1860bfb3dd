package controller

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// lastZone finds the zone in which the starts of a job come last; nil for a
// schedule that needs none. With each asset's own zone, a start is ahead while
// it is ahead in that one. The error is a *job.Invalid: the zone is unknown.
func (c *Controller) lastZone(d job.Definition) (zone *time.Location, err error) {
	switch d.Schedule.Zone {
	case "":
		return nil, nil
	case schedule.AssetZone:
		return schedule.West, nil
	}
	if zone, err = c.location(d.Schedule.Zone); err != nil {
		err = problem.One("job "+string(d.ID), "schedule.zone", d.Schedule.Zone, "cannot be used: %v (JOB-20)", err)
	}
	return zone, err
}

func (c *Controller) location(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	if c.config.Zone == nil {
		return nil, fmt.Errorf("this server knows no time zone except UTC")
	}
	return c.config.Zone(name)
}

// next is the first occurrence of a job after an instant, in a zone. The error
// is a *job.Invalid: there is none.
func next(d job.Definition, zone *time.Location, from, after time.Time) (schedule.Occurrence, error) {
	o, ok := d.Schedule.NextIn(from, after, zone)
	if !ok {
		return o, problem.One("job "+string(d.ID), "schedule", d.Schedule.Kind.String(), "has no start after %s (JOB-20)", after.Format(time.RFC3339))
	}
	return o, nil
}

// nextOn is the first occurrence of a job after an instant, on an asset.
// Unusable says why the asset's own zone cannot be used where it is needed:
// then the occurrence is the first anywhere. The error is a *job.Invalid: there
// is none.
func (c *Controller) nextOn(r Reader, d job.Definition, asset job.AssetID, from, after time.Time) (o schedule.Occurrence, unusable string, err error) {
	zone, err := c.lastZone(d)
	if err == nil && d.Schedule.Zone == schedule.AssetZone {
		var name string
		name, err = zoneName(r, asset)
		own := c.assetZone(name)
		zone, unusable = own.Location, own.unusable
		if unusable != "" {
			zone = schedule.East
		}
	}
	if err != nil {
		return o, "", err
	}
	o, err = next(d, zone, from, after)
	return o, unusable, err
}

// zoned reports whether a run starts by each asset's own clock.
func (run runRecord) zoned() bool {
	return run.Definition.Schedule.Zone == schedule.AssetZone && run.Local != 0
}

// lastStart is when a run starts on the last of all assets, before any spread.
func (run runRecord) lastStart() time.Time {
	if run.zoned() {
		return run.Local.In(schedule.West)
	}
	return run.Start
}

// missed reports whether a start gives way to a newer one of its job. Of
// several runs that are due, only the newest runs (JOB-12).
func missed(start, newer, now time.Time) bool { return newer.After(start) && !newer.After(now) }

// recurs reports whether a schedule has a next run after each.
func recurs(s schedule.Schedule) bool { return s.Kind != schedule.OnDemand && s.Kind != schedule.Once }

// renew plans the next run of a recurring job when a run is due. Late: the due
// run is missed, because a newer one has started on every asset during an
// outage of the server (JOB-12).
func (t *tx) renew(run runRecord) (late bool, err error) {
	if run.Local == 0 || !recurs(run.Definition.Schedule) || run.Definition.After != nil {
		return false, nil
	}
	rec, err := loadJob(t, run.Definition.ID)
	if err != nil || rec.Definition.State != job.Enabled {
		return false, err
	}
	d := rec.Definition
	zone, err := t.c.lastZone(d)
	if err != nil {
		return false, err
	}
	o, err := next(d, zone, run.From, run.lastStart())
	if err != nil {
		return false, nil // the last there is
	}
	if newest, ok := d.Schedule.PrevIn(run.From, t.now, zone); ok && newest.Start.After(o.Start) {
		o = newest
	}
	for { // one that was cancelled stays so
		was, _, err := findRun(t, d.Run(o))
		if err != nil {
			return false, err
		}
		if was.State != ledger.RunCancelled {
			break
		}
		if o, err = next(d, zone, run.From, o.Start); err != nil {
			return false, nil
		}
	}
	id, err := t.planRun(d, ledger.RunPlan{Occurrence: o, From: run.From})
	if err == nil {
		err = t.reopen(&rec, id)
	}
	if err != nil {
		return false, err
	}
	t.save(tableJobs, key(string(d.ID)), rec)
	return missed(run.lastStart(), o.Start, t.now), nil
}

// assetZone is the time zone that an asset's clock is in.
type assetZone struct {
	*time.Location
	unusable string // a sentence that says why; empty: it is not
}

// assetZone finds the zone that an asset reports.
func (c *Controller) assetZone(name string) (zone assetZone) {
	if name == "" {
		return assetZone{unusable: "The job uses the asset's own time zone, and the asset has not reported one (JOB-20)."}
	}
	err := schedule.ValidZone(name)
	if err == nil {
		zone.Location, err = c.location(name)
	}
	if err != nil {
		zone.unusable = fmt.Sprintf("The job uses the asset's own time zone %q, which cannot be used: %v (JOB-20).", name, err)
	}
	return zone
}

// assetZone finds each zone once in a transaction.
func (t *tx) assetZone(name string) assetZone {
	zone, found := t.zones[name]
	if !found {
		zone = t.c.assetZone(name)
		t.zones[name] = zone
	}
	return zone
}

// zoneName returns the zone that an asset reported; empty: it reported none.
func zoneName(r Reader, asset job.AssetID) (string, error) {
	seen, _, err := load[seenRecord](r, tableSeen, key(string(asset)))
	return seen.Zone, err
}

// dueIn is when the order of a zoned run is due on an asset that says its clock
// is in a zone (MAN-1). Where that cannot be used, it is due with the first.
func (t *tx) dueIn(run runRecord, zone string) time.Time {
	start := run.Start
	if at := t.assetZone(zone); at.unusable == "" {
		start = run.Local.In(at.Location)
	}
	return start.Add(-t.c.config.Lead)
}

// newer lists the newer runs of a run's job that are planned, or made on some
// asset, by the local times they start at.
func (t *tx) newer(run runRecord) (list []schedule.LocalTime, err error) {
	if run.After != "" {
		return nil, nil // an asset that takes part in this one may take part in none of them
	}
	if list, known := t.newerRuns[run.ID]; known {
		return list, nil
	}
	rec, err := loadJob(t, run.Definition.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range rec.Open {
		other, err := loadRun(t, id)
		if err != nil {
			return nil, err
		}
		if other.Local > run.Local && !other.State.Over() {
			list = append(list, other.Local)
		}
	}
	t.newerRuns[run.ID] = list
	return list, nil
}

// moved makes an asset's orders of runs that use its own clock again when that
// was in another zone before (JOB-9).
func (t *tx) moved(asset job.Asset, before string) error {
	rows, err := queue(t, asset.ID)
	if err != nil {
		return err
	}
	runs, err := names[job.RunID](t, tableDue, "") // of these, zones are still to come
	if err != nil {
		return err
	}
	for _, q := range rows {
		runs = append(runs, q.run)
	}
	var keys []Key
	for _, id := range runs {
		keys = append(keys, Key{tableRuns, key(string(id.Job()), string(id))})
	}
	if err := t.fetch(keys...); err != nil {
		return err
	}
	for _, id := range runs {
		run, err := loadRun(t, id)
		if err == nil && run.zoned() && (run.State == ledger.RunMaking || run.State == ledger.RunMade) {
			err = t.follows(run, asset, before)
		}
		if err != nil {
			return fmt.Errorf("order %s: %w", job.MakeOrderID(id, asset.ID), err)
		}
	}
	if before == "" { // only now it is known where the asset can still join
		return t.join(asset)
	}
	return nil
}

// follows makes the order of a run on an asset that has moved: one that has not
// begun or, while other zones are still to come, one that was left out because
// of the zone before. Where there is none, it is made if the asset's turn had
// not come in that zone, or has not in the new one.
func (t *tx) follows(run runRecord, asset job.Asset, before string) error {
	e, err := loadEntry(t, run.ID, asset.ID)
	if err != nil {
		return err
	}
	zone, err := zoneName(t, asset.ID)
	if err != nil {
		return err
	}
	was, is := t.assetZone(before), t.assetZone(zone)
	pass := ledger.Pass{Kind: ledger.MakePass}
	switch {
	case e.Phase == 0 && run.After != "":
		return nil // it has not passed the run before
	case e.Phase == 0 && before == "" && !t.dueIn(run, zone).After(t.now):
		if !run.Definition.Select(asset) {
			return nil
		}
		return t.only(e, ledger.MadeEmpty{Result: job.TimedOut, Text: "The asset enrolled after its orders of this run were due (MAN-1)."})
	case e.Phase == 0 && !t.dueIn(run, before).After(run.Taken):
		pass = ledger.Pass{Kind: ledger.MorePass, Since: run.Taken}
	case e.Phase == ledger.Open && is.unusable == "" && run.Local.In(was.Location).Equal(run.Local.In(is.Location)):
		return nil
	case e.Phase == ledger.Gone, e.Phase == ledger.Ended && (e.Since != 0 || e.Result != job.Failed && e.Result != job.TimedOut):
		return nil
	}
	_, err = t.makeOrPlan(run, asset, pass)
	return err
}

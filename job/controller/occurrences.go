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

// lastZone finds the zone in which the starts of a job come last; nil for a
// schedule that needs none. If a job runs in each asset's own zone, a start is
// in the future while it is so in the last zone. It fails with a *job.Invalid
// if the zone is unknown.
func (r *reader) lastZone(d job.Definition) *time.Location {
	switch d.Schedule.Zone {
	case "":
		return nil
	case schedule.AssetZone:
		return schedule.West
	}
	zone, err := r.c.location(d.Schedule.Zone)
	if err != nil {
		r.fail(problem.One("job "+string(d.ID), "schedule.zone", d.Schedule.Zone, "cannot be used: %v (JOB-20)", err))
	}
	return zone
}

func (c *Controller) location(name string) (*time.Location, error) {
	if err := schedule.ValidZone(name); err != nil {
		return nil, err
	}
	switch {
	case name == "UTC":
		return time.UTC, nil
	case c.config.Zone == nil:
		return nil, errors.New("this server knows no time zone except UTC")
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

// uncancelled is the first occurrence of a job after an instant, in a zone,
// whose run was not cancelled. A cancelled run stays cancelled.
func (r *reader) uncancelled(d job.Definition, zone *time.Location, from, after time.Time) (o schedule.Occurrence, ok bool) {
	for {
		o, ok = d.Schedule.NextIn(from, after, zone)
		if run, _ := r.findRun(d.Run(o)); !ok || run.State != ledger.RunCancelled {
			return o, ok
		}
		after = o.Start
	}
}

// nextOn is the first occurrence of a job after an instant, on an asset.
// Unusable says why the asset's own zone cannot be used where it is needed:
// then the occurrence is the first anywhere. It fails with a *job.Invalid if
// there is none.
func (r *reader) nextOn(d job.Definition, asset job.AssetID, from, after time.Time) (o schedule.Occurrence, unusable string) {
	zone := r.lastZone(d)
	if d.Schedule.Zone == schedule.AssetZone {
		own := r.c.assetZone(r.seen(asset).Zone)
		zone, unusable = own.Location, own.unusable
		if unusable != "" {
			zone = schedule.East
		}
	}
	o, err := next(d, zone, from, after)
	r.fail(err)
	return o, unusable
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

// renew plans the next run of a recurring job when a run is due. Late reports
// that the due run is missed: during an outage of the server, a newer one has
// started on every asset (JOB-12).
func (t *tx) renew(run runRecord) (late bool) {
	if run.Local == 0 || !recurs(run.Definition.Schedule) || run.Definition.After != nil {
		return false
	}
	rec := t.job(run.Definition.ID)
	d := rec.Definition
	if d.State != job.Enabled {
		return false
	}
	zone, after := t.lastZone(d), run.lastStart()
	if newest, ok := d.Schedule.PrevIn(run.From, t.now, zone); ok && newest.Start.After(after) {
		after = newest.Start.Add(-1)
	}
	o, ok := t.uncancelled(d, zone, run.From, after)
	if !ok {
		return false
	}
	t.reopen(&rec, t.planRun(d, ledger.RunPlan{Occurrence: o, From: run.From}))
	t.saveJob(rec)
	return missed(run.lastStart(), o.Start, t.now)
}

// assetZone is the time zone that an asset's clock is in.
type assetZone struct {
	*time.Location
	unusable string // a sentence that says why it cannot be used; empty: it can
}

// assetZone finds the zone that an asset reports.
func (c *Controller) assetZone(name string) assetZone {
	if name == "" {
		return assetZone{unusable: "The job uses the asset's own time zone, and the asset has not reported one (JOB-20)."}
	}
	at, err := c.location(name)
	if err != nil {
		return assetZone{unusable: fmt.Sprintf("The job uses the asset's own time zone %q, which cannot be used: %v (JOB-20).", name, err)}
	}
	return assetZone{Location: at}
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

// dueIn is when the order of a zoned run is due on an asset that reports a zone
// (MAN-1). If the zone cannot be used, the order is due with the first ones.
func (t *tx) dueIn(run runRecord, zone string) time.Time {
	start := run.Start
	if at := t.assetZone(zone); at.unusable == "" {
		start = run.Local.In(at.Location)
	}
	return start.Add(-t.c.config.Lead)
}

// newer lists the local starts of the newer runs of a run's job, if they are
// planned or made on some asset.
func (t *tx) newer(run runRecord) (list []schedule.LocalTime) {
	if run.After != "" {
		return nil // an asset that takes part in this one may take part in none of them
	}
	if list, known := t.newerRuns[run.ID]; known {
		return list
	}
	for _, id := range t.job(run.Definition.ID).Open {
		if other := t.run(id); other.Local > run.Local && !other.State.Over() {
			list = append(list, other.Local)
		}
	}
	t.newerRuns[run.ID] = list
	return list
}

// moved is for an asset that reports a new zone. It makes the asset's orders
// again in the runs that use the asset's own clock (JOB-9).
func (t *tx) moved(asset job.Asset, before string) {
	runs := names[job.RunID](t.reader, tableDue, "") // in these runs, some zones are still to come
	for _, q := range t.queue(asset.ID) {
		runs = append(runs, q.run)
	}
	var keys []Key
	for _, id := range runs {
		keys = append(keys, Key{tableRuns, key(string(id.Job()), string(id))})
	}
	t.fetch(keys...)
	for _, id := range runs {
		if run := t.run(id); run.zoned() && (run.State == ledger.RunMaking || run.State == ledger.RunMade) {
			t.follows(run, asset, before)
		}
	}
	if before == "" { // only now is it known which runs the asset can still join
		t.join(asset)
	}
}

// follows makes the order of a run on an asset that has moved to a new zone. An
// order that has not begun is made again. While other zones are still to come,
// so is one that was left out because of the old zone. If the asset has no
// order, one is made unless its turn has come in both zones.
func (t *tx) follows(run runRecord, asset job.Asset, before string) {
	e, zone := t.entry(run.ID, asset.ID), t.seen(asset.ID).Zone
	was, is := t.assetZone(before), t.assetZone(zone)
	pass := ledger.Pass{Kind: ledger.MakePass}
	switch {
	case e.Phase == 0 && run.After != "":
		return // it has not passed the run before
	case e.Phase == 0 && before == "" && !t.dueIn(run, zone).After(t.now):
		if run.Definition.Select(asset) {
			t.step(e, ledger.MadeEmpty{Result: job.TimedOut, Text: "The asset enrolled after its orders of this run were due (MAN-1)."})
		}
		return
	case e.Phase == 0 && !t.dueIn(run, before).After(run.Taken):
		pass = ledger.Pass{Kind: ledger.MorePass, Since: run.Taken}
	case e.Phase == ledger.Open && is.unusable == "" && run.Local.In(was.Location).Equal(run.Local.In(is.Location)):
		return
	case e.Phase == ledger.Gone, e.Phase == ledger.Ended && (e.Since != 0 || e.Result != job.Failed && e.Result != job.TimedOut):
		return
	}
	t.makeOrPlan(run, asset, pass)
}

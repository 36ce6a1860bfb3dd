package controller

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// make makes the order of a run on an asset, or makes it again (MAN-2). What
// has begun or was cancelled is left alone. Due is when the asset's turn comes,
// if it has no order and that is later; nothing is made then.
func (t *tx) make(run runRecord, asset job.Asset, pass ledger.Pass) (due time.Time) {
	e := t.entry(run.ID, asset.ID)
	due, turn := t.turn(run, e, pass)
	if !turn {
		return due
	}
	t.joined(run, asset)
	defer t.left(run, asset.ID)
	start, left := t.onAsset(run, e)
	if pass.Kind == ledger.RemakePass && recurs(run.Definition.Schedule) && e.Phase != ledger.Open && e.Phase != ledger.Waiting &&
		left.Result != job.Failed && start.Start.Before(t.now) { // there is a next run
		return due
	}
	if !run.Definition.Select(asset) {
		t.step(e, ledger.Withdrawn{})
		return due
	}
	inventory, known := load[inventoryRecord](t.reader, tableInventories, key(string(asset.ID)))
	switch {
	case !known:
		t.step(e, ledger.Awaited{})
	case left.Result != 0:
		t.step(e, left)
	default:
		return t.makeAs(run, t.draft(run, e, inventory, start), e)
	}
	return due
}

// makeAs stores an order as it is planned. Due is when to plan it again, if it
// waits for what it needs.
func (t *tx) makeAs(run runRecord, d draft, e ledger.Entry) (due time.Time) {
	plan, order := d.Plan, d.Order
	if t.isCloned(e.Asset) { // made when it is settled (MAN-9)
		t.step(e, ledger.Awaited{})
		return due
	}
	// An agent that holds the order ends it itself, as Failed.
	stops := plan.Obstacle.Stops() && !(plan.Obstacle.Rule == "INT-10" && t.held(e))
	if stops {
		for _, p := range order.Refuse(plan.Obstacle).Patches {
			p.Status = job.LeftOut
			plan.LeftOut = append(plan.LeftOut, p)
		}
	}
	t.outcomes(e, func(o ledger.Outcomes) ledger.Outcomes { return o.LeaveOut(plan.LeftOut) })
	dropped, until := plan.Dropped, order.Start
	if !order.End.IsZero() {
		until = order.End
	}
	end := func(result job.Result, text string) {
		t.step(e, ledger.MadeEmpty{Result: result, Text: text, Dropped: dropped})
	}
	bad, empty := d.bad, plan.Empty()
	switch {
	case bad != nil:
		end(job.Failed, bad.Error())
	case empty && plan.Waits() && t.now.Before(until): // it may still come (JOB-14, RBT-11)
		t.step(e, ledger.Awaited{})
		return until
	case empty && plan.GaveUp():
		end(job.Failed, "The job has given up every patch that it could deploy on this asset (JOB-27).")
	case empty && plan.Order.RebootPending:
		end(job.NotApplicable, "Nothing in the job applies to this asset, and no reboot is pending on it (RBT-11).")
	case empty && slices.ContainsFunc(plan.LeftOut, func(p job.PatchOutcome) bool { return !p.Until.IsZero() || strings.HasPrefix(p.Rule, "CAL-") }):
		end(job.NotApplicable, "Nothing in the job may be installed on this asset in this run; each patch says why.")
	case empty:
		end(job.NotApplicable, "Nothing in the job applies to this asset.")
	case stops:
		end(job.Failed, plan.Obstacle.Text)
	default:
		grant, may := t.granted(run, e, order.Start)
		switch {
		case !may && t.member(run.ID, e.Asset).Phase == 0:
			end(job.TimedOut, "The rollout of this run was over when the asset came. The next run takes it (ROL-1).")
		case !may:
			t.step(e, ledger.Awaited{})
		case !t.saveContent(order, d.shared) || e.Phase != ledger.Open:
			t.step(e, ledger.Made{Start: order.Start, Dropped: dropped, Grant: grant})
		}
	}
	return due
}

// makeOrPlan is for calls of make outside a pass. If the asset's turn comes
// later, it plans a pass for that time.
func (t *tx) makeOrPlan(run runRecord, asset job.Asset, pass ledger.Pass) (due time.Time) {
	if due = t.make(run, asset, pass); due.After(t.now) {
		t.stepRun(run, ledger.OrderDue{Due: due})
	}
	return due
}

// turn reports whether to make an order now. Due is when it is due, where
// that uses the asset's own clock.
func (t *tx) turn(run runRecord, e ledger.Entry, pass ledger.Pass) (due time.Time, now bool) {
	unmade := e.Phase == 0 || e.Phase == ledger.Waiting
	if e.Fixed() || pass.Kind == ledger.MorePass && !unmade {
		return due, false
	}
	if !run.zoned() {
		return due, pass.Kind != ledger.MorePass || e.Phase == ledger.Waiting
	}
	due = t.dueIn(run, t.seen(e.Asset).Zone)
	late := e.Phase == 0 && !due.After(pass.Since) // the asset had no part in the run when its turn came
	return due, !late && !(unmade && due.After(t.now))
}

// onAsset is the occurrence of a run on an asset, or why the asset is left out.
func (t *tx) onAsset(run runRecord, e ledger.Entry) (o schedule.Occurrence, left ledger.MadeEmpty) {
	o = schedule.Occurrence{Local: run.Local, Start: t.ringStart(run, e.Asset)}
	if !run.zoned() {
		return o, left
	}
	zone := t.assetZone(t.seen(e.Asset).Zone)
	if zone.unusable != "" {
		return o, ledger.MadeEmpty{Result: job.Failed, Text: zone.unusable}
	}
	o.Start = run.Local.In(zone.Location)
	if e.Phase == ledger.Open { // the asset ends what it holds itself
		return o, left
	}
	if text := run.TooLate(zone.Location, t.newer(run), t.now); text != "" {
		left = ledger.MadeEmpty{Result: job.TimedOut, Text: text}
	}
	return o, left
}

// trim takes patches out of an open order (CAT-6, CAT-9).
func (t *tx) trim(e ledger.Entry, drops []ledger.Drop) {
	if !e.Trimmable() {
		return
	}
	order := t.contents(e.ID())[0]
	var left []job.PatchOutcome
	order.Patches = slices.DeleteFunc(order.Patches, func(p job.OrderPatch) bool {
		i := slices.IndexFunc(drops, func(d ledger.Drop) bool { return d.Patch == p.Patch })
		if i >= 0 {
			left = append(left, job.PatchOutcome{
				Patch: p.Patch, Name: p.Name, Status: job.LeftOut, To: p.Version, Rule: drops[i].Rule, Text: drops[i].Text,
			})
		}
		return i >= 0
	})
	if len(left) == 0 {
		return
	}
	t.outcomes(e, func(o ledger.Outcomes) ledger.Outcomes { return o.LeaveOut(append(o.LeftOut, left...)) })
	plan := job.Plan{Order: order}
	plan.Reboots = order.RebootPending && t.pendingReboots(e.Asset).Any()
	empty := plan.Empty()
	if !empty {
		t.saveContent(order, nil)
	}
	t.step(e, ledger.Trimmed{Empty: empty})
}

// entries reads the orders of a run by asset.
func (r *reader) entries(run job.RunID) iter.Seq[ledger.Entry] {
	return values[ledger.Entry](r, tableOrders, key(string(run)), "")
}

// queued is an order that waits or is open, as an asset's queue lists it.
type queued struct {
	run job.RunID
	ledger.Queued
}

// queue lists the orders of an asset that wait or are open, by run.
func (r *reader) queue(asset job.AssetID) (list []queued) {
	for row := range r.rows(tableQueue, key(string(asset)), 2) {
		list = append(list, queued{job.RunID(row.parts[1]), decode[ledger.Queued](r, tableQueue, row.Record)})
	}
	return list
}

// notEnded lists the runs in which an asset has an order that has not ended.
func (r *reader) notEnded(asset job.AssetID) []job.RunID {
	runs := names[job.RunID](r, tableUnheard, key(string(asset)))
	for _, q := range r.queue(asset) {
		runs = append(runs, q.run)
	}
	return runs
}

// stepEach steps orders of an asset.
func (t *tx) stepEach(asset job.AssetID, runs []job.RunID, ev ledger.Event) {
	var keys []Key
	for _, run := range runs {
		keys = append(keys, entryKey(run, asset), tallyKey(run, asset))
	}
	t.fetch(keys...)
	for _, run := range runs {
		t.step(t.entry(run, asset), ev)
	}
}

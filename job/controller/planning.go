package controller

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// planAgain makes an asset's waiting orders, and makes those again that have
// not begun, after its inventory or its pending reboots changed (JOB-14).
func (t *tx) planAgain(asset job.Asset) {
	rows := t.queue(asset.ID)
	var keys []Key
	for _, q := range rows {
		keys = append(keys, entryKey(q.run, asset.ID))
	}
	t.fetch(keys...)
	var again []ledger.Entry
	keys = nil
	for _, q := range rows {
		if e := t.entry(q.run, asset.ID); !e.Fixed() {
			again = append(again, e)
			k := contentKey(e.ID()).Key
			keys = append(keys, Key{tableRuns, key(string(q.run.Job()), string(q.run))}, Key{tableOutcomes, k}, Key{tableContents, k}, tallyKey(q.run, asset.ID))
		}
	}
	if len(again) == 0 {
		return
	}
	t.fetch(keys...)
	if t.get(tableInventories, key(string(asset.ID))) != nil {
		for _, e := range again {
			t.makeAgain(e, asset)
		}
	}
}

// makeAgain makes an order that waits, or has not begun, by what is known of
// its asset now.
func (t *tx) makeAgain(e ledger.Entry, asset job.Asset) {
	run := t.run(e.Run)
	switch {
	case run.State != ledger.RunMaking && run.State != ledger.RunMade:
		return
	case e.Phase == ledger.Waiting:
		t.makeOrPlan(run, asset, ledger.Pass{Kind: ledger.MorePass})
		return
	}
	start, left := t.onAsset(run, e)
	if left.Result != 0 {
		return
	}
	d := run.Definition
	query := d.Patches.Query != nil
	if query { // what it found is frozen (JOB-8)
		d.Patches = job.Patches{}
		for _, p := range t.frozen(e.ID())[0].Patches {
			d.Patches.List = append(d.Patches.List, p.Patch)
		}
		for _, p := range t.outcomesOf(e).LeftOut {
			d.Patches.List = append(d.Patches.List, p.Patch)
		}
	}
	plan := t.plan(d, t.orderInput(run, d, e, start))
	if (plan.Empty() || plan.Obstacle.Stops()) && t.held(e) { // the asset finds out itself
		return
	}
	if query {
		plan.Dropped = e.Dropped
	}
	t.makeAs(run, t.fit(plan), e)
}

// orderInput is what the plan of an order of a run is made from now, except its
// inventory and pending reboots.
func (t *tx) orderInput(run runRecord, d job.Definition, e ledger.Entry, o schedule.Occurrence) job.PlanInput {
	if t.probed == nil {
		t.probed, t.snap = t.unreachable(), t.snapshot()
	}
	in := t.policies(d, job.PlanInput{
		Run: run.ID, Snapshot: t.snap, Asset: e.Asset, Occurrence: o, Unreachable: t.probed, Now: t.now,
		Failed: t.failedOn(d, e.Asset), Policy: t.c.config.Policy,
	})
	if x := t.rollout(run); x != nil {
		in.Released = x.Begun
	}
	return in
}

// inputOf is like orderInput, for the plan of a job without a run.
func (r *reader) inputOf(d job.Definition, asset job.AssetID, o schedule.Occurrence, now time.Time) job.PlanInput {
	return r.policies(d, job.PlanInput{
		Snapshot: r.snapshot(), Asset: asset, Occurrence: o, Unreachable: r.unreachable(), Now: now,
		Failed: r.failedOn(d, asset), Policy: r.c.config.Policy,
	})
}

// plan plans a job on an asset, for orders and previews alike (JOB-22), by its
// inventory.
func (r *reader) plan(d job.Definition, in job.PlanInput) job.Plan {
	in.Inventory, _ = r.inventory(in.Asset)
	plan, _ := r.complete(d, in, d.Plan(in))
	return plan
}

// complete adds what the asset alone decides: the capabilities of its agent,
// and its pending reboots. Both are read only if they matter. Own reports
// whether the plan was made again because of pending reboots.
func (r *reader) complete(d job.Definition, in job.PlanInput, plan job.Plan) (_ job.Plan, own bool) {
	if len(plan.Order.Needs) > 0 {
		plan.Obstacle = plan.Order.Obstacle(r.seen(in.Asset).can(), in.Policy)
	}
	afterReboot := func(r job.Requirement) bool { return r.Reboot }
	if !d.RebootPending && !slices.ContainsFunc(plan.Order.Patches, func(p job.OrderPatch) bool { return slices.ContainsFunc(p.Requires, afterReboot) }) {
		return plan, false
	}
	if in.Pending = r.pendingReboots(in.Asset); !in.Pending.Any() {
		return plan, false
	}
	in.Inventory, _ = r.inventory(in.Asset)
	obstacle := plan.Obstacle // what it needs does not depend on pending reboots
	plan = d.Plan(in)
	plan.Obstacle = obstacle
	return plan, true
}

// pendingReboots returns what an asset still has to be rebooted for (RBT-11).
func (r *reader) pendingReboots(asset job.AssetID) (pending job.PendingReboots) {
	for _, run := range names[job.RunID](r, tableReboots, key(string(asset))) {
		if run == "" { // the asset's own
			pending.Unknown = true
			continue
		}
		order, outcomes := r.contents(job.MakeOrderID(run, asset))[0], r.outcomesOf(ledger.Entry{Run: run, Asset: asset})
		known := len(pending.Products)
		for _, p := range order.Patches {
			installed := func(o job.PatchOutcome) bool { return o.Patch == p.Patch && o.Status == job.Installed }
			if slices.ContainsFunc(outcomes.Reported, installed) {
				pending.Products = append(pending.Products, p.Product)
			}
		}
		pending.Unknown = pending.Unknown || len(pending.Products) == known // an action asked, or it reboots for another one
	}
	return pending
}

package controller

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// planAgain makes an asset's waiting orders, and makes those again that have
// not begun, after its inventory or its pending reboots changed (JOB-14).
func (t *tx) planAgain(asset job.Asset) error {
	rows, err := queue(t, asset.ID)
	if err != nil {
		return err
	}
	var keys []Key
	for _, q := range rows {
		keys = append(keys, entryKey(q.run, asset.ID))
	}
	if err := t.fetch(keys...); err != nil {
		return err
	}
	var again []ledger.Entry
	keys = nil
	for _, q := range rows {
		e, err := loadEntry(t, q.run, asset.ID)
		switch {
		case err != nil:
			return err
		case !e.Fixed():
			again = append(again, e)
			k := contentKey(e.ID()).Key
			keys = append(keys, Key{tableRuns, key(string(q.run.Job()), string(q.run))}, Key{tableOutcomes, k}, Key{tableContents, k})
		}
	}
	if len(again) == 0 {
		return nil
	}
	if err := t.fetch(keys...); err != nil {
		return err
	}
	inventory, known, err := loadInventory(t, asset.ID)
	if err != nil || !known {
		return err
	}
	for _, e := range again {
		if err := t.makeAgain(e, asset, inventory); err != nil {
			return fmt.Errorf("order %s: %w", e.ID(), err)
		}
	}
	return nil
}

// makeAgain makes an order that waits, or has not begun, by what is known of
// its asset now.
func (t *tx) makeAgain(e ledger.Entry, asset job.Asset, inventory catalog.Inventory) error {
	run, err := loadRun(t, e.Run)
	switch {
	case err != nil || run.State != ledger.RunMaking && run.State != ledger.RunMade:
		return err
	case e.Phase == ledger.Waiting:
		_, err := t.makeOrPlan(run, asset, ledger.Pass{Kind: ledger.MorePass})
		return err
	}
	start, left, err := t.onAsset(run, e)
	if err != nil || left.Result != 0 {
		return err
	}
	d := run.Definition
	if d.Patches.Query != nil { // what it found is frozen (JOB-8)
		content, _, err := load[contentRecord](t, tableContents, contentKey(e.ID()).Key)
		if err != nil {
			return err
		}
		outcomes, _, err := load[ledger.Outcomes](t, tableOutcomes, contentKey(e.ID()).Key)
		if err != nil {
			return err
		}
		d.Patches = job.Patches{}
		for _, p := range content.Patches {
			d.Patches.List = append(d.Patches.List, p.Patch)
		}
		for _, p := range outcomes.LeftOut {
			d.Patches.List = append(d.Patches.List, p.Patch)
		}
	}
	plan, err := t.plan(d, e.Asset, inventory, start)
	if err == nil && (plan.Empty() || plan.Obstacle.Stops()) { // the asset finds out itself, if it has the order
		var has bool
		if has, err = held(t, e); has {
			return err
		}
	}
	if run.Definition.Patches.Query != nil {
		plan.Dropped = e.Dropped
	}
	if err == nil {
		_, err = t.makeAs(plan, e)
	}
	return err
}

// plan plans a job on an asset, for orders and previews alike (JOB-22). It
// fills in Failed, Pending and Policy; Pending is read only if it matters. So
// are the capabilities of the asset's agent.
func (c *Controller) plan(r Reader, d job.Definition, in job.PlanInput) (plan job.Plan, err error) {
	if in.Failed, err = failedOn(r, d, in.Asset); err != nil {
		return plan, err
	}
	in.Policy = c.config.Policy
	plan = d.Plan(in)
	if len(plan.Order.Needs) > 0 {
		seen, _, err := load[seenRecord](r, tableSeen, key(string(in.Asset)))
		if err != nil {
			return plan, err
		}
		plan.Obstacle = plan.Order.Obstacle(seen.can(), in.Policy)
	}
	afterReboot := func(r job.Requirement) bool { return r.Reboot }
	if !d.RebootPending && !slices.ContainsFunc(plan.Order.Patches, func(p job.OrderPatch) bool { return slices.ContainsFunc(p.Requires, afterReboot) }) {
		return plan, nil
	}
	if in.Pending, err = pendingReboots(r, in.Asset); err != nil {
		return plan, err
	}
	obstacle := plan.Obstacle // it needs the same whatever is pending
	plan = d.Plan(in)
	plan.Obstacle = obstacle
	return plan, nil
}

// pendingReboots returns what an asset still has to be rebooted for (RBT-11).
func pendingReboots(r Reader, asset job.AssetID) (pending job.PendingReboots, err error) {
	runs, err := names[job.RunID](r, tableReboots, key(string(asset)))
	if err != nil {
		return pending, err
	}
	for _, run := range runs {
		if run == "" { // the asset's own
			pending.Unknown = true
			continue
		}
		orders, err := loadContents(&fetched{Reader: r}, job.MakeOrderID(run, asset))
		if err != nil {
			return pending, err
		}
		outcomes, _, err := load[ledger.Outcomes](r, tableOutcomes, contentKey(orders[0].ID).Key)
		if err != nil {
			return pending, err
		}
		known := len(pending.Products)
		for _, p := range orders[0].Patches {
			installed := func(o job.PatchOutcome) bool { return o.Patch == p.Patch && o.Status == job.Installed }
			if slices.ContainsFunc(outcomes.Reported, installed) {
				pending.Products = append(pending.Products, p.Product)
			}
		}
		pending.Unknown = pending.Unknown || len(pending.Products) == known // an action asked, or it reboots for another one
	}
	return pending, nil
}

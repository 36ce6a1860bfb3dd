package controller

import (
	"maps"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// draft is a plan whose order fits into a manifest.
type draft struct {
	job.Plan
	bad    error // the order is not valid
	shared *set  // of the order; nil: not made
}

// drafts are the drafts of one Tick. Assets with the same inventory share a
// draft: what it depends on besides its key is the same for all of them. It
// belongs to one goroutine.
type drafts struct {
	snapshot *catalog.Snapshot
	probed   map[string]bool
	known    *memo[draftKey, draft]
}

type draftKey struct {
	run      job.RunID
	revision uint64 // of the job's definition
	content  string // of the inventory
}

// draft decides what a run does on an asset, by what is known now.
func (t *tx) draft(run runRecord, e ledger.Entry, has inventoryRecord, o schedule.Occurrence) draft {
	d, in := run.Definition, t.orderInput(run, run.Definition, e, o)
	// The definition must plan the same on all assets with the same inventory.
	if t.drafts == nil || len(in.Failed) > 0 || d.Calendar != "" || d.RebootHours != "" || d.RebootSlots != nil || len(t.c.config.Deadlines) > 0 {
		return t.fit(t.plan(d, in))
	}
	if s := t.drafts; s.known == nil || s.snapshot != in.Snapshot || !maps.Equal(s.probed, in.Unreachable) {
		*s = drafts{in.Snapshot, in.Unreachable, newMemo[draftKey, draft](maxDrafts)}
	}
	all, k := t.drafts.known, draftKey{e.Run, d.Revision, has.content()}
	base, have := all.get(k)
	if !have {
		in.Inventory, _ = t.inventory(e.Asset)
		plan := d.Plan(in)
		base = t.fit(plan)
		base.shared = t.pack(base.Order)
		if base.bad != nil || base.Dropped != plan.Dropped || base.shared.size() > manifest.MaxSealed/2 { // whether it fits depends on the asset's name
			return t.fit(t.plan(d, in))
		}
		all.put(k, base, base.shared.size())
	}
	plan, own := t.complete(d, in, base.For(d, o, e.Asset))
	if own {
		return t.fit(plan)
	}
	alone := plan.Order
	alone.Patches = nil
	return draft{plan, alone.Validate(), base.shared}
}

// fit makes a draft of a plan.
func (r *reader) fit(plan job.Plan) draft {
	order, cut, err := manifest.Fit(plan.Order)
	r.fail(err)
	plan.Order, plan.Dropped = order, plan.Dropped+cut
	return draft{Plan: plan, bad: order.Validate()}
}

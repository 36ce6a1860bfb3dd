package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// slotsOf returns who has the reboot slots of a job (ROL-7). It is one record,
// so that servers that lease at once wait for each other.
func (r *reader) slotsOf(id job.ID) (s rollout.Slots) {
	s, _ = load[rollout.Slots](r, tableSlots, key(string(id)))
	return s
}

// leaseSlot decides whether the asset may go down for an order's reboot: by the
// job as it is now. A job that no longer limits its reboots lets it go down. The
// lease lasts as long as the job says, and at least for a time.
func (r *reader) leaseSlot(id job.OrderID, least time.Duration, now time.Time) (rollout.Slots, rollout.SlotOut) {
	policy := rollout.SlotPolicy{Slots: rollout.MaxCount}
	if rec, found := load[jobRecord](r, tableJobs, key(string(id.Run().Job()))); found && rec.Definition.RebootSlots != nil {
		policy = *rec.Definition.RebootSlots
	}
	policy.Lease = max(policy.WithDefaults().Lease, least)
	s, holder := r.slotsOf(id.Run().Job()), string(id.Asset())
	return rollout.StepSlots(policy, s, rollout.Acquire{Holder: holder, Number: s.Next(holder)}, now)
}

// slotNews reports whether a call that says the same of slots as the one before
// it changes a lease: a slot is free now, or the asset's own lease is over.
func (r *reader) slotNews(id job.OrderID, asset job.AssetID, now time.Time) bool {
	e, may := r.slotEntry(id, asset)
	if !may || now.Before(e.Slot) {
		return false
	}
	_, out := r.leaseSlot(id, 0, now)
	return out.Granted
}

// slotEntry returns the order for whose reboot an asset says that it needs a
// slot, and whether it may have one.
func (r *reader) slotEntry(id job.OrderID, asset job.AssetID) (e ledger.Entry, may bool) {
	if _, err := runKey(id.Run()); err != nil || id.Asset() != asset {
		return e, false
	}
	e = r.entry(id.Run(), asset)
	return e, e.Stage == job.StageReboot && (e.Phase == ledger.Open || e.Phase == ledger.Gone)
}

// takeSlot takes in for which order's reboot an asset needs a slot now, and for
// which one it did before.
func (t *tx) takeSlot(asset job.AssetID, was, is job.OrderID) {
	if e, _ := t.slotEntry(was, asset); was != is && !e.Slot.IsZero() {
		t.step(e, ledger.Slotted{})
	}
	e, may := t.slotEntry(is, asset)
	if !may || t.now.Before(e.Slot) {
		return
	}
	if s, out := t.leaseSlot(is, t.contents(is)[0].Reboot.ShortestLease(), t.now); out.Granted {
		t.save(tableSlots, key(string(is.Run().Job())), s)
		t.step(e, ledger.Slotted{Until: out.Lease.Until})
	}
}

// returnSlot frees the slot of an order that no longer has a lease.
func (t *tx) returnSlot(before, after ledger.Entry) {
	if before.Slot.IsZero() || !after.Slot.IsZero() {
		return
	}
	of, holder := before.Run.Job(), string(before.Asset)
	s := t.slotsOf(of)
	s, _ = rollout.StepSlots(rollout.SlotPolicy{}, s, rollout.Returned{Holder: holder, Number: s.Next(holder)}, t.now)
	if k := key(string(of)); len(s.Leases) == 0 {
		t.delete(tableSlots, k)
	} else {
		t.save(tableSlots, k, s)
	}
}

// Slot is a reboot slot that an asset has (ROL-7).
type Slot struct {
	Asset    job.AssetID `json:"asset"`
	Until    time.Time   `json:"until"`             // it may go down until then; afterwards it must ask again, and keeps the slot
	LastSeen time.Time   `json:"lastSeen,omitzero"` // when it last called
}

// Slots lists the reboot slots of a job that are taken, by asset: as many as the
// job has at most, unless it had more before. The error is a *NotFoundError for
// an unknown job.
func (c *Controller) Slots(ctx context.Context, id job.ID, now time.Time) ([]Slot, error) {
	c.catchUp(ctx, now)
	return view(ctx, c, func(r *reader) []Slot {
		r.job(id)
		list := []Slot{}
		for _, l := range r.slotsOf(id).Leases {
			list = append(list, Slot{job.AssetID(l.Holder), l.Until, r.seen(job.AssetID(l.Holder)).At})
		}
		return list
	})
}

// FreeSlot takes a reboot slot back from an asset that does not report back, so
// that another one can have it. Whoever does it, see [As], and how they know
// that the asset is up, or stays down, must be stated. If the asset still calls,
// it asks again (ROL-7). The error is a *job.Invalid, or a *NotFoundError if the
// asset has no slot of the job.
func (c *Controller) FreeSlot(ctx context.Context, id job.ID, asset job.AssetID, reason string, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		t.job(id)
		actor, _ := t.ctx.Value(actorKey{}).(string)
		if actor == "" || reason == "" {
			t.fail(problem.One("reboot slot of asset "+string(asset), "reason", reason, "must be given, and who frees it (ROL-7)"))
			return
		}
		before := t.slotsOf(id)
		s, _ := rollout.StepSlots(rollout.SlotPolicy{}, before, rollout.Freed{Holder: string(asset), Act: rollout.Act{By: actor, Reason: reason}}, t.now)
		if len(s.Leases) == len(before.Leases) {
			t.fail(&NotFoundError{"reboot slot of asset", string(asset)})
			return
		}
		t.save(tableSlots, key(string(id)), s)
		for _, run := range t.notEnded(asset) {
			if e := t.entry(run, asset); run.Job() == id && !e.Slot.IsZero() {
				t.step(e, ledger.Slotted{})
			}
		}
		t.acted(SlotFreed, string(id), fmt.Sprintf("%s: %s", asset, reason))
	})
}

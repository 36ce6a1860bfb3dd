package controller

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// FailedInstalls is the number of patch installs that failed, over the whole
// account (RPT-1): every patch that an asset reported as failed, once per
// order. A patch that a cancel kept from being tried does not count.
func (c *Controller) FailedInstalls(ctx context.Context) (int, error) {
	return view(ctx, c, func(r *reader) int { return r.sum(failedInstalls) })
}

// Missing lists what is missing on an asset by its last inventory, deployable
// or not, with the reasons (RPT-3). The error is a *NotFoundError for an
// unknown asset or one whose inventory is not known yet.
func (c *Controller) Missing(ctx context.Context, id job.AssetID, now time.Time) ([]catalog.Verdict, error) {
	return view(ctx, c, func(r *reader) []catalog.Verdict {
		_, inventory := r.knownAsset(id)
		return r.snapshot().Missing(inventory, catalog.Options{Unreachable: r.unreachable()}, now)
	})
}

// Open is an order whose outcome is not known yet.
type Open struct {
	Run   job.RunID   `json:"run,omitempty"` // empty: the asset needs a reboot that no order waits for
	Asset job.AssetID `json:"asset"`
	Since time.Time   `json:"since,omitzero"` // when the reboot was first needed or asked for; zero for a cancel
}

// PendingReboots lists who needs a reboot, for which run and since when (RPT-3),
// by asset and run, limit at most (1 to MaxPage). An entry without a run is a reboot
// that the system itself asks for, or that an agent had reported before its
// state was lost (RBT-11).
func (c *Controller) PendingReboots(ctx context.Context, limit int) ([]Open, error) {
	return c.open(ctx, tableReboots, limit, func(r *reader, p []string) (o Open, listed bool) {
		o = Open{Run: job.RunID(p[1]), Asset: job.AssetID(p[0])}
		if o.Run == "" { // listed unless an order of the asset is known to wait for it
			o.Since = r.seen(o.Asset).Reboot.Since
			return o, len(r.scan(tableReboots, key(p[0]), after(key(p[0])), 2)) == 1
		}
		o.Since = r.entry(o.Run, o.Asset).Began
		return o, true
	})
}

// PendingCancels lists the cancels whose outcome is not known yet (RPT-3), by
// run and asset, limit at most (1 to MaxPage).
func (c *Controller) PendingCancels(ctx context.Context, limit int) ([]Open, error) {
	return c.open(ctx, tableCancels, limit, func(_ *reader, p []string) (Open, bool) {
		return Open{Run: job.RunID(p[0]), Asset: job.AssetID(p[1])}, true
	})
}

func (c *Controller) open(ctx context.Context, table Table, limit int, of func(*reader, []string) (o Open, listed bool)) ([]Open, error) {
	return collect(ctx, c, limit, func(r *reader, add func(Open) bool) {
		for row := range r.rows(table, "", 2) {
			if o, listed := of(r, row.parts); listed && add(o) {
				return
			}
		}
	})
}

// Silent lists the assets that have not called for manifest.MaxPropagation
// (RPT-3, MAN-3), by id, limit at most (1 to MaxPage).
func (c *Controller) Silent(ctx context.Context, limit int, now time.Time) ([]AssetStatus, error) {
	c.catchUp(ctx, now)
	return collect(ctx, c, limit, func(r *reader, add func(AssetStatus) bool) {
		for _, id := range r.heardBefore(now.Add(-manifest.MaxPropagation), limit) {
			if status := r.assetStatus(r.asset(id), now); status.Silent && add(status) {
				return
			}
		}
	})
}

// heardBefore lists the assets that were last heard before an instant, the first
// by id and limit at most.
func (r *reader) heardBefore(at time.Time, limit int) (ids []job.AssetID) {
	first := func() {
		slices.Sort(ids)
		ids = ids[:min(limit, len(ids))]
	}
	from, to := "", key(risingTime(at.Add(time.Microsecond-1))) // times are stored in whole microseconds
	for more := true; more; first() {
		list := r.scan(tableHeard, from, to, MaxPage)
		for _, rec := range list {
			ids = append(ids, job.AssetID(r.parts(tableHeard, rec.Key, 2)[1]))
			from = rec.Key + "\x00"
		}
		more = len(list) == MaxPage
	}
	return ids
}

// StuckOrder is an execution whose stage has lasted longer than its job
// expects.
type StuckOrder struct {
	Run   job.RunID     `json:"run"`
	Asset job.AssetID   `json:"asset"`
	Stage job.Stage     `json:"stage"`
	Since time.Time     `json:"since"` // by the asset's corrected clock
	After time.Duration `json:"after"` // how long the job expects a stage to take
}

// Stuck lists the executions whose stage has lasted longer than their job's
// StuckAfter, by run and asset, limit at most (1 to MaxPage). Waiting for a
// user or an inventory is not stuck (JOB-25, RPT-3).
func (c *Controller) Stuck(ctx context.Context, limit int, now time.Time) ([]StuckOrder, error) {
	return collect(ctx, c, limit, func(r *reader, add func(StuckOrder) bool) {
		var of runRecord // the rows of a run are together
		for row := range r.rows(tableWorking, "", 2) {
			stage := decode[ledger.StageSince](r, tableWorking, row.Record)
			if run := job.RunID(row.parts[0]); of.ID != run {
				of = r.run(run)
			}
			after := cmp.Or(of.Definition.StuckAfter, job.DefaultStuckAfter)
			if now.Sub(stage.Since) > after &&
				add(StuckOrder{Run: of.ID, Asset: job.AssetID(row.parts[1]), Stage: stage.Stage, Since: stage.Since, After: after}) {
				return
			}
		}
	})
}

func (t *tx) add(counter string, asset job.AssetID, delta int) {
	if delta == 0 {
		return
	}
	k := key(counter, shard(asset))
	n, _ := load[int](t.reader, tableCounters, k)
	t.save(tableCounters, k, n+delta)
}

func (r *reader) sum(counter string) (total int) {
	for n := range values[int](r, tableCounters, key(counter), "") {
		total += n
	}
	return total
}

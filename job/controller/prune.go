package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Removed counts what [Controller.Prune] removed.
type Removed struct {
	Runs      int `json:"runs"`
	Orders    int `json:"orders"`
	Failures  int `json:"failures"` // failed installs; FailedInstalls still counts them (RPT-1)
	Events    int `json:"events"`
	Anomalies int `json:"anomalies"`
}

// prunedInstalls counts the failed installs whose orders were pruned.
const prunedInstalls = "prunedInstalls"

// Prune removes the history of what ended before an instant: runs with their
// orders and reports, events, and anomalies. It works in short transactions and
// can be called at any time and by several servers. A call that is cut off has
// removed some; the next one removes the rest. What it removed is recorded as
// an event, and returned even with an error. Inventories that no asset has any
// more go too; they are no history and are not counted.
//
// A run goes as a whole. It stays while one of its orders has not ended or
// ended later, while its window is open, while an asset can still join or
// follow it, and while it is the newest run of a job that is not deleted: the
// jobs after it may wait for that (JOB-19). These also stay: jobs, also deleted
// ones, whose names are not used again (JOB-6); assets; tokens; the number of
// failed installs (RPT-1); which installs count towards giving up a patch
// (JOB-27); and the texts of patches, which orders share, even if no order
// names them any more.
//
// The error is a *job.Invalid if before is less than [PruneAge] ago. A run whose
// records are damaged stays, and the error names it; everything else is pruned.
func (c *Controller) Prune(ctx context.Context, before, now time.Time) (all Removed, err error) {
	before, newest := instant(before), instant(now).Add(-PruneAge)
	if before.After(newest) {
		return all, problem.One("prune", "before", before.Format(time.RFC3339),
			"is less than %d days ago, and agents may report again what ended since; give %s or earlier (JOB-24)", PruneAge/(24*time.Hour), newest.Format(time.RFC3339))
	}
	for _, part := range []func(context.Context, time.Time, time.Time, *Removed) error{c.pruneRuns, c.pruneEvents, c.pruneAnomalies, c.pruneInventories} {
		err = errors.Join(err, part(ctx, before, now, &all))
	}
	if err != nil {
		err = fmt.Errorf("prune: %w", err)
	}
	if all == (Removed{}) {
		return all, err
	}
	return all, errors.Join(err, c.update(context.WithoutCancel(ctx), now, func(t *tx) {
		t.acted(Pruned, "", fmt.Sprintf("before %s: %d runs, %d orders, %d failures, %d events, %d anomalies",
			before.Format(time.RFC3339), all.Runs, all.Orders, all.Failures, all.Events, all.Anomalies))
	}))
}

func (c *Controller) pruneRuns(ctx context.Context, before, now time.Time, all *Removed) (err error) {
	const most = 10 // runs read at a time: each has its job's definition
	for from, more := "", true; more; {
		page, failed := view(ctx, c, func(r *reader) []Record { return r.scan(tableRuns, from, "", most) })
		if failed != nil {
			return errors.Join(err, failed)
		}
		for _, rec := range page { // each by itself: one that is damaged does not keep the others
			from = rec.Key + "\x00"
			name, bad := last(rec.Key)
			ended := false
			if bad == nil {
				ended, bad = view(ctx, c, func(r *reader) bool { return r.endedBefore(decode[runRecord](r, tableRuns, rec), before, now) })
			}
			if ended {
				bad = c.pruneEach(ctx, now, all, func(t *tx) (Removed, bool) { return t.pruneRun(job.RunID(name)) })
			}
			if bad != nil {
				err = errors.Join(err, fmt.Errorf("run %s: %w", name, bad))
			}
		}
		more = len(page) == most
	}
	return err
}

// endedBefore reports whether nothing of a run is needed, and all of it ended
// before an instant.
func (r *reader) endedBefore(run runRecord, before, now time.Time) bool {
	if !run.lastStart().Add(run.Definition.Window).Before(before) || !r.unneeded(run, now) {
		return false
	}
	for e := range r.entries(run.ID) {
		if e.Phase != ledger.Ended || !e.Ended.Before(before) {
			return false
		}
	}
	return true
}

// unneeded reports whether no use case can still change a run or wait for it.
func (r *reader) unneeded(run runRecord, now time.Time) bool {
	if !r.over(run, now) {
		return false
	}
	rec := r.job(run.Definition.ID)
	if rec.Definition.State == job.Deleted {
		return true
	}
	last, found := r.lastRun(rec)
	return !found || last.ID != run.ID
}

// pruneRun removes some orders of a run, and the run with the last of them.
func (t *tx) pruneRun(id job.RunID) (step Removed, more bool) {
	run, found := t.findRun(id)
	if !found || !t.unneeded(run, t.now) { // it changed meanwhile
		return step, false
	}
	rec := t.job(run.Definition.ID)
	if i := slices.Index(rec.Open, id); i >= 0 {
		rec.Open = slices.Delete(rec.Open, i, i+1)
		t.saveJob(rec)
	}
	prefix := key(string(id))
	list := t.batch(tableOrders, prefix, "")
	var keys []Key
	for _, order := range list {
		keys = append(keys, Key{tableOutcomes, order.Key}, Key{tableAssets, order.Key[len(prefix):]})
	}
	t.fetch(keys...)
	for _, order := range list {
		step.Orders, step.Failures = step.Orders+1, step.Failures+t.pruneOrder(rec.Definition.State, order)
	}
	if len(list) == t.c.config.Batch {
		return step, true
	}
	sets := t.batch(tableSets, prefix, "")
	for _, s := range sets {
		t.delete(tableSets, s.Key)
	}
	if len(sets) == t.c.config.Batch {
		return step, true
	}
	step.Runs = 1
	for _, table := range []Table{tableRunPatches, tableChained, tableShares, tableTallies} {
		for row := range t.records(table, prefix, "") {
			t.delete(table, row.Key)
		}
	}
	t.dropRollout(id)
	delete(t.tallies, id)
	t.delete(tableRuns, key(string(id.Job()), string(id)))
	return step, false
}

// pruneOrder removes an order, and returns its number of failed installs.
func (t *tx) pruneOrder(state job.State, order Record) int {
	e := decode[ledger.Entry](t.reader, tableOrders, order)
	t.tally(e, ledger.Entry{Run: e.Run, Asset: e.Asset})
	asset, found := t.findAsset(e.Asset)
	failed := t.outcomesOf(e).Index(e.Run, e.Asset)
	counts := state != job.Deleted && found && e.Former == "" && // towards giving up (JOB-27)
		slices.ContainsFunc(failed, func(f ledger.Failure) bool { return !f.At.Before(asset.Enrolled) })
	for k := range t.failureRows(failed) {
		if k.Table != tableTried || !counts {
			t.delete(k.Table, k.Key)
		}
	}
	for _, table := range []Table{tableOutcomes, tableContents, tableOrders} {
		t.delete(table, order.Key)
	}
	t.dropMember(e.Run, e.Asset)
	t.add(prunedInstalls, e.Asset, len(failed))
	return len(failed)
}

func (c *Controller) pruneEvents(ctx context.Context, before, now time.Time, all *Removed) error {
	return c.pruneEach(ctx, now, all, func(t *tx) (step Removed, more bool) {
		list := t.scan(tableEvents, after(key(fallingTime(before))), "", t.c.config.Batch)
		for _, rec := range list {
			t.delete(tableEvents, rec.Key)
		}
		return Removed{Events: len(list)}, len(list) == t.c.config.Batch
	})
}

func (c *Controller) pruneAnomalies(ctx context.Context, before, now time.Time, all *Removed) error {
	old := func(a Anomaly) bool { return a.At.Before(before) }
	from := ""
	for more := true; more; {
		next := ""
		err := c.pruneEach(ctx, now, all, func(t *tx) (step Removed, _ bool) {
			list := t.scan(tableReports, from, "", t.c.config.Batch)
			more = len(list) == t.c.config.Batch
			for _, rec := range list {
				next = rec.Key + "\x00"
				reports := decode[reportsRecord](t.reader, tableReports, rec)
				kept := slices.DeleteFunc(slices.Clone(reports.Anomalies), old)
				if n := len(reports.Anomalies) - len(kept); n > 0 {
					step.Anomalies, reports.Anomalies = step.Anomalies+n, kept
					t.save(tableReports, rec.Key, reports)
				}
			}
			return step, false
		})
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// pruneEach runs transactions until one leaves nothing to do, and adds up what
// those removed that were committed.
func (c *Controller) pruneEach(ctx context.Context, now time.Time, all *Removed, do func(*tx) (Removed, bool)) error {
	for more := true; more; {
		var step Removed
		if err := c.update(ctx, now, func(t *tx) { step, more = do(t) }); err != nil {
			return err
		}
		all.Runs += step.Runs
		all.Orders += step.Orders
		all.Failures += step.Failures
		all.Events += step.Events
		all.Anomalies += step.Anomalies
	}
	return nil
}

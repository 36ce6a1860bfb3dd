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

func (r *Removed) add(o Removed) {
	r.Runs += o.Runs
	r.Orders += o.Orders
	r.Failures += o.Failures
	r.Events += o.Events
	r.Anomalies += o.Anomalies
}

// prunedInstalls counts the failed installs whose orders were pruned.
const prunedInstalls = "prunedInstalls"

// Prune removes the history of what ended before an instant: runs with their
// orders and reports, events, and anomalies. It works in short transactions and
// can be called at any time and by several servers. A call that is cut off has
// removed some; the next one removes the rest. What it removed is recorded as
// an event, and returned even with an error.
//
// A run goes as a whole. It stays while one of its orders has not ended or
// ended later, while its window is open, while an asset can still join or
// follow it, and while it is the newest run of a job that is not deleted: the
// jobs after it may wait for that (JOB-19). These also stay: jobs, assets,
// tokens, the number of failed installs (RPT-1), which installs count towards
// giving up a patch (JOB-27), and the texts of patches that orders share.
//
// The error is a *job.Invalid if before is less than [PruneAge] ago.
func (c *Controller) Prune(ctx context.Context, before, now time.Time) (all Removed, err error) {
	before, newest := instant(before), instant(now).Add(-PruneAge)
	if before.After(newest) {
		return all, problem.One("prune", "before", before.Format(time.RFC3339),
			"is less than %d days ago, and agents may report again what ended since; give %s or earlier (JOB-24)", PruneAge/(24*time.Hour), newest.Format(time.RFC3339))
	}
	for _, part := range []func(context.Context, time.Time, time.Time, *Removed) error{c.pruneRuns, c.pruneEvents, c.pruneAnomalies} {
		if err = part(ctx, before, now, &all); err != nil {
			err = fmt.Errorf("prune: %w", err)
			break
		}
	}
	if all == (Removed{}) {
		return all, err
	}
	return all, errors.Join(err, c.update(context.WithoutCancel(ctx), now, func(t *tx) error {
		t.acted(Pruned, "", fmt.Sprintf("before %s: %d runs, %d orders, %d failures, %d events, %d anomalies",
			before.Format(time.RFC3339), all.Runs, all.Orders, all.Failures, all.Events, all.Anomalies))
		return nil
	}))
}

func (c *Controller) pruneRuns(ctx context.Context, before, now time.Time, all *Removed) error {
	const most = 10 // runs looked at in one transaction: each may have many orders
	cursor := ""
	for more := true; more; {
		from, end := cursor, false
		runs, err := view(ctx, c.store, func(r Reader) (list []job.RunID, err error) {
			page, err := r.Scan(tableRuns, from, "", most)
			if end = len(page) < most; err != nil {
				return nil, err
			}
			for _, rec := range page {
				cursor = rec.Key + "\x00"
				run, err := decode[runRecord](tableRuns, rec)
				if err != nil {
					return nil, err
				}
				ended, err := endedBefore(r, run, before, now)
				if err != nil {
					return nil, err
				}
				if ended {
					list = append(list, run.ID)
				}
			}
			return list, nil
		})
		if err != nil {
			return err
		}
		for _, id := range runs {
			if err := c.pruneEach(ctx, now, all, func(t *tx) (Removed, bool, error) { return t.pruneRun(id) }); err != nil {
				return fmt.Errorf("run %s: %w", id, err)
			}
		}
		more = !end
	}
	return nil
}

// endedBefore reports whether nothing of a run is needed, and all of it ended
// before an instant.
func endedBefore(r Reader, run runRecord, before, now time.Time) (bool, error) {
	if !run.lastStart().Add(run.Definition.Window).Before(before) {
		return false, nil
	}
	if free, err := unneeded(r, run, now); err != nil || !free {
		return false, err
	}
	for e, err := range entries(r, run.ID) {
		if err != nil || e.Phase != ledger.Ended || !e.Ended.Before(before) {
			return false, err
		}
	}
	return true, nil
}

// unneeded reports whether no use case can still change a run or wait for it.
func unneeded(r Reader, run runRecord, now time.Time) (bool, error) {
	if done, err := over(r, run, now); err != nil || !done {
		return false, err
	}
	rec, err := loadJob(r, run.Definition.ID)
	if err != nil || rec.Definition.State == job.Deleted {
		return err == nil, err
	}
	last, found, err := lastRun(r, rec)
	return !found || last.ID != run.ID, err
}

// pruneRun removes some orders of a run, and the run with the last of them.
func (t *tx) pruneRun(id job.RunID) (step Removed, more bool, err error) {
	run, found, err := findRun(t, id)
	if err != nil || !found {
		return step, false, err
	}
	if free, err := unneeded(t, run, t.now); err != nil || !free { // it changed meanwhile
		return step, false, err
	}
	rec, err := loadJob(t, run.Definition.ID)
	if err != nil {
		return step, false, err
	}
	if i := slices.Index(rec.Open, id); i >= 0 {
		rec.Open = slices.Delete(rec.Open, i, i+1)
		t.save(tableJobs, key(string(rec.Definition.ID)), rec)
	}
	list, err := t.batch(tableOrders, key(string(id)), "")
	if err != nil {
		return step, false, err
	}
	var keys []Key
	for _, order := range list {
		keys = append(keys, Key{tableOutcomes, order.Key}, Key{tableAssets, order.Key[len(key(string(id))):]})
	}
	if err := t.fetch(keys...); err != nil {
		return step, false, err
	}
	for _, order := range list {
		failures, err := t.pruneOrder(rec.Definition.State, order)
		if err != nil {
			return step, false, err
		}
		step.Orders, step.Failures = step.Orders+1, step.Failures+failures
	}
	if len(list) == t.c.config.Batch {
		return step, true, nil
	}
	step.Runs = 1
	prefix := key(string(id))
	for _, table := range []Table{tableRunPatches, tableChained, tableShares} {
		for row, err := range records(t, table, prefix, "") {
			if err != nil {
				return step, false, err
			}
			t.Delete(table, row.Key)
		}
	}
	k, err := runKey(id)
	if err != nil {
		return step, false, err
	}
	t.Delete(tableRuns, k)
	return step, false, nil
}

// pruneOrder removes an order, and returns its number of failed installs.
func (t *tx) pruneOrder(state job.State, order Record) (failures int, err error) {
	e, err := decode[ledger.Entry](tableOrders, order)
	if err != nil {
		return 0, err
	}
	outcomes, _, err := load[ledger.Outcomes](t, tableOutcomes, order.Key)
	if err != nil {
		return 0, err
	}
	asset, found, err := load[assetRecord](t, tableAssets, key(string(e.Asset)))
	if err != nil {
		return 0, err
	}
	failed := outcomes.Index(e.Run, e.Asset)
	var keys []Key
	for _, f := range failed {
		keys = append(keys, Key{tableFailures, failureKey(f)})
		counts := state != job.Deleted && found && e.Former == "" && !f.At.Before(asset.Enrolled) // towards giving up (JOB-27)
		if !counts {
			keys = append(keys, Key{tableTried, triedKey(f)})
		}
	}
	keys = append(keys, Key{tableOutcomes, order.Key}, Key{tableContents, order.Key}, Key{tableOrders, order.Key})
	for _, k := range keys {
		t.Delete(k.Table, k.Key)
	}
	return len(failed), t.add(prunedInstalls, e.Asset, len(failed))
}

func (c *Controller) pruneEvents(ctx context.Context, before, now time.Time, all *Removed) error {
	return c.pruneEach(ctx, now, all, func(t *tx) (step Removed, more bool, err error) {
		list, err := t.Scan(tableEvents, after(key(fallingTime(before))), "", t.c.config.Batch)
		for _, rec := range list {
			t.Delete(tableEvents, rec.Key)
		}
		return Removed{Events: len(list)}, len(list) == t.c.config.Batch, err
	})
}

func (c *Controller) pruneAnomalies(ctx context.Context, before, now time.Time, all *Removed) error {
	old := func(a Anomaly) bool { return a.At.Before(before) }
	from := ""
	for more := true; more; {
		var next string
		err := c.pruneEach(ctx, now, all, func(t *tx) (step Removed, _ bool, err error) {
			list, err := t.Scan(tableReports, from, "", t.c.config.Batch)
			if more = len(list) == t.c.config.Batch; err != nil {
				return step, false, err
			}
			for _, rec := range list {
				next = rec.Key + "\x00"
				reports, err := decode[reportsRecord](tableReports, rec)
				if err != nil {
					return step, false, err
				}
				kept := slices.DeleteFunc(slices.Clone(reports.Anomalies), old)
				if n := len(reports.Anomalies) - len(kept); n > 0 {
					step.Anomalies, reports.Anomalies = step.Anomalies+n, kept
					t.save(tableReports, rec.Key, reports)
				}
			}
			return step, false, nil
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
func (c *Controller) pruneEach(ctx context.Context, now time.Time, all *Removed, do func(*tx) (Removed, bool, error)) error {
	for more := true; more; {
		var step Removed
		err := c.update(ctx, now, func(t *tx) (err error) {
			step, more, err = do(t)
			return err
		})
		if err != nil {
			return err
		}
		all.add(step)
	}
	return nil
}

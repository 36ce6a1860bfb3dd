package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Tick makes the orders of every run whose start is at most the lead away
// (MAN-1), and continues passes that were cut off. It can be called at any time
// and by several servers; each run is made once. Next is when to call it again
// for a planned run; zero: no run is planned. A change of a job may change
// that.
func (c *Controller) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	failed := map[Key]bool{} // rows that are passed over: none may keep the others waiting
	var errs []error
	for more := true; more; {
		var at Key
		err := c.update(ctx, now, func(t *tx) (err error) {
			at, err = t.tick(failed)
			return err
		})
		switch {
		case err == nil:
			more = at != Key{}
		case at == Key{} || ctx.Err() != nil:
			return time.Time{}, fmt.Errorf("tick: %w", err)
		default:
			failed[at] = true
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return time.Time{}, fmt.Errorf("tick: %w", err)
	}
	if err := c.forget(ctx, now); err != nil {
		return time.Time{}, fmt.Errorf("tick: %w", err)
	}
	err = c.store.View(ctx, func(r Reader) error {
		next = time.Time{}
		records, err := r.Scan(tableDue, "", "", 1)
		if err != nil || len(records) == 0 {
			return err
		}
		p, err := parts(records[0].Key)
		if err == nil && len(p) == 2 {
			next, err = parseRising(p[0])
		}
		return err
	})
	return next, err
}

// tick does one bounded piece of what is due, and returns the row that asked
// for it; none: nothing is due. Rows that failed are passed over. What stops a
// run comes first.
func (t *tx) tick(failed map[Key]bool) (at Key, err error) {
	for _, task := range []struct {
		table Table
		to    string
		do    func(runRecord) (runRecord, error)
	}{
		{tableStopping, "", t.pass},
		{tableDue, after(key(risingTime(t.now))), t.due},
		{tableWork, "", t.pass},
		{tableShares, "", t.share},
	} {
		records, err := t.Scan(task.table, "", task.to, min(len(failed)+1, MaxScan))
		if err != nil {
			return Key{}, err
		}
		for _, rec := range records {
			at := Key{task.table, rec.Key}
			if failed[at] {
				continue
			}
			run, stray, err := t.listedRun(at)
			switch {
			case err != nil:
			case stray:
				t.Delete(at.Table, at.Key)
			default:
				_, err = task.do(run)
			}
			return at, err
		}
	}
	return Key{}, nil
}

// listedRun loads the run that a row is about. Stray: there is no such run, or
// it has no such row.
func (t *tx) listedRun(k Key) (run runRecord, stray bool, err error) {
	id, err := last(k.Key)
	if err != nil {
		return run, true, nil
	}
	run, found, err := findRun(t, job.RunID(id))
	return run, err == nil && (!found || k.Table != tableShares && !run.in(k)), err
}

// due takes up a planned run, or goes on with the next zones of one that each
// asset starts by its own clock.
func (t *tx) due(run runRecord) (runRecord, error) {
	ev := ledger.RunDue{}
	if run.zoned() {
		ev.Last = run.lastStart().Add(-t.c.config.Lead)
	}
	if run.State == ledger.RunPlanned {
		var err error
		if ev.Missed, err = t.renew(run); err != nil {
			return run, err
		}
	}
	return t.stepRun(run, ev)
}

// pass does one batch of a run's first pass.
func (t *tx) pass(run runRecord) (runRecord, error) {
	pass := run.Passes[0]
	visit := t.orders
	if pass.Kind.Makes() {
		visit = t.assets
	}
	passed, err := visit(run, pass)
	if err != nil {
		return run, fmt.Errorf("run %s: %w", run.ID, err)
	}
	if passed.Last && pass.Kind == ledger.TrimPass {
		for _, d := range pass.Drop {
			t.Put(tableRunPatches, key(string(run.ID), string(d.Patch)), trimmed)
		}
	}
	if run, err = t.stepRun(run, passed); err != nil {
		return run, err
	}
	if pass.Kind.Makes() && run.State == ledger.RunMade { // from now on its orders are all there
		err = t.recount(run.ID)
	}
	return run, err
}

// stop cancels or withdraws a run, and does the first batch of its orders,
// which are all in a small fleet.
func (t *tx) stop(run runRecord, ev ledger.RunEvent) (runRecord, error) {
	run, err := t.stepRun(run, ev)
	if err != nil || run.Stopping() == nil {
		return run, err
	}
	return t.pass(run)
}

// finish does what is left of the passes that cancel or withdraw runs.
func (c *Controller) finish(ctx context.Context, runs []job.RunID, now time.Time) error {
	for _, id := range runs {
		err := c.repeat(ctx, now, func(t *tx) (bool, error) {
			run, err := loadRun(t, id)
			if err == nil && run.Stopping() != nil {
				run, err = t.pass(run)
			}
			return err == nil && run.Stopping() != nil, err
		})
		if err != nil {
			return fmt.Errorf("run %s: %w", id, err)
		}
	}
	return nil
}

// assets makes the orders of the next assets of a run.
func (t *tx) assets(run runRecord, pass ledger.Pass) (passed ledger.Passed, err error) {
	assets, err := t.nextAssets(run, pass)
	if err != nil {
		return passed, err
	}
	if err := t.fetchAssets(run, pass, assets); err != nil {
		return passed, err
	}
	for _, asset := range assets {
		passed.Cursor = asset.ID
		if run.After != "" { // an asset without an order has not passed the run before
			k := entryKey(run.ID, asset.ID)
			if had, err := t.Get(k.Table, k.Key); err != nil {
				return passed, err
			} else if had == nil {
				continue
			}
		}
		due, err := t.make(run, asset, pass)
		if err != nil {
			return passed, fmt.Errorf("asset %s: %w", asset.ID, err)
		}
		if due.After(t.now) && (passed.Next.IsZero() || due.Before(passed.Next)) {
			passed.Next = due
		}
	}
	passed.Last = len(assets) < t.c.config.Batch
	return passed, nil
}

// nextAssets lists the next assets of a pass: all there are, or those with a
// live order.
func (t *tx) nextAssets(run runRecord, pass ledger.Pass) (assets []job.Asset, err error) {
	table, prefix := tableAssets, ""
	if pass.Live {
		table, prefix = tableLive, key(string(run.ID))
	}
	records, err := t.batch(table, prefix, pass.Cursor)
	if err != nil {
		return nil, err
	}
	if pass.Live {
		keys := make([]Key, len(records))
		for i, rec := range records {
			keys[i] = Key{tableAssets, strings.TrimPrefix(rec.Key, prefix)}
		}
		if err := t.fetch(keys...); err != nil {
			return nil, err
		}
		for i, k := range keys {
			records[i] = Record{k.Key, t.have[k]}
		}
	}
	for _, rec := range records {
		if rec.Value == nil {
			id, err := last(rec.Key)
			if err != nil {
				return nil, err
			}
			assets = append(assets, job.Asset{ID: job.AssetID(id)}) // it was removed: no job selects it
			continue
		}
		asset, err := decode[assetRecord](tableAssets, rec)
		if err != nil {
			return nil, err
		}
		assets = append(assets, asset.Asset)
	}
	return assets, nil
}

// batch reads what one transaction of a pass is about: records of a table whose
// keys end with an asset after the cursor.
func (t *tx) batch(table Table, prefix string, cursor job.AssetID) ([]Record, error) {
	return t.Scan(table, start(prefix, cursor), after(prefix), t.c.config.Batch)
}

// fetchAssets reads what making their orders needs.
func (t *tx) fetchAssets(run runRecord, pass ledger.Pass, assets []job.Asset) error {
	var keys []Key
	for _, a := range assets {
		keys = append(keys, entryKey(run.ID, a.ID))
		if run.zoned() {
			keys = append(keys, Key{tableSeen, key(string(a.ID))})
		}
	}
	if err := t.fetch(keys...); err != nil {
		return err
	}
	keys = nil
	for _, a := range assets {
		e, err := loadEntry(t, run.ID, a.ID)
		if err != nil {
			return err
		}
		_, turn, err := t.turn(run, e, pass)
		if err != nil {
			return err
		}
		if !turn || !run.Definition.Select(a) {
			continue
		}
		k := key(string(a.ID))
		order := entryKey(run.ID, a.ID).Key
		keys = append(keys, Key{tableOutcomes, order}, Key{tableContents, order}, Key{tableRevisions, k}, Key{tableInventories, k}, Key{tableCloned, k},
			Key{tableInventory, k + key(chunkPart(0))}) // few have more than one piece
	}
	return t.fetch(keys...)
}

// orders brings a pass to the next orders of a run.
func (t *tx) orders(run runRecord, pass ledger.Pass) (passed ledger.Passed, err error) {
	records, err := t.batch(tableOrders, key(string(run.ID)), pass.Cursor)
	if err != nil {
		return passed, err
	}
	entries, keys := make([]ledger.Entry, len(records)), make([]Key, len(records))
	for i, rec := range records {
		if entries[i], err = decode[ledger.Entry](tableOrders, rec); err != nil {
			return passed, err
		}
		keys[i] = Key{tableRevisions, key(string(entries[i].Asset))}
	}
	if err := t.fetch(keys...); err != nil {
		return passed, err
	}
	for _, e := range entries {
		passed.Cursor = e.Asset
		if ev := run.Stopping(); ev != nil {
			err = t.only(e, ev)
		} else {
			err = t.trim(e, pass.Drop)
		}
		if err != nil {
			return passed, fmt.Errorf("asset %s: %w", e.Asset, err)
		}
	}
	passed.Last = len(entries) < t.c.config.Batch
	return passed, nil
}

// stopNow brings the runs that are being cancelled or withdrawn to an asset
// that calls before its turn.
func (t *tx) stopNow(asset job.AssetID) error {
	runs, err := names[job.RunID](t, tableStopping, "")
	if err != nil {
		return err
	}
	for _, id := range runs {
		run, err := loadRun(t, id)
		if err == nil {
			err = t.stepEach(asset, []job.RunID{id}, run.Stopping())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stopsKey counts, in tableMeta, the runs that are being cancelled or
// withdrawn: seldom any, so that calls need not look.
var stopsKey = key("stopping")

// planRun stores the run of an occurrence. One that was withdrawn and has the
// same start is the same run, planned again. With each asset's own zone, it is
// due for those whose clocks are ahead of all others. The plan needs no ID and
// no Due.
func (t *tx) planRun(d job.Definition, plan ledger.RunPlan) (job.RunID, error) {
	id := d.Run(plan.Occurrence)
	old, _, err := findRun(t, id)
	if err != nil {
		return "", err
	}
	plan.ID = id
	if d.Schedule.Zone == schedule.AssetZone && plan.Occurrence.Local != 0 {
		plan.Occurrence.Start = plan.Occurrence.Local.In(schedule.East)
	}
	plan.Due = plan.Occurrence.Start.Add(-t.c.config.Lead)
	return id, t.saveRun(old.Run, runRecord{Run: ledger.StepRun(old.Run, plan, t.now), Definition: d})
}

// settled reports whether nothing of a run is open any more.
func settled(r Reader, run runRecord) (bool, error) {
	if run.State == ledger.RunPlanned || run.State == ledger.RunMaking || len(run.Passes) > 0 {
		return false, nil
	}
	none, err := empty(r, tableLive, key(string(run.ID)))
	if err != nil || !none || run.After == "" {
		return none, err
	}
	before, found, err := findRun(r, run.After) // until that one is settled, assets may follow; pruned, it is
	if err != nil || !found {
		return !found, err
	}
	return settled(r, before)
}

// over reports whether a run is settled, and no asset can take part in it any
// more.
func over(r Reader, run runRecord, now time.Time) (bool, error) {
	done, err := settled(r, run)
	for found := true; done && err == nil && !run.joinable(now); run, found, err = findRun(r, run.After) {
		if !found || run.After == "" {
			return true, nil
		}
	}
	return false, err
}

func runKey(id job.RunID) (string, error) {
	owner := id.Job()
	if len(id) > 2*job.MaxID || job.ValidID(string(owner)) != nil {
		return "", problem.One("run", "id", problem.Clip(string(id), 2*job.MaxID), "is not the ID of a run")
	}
	return key(string(owner), string(id)), nil
}

// findRun returns a run, if there is one of that ID.
func findRun(r Reader, id job.RunID) (run runRecord, found bool, err error) {
	k, bad := runKey(id)
	if bad != nil {
		return run, false, nil
	}
	return load[runRecord](r, tableRuns, k)
}

// loadRun returns a run; the error is a *NotFoundError for an unknown one.
func loadRun(r Reader, id job.RunID) (runRecord, error) {
	run, found, err := findRun(r, id)
	if err == nil && !found {
		err = &NotFoundError{"run", problem.Clip(string(id), 2*job.MaxID)}
	}
	return run, err
}

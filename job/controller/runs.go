package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Tick makes the orders of every run whose start is at most the lead away (MAN-1), and carries on with passes that were
// cut off. It may be called at any time and by several servers; each run is made once. Next is when it should be called
// again for a run that is planned; zero: none is. Whoever changes jobs in between may change that.
func (c *Controller) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	now = instant(now)
	for more := true; more; {
		err := c.update(ctx, now, func(t *tx) (err error) {
			more, err = t.tick()
			return err
		})
		if err != nil {
			return time.Time{}, fmt.Errorf("tick: %w", err)
		}
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

// tick does one bounded piece of what is due, and reports whether there was any. What stops a run comes first.
func (t *tx) tick() (more bool, err error) {
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
		records, err := t.Scan(task.table, "", task.to, 1)
		if err != nil {
			return false, err
		}
		if len(records) == 0 {
			continue
		}
		k := Key{task.table, records[0].Key}
		run, stray, err := t.listedRun(k)
		switch {
		case err != nil:
		case stray: // it must not keep others waiting
			err = t.Delete(k.Table, k.Key)
		default:
			_, err = task.do(run)
		}
		return true, err
	}
	return false, nil
}

// listedRun loads the run that a row is about. Stray: there is no such run, or it has no such row.
func (t *tx) listedRun(k Key) (run runRecord, stray bool, err error) {
	id, err := last(k.Key)
	if err != nil {
		return run, true, nil
	}
	run, err = loadRun(t, job.RunID(id))
	if _, unknown := errors.AsType[*NotFoundError](err); unknown {
		return run, true, nil
	}
	return run, k.Table != tableShares && !run.in(k), err
}

// due takes up a planned run.
func (t *tx) due(run runRecord) (runRecord, error) {
	missed, err := t.renew(run)
	if err != nil {
		return run, err
	}
	return t.stepRun(run, ledger.RunDue{Missed: missed})
}

// pass does one batch of a run's first pass.
func (t *tx) pass(run runRecord) (runRecord, error) {
	pass := run.Passes[0]
	visit := t.orders
	if pass.Kind == ledger.MakePass {
		visit = t.assets
	}
	cursor, n, err := visit(run, pass)
	if err != nil {
		return run, fmt.Errorf("run %s: %w", run.ID, err)
	}
	end := n < t.c.config.Batch
	if end && pass.Kind == ledger.TrimPass {
		for _, d := range pass.Drop {
			if err := t.Put(tableRunPatches, key(string(run.ID), string(d.Patch)), trimmed); err != nil {
				return run, err
			}
		}
	}
	return t.stepRun(run, ledger.Passed{Cursor: cursor, Last: end})
}

// stop cancels or withdraws a run, and does the first batch of its orders, which are all in a small fleet.
func (t *tx) stop(run runRecord, ev ledger.RunEvent) (runRecord, error) {
	run, err := t.stepRun(run, ev)
	if err != nil || run.Stopping() == nil {
		return run, err
	}
	return t.pass(run)
}

// assets makes the orders of the next assets of a run.
func (t *tx) assets(run runRecord, pass ledger.Pass) (cursor job.AssetID, n int, err error) {
	assets, err := t.nextAssets(run, pass)
	if err != nil {
		return cursor, 0, err
	}
	if err := t.fetchAssets(run, assets); err != nil {
		return cursor, 0, err
	}
	for _, asset := range assets {
		cursor = asset.ID
		if run.After != "" { // an asset without an order has not passed the run before
			k := entryKey(run.ID, asset.ID)
			if had, err := t.Get(k.Table, k.Key); err != nil {
				return cursor, 0, err
			} else if had == nil {
				continue
			}
		}
		if err := t.make(run, asset); err != nil {
			return cursor, 0, fmt.Errorf("asset %s: %w", asset.ID, err)
		}
	}
	return cursor, len(assets), nil
}

// nextAssets lists the next assets of a pass: all there are, or those with a live order.
func (t *tx) nextAssets(run runRecord, pass ledger.Pass) (assets []job.Asset, err error) {
	batch := t.c.config.Batch
	if !pass.Live {
		err = eachAsset(t, pass.Cursor, func(rec assetRecord) (bool, error) {
			assets = append(assets, rec.Asset)
			return len(assets) < batch, nil
		})
		return assets, err
	}
	from := ""
	if pass.Cursor != "" {
		from = after(key(string(run.ID), string(pass.Cursor)))
	}
	err = each(t, tableLive, key(string(run.ID)), from, func(rec Record) (bool, error) {
		id, err := last(rec.Key)
		if err != nil {
			return false, err
		}
		asset, found, err := load[assetRecord](t, tableAssets, key(id))
		if found {
			assets = append(assets, asset.Asset)
		}
		return len(assets) < batch, err
	})
	return assets, err
}

// fetchAssets reads what making their orders needs.
func (t *tx) fetchAssets(run runRecord, assets []job.Asset) error {
	var keys, inventories []Key
	for _, a := range assets {
		k, e := key(string(a.ID)), entryKey(run.ID, a.ID)
		keys = append(keys, e, Key{tableOutcomes, e.Key}, Key{tableRevisions, k}, Key{tableSeen, k}, Key{tableInventories, k})
		inventories = append(inventories, Key{tableInventory, k + key(chunkPart(0))}) // few have more than one piece
	}
	return t.fetch(append(keys, inventories...)...)
}

// orders brings a pass to the next orders of a run.
func (t *tx) orders(run runRecord, pass ledger.Pass) (cursor job.AssetID, n int, err error) {
	var entries []ledger.Entry
	var keys []Key
	err = eachOrder(t, run.ID, pass.Cursor, func(e ledger.Entry) (bool, error) {
		entries = append(entries, e)
		keys = append(keys, Key{tableRevisions, key(string(e.Asset))})
		return len(entries) < t.c.config.Batch, nil
	})
	if err == nil {
		err = t.fetch(keys...)
	}
	if err != nil {
		return cursor, 0, err
	}
	for _, e := range entries {
		cursor = e.Asset
		if ev := run.Stopping(); ev != nil {
			err = t.only(e, ev)
		} else {
			err = t.trim(e, pass.Drop)
		}
		if err != nil {
			return cursor, 0, fmt.Errorf("asset %s: %w", e.Asset, err)
		}
	}
	return cursor, len(entries), nil
}

// stopNow brings the runs that are being cancelled or withdrawn to an asset that calls before its turn.
func (t *tx) stopNow(asset job.AssetID) error {
	var runs []job.RunID
	err := each(t, tableStopping, "", "", func(rec Record) (bool, error) {
		id, err := last(rec.Key)
		runs = append(runs, job.RunID(id))
		return true, err
	})
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

// stopsKey counts, in tableMeta, the runs that are being cancelled or withdrawn: seldom any, so that calls need not look.
var stopsKey = key("stopping")

func (t *tx) countStops(more bool) error {
	n, _, err := load[int](t, tableMeta, stopsKey)
	if err != nil {
		return err
	}
	if more {
		n++
	} else {
		n--
	}
	return save(t, tableMeta, stopsKey, n)
}

// planRun stores the run of an occurrence. One that was withdrawn and has the same start is the same run, planned again.
func (t *tx) planRun(d job.Definition, o schedule.Occurrence) (job.RunID, error) {
	id := d.Run(o)
	old, err := loadRun(t, id)
	if _, none := errors.AsType[*NotFoundError](err); err != nil && !none {
		return "", err
	}
	run := ledger.PlanRun(id, o, o.Start.Add(-t.c.config.Lead))
	return id, t.saveRun(old.Run, runRecord{Run: run, Definition: d})
}

// settled reports whether nothing of a run is open any more.
func settled(r Reader, run runRecord) (bool, error) {
	if run.State == ledger.RunPlanned || len(run.Passes) > 0 {
		return false, nil
	}
	none, err := empty(r, tableLive, key(string(run.ID)))
	if err != nil || !none || run.After == "" {
		return none, err
	}
	before, err := loadRun(r, run.After) // until that one is settled, assets may follow
	if err != nil {
		return false, err
	}
	return settled(r, before)
}

func runKey(id job.RunID) (string, error) {
	owner := id.Job()
	if len(id) > 2*job.MaxID || job.ValidID(string(owner)) != nil {
		return "", &NotFoundError{"run", problem.Clip(string(id), 2*job.MaxID)}
	}
	return key(string(owner), string(id)), nil
}

// loadRun returns a run; the error is a *NotFoundError for an unknown one.
func loadRun(r Reader, id job.RunID) (run runRecord, err error) {
	k, err := runKey(id)
	if err != nil {
		return run, err
	}
	run, found, err := load[runRecord](r, tableRuns, k)
	if err == nil && !found {
		err = &NotFoundError{"run", string(id)}
	}
	return run, err
}

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

// Tick makes the orders of every run whose start is at most the lead away
// (MAN-1), and continues passes that were cut off. It can be called at any time
// and by several servers, and may be cut off anywhere; each run is made once. An
// asset without an inventory gets its order in the check-in that brings one.
// Next is when to call it again for a planned run; zero: no run is planned. A
// change of a job may change that.
func (c *Controller) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	if deferred(ctx) {
		return time.Time{}, nil
	}
	if err := c.saveQuiet(ctx, now, 0); err != nil {
		return time.Time{}, fmt.Errorf("tick: %w", err)
	}
	shared := &drafts{}
	failed := map[Key]bool{} // rows to skip, so that they do not hold up the others
	var errs []error
	for more := true; more; {
		var at Key
		err := c.update(ctx, now, func(t *tx) {
			t.drafts = shared
			at = t.tick(failed)
		})
		switch {
		case err == nil:
			more = at != Key{}
		case at == Key{} || ctx.Err() != nil:
			return time.Time{}, fmt.Errorf("tick: %w", err)
		default:
			failed[at] = true
			run, _ := last(at.Key)
			errs = append(errs, fmt.Errorf("run %s: %w", run, err))
		}
	}
	err = errors.Join(errs...)
	if err == nil {
		err = c.forget(ctx, now)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("tick: %w", err)
	}
	return view(ctx, c, func(r *reader) (next time.Time) {
		for _, table := range []Table{tableDue, tableWakes, tableChecks} {
			for _, rec := range r.scan(table, "", "", 1) {
				p, err := parts(rec.Key)
				r.fail(err)
				at, err := parseRising(p[0])
				r.fail(err)
				next = earliest(next, at)
			}
		}
		return next
	})
}

// tick does one bounded piece of what is due, and returns the row that asked
// for it; none: nothing is due. Rows that failed are skipped. Cancels and
// withdrawals of runs come first.
func (t *tx) tick(failed map[Key]bool) Key {
	for _, task := range []struct {
		table Table
		to    string
		do    func(runRecord)
	}{
		{tableStopping, "", t.pass},
		{tableDue, after(key(risingTime(t.now))), t.due},
		{tableWork, "", t.pass},
		{tableShares, "", t.share},
		{tableWakes, after(key(risingTime(t.now))), t.roll},
		{tableChecks, after(key(risingTime(t.now))), t.silent},
	} {
		for _, rec := range t.scan(task.table, "", task.to, min(len(failed)+1, MaxScan)) {
			at := Key{task.table, rec.Key}
			if failed[at] {
				continue
			}
			if run, found := t.listedRun(at); found {
				task.do(run)
			} else {
				t.delete(at.Table, at.Key)
			}
			return at
		}
	}
	return Key{}
}

// listedRun returns the run that a row is about; found is false if there is no
// such run, or it has no such row.
func (r *reader) listedRun(k Key) (run runRecord, found bool) {
	id, err := last(k.Key)
	if err != nil {
		return run, false
	}
	run, found = r.findRun(job.RunID(id))
	switch k.Table {
	case tableShares, tableChecks:
	case tableWakes:
		rec, rolls := r.findRollout(run.ID)
		found = found && rolls && run.Definition.Rollout != nil && wakeKey(run.ID, rec.Wake) == k
	default:
		found = found && run.in(k)
	}
	return run, found
}

// due takes up a planned run, or goes on with the next zones of one that each
// asset starts by its own clock.
func (t *tx) due(run runRecord) {
	ev := ledger.RunDue{}
	if run.zoned() {
		ev.Last = run.lastStart().Add(-t.c.config.Lead)
	}
	if run.State == ledger.RunPlanned {
		late, rec := t.renew(run), t.job(run.Definition.ID)
		ev.Missed = late || t.rollingRun(rec, run.ID) != "" || t.rolled(run)
	}
	if !ev.Missed && run.State == ledger.RunPlanned {
		t.beginRollout(run)
	}
	t.stepRun(run, ev)
}

// pass does one batch of a run's first pass.
func (t *tx) pass(run runRecord) {
	pass := run.Passes[0]
	visit := t.orders
	if pass.Kind.Makes() {
		visit = t.assets
	}
	passed := visit(run, pass)
	if passed.Last && pass.Kind == ledger.TrimPass {
		for _, d := range pass.Drop {
			t.put(tableRunPatches, key(string(run.ID), string(d.Patch)), trimmed)
		}
	}
	run = t.stepRun(run, passed)
	if x := t.rollout(run); x != nil && pass.Kind.Makes() && passed.Last {
		x.stepped, x.wake = true, true
	}
	if pass.Kind.Makes() && run.State == ledger.RunMade { // from now on its orders are all there
		t.recount(run.ID)
	}
}

// stop cancels or withdraws a run, and does the first batch of its orders,
// which are all in a small fleet.
func (t *tx) stop(run runRecord, ev ledger.RunEvent) runRecord {
	if x := t.rollout(run); x != nil && x.State.Open() {
		t.endRollout(x, ev)
	}
	if run = t.stepRun(run, ev); run.Stopping() == nil {
		return run
	}
	t.pass(run)
	return t.run(run.ID)
}

// finish does what is left of the passes that cancel or withdraw runs.
func (c *Controller) finish(ctx context.Context, runs []job.RunID, now time.Time) error {
	if deferred(ctx) {
		return nil // Tick does it
	}
	for _, id := range runs {
		err := c.repeat(ctx, now, func(t *tx) bool {
			if run := t.run(id); run.Stopping() != nil {
				t.pass(run)
			}
			return t.run(id).Stopping() != nil
		})
		if err != nil {
			return fmt.Errorf("run %s: %w", id, err)
		}
	}
	return nil
}

// assets makes the orders of the next assets of a run.
func (t *tx) assets(run runRecord, pass ledger.Pass) (passed ledger.Passed) {
	assets := t.nextAssets(run, pass)
	t.fetchAssets(run, pass, assets)
	for _, asset := range assets {
		passed.Cursor = asset.ID
		if k := entryKey(run.ID, asset.ID); run.After != "" && t.get(k.Table, k.Key) == nil {
			continue // an asset without an order has not passed the run before
		}
		due := t.make(run, asset, pass)
		if due.After(t.now) && (passed.Next.IsZero() || due.Before(passed.Next)) {
			passed.Next = due
		}
	}
	passed.Last = len(assets) < t.c.config.Batch
	return passed
}

// nextAssets lists the next assets of a pass: all there are, or those with a
// live order.
func (t *tx) nextAssets(run runRecord, pass ledger.Pass) (assets []job.Asset) {
	if !pass.Live {
		for _, rec := range t.batch(tableAssets, "", pass.Cursor) {
			assets = append(assets, decode[assetRecord](t.reader, tableAssets, rec).Asset)
		}
		return assets
	}
	var keys []Key
	for _, rec := range t.batch(tableLive, key(string(run.ID)), pass.Cursor) {
		id := t.parts(tableLive, rec.Key, 2)[1]
		assets, keys = append(assets, job.Asset{ID: job.AssetID(id)}), append(keys, Key{tableAssets, key(id)})
	}
	t.fetch(keys...)
	for i, a := range assets {
		if rec, found := t.findAsset(a.ID); found { // no job selects one that was removed
			assets[i] = rec.Asset
		}
	}
	return assets
}

// batch reads what one transaction of a pass is about: records of a table whose
// keys end with an asset after the cursor.
func (t *tx) batch(table Table, prefix string, cursor job.AssetID) []Record {
	return t.scan(table, start(prefix, cursor), after(prefix), t.c.config.Batch)
}

// fetchAssets reads what making their orders needs.
func (t *tx) fetchAssets(run runRecord, pass ledger.Pass, assets []job.Asset) {
	var keys []Key
	for _, a := range assets {
		keys = append(keys, entryKey(run.ID, a.ID))
		if run.zoned() {
			keys = append(keys, Key{tableSeen, key(string(a.ID))})
		}
		if run.Definition.Rollout != nil {
			keys = append(keys, Key{tableMembers, key(string(run.ID), string(a.ID))})
		}
	}
	t.fetch(keys...)
	keys = nil
	var turns []job.Asset
	for _, a := range assets {
		if _, turn := t.turn(run, t.entry(run.ID, a.ID), pass); !turn || !run.Definition.Select(a) {
			continue
		}
		k := key(string(a.ID))
		order := entryKey(run.ID, a.ID).Key
		keys = append(keys, Key{tableOutcomes, order}, Key{tableContents, order}, Key{tableRevisions, k}, Key{tableInventories, k}, Key{tableCloned, k})
		turns = append(turns, a)
	}
	t.fetch(keys...)
	t.fetch(t.inventoryKeys(turns)...)
}

// orders brings a pass to the next orders of a run.
func (t *tx) orders(run runRecord, pass ledger.Pass) (passed ledger.Passed) {
	var entries []ledger.Entry
	var keys []Key
	for _, rec := range t.batch(tableOrders, key(string(run.ID)), pass.Cursor) {
		e := decode[ledger.Entry](t.reader, tableOrders, rec)
		entries, keys = append(entries, e), append(keys, Key{tableRevisions, key(string(e.Asset))})
	}
	t.fetch(keys...)
	for _, e := range entries {
		passed.Cursor = e.Asset
		if ev := run.Stopping(); ev != nil {
			t.step(e, ev)
		} else {
			t.trim(e, pass.Drop)
		}
	}
	passed.Last = len(entries) < t.c.config.Batch
	return passed
}

// stopNow brings the runs that are being cancelled or withdrawn to an asset
// that calls before its turn.
func (t *tx) stopNow(asset job.AssetID) {
	for _, id := range names[job.RunID](t.reader, tableStopping, "") {
		t.stepEach(asset, []job.RunID{id}, t.run(id).Stopping())
	}
}

// stopsKey counts, in tableMeta, the runs that are being cancelled or
// withdrawn: seldom any, so that calls need not look.
var stopsKey = key("stopping")

// planRun stores the run of an occurrence. A withdrawn run with the same start
// is the same run, planned again. If a job runs in each asset's own zone, the
// run is due when it is due in the first zone. The plan needs no ID and no Due.
func (t *tx) planRun(d job.Definition, plan ledger.RunPlan) job.RunID {
	plan.ID = d.Run(plan.Occurrence)
	old, _ := t.findRun(plan.ID)
	if d.Schedule.Zone == schedule.AssetZone && plan.Occurrence.Local != 0 {
		plan.Occurrence.Start = plan.Occurrence.Local.In(schedule.East)
	}
	plan.Due = plan.Occurrence.Start.Add(-t.c.config.Lead)
	t.abandonOthers(d, plan.ID)
	t.saveRun(old.Run, runRecord{Run: ledger.StepRun(old.Run, plan, t.now), Definition: d})
	return plan.ID
}

// settled reports whether nothing of a run is open any more.
func (r *reader) settled(run runRecord) bool {
	if run.State == ledger.RunPlanned || run.State == ledger.RunMaking || len(run.Passes) > 0 || r.rolling(run) || !r.empty(tableLive, key(string(run.ID))) {
		return false
	}
	before, found := r.findRun(run.After) // until that run is settled, assets may follow; a pruned run is settled
	return !found || r.settled(before)
}

// over reports whether a run is settled, and no asset can take part in it any
// more.
func (r *reader) over(run runRecord, now time.Time) bool {
	if !r.settled(run) {
		return false
	}
	for found := true; found; run, found = r.findRun(run.After) {
		if run.joinable(now) {
			return false
		}
	}
	return true
}

func runKey(id job.RunID) (string, error) {
	owner := id.Job()
	if len(id) > 2*job.MaxID || job.ValidID(string(owner)) != nil {
		return "", problem.One("run", "id", problem.Clip(string(id), 2*job.MaxID), "is not the ID of a run")
	}
	return key(string(owner), string(id)), nil
}

// findRun returns a run, if there is one of that ID.
func (r *reader) findRun(id job.RunID) (run runRecord, found bool) {
	k, bad := runKey(id)
	if bad != nil {
		return run, false
	}
	return load[runRecord](r, tableRuns, k)
}

// run returns a run; the error is a *NotFoundError for an unknown one.
func (r *reader) run(id job.RunID) runRecord {
	run, found := r.findRun(id)
	if !found {
		r.fail(&NotFoundError{"run", problem.Clip(string(id), 2*job.MaxID)})
	}
	return run
}

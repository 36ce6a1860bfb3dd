package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// fetched is a Reader whose Get reads a record once, if fetch has not read it
// with others, and serves what the transaction wrote.
type fetched struct {
	Reader
	have map[Key][]byte
}

// fetch reads records that are about to be asked for.
func (f *fetched) fetch(keys ...Key) error {
	var missing []Key
	for _, k := range keys {
		if _, have := f.have[k]; !have {
			missing = append(missing, k)
		}
	}
	for n := range slices.Chunk(missing, MaxMany) {
		values, err := f.GetMany(n)
		if err != nil {
			return err
		}
		for i, k := range n {
			f.remember(k, values[i])
		}
	}
	return nil
}

func (f *fetched) remember(k Key, value []byte) {
	if f.have == nil {
		f.have = map[Key][]byte{}
	}
	f.have[k] = value
}

// Get returns a record.
func (f *fetched) Get(table Table, key string) ([]byte, error) {
	k := Key{table, key}
	if _, have := f.have[k]; !have {
		value, err := f.Reader.Get(table, key)
		if err != nil {
			return nil, err
		}
		f.remember(k, value)
	}
	return f.have[k], nil
}

// tx is one transaction that changes something. It steps the machines of
// package ledger: it loads a value, steps it, and writes it with the difference
// of its index. What follows from that for other orders waits in a queue until
// the end.
type tx struct {
	fetched
	ctx    context.Context
	w      Writer
	failed error // the first error of a write
	c      *Controller
	event  *Event // to be recorded; nil: none
	now    time.Time
	next   []ledger.Entry // that succeeded: the jobs that run on the asset after them are to start (JOB-19)

	outdated job.AssetID // the asset that calls, if the stored inventory is not its present one
	wanted   bool        // an order waits for the present one
	replan   bool        // orders of the asset that calls are to be planned again: its pending reboots changed, or one waits again

	snap   *catalog.Snapshot
	probed map[string]bool      // unreachable URLs; nil: not read yet
	wrote  map[Key]bool         // shared records that this transaction has written already
	chains map[job.ID][]job.ID  // the jobs that run after each; nil: not read yet
	zones  map[string]assetZone // by the names that assets report

	newerRuns map[job.RunID][]schedule.LocalTime // see newer
}

// Put writes a record. The transaction returns the first error of its writes.
func (t *tx) Put(table Table, key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	t.remember(Key{table, key}, value)
	t.failed = cmp.Or(t.failed, t.w.Put(table, key, value))
}

// save writes a record in JSON.
func (t *tx) save(table Table, key string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		t.failed = cmp.Or(t.failed, fmt.Errorf("record %q of table %s: %w", key, table, err))
		return
	}
	t.Put(table, key, data)
}

// Delete removes a record.
func (t *tx) Delete(table Table, key string) {
	t.remember(Key{table, key}, nil)
	t.failed = cmp.Or(t.failed, t.w.Delete(table, key))
}

// update runs one transaction.
func (c *Controller) update(ctx context.Context, now time.Time, fn func(*tx) error) error {
	var event *Event
	err := c.store.Update(ctx, func(w Writer) error {
		t := &tx{
			fetched: fetched{Reader: w}, ctx: ctx, w: w, c: c, now: instant(now), wrote: map[Key]bool{},
			zones: map[string]assetZone{}, newerRuns: map[job.RunID][]schedule.LocalTime{},
		}
		err := fn(t)
		if err == nil {
			err = t.followAll()
		}
		if err == nil {
			err = t.saveEvent()
		}
		event = t.event
		return cmp.Or(t.failed, err)
	})
	if err == nil && event != nil && c.config.OnEvent != nil {
		c.config.OnEvent(*event)
	}
	return err
}

// repeat runs transactions until one leaves nothing to do.
func (c *Controller) repeat(ctx context.Context, now time.Time, do func(*tx) (more bool, err error)) error {
	for more := true; more; {
		err := c.update(ctx, now, func(t *tx) (err error) {
			more, err = do(t)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// followAll starts what follows the orders that succeeded. A follower may end
// at once, and have followers itself.
func (t *tx) followAll() error {
	for len(t.next) > 0 {
		e := t.next[0]
		t.next = t.next[1:]
		if err := t.follow(e); err != nil {
			return err
		}
	}
	return nil
}

// entryKey is where an order is stored.
func entryKey(run job.RunID, asset job.AssetID) Key {
	return Key{tableOrders, key(string(run), string(asset))}
}

// loadEntry returns an order; one that was never made has no phase.
func loadEntry(r Reader, run job.RunID, asset job.AssetID) (ledger.Entry, error) {
	k := entryKey(run, asset)
	e, _, err := load[ledger.Entry](r, k.Table, k.Key)
	e.Run, e.Asset = run, asset
	return e, err
}

// indexes says where each index of orders is stored, and whether it is by asset
// or by run.
var indexes = map[ledger.Index]struct {
	table   Table
	byAsset bool
}{
	ledger.Live: {tableLive, false}, ledger.Queue: {tableQueue, true}, ledger.Unheard: {tableUnheard, true},
	ledger.Cancels: {tableCancels, false}, ledger.Reboots: {tableReboots, true},
	ledger.Working: {tableWorking, false},
}

// rowRecord is where an order's row of an index is stored, and as what.
func rowRecord(e ledger.Entry, row ledger.Row) (k Key, value []byte, err error) {
	at := indexes[row.Index]
	k = Key{at.table, key(string(e.Run), string(e.Asset))}
	if at.byAsset {
		k.Key = key(string(e.Asset), string(e.Run))
	}
	switch row.Index {
	case ledger.Queue:
		value, err = json.Marshal(row.Queued)
	case ledger.Working:
		value, err = json.Marshal(row.Stage)
	}
	return k, value, err
}

// step takes an order one event further, stores it, and carries out what
// follows. Objection says what is wrong with a report that was not taken in.
func (t *tx) step(e ledger.Entry, ev ledger.Event) (after ledger.Entry, objection string, err error) {
	rev, err := loadRevisions(t, e.Asset)
	if err != nil {
		return e, "", err
	}
	after, out := ledger.Step(rev, e, ev, t.now)
	if err := t.saveEntry(e, after); err != nil {
		return after, "", err
	}
	if out.Revise {
		err = t.saveRevisions(e.Asset, rev.Revise(out.Without))
	}
	if err == nil && out.KeepOutcomes {
		err = t.outcomes(after, func(o ledger.Outcomes) ledger.Outcomes {
			report := ev.(ledger.Reported).Report
			return o.Report(report.Patches, after.At).Ran(report.Actions)
		})
	}
	if out.Follow {
		t.next = append(t.next, after)
	}
	if err == nil && out.Recount {
		err = t.recount(after.Run)
	}
	return after, out.Objection, err
}

func (t *tx) saveEntry(before, after ledger.Entry) error {
	if before == after {
		return nil
	}
	k := entryKey(after.Run, after.Asset)
	t.save(k.Table, k.Key, after)
	put, remove := ledger.Changes(before.Index(), after.Index(), func(r ledger.Row) ledger.Index { return r.Index })
	for _, row := range slices.Concat(put, remove) {
		t.replan = t.replan || row.Index == ledger.Reboots
	}
	t.replan = t.replan || before.Again && after.Phase == ledger.Waiting
	for _, row := range put {
		k, value, err := rowRecord(after, row)
		if err != nil {
			return err
		}
		t.Put(k.Table, k.Key, value)
	}
	for _, row := range remove {
		k, _, err := rowRecord(before, row)
		if err != nil {
			return err
		}
		t.Delete(k.Table, k.Key)
	}
	return nil
}

// loadRevisions returns the numbers of an asset's manifests.
func loadRevisions(r Reader, asset job.AssetID) (ledger.Revisions, error) {
	rev, _, err := load[ledger.Revisions](r, tableRevisions, key(string(asset)))
	return rev, err
}

func (t *tx) saveRevisions(asset job.AssetID, rev ledger.Revisions) error {
	before, err := loadRevisions(t, asset)
	if err != nil || before == rev {
		return err
	}
	t.save(tableRevisions, key(string(asset)), rev)
	return nil
}

// outcomes changes the outcomes of an order's patches, and the account's list
// and number of failed installs with them (RPT-1).
func (t *tx) outcomes(e ledger.Entry, change func(ledger.Outcomes) ledger.Outcomes) error {
	k := key(string(e.Run), string(e.Asset))
	before, _, err := load[ledger.Outcomes](t, tableOutcomes, k)
	if err != nil {
		return err
	}
	after := change(before)
	if reflect.DeepEqual(before, after) {
		return nil
	}
	t.save(tableOutcomes, k, after)
	was, is := before.Index(e.Run, e.Asset), after.Index(e.Run, e.Asset)
	put, remove := ledger.Changes(was, is, func(f ledger.Failure) catalog.PatchID { return f.Patch })
	for _, f := range put {
		t.save(tableFailures, failureKey(f), f)
		if !f.Tried() {
			continue
		}
		t.save(tableTried, triedKey(f), f.At)
	}
	for _, f := range remove {
		t.Delete(tableFailures, failureKey(f))
		t.Delete(tableTried, triedKey(f))
	}
	return t.add(failedInstalls, e.Asset, len(is)-len(was))
}

func failureKey(f ledger.Failure) string {
	return key(fallingTime(f.At), string(f.Asset), string(f.Run), string(f.Patch))
}

// runRecord is a run with its job's definition, as of the last change that
// could still reach it.
type runRecord struct {
	ledger.Run
	Definition job.Definition `json:"definition"`
}

// runRowKey is where a run's row of an index is stored.
func runRowKey(run ledger.Run, row ledger.RunRow) Key {
	switch row.Index {
	case ledger.Due:
		return Key{tableDue, key(risingTime(row.Due), string(run.ID))}
	case ledger.Work:
		return Key{tableWork, key(string(run.ID))}
	default:
		return Key{tableStopping, key(string(run.ID))}
	}
}

// in reports whether the run has the row that is stored under a key.
func (run runRecord) in(k Key) bool {
	return slices.ContainsFunc(run.Index(), func(row ledger.RunRow) bool { return runRowKey(run.Run, row) == k })
}

// stepRun takes a run one event further and stores it.
func (t *tx) stepRun(run runRecord, ev ledger.RunEvent) (runRecord, error) {
	before := run.Run
	run.Run = ledger.StepRun(before, ev, t.now)
	return run, t.saveRun(before, run)
}

// saveRun stores a run with the difference of its index. Before is the zero Run
// for a new one.
func (t *tx) saveRun(before ledger.Run, run runRecord) error {
	k, err := runKey(run.ID)
	if err != nil {
		return fmt.Errorf("a run is stored under a name that cannot be one: %w", err)
	}
	put, remove := ledger.Changes(before.Index(), run.Index(), func(r ledger.RunRow) ledger.RunRow { return r })
	for _, row := range remove {
		k := runRowKey(before, row)
		t.Delete(k.Table, k.Key)
	}
	for _, row := range put {
		k := runRowKey(run.Run, row)
		t.Put(k.Table, k.Key, nil)
	}
	if stops := run.Stopping() != nil; stops != (before.Stopping() != nil) {
		n, _, err := load[int](t, tableMeta, stopsKey)
		if err != nil {
			return err
		}
		if n--; stops {
			n += 2
		}
		t.save(tableMeta, stopsKey, n)
	}
	t.save(tableRuns, k, run)
	return nil
}

// held reports whether the asset may have received an order.
func held(r Reader, e ledger.Entry) (bool, error) {
	if e.Since == 0 {
		return false, nil
	}
	rev, err := loadRevisions(r, e.Asset)
	return e.Held(rev.Sealed), err
}

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

// tx is one transaction that changes something. It steps the machines of
// package ledger: it loads a value, steps it, and writes it with the difference
// of its index. What follows from that for other orders waits in a queue until
// the end.
type tx struct {
	*reader
	ctx     context.Context
	w       Writer
	event   *Event // to be recorded; nil: none
	written *written
	now     time.Time
	next    []ledger.Entry // that succeeded: the jobs that run on the asset after them are to start (JOB-19)

	outdated job.AssetID // the asset that calls, if the stored inventory is not its present one
	wanted   bool        // an order waits for the present one
	replan   bool        // orders of the asset that calls are to be planned again: its pending reboots changed, or one waits again

	drafts *drafts // nil: none are shared
	snap   *catalog.Snapshot
	probed map[string]bool      // unreachable URLs; nil: not read yet
	wrote  map[Key]bool         // shared records that this transaction has written already
	chains map[job.ID][]job.ID  // the jobs that run after each; nil: not read yet
	zones  map[string]assetZone // by the names that assets report

	newerRuns map[job.RunID][]schedule.LocalTime // see newer
	tallies   map[job.RunID]*tallied             // what changes in the counts of runs
	rollouts  map[job.RunID]*rolling             // nil: the run has none
}

// put writes a record.
func (t *tx) put(table Table, key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	if t.failed == nil {
		t.written.wrote(table, key)
		t.remember(Key{table, key}, value)
		t.fail(t.w.Put(table, key, value))
	}
}

// save writes a record in JSON.
func (t *tx) save(table Table, key string, value any) { t.put(table, key, t.encode(value)) }

// encode returns a value in JSON.
func (r *reader) encode(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		r.fail(fmt.Errorf("encode a %T: %w", value, err))
	}
	return data
}

// delete removes a record.
func (t *tx) delete(table Table, key string) {
	if t.failed == nil {
		t.written.wrote(table, key)
		delete(t.revs, key)
		t.remember(Key{table, key}, nil)
		t.fail(t.w.Delete(table, key))
	}
}

// update runs one transaction.
func (c *Controller) update(ctx context.Context, now time.Time, fn func(*tx)) error {
	var event *Event
	var written written
	formed := c.formed.Load() // the store's format is known to be one that this release reads
	err := c.store.Update(ctx, func(w Writer) error {
		t := &tx{
			reader: &reader{from: w, c: c, have: map[Key][]byte{}, revs: map[string]ledger.Revisions{}}, ctx: ctx, w: w, written: &written, now: instant(now), wrote: map[Key]bool{},
			zones: map[string]assetZone{}, newerRuns: map[job.RunID][]schedule.LocalTime{}, tallies: map[job.RunID]*tallied{},
			rollouts: map[job.RunID]*rolling{},
		}
		if !formed && t.format() == 0 {
			t.save(tableMeta, formatKey, RecordsFormat)
		}
		t.heed()
		fn(t)
		t.followAll()
		t.saveRollouts()
		t.saveTallies()
		t.saveEvent()
		event = t.event
		return t.failed
	})
	c.known.forget(written) // also after an error: it may have been committed
	if err != nil {
		return err
	}
	c.formed.Store(true)
	if event != nil && c.config.OnEvent != nil {
		c.config.OnEvent(*event)
	}
	return nil
}

// repeat runs transactions until one leaves nothing to do.
func (c *Controller) repeat(ctx context.Context, now time.Time, do func(*tx) (more bool)) (err error) {
	for more := true; more && err == nil; {
		err = c.update(ctx, now, func(t *tx) { more = do(t) })
	}
	return err
}

// followAll starts what follows the orders that succeeded. A follower may end
// at once, and have followers itself.
func (t *tx) followAll() {
	for len(t.next) > 0 && t.failed == nil {
		e := t.next[0]
		t.next = t.next[1:]
		t.follow(e)
	}
}

// entryKey is where an order is stored.
func entryKey(run job.RunID, asset job.AssetID) Key {
	return Key{tableOrders, key(string(run), string(asset))}
}

// entry returns an order; one that was never made has no phase.
func (r *reader) entry(run job.RunID, asset job.AssetID) ledger.Entry {
	k := entryKey(run, asset)
	e, _ := load[ledger.Entry](r, k.Table, k.Key)
	e.Run, e.Asset = run, asset
	return e
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
func (r *reader) rowRecord(e ledger.Entry, row ledger.Row) (k Key, value []byte) {
	at := indexes[row.Index]
	k = Key{at.table, key(string(e.Run), string(e.Asset))}
	if at.byAsset {
		k.Key = key(string(e.Asset), string(e.Run))
	}
	switch row.Index {
	case ledger.Queue:
		value = r.encode(row.Queued)
	case ledger.Working:
		value = r.encode(row.Stage)
	}
	return k, value
}

// step takes an order one event further, stores it, and carries out what
// follows. Objection says what is wrong with a report that was not taken in.
func (t *tx) step(e ledger.Entry, ev ledger.Event) (objection string) {
	rev := t.revisions(e.Asset)
	after, out := ledger.Step(rev, e, ev, t.now)
	t.saveEntry(e, after)
	if out.Revise {
		t.saveRevisions(e.Asset, rev.Revise(out.Without))
	}
	if out.KeepOutcomes {
		report := ev.(ledger.Reported).Report
		t.outcomes(after, func(o ledger.Outcomes) ledger.Outcomes { return o.Report(report.Patches, after.At).Ran(report.Actions) })
	}
	if out.Follow {
		t.next = append(t.next, after)
	}
	if out.Recount {
		t.recount(after.Run)
	}
	return out.Objection
}

func (t *tx) saveEntry(before, after ledger.Entry) {
	if before == after {
		return
	}
	t.tally(before, after)
	t.returnSlot(before, after)
	if grant := cmp.Or(after.Grant, before.Grant); grant != 0 {
		t.reportGrant(after, grant)
	}
	k := entryKey(after.Run, after.Asset)
	t.save(k.Table, k.Key, after)
	put, remove := ledger.Changes(before.Index(), after.Index(), func(r ledger.Row) ledger.Index { return r.Index })
	for _, row := range slices.Concat(put, remove) {
		t.replan = t.replan || row.Index == ledger.Reboots
	}
	t.replan = t.replan || before.Again && after.Phase == ledger.Waiting
	for _, row := range put {
		k, value := t.rowRecord(after, row)
		t.put(k.Table, k.Key, value)
	}
	for _, row := range remove {
		k, _ := t.rowRecord(before, row)
		t.delete(k.Table, k.Key)
	}
}

// revisions returns the numbers of an asset's manifests.
func (r *reader) revisions(asset job.AssetID) ledger.Revisions {
	k := key(string(asset))
	if rev, known := r.revs[k]; known {
		return rev
	}
	rev, _ := load[ledger.Revisions](r, tableRevisions, k)
	if r.revs != nil && r.failed == nil {
		r.revs[k] = rev
	}
	return rev
}

func (t *tx) saveRevisions(asset job.AssetID, rev ledger.Revisions) {
	if t.revisions(asset) != rev {
		t.save(tableRevisions, key(string(asset)), rev)
		t.revs[key(string(asset))] = rev
	}
}

// outcomesOf returns the outcomes of an order's patches.
func (r *reader) outcomesOf(e ledger.Entry) ledger.Outcomes {
	o, _ := load[ledger.Outcomes](r, tableOutcomes, entryKey(e.Run, e.Asset).Key)
	return o
}

// outcomes changes the outcomes of an order's patches, and the account's list
// and number of failed installs with them (RPT-1).
func (t *tx) outcomes(e ledger.Entry, change func(ledger.Outcomes) ledger.Outcomes) {
	before := t.outcomesOf(e)
	after := change(before)
	if reflect.DeepEqual(before, after) {
		return
	}
	t.save(tableOutcomes, entryKey(e.Run, e.Asset).Key, after)
	was, is := before.Index(e.Run, e.Asset), after.Index(e.Run, e.Asset)
	t.saveFailures(was, is)
	t.add(failedInstalls, e.Asset, len(is)-len(was))
}

// runRecord is a run with its job's definition, as of the last change that
// could still reach it.
type runRecord struct {
	ledger.Run
	Definition  job.Definition `json:"definition"`
	CancelAsked time.Time      `json:"cancelAsked,omitzero"` // when a cancel was first asked for, also one that came too late everywhere
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
func (t *tx) stepRun(run runRecord, ev ledger.RunEvent) runRecord {
	before := run.Run
	run.Run = ledger.StepRun(before, ev, t.now)
	t.saveRun(before, run)
	return run
}

// saveRun stores a run with the difference of its index. Before is the zero Run
// for a new one.
func (t *tx) saveRun(before ledger.Run, run runRecord) {
	k, err := runKey(run.ID)
	if err != nil {
		t.fail(fmt.Errorf("a run is stored under a name that cannot be one: %w", err))
		return
	}
	put, remove := ledger.Changes(before.Index(), run.Index(), func(r ledger.RunRow) ledger.RunRow { return r })
	for _, row := range remove {
		k := runRowKey(before, row)
		t.delete(k.Table, k.Key)
	}
	for _, row := range put {
		k := runRowKey(run.Run, row)
		t.put(k.Table, k.Key, nil)
	}
	if stops := run.Stopping() != nil; stops != (before.Stopping() != nil) {
		n, _ := load[int](t.reader, tableMeta, stopsKey)
		if n--; stops {
			n += 2
		}
		t.save(tableMeta, stopsKey, n)
	}
	t.save(tableRuns, k, run)
}

// held reports whether the asset may have received an order.
func (r *reader) held(e ledger.Entry) bool {
	return e.Since != 0 && e.Held(r.revisions(e.Asset).Sealed)
}

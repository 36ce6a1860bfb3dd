package controller

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// CheckIndexes compares everything that is kept for quick look-ups with the
// records it is computed from: the indexes of orders, runs and jobs, the counts
// of runs, the list and the number of failed installs. It returns a sentence
// for each difference. A store that only controllers write to has no
// differences.
func (c *Controller) CheckIndexes(ctx context.Context) ([]string, error) {
	return view(ctx, c, (*reader).audit)
}

func (r *reader) audit() (differences []string) {
	add := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	want, failures, stops := map[Key]string{}, 0, 0
	tallies, slots := map[job.RunID]*ledger.Tally{}, map[job.ID][]string{}
	for e := range values[ledger.Entry](r, tableOrders, "", "") {
		if err := e.Validate(); err != nil {
			add("%v", err)
		}
		if tallies[e.Run] == nil {
			tallies[e.Run] = &ledger.Tally{}
		}
		tallies[e.Run].Add(e)
		for _, row := range e.Index() {
			k, value := r.rowRecord(e, row)
			want[k] = string(value)
		}
		if !e.Slot.IsZero() {
			slots[e.Run.Job()] = append(slots[e.Run.Job()], fmt.Sprint(e.Asset, " until ", e.Slot))
		}
		failed := r.outcomesOf(e).Index(e.Run, e.Asset)
		failures += len(failed)
		maps.Copy(want, r.failureRows(failed))
	}
	for run := range values[runRecord](r, tableRuns, "", "") {
		for _, row := range run.Index() {
			want[runRowKey(run.Run, row)] = ""
			if row.Index == ledger.Stopping {
				stops++
			}
		}
	}
	for rec := range r.records(tableSeen, "", "") {
		seen := decode[seenRecord](r, tableSeen, rec)
		if !seen.Reboot.Since.IsZero() {
			want[Key{tableReboots, rec.Key + key("")}] = ""
		}
		if !seen.Caller.Cloned.IsZero() {
			want[Key{tableCloned, rec.Key}] = ""
		}
	}
	for row := range r.rows(tableInventories, "", 1) {
		inventory := decode[inventoryRecord](r, tableInventories, row.Record)
		want[inventory.imageKey(job.AssetID(row.parts[0]))] = ""
		if k := key(inventory.content()); r.get(tableImages, k) == nil {
			add("the inventory of asset %s is not stored", row.parts[0])
		}
	}
	for rec := range values[assetRecord](r, tableAssets, "", "") {
		want[heardKey(rec.ID, rec.heard(r.seen(rec.ID)))] = ""
	}
	r.auditRollouts(want, add)
	r.auditSlots(slots, add)
	for j := range values[jobRecord](r, tableJobs, "", "") {
		for _, k := range jobRows(j.Definition) {
			want[k] = ""
		}
	}
	for _, table := range []Table{
		tableLive, tableQueue, tableUnheard, tableCancels, tableReboots, tableWorking, tableCloned, tableFailures, tableFailed, tableTried,
		tableDue, tableWork, tableStopping, tableFollowers, tableJoins, tableImages, tableHeard, tableTurns, tableChecks, tableWakes,
	} {
		for rec := range r.records(table, "", "") {
			k := Key{table, rec.Key}
			value, wanted := want[k]
			delete(want, k)
			switch {
			case wanted && value != string(rec.Value):
				add("table %s has %q under %q; want %q", table, rec.Value, rec.Key, value)
			case !wanted && !r.outlives(k):
				add("table %s lists %q, and should not", table, rec.Key)
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(want), Key.Compare) {
		add("table %s does not list %q", k.Table, k.Key)
	}
	for run := range values[runRecord](r, tableRuns, "", "") {
		if counted, orders := r.counts(run.ID), cmp.Or(tallies[run.ID], &ledger.Tally{}); counted != *orders {
			add("run %s counts %+v; its orders are %+v", run.ID, counted, *orders)
		}
	}
	if counted := r.sum(failedInstalls) - r.sum(prunedInstalls); counted != failures {
		add("%d failed installs are counted; the outcomes have %d", counted, failures)
	}
	if counted, _ := load[int](r, tableMeta, stopsKey); counted != stops {
		add("%d runs are counted as being stopped; %d are", counted, stops)
	}
	return differences
}

// outlives reports whether a row is one of tableTried whose order was pruned, or
// the inventory that a row of tableImages is about, which stays until Prune.
func (r *reader) outlives(k Key) bool {
	p, err := parts(k.Key)
	r.fail(err)
	return k.Table == tableImages && len(p) == 1 || k.Table == tableTried && len(p) == 3 && r.entry(job.RunID(p[2]), job.AssetID(p[1])).Phase == 0
}

// auditRollouts adds the rows of rollouts and their members, and compares the
// counts of each rollout with its members.
func (r *reader) auditRollouts(want map[Key]string, add func(string, ...any)) {
	for rec := range values[rolloutRecord](r, tableRollouts, "", "") {
		if !rec.Wake.IsZero() {
			want[wakeKey(rec.Run, rec.Wake)] = ""
		}
		counts := make([]rollout.Counts, len(rec.State.Rings))
		for m := range values[memberRecord](r, tableMembers, key(string(rec.Run)), "") {
			id := job.AssetID(m.ID)
			if m.Ready {
				want[turnKey(rec.Run, id, m.Ring)] = ""
			}
			if !m.Check.IsZero() {
				want[checkKey(rec.Run, id, m.Check)] = ""
			}
			rec.State.Count(m.Member, &counts[m.Ring])
		}
		for i, ring := range rec.State.Rings {
			if counts[i] != ring.Counts {
				add("ring %d of the rollout of run %s counts %+v; its members are %+v", i, rec.Run, ring.Counts, counts[i])
			}
		}
	}
}

// auditSlots compares the leases of each job with those of its orders.
func (r *reader) auditSlots(want map[job.ID][]string, add func(string, ...any)) {
	for row := range r.rows(tableSlots, "", 1) {
		var has []string
		for _, l := range decode[rollout.Slots](r, tableSlots, row.Record).Leases {
			has = append(has, fmt.Sprint(l.Holder, " until ", l.Until))
		}
		id := job.ID(row.parts[0])
		slices.Sort(want[id])
		if slices.Sort(has); !slices.Equal(has, want[id]) {
			add("job %s leases reboot slots to %v; its orders have %v", id, has, want[id])
		}
		delete(want, id)
	}
	for id, orders := range want {
		add("job %s leases no reboot slots; its orders have %v", id, orders)
	}
}

package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// CheckIndexes compares everything that is kept for quick look-ups with what it is a
// function of, and returns a sentence for each difference: the indexes of
// orders, runs and jobs, the list and the number of failed installs. A store
// that nothing but controllers write has none.
func (c *Controller) CheckIndexes(ctx context.Context) ([]string, error) {
	return view(ctx, c.store, audit)
}

func audit(r Reader) (differences []string, err error) {
	add := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	want, failures, stops := map[Key]string{}, 0, 0
	for e, err := range values[ledger.Entry](r, tableOrders, "", "") {
		if err != nil {
			return nil, err
		}
		if err := e.Validate(); err != nil {
			add("%v", err)
		}
		for _, row := range e.Index() {
			k, value, err := rowRecord(e, row)
			if err != nil {
				return nil, err
			}
			want[k] = string(value)
		}
		o, _, err := load[ledger.Outcomes](r, tableOutcomes, key(string(e.Run), string(e.Asset)))
		if err != nil {
			return nil, err
		}
		for _, f := range o.Index(e.Run, e.Asset) {
			value, err := json.Marshal(f)
			if err != nil {
				return nil, err
			}
			want[Key{tableFailures, failureKey(f)}] = string(value)
			if f.Tried() {
				at, err := json.Marshal(f.At)
				if err != nil {
					return nil, err
				}
				want[Key{tableTried, triedKey(f)}] = string(at)
			}
			failures++
		}
	}
	for run, err := range values[runRecord](r, tableRuns, "", "") {
		if err != nil {
			return nil, err
		}
		for _, row := range run.Index() {
			want[runRowKey(run.Run, row)] = ""
			if row.Index == ledger.Stopping {
				stops++
			}
		}
	}
	for rec, err := range records(r, tableSeen, "", "") {
		if err != nil {
			return nil, err
		}
		seen, err := decode[seenRecord](tableSeen, rec)
		if err != nil {
			return nil, err
		}
		if !seen.Reboot.Since.IsZero() {
			want[Key{tableReboots, rec.Key + key("")}] = ""
		}
		if !seen.Caller.Cloned.IsZero() {
			want[Key{tableCloned, rec.Key}] = ""
		}
	}
	for j, err := range values[jobRecord](r, tableJobs, "", "") {
		if err != nil {
			return nil, err
		}
		for _, k := range jobRows(j.Definition) {
			want[k] = ""
		}
	}
	for _, table := range []Table{tableLive, tableQueue, tableUnheard, tableCancels, tableReboots, tableWorking, tableCloned, tableFailures, tableTried, tableDue, tableWork, tableStopping, tableFollowers, tableJoins} {
		for rec, err := range records(r, table, "", "") {
			if err != nil {
				return nil, err
			}
			k := Key{table, rec.Key}
			value, wanted := want[k]
			delete(want, k)
			if !wanted {
				if kept, err := outlives(r, k); err != nil {
					return nil, err
				} else if kept {
					continue
				}
				add("table %s lists %q, and should not", table, rec.Key)
			} else if value != string(rec.Value) {
				add("table %s has %q under %q; want %q", table, rec.Value, rec.Key, value)
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(want), func(a, b Key) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Key, b.Key)) }) {
		add("table %s does not list %q", k.Table, k.Key)
	}
	pruned, err := sum(r, prunedInstalls)
	if err != nil {
		return nil, err
	}
	if counted, err := sum(r, failedInstalls); err != nil {
		return nil, err
	} else if counted -= pruned; counted != failures {
		add("%d failed installs are counted; the outcomes have %d", counted, failures)
	}
	if counted, _, err := load[int](r, tableMeta, stopsKey); err != nil {
		return nil, err
	} else if counted != stops {
		add("%d runs are counted as being stopped; %d are", counted, stops)
	}
	return differences, nil
}

// outlives reports whether a row is one of tableTried whose order was pruned.
func outlives(r Reader, k Key) (bool, error) {
	p, err := parts(k.Key)
	if err != nil || k.Table != tableTried || len(p) != 4 {
		return false, err
	}
	e, err := loadEntry(r, job.RunID(p[3]), job.AssetID(p[1]))
	return e.Phase == 0, err
}

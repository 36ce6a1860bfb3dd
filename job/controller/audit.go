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

// Audit compares everything that is kept for quick look-ups with what it is a function of, and returns a sentence for
// each difference: the indexes of orders, runs and jobs, the list and the number of failed installs. A store that nothing but
// controllers write has none.
func (c *Controller) Audit(ctx context.Context) (differences []string, err error) {
	err = c.store.View(ctx, func(r Reader) error {
		differences = nil
		want, failures, stops := map[Key]string{}, 0, 0
		err := each(r, tableOrders, "", "", func(rec Record) (bool, error) {
			e, err := decode[ledger.Entry](tableOrders, rec)
			if err != nil {
				return false, err
			}
			if err := e.Validate(); err != nil {
				differences = append(differences, err.Error())
			}
			for _, row := range e.Index() {
				k, value, err := rowRecord(e, row)
				if err != nil {
					return false, err
				}
				want[k] = string(value)
			}
			o, _, err := load[ledger.Outcomes](r, tableOutcomes, rec.Key)
			for _, f := range o.Index(e.Run, e.Asset) {
				value, err := json.Marshal(f)
				if err != nil {
					return false, err
				}
				want[Key{tableFailures, failureKey(f)}] = string(value)
				failures++
			}
			return true, err
		})
		if err != nil {
			return err
		}
		err = each(r, tableRuns, "", "", func(rec Record) (bool, error) {
			run, err := decode[runRecord](tableRuns, rec)
			for _, row := range run.Index() {
				want[runRowKey(run.Run, row)] = ""
				if row.Index == ledger.Stopping {
					stops++
				}
			}
			return true, err
		})
		if err != nil {
			return err
		}
		err = each(r, tableJobs, "", "", func(rec Record) (bool, error) {
			j, err := decode[jobRecord](tableJobs, rec)
			if d := j.Definition; err == nil && d.After != nil && d.State == job.Enabled {
				want[Key{tableFollowers, key(string(d.After.Job), string(d.ID))}] = ""
			}
			return true, err
		})
		if err != nil {
			return err
		}
		for _, table := range []Table{tableLive, tableQueue, tableUnheard, tableCancels, tableReboots, tableFailures, tableDue, tableWork, tableStopping, tableFollowers} {
			err := each(r, table, "", "", func(rec Record) (bool, error) {
				k := Key{table, rec.Key}
				value, wanted := want[k]
				delete(want, k)
				switch {
				case !wanted:
					differences = append(differences, fmt.Sprintf("table %s lists %q, and should not", table, rec.Key))
				case value != string(rec.Value):
					differences = append(differences, fmt.Sprintf("table %s has %q under %q; want %q", table, rec.Value, rec.Key, value))
				}
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		for _, k := range slices.SortedFunc(maps.Keys(want), func(a, b Key) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Key, b.Key)) }) {
			differences = append(differences, fmt.Sprintf("table %s does not list %q", k.Table, k.Key))
		}
		counted, err := sum(r, failedInstalls)
		if err != nil {
			return err
		}
		if counted != failures {
			differences = append(differences, fmt.Sprintf("%d failed installs are counted; the outcomes have %d", counted, failures))
		}
		counted, _, err = load[int](r, tableMeta, stopsKey)
		if err == nil && counted != stops {
			differences = append(differences, fmt.Sprintf("%d runs are counted as being stopped; %d are", counted, stops))
		}
		return err
	})
	return differences, err
}

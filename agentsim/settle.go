package agentsim

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Settle checks what must hold once the agents have called and nothing is under way: every order that was due came to a
// final result and left no files behind, and what the server shows, order by order and as a count, is what the agents'
// journals add up to (invariants 10 and 12). Orders that are not due yet, and those that wait for a reboot by hand, may wait.
// An asset that is off, asleep or cut off promises nothing: what the server shows of it is taken as it is.
func (w *World) Settle() error {
	if err := w.trouble(); err != nil {
		return err
	}
	rows, err := w.server.rows()
	if err != nil {
		return err
	}
	failed := 0
	for _, a := range w.sorted() {
		o := &a.watch
		if !a.up || a.asleep() || a.link.cut {
			for _, row := range rows {
				if row.Asset == a.id {
					failed += watch.Failures(row.Patches)
				}
			}
			continue
		}
		if n := len(a.state.Reports); n > 0 {
			o.broke(10, "%d reports are not acknowledged", n)
		}
		last := map[job.OrderID]job.Report{}
		var ids []job.OrderID // in the journal's order
		for _, r := range o.journal {
			if r.Order == "" {
				continue
			}
			if _, known := last[r.Order]; !known {
				ids = append(ids, r.Order)
			}
			if r.Result != 0 || last[r.Order].Result == 0 {
				last[r.Order] = r
			}
		}
		for _, id := range ids {
			r := last[id]
			e := o.orders[id]
			if e != nil && !e.Ended() && !e.order.Start.After(w.now) && !(r.Result == job.PendingReboot && e.order.Reboot.Suppress) {
				o.broke(10, "%s was due at %s, and has not ended", id, e.order.Start.Format("2006-01-02T15:04:05Z"))
			}
			failed += watch.Failures(r.Patches) // by the last word, whether it waits for a reboot or not
			if watch.Final(r.Result) {
				for at := range a.staged {
					if at.order == id {
						o.broke(10, "%s ended, and its files are still there", id)
						break
					}
				}
			}
			row, known := rows[id]
			switch {
			case !known:
				o.broke(12, "the server knows nothing of %s; the asset's journal says %s", id, Describe(r))
			case r.Result == job.Withdrawn && row.Result != r.Result && !row.HandedOut: // made again since, and nothing was to be done
			case row.Result != r.Result:
				o.broke(12, "the server shows %s %s; the asset's journal says %s", id, row.Result, r.Result)
			}
		}
	}
	n, err := w.server.c.FailedInstalls(context.Background())
	if err != nil {
		return err
	}
	if n != failed {
		w.broke(12, "the server counts %d failed installs; the journals add up to %d", n, failed)
	}
	if err := w.server.audit(); err != nil {
		return err
	}
	return w.trouble()
}

// broke notes an invariant that broke at the server.
func (w *World) broke(invariant int, format string, args ...any) {
	w.broken = append(w.broken, &Broken{Invariant: invariant, At: w.now, Text: fmt.Sprintf(format, args...)})
}

// rows is what the server knows of every order.
func (s *server) rows() (map[job.OrderID]controller.RunAsset, error) {
	rows := map[job.OrderID]controller.RunAsset{}
	jobs, err := s.jobs()
	for _, id := range jobs {
		err := s.runs(id, func(run controller.RunStatus) (bool, error) {
			return true, s.orders(run.ID, func(row controller.RunAsset) { rows[row.Order] = row })
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, err
}

// jobs lists every job there ever was.
func (s *server) jobs() (ids []job.ID, err error) {
	var past job.ID
	for {
		jobs, err := s.c.Jobs(context.Background(), past, controller.MaxPage)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			past = j.ID
			ids = append(ids, past)
		}
		if len(jobs) < controller.MaxPage {
			return ids, nil
		}
	}
}

// runs visits the runs of a job by start.
func (s *server) runs(id job.ID, visit func(controller.RunStatus) (bool, error)) error {
	var past job.RunID
	for {
		runs, err := s.c.Runs(context.Background(), id, past, controller.MaxPage)
		if err != nil {
			return err
		}
		for _, run := range runs {
			past = run.ID
			if on, err := visit(run); err != nil || !on {
				return err
			}
		}
		if len(runs) < controller.MaxPage {
			return nil
		}
	}
}

// orders visits the orders of a run by asset.
func (s *server) orders(id job.RunID, visit func(controller.RunAsset)) error {
	var past job.AssetID
	for {
		list, err := s.c.RunAssets(context.Background(), id, past, controller.MaxPage)
		if err != nil {
			return err
		}
		for _, row := range list {
			past = row.Asset
			visit(row)
		}
		if len(list) < controller.MaxPage {
			return nil
		}
	}
}

// row is what the server knows of the latest run of a job on an asset; ok is false when there is none.
func (s *server) row(asset job.AssetID, id job.ID) (row controller.RunAsset, ok bool, err error) {
	var runs []job.RunID
	err = s.runs(id, func(run controller.RunStatus) (bool, error) {
		runs = append(runs, run.ID)
		return true, nil
	})
	if _, missing := errors.AsType[*controller.NotFoundError](err); missing {
		return row, false, nil
	}
	for i := len(runs) - 1; i >= 0 && err == nil && !ok; i-- {
		err = s.orders(runs[i], func(r controller.RunAsset) {
			if r.Asset == asset {
				row, ok = r, true
			}
		})
	}
	return row, ok, err
}

package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Settle checks what must hold once the agents have called and nothing is under way: every order that was due came to a
// final result and left no files behind, and what the server shows, order by order and as a count, is what the agents'
// journals add up to (invariants 10 and 12). Orders that are not due yet, and those that wait for a reboot by hand, may wait.
// An asset that is off, asleep, cut off, refused or removed promises nothing: what the server shows of it is taken as it is, as it is of
// one that several computers are or were.
func (w *World) Settle() error {
	if err := w.trouble(); err != nil {
		return err
	}
	runs, err := w.server.listed()
	if err != nil {
		return err
	}
	rows := map[job.OrderID]controller.RunAsset{}
	for _, run := range runs {
		for _, row := range run.rows {
			rows[row.Order] = row
		}
	}
	failed, borne, counted := 0, map[job.AssetID]bool{}, map[job.AssetID]bool{}
	for _, a := range w.sorted() {
		o := &a.watch
		borne[a.as] = true
		away := !a.up || a.asleep() || a.link.cut || w.server.removed[a.id] || w.server.refusing[a.id]
		if n := len(a.state.Reports); n > 0 && !away {
			o.broke(10, "%d reports are not acknowledged", n)
		}
		if away || a.shared {
			for _, row := range rows {
				if row.Asset == a.as && !counted[a.as] {
					failed += watch.Failures(row.Patches)
				}
			}
			counted[a.as] = true
			continue
		}
		last := map[job.OrderID]job.Report{}
		var ids []job.OrderID // in the journal's order
		for _, r := range o.known() {
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
			if e != nil && !e.Ended() && !e.order.Start.After(w.now) && !(e.Result == job.PendingReboot && e.order.Reboot.Suppress) {
				o.broke(10, "%s was due at %s, and has not ended", id, e.order.Start.Format("2006-01-02T15:04:05Z"))
			}
			row, known := rows[id]
			if !known && w.server.restored { // it was ordered after the backup that the server was put back to
				continue
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
			switch {
			case !known:
				o.broke(12, "the server knows nothing of %s; the asset's journal says %s", id, Describe(r))
			case r.Result == job.Withdrawn && row.Result != r.Result && !row.HandedOut: // made again since, and nothing was to be done
			case o.left[id] && !watch.Final(r.Result) && !row.Ended.IsZero(): // the agent lost its state over it (JOB-24)
			case row.Result != r.Result:
				o.broke(12, "the server shows %s %s; the asset's journal says %s", id, row.Result, r.Result)
			}
		}
	}
	for _, row := range rows {
		if !borne[row.Asset] { // its computer enrolled under another name
			failed += watch.Failures(row.Patches)
		}
	}
	n, err := w.server.c.FailedInstalls(context.Background())
	if err != nil {
		return err
	}
	if n != failed {
		w.broke(12, "the server counts %d failed installs; the journals add up to %d", n, failed)
	}
	if err := w.server.audit(runs, n); err != nil {
		return err
	}
	return w.trouble()
}

// broke notes an invariant that broke at the server.
func (w *World) broke(invariant int, format string, args ...any) {
	w.broken = append(w.broken, &Broken{Invariant: invariant, At: w.now, Text: fmt.Sprintf(format, args...)})
}

// listed is a run as the server shows it, with its orders.
type listed struct {
	controller.RunStatus
	rows []controller.RunAsset
}

// listed is what the server shows of every run there ever was.
func (s *server) listed() (all []listed, err error) {
	jobs, err := pages(s.c.Jobs, func(j controller.JobStatus) job.ID { return j.ID })
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		runs, err := s.runs(j.ID)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			rows, err := s.orders(run.ID)
			if err != nil {
				return nil, err
			}
			all = append(all, listed{run, rows})
		}
	}
	return all, nil
}

// runs lists the runs of a job by start.
func (s *server) runs(id job.ID) ([]controller.RunStatus, error) {
	return pages(func(ctx context.Context, past job.RunID, limit int) ([]controller.RunStatus, error) {
		return s.c.Runs(ctx, id, past, limit)
	}, func(run controller.RunStatus) job.RunID { return run.ID })
}

// orders lists the orders of a run by asset.
func (s *server) orders(id job.RunID) ([]controller.RunAsset, error) {
	return pages(func(ctx context.Context, past job.AssetID, limit int) ([]controller.RunAsset, error) {
		return s.c.RunAssets(ctx, id, past, limit)
	}, func(row controller.RunAsset) job.AssetID { return row.Asset })
}

// pages reads a list page by page, each after the key of the last row before it.
func pages[K, E any](list func(ctx context.Context, past K, limit int) ([]E, error), key func(E) K) (all []E, err error) {
	var past K
	for {
		page, err := list(context.Background(), past, controller.MaxPage)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < controller.MaxPage {
			return all, nil
		}
		past = key(page[len(page)-1])
	}
}

// row is what the server knows of the latest run of a job on an asset; ok is false when there is none.
func (s *server) row(asset job.AssetID, id job.ID) (row controller.RunAsset, ok bool, err error) {
	runs, err := s.runs(id)
	if _, missing := errors.AsType[*controller.NotFoundError](err); missing {
		return row, false, nil
	}
	for _, run := range slices.Backward(runs) {
		rows, err := s.orders(run.ID)
		if err != nil {
			return row, false, err
		}
		if i := slices.IndexFunc(rows, func(r controller.RunAsset) bool { return r.Asset == asset }); i >= 0 {
			return rows[i], true, nil
		}
	}
	return row, false, err
}

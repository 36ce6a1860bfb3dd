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

// Settle checks what must hold once the agents have called and nothing is under
// way: each order that was due has a final result and left no files, and the
// server shows, per order and as a count, what the agents' journals add up to
// (invariants 10 and 12). An order that is not due, or that waits for a reboot
// by hand, may wait. For an asset that is off, asleep, cut off, refused, removed
// or cloned, Settle takes what the server shows as it is. It returns the first
// invariant that broke, as a [*Broken], or the error that ended the simulation.
func (w *World) Settle() error {
	if err := w.trouble(); err != nil {
		return err
	}
	runs, err := w.server.listed()
	if err != nil {
		return err
	}
	rows := map[job.OrderID]controller.RunAsset{}
	taken := map[job.AssetID]bool{} // whose failed installs are taken from the server
	for _, run := range runs {
		for _, row := range run.rows {
			rows[row.Order] = row
			taken[row.Asset] = true
		}
	}
	failed := 0
	for _, a := range w.sorted() {
		away := a.unreachable() || w.server.removed[a.id] || w.server.refusing[a.id]
		if n := len(a.state.Reports); n > 0 && !away {
			a.observer.broke(10, "%d reports are not acknowledged", n)
		}
		if taken[a.as] = away || a.shared; !taken[a.as] {
			failed += a.settle(rows)
		}
	}
	for _, row := range rows {
		if taken[row.Asset] {
			failed += watch.Failures(row.Patches)
		}
	}
	n, err := w.server.c.FailedInstalls(background)
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

// settle compares an asset's journal with the server's rows, and returns its
// failed installs.
func (a *asset) settle(rows map[job.OrderID]controller.RunAsset) (failed int) {
	o := &a.observer
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
		r, e := last[id], o.orders[id]
		if e != nil && !e.Ended() && !e.order.Start.After(a.w.now) && !(e.Result == job.PendingReboot && e.order.Reboot.Suppress) {
			o.broke(10, "%s was due at %s, and has not ended", id, e.order.Start.Format("2006-01-02T15:04:05Z"))
		}
		row, known := rows[id]
		if !known && a.w.server.restored { // it was ordered after the backup
			continue
		}
		failed += watch.Failures(r.Patches) // of the last report, also while a reboot is pending
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
			o.broke(12, "the server knows nothing of %s; the asset's journal says %s", id, describe(r))
		case r.Result == job.Withdrawn && row.Result != r.Result && !row.HandedOut: // made again since, with nothing to do
		case o.left[id] && !watch.Final(r.Result) && !row.Ended.IsZero(): // the agent lost its state before the end (JOB-24)
		case row.Result != r.Result:
			o.broke(12, "the server shows %s %s; the asset's journal says %s", id, row.Result, r.Result)
		}
	}
	return failed
}

func (w *World) broke(invariant int, format string, args ...any) {
	w.broken = append(w.broken, &Broken{Invariant: invariant, At: w.now, Text: fmt.Sprintf(format, args...)})
}

type listed struct {
	controller.RunStatus
	rows []controller.RunAsset
}

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

func (s *server) runs(id job.ID) ([]controller.RunStatus, error) {
	return pages(func(ctx context.Context, past job.RunID, limit int) ([]controller.RunStatus, error) {
		return s.c.Runs(ctx, id, past, limit)
	}, func(run controller.RunStatus) job.RunID { return run.ID })
}

func (s *server) orders(id job.RunID) ([]controller.RunAsset, error) {
	return pages(func(ctx context.Context, past job.AssetID, limit int) ([]controller.RunAsset, error) {
		return s.c.RunAssets(ctx, id, past, limit)
	}, func(row controller.RunAsset) job.AssetID { return row.Asset })
}

// pages reads a list page by page, each from the last row's key on.
func pages[K, E any](list func(ctx context.Context, past K, limit int) ([]E, error), key func(E) K) (all []E, err error) {
	var past K
	for {
		page, err := list(background, past, controller.MaxPage)
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

// row returns what the server shows of the latest run of a job on an asset; ok
// is false when there is none.
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

package agentsim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Settle checks what must hold once the agents have called and nothing is under
// way: each order that was due has a final result and left no files, and the
// server shows, per order and as a count, what the agents' journals add up to
// (invariants 10 and 12). An order that is not due, or that waits for a reboot
// by hand, may wait. Settle does not check what the server shows for an asset
// that is off, asleep, cut off, refused, removed or cloned. It returns the
// first invariant that broke, as a [*Broken], or the error that ended the
// simulation.
func (w *World) Settle() error {
	if err := w.trouble(); err != nil {
		return err
	}
	runs := w.server.listed()
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
	w.server.audit(runs, failed)
	return w.trouble()
}

// settle compares an asset's journal with the server's rows, and returns its
// failed installs.
func (a *asset) settle(rows map[job.OrderID]controller.RunAsset) (failed int) {
	o := &a.observer
	last := map[job.OrderID]job.Report{}
	var ids []job.OrderID // in the journal's order
	for i, r := range o.journal {
		if r.Order == "" || i >= o.former && o.unknown[r.Sequence] {
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
		staged := slices.ContainsFunc(slices.Collect(maps.Keys(a.staged)), func(at stagedKey) bool { return at.order == id })
		if staged && watch.Final(r.Result) {
			o.broke(10, "%s ended, and its files are still there", id)
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

// audit compares the server's lists with each other and with the failed
// installs that the journals add up to, and what it waits for with what the
// agents hold (invariants 10 and 12).
func (s *server) audit(runs []listed, failed int) {
	counted, err := s.c.FailedInstalls(background)
	s.w.fail(err)
	if counted != failed {
		s.w.broke(12, "the server counts %d failed installs; the journals add up to %d", counted, failed)
	}
	differences, err := s.c.CheckIndexes(background)
	s.w.fail(err)
	for _, d := range differences {
		s.w.broke(12, "the server's own lists disagree with its orders: %s", d)
	}
	failures, err := s.failures(controller.FailureFilter{Limit: controller.MaxPage})
	s.w.fail(err)
	if counted != failures {
		s.w.broke(12, "the server counts %d failed installs, and lists %d (RPT-2)", counted, failures)
	}
	var reboots, cancels []controller.Open
	for _, run := range runs {
		s.auditRun(run)
		for _, row := range run.rows {
			if row.Result == job.PendingReboot {
				reboots = append(reboots, controller.Open{Run: run.ID, Asset: row.Asset, Since: row.Since})
			}
			if row.Cancel == ledger.CancelPending {
				cancels = append(cancels, controller.Open{Run: run.ID, Asset: row.Asset})
			}
			s.auditRow(run.Start, row)
		}
	}
	s.auditOpen("waiting for a reboot", s.c.PendingReboots, reboots)
	s.auditOpen("waiting for a cancel", s.c.PendingCancels, cancels)
	for _, a := range s.w.sorted() {
		if s.removed[a.id] || a.shared || a.observer.lost || s.restored {
			continue
		}
		status, err := s.c.Asset(background, a.as, s.w.now)
		s.w.fail(err)
		if n := len(status.LastAnomalies); n > 0 {
			last := status.LastAnomalies[n-1]
			a.observer.broke(12, "the server makes no sense of %d reports of its own agent, the last on %s: %s", status.AnomalyCount, last.Order, last.Text)
		}
	}
}

// auditOpen compares a list of open orders with the rows that should be in it.
func (s *server) auditOpen(what string, list func(context.Context, int) ([]controller.Open, error), rows []controller.Open) {
	have, err := list(background, controller.MaxPage)
	if s.w.fail(err); len(rows) > controller.MaxPage {
		return
	}
	have = slices.DeleteFunc(have, func(o controller.Open) bool { return o.Run == "" }) // no job caused it
	for _, o := range rows {
		if !slices.Contains(have, o) {
			s.w.broke(12, "%s on %s is %s, and not listed (RPT-3)", o.Run, o.Asset, what)
		}
	}
	if len(have) != len(rows) {
		s.w.broke(12, "%d orders are listed as %s; %d are (RPT-3)", len(have), what, len(rows))
	}
}

func (s *server) auditRun(run listed) {
	waiting, results := 0, map[job.Result]int{}
	for _, row := range run.rows {
		switch {
		case row.Waiting:
			waiting++
		case !row.Ended.IsZero():
			results[row.Result]++
		}
	}
	open := run.Waiting + run.NotBegun + run.Executing
	for _, r := range run.Results {
		open += r.Assets
		if r.Assets != results[r.Result] {
			s.w.broke(12, "run %s counts %d assets as %s; %d are", run.ID, r.Assets, r.Result, results[r.Result])
		}
		delete(results, r.Result)
	}
	if rows := len(run.rows); run.Assets != rows || open != rows || len(results) > 0 || run.Waiting != waiting {
		s.w.broke(12, "run %s counts %d assets and %d by state; %d are listed", run.ID, run.Assets, open, rows)
	}
}

// auditRow checks that the asset knows an order for which the server waits.
func (s *server) auditRow(start time.Time, row controller.RunAsset) {
	a := s.w.assets[row.Asset]
	if !row.Ended.IsZero() || row.Waiting || a == nil || a.unreachable() || len(a.state.Reports) > 0 {
		return
	}
	if a.shared || a.observer.lost && a.observer.revision == 0 { // the server has not seen the loss yet
		return
	}
	if started := !start.After(s.w.now.Add(-s.w.cfg.CheckIn)); started && !a.knows(row.Order) {
		a.observer.broke(10, "the server waits for %s, and the asset knows nothing of it", row.Order)
	}
}

func (s *server) failures(filter controller.FailureFilter) (n int, err error) {
	for {
		page, err := s.c.Failures(background, filter)
		if err != nil {
			return 0, err
		}
		if n += len(page.Failures); page.Next == "" {
			return n, nil
		}
		filter.Page = page.Next
	}
}

// listed is a run with what the server shows of it on each asset.
type listed struct {
	controller.RunStatus
	rows []controller.RunAsset
}

func (s *server) listed() (all []listed) {
	for _, j := range s.jobs() {
		for _, run := range s.runs(j.ID) {
			all = append(all, listed{run, s.orders(run.ID)})
		}
	}
	return all
}

func (s *server) jobs() []controller.JobStatus {
	return all(s.w, func(last controller.JobStatus) ([]controller.JobStatus, error) {
		return s.c.Jobs(background, last.ID, controller.MaxPage)
	})
}

func (s *server) runs(id job.ID) []controller.RunStatus {
	return all(s.w, func(last controller.RunStatus) ([]controller.RunStatus, error) {
		return s.c.Runs(background, id, last.ID, controller.MaxPage)
	})
}

func (s *server) orders(id job.RunID) []controller.RunAsset {
	return all(s.w, func(last controller.RunAsset) ([]controller.RunAsset, error) {
		return s.c.RunAssets(background, id, last.Asset, controller.MaxPage)
	})
}

// all reads a whole list. An error ends the simulation.
func all[E any](w *World, page func(last E) ([]E, error)) (list []E) {
	for e, err := range controller.All(page) {
		if w.fail(err); err == nil {
			list = append(list, e)
		}
	}
	return list
}

// row returns what the server shows of the latest run of a job on an asset; ok
// is false when there is none.
func (s *server) row(asset job.AssetID, id job.ID) (row controller.RunAsset, ok bool) {
	if _, err := s.c.Job(background, id); err != nil {
		return row, false
	}
	for _, run := range slices.Backward(s.runs(id)) {
		rows := s.orders(run.ID)
		if i := slices.IndexFunc(rows, func(r controller.RunAsset) bool { return r.Asset == asset }); i >= 0 {
			return rows[i], true
		}
	}
	return row, false
}

package agentsim

import (
	"context"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// audit compares what the server says in one place with what it says in another, and with what its own agents hold
// (invariants 10 and 12).
func (s *server) audit(runs []listed, failed int) error {
	differences, err := s.c.Audit(context.Background())
	if err != nil {
		return err
	}
	for _, d := range differences {
		s.w.broke(12, "the server's own lists disagree with its orders: %s", d)
	}
	failures, err := s.failures(controller.FailureFilter{Limit: controller.MaxPage})
	if err != nil {
		return err
	}
	if failed != failures {
		s.w.broke(12, "the server counts %d failed installs, and lists %d (RPT-2)", failed, failures)
	}
	var reboots, cancels []controller.Open
	for _, run := range runs {
		s.auditRun(run, &reboots, &cancels)
	}
	if err := s.auditOpen("waiting for a reboot", s.c.PendingReboots, reboots); err != nil {
		return err
	}
	if err := s.auditOpen("waiting for a cancel", s.c.PendingCancels, cancels); err != nil {
		return err
	}
	for _, a := range s.w.sorted() {
		if s.removed[a.id] || a.shared {
			continue
		}
		status, err := s.c.Asset(context.Background(), a.as, s.w.now)
		if err != nil {
			return err
		}
		if n := len(status.LastAnomalies); n > 0 && !a.watch.lost && !s.restored {
			last := status.LastAnomalies[n-1]
			a.watch.broke(12, "the server makes no sense of %d reports of its own agent, the last on %s: %s", status.AnomalyCount, last.Order, last.Text)
		}
	}
	return nil
}

// failures counts a list of failed installs, page by page.
func (s *server) failures(filter controller.FailureFilter) (n int, err error) {
	for {
		page, err := s.c.Failures(context.Background(), filter)
		if err != nil {
			return 0, err
		}
		if n += len(page.Failures); page.Next == "" {
			return n, nil
		}
		filter.Page = page.Next
	}
}

// auditOpen wants the list of what is open to be what the rows say.
func (s *server) auditOpen(what string, list func(context.Context, int) ([]controller.Open, error), rows []controller.Open) error {
	have, err := list(context.Background(), controller.MaxPage)
	if err != nil || len(rows) > controller.MaxPage {
		return err
	}
	have = slices.DeleteFunc(have, func(o controller.Open) bool { return o.Run == "" }) // the asset's own
	for _, o := range rows {
		if !slices.Contains(have, o) {
			s.w.broke(12, "%s on %s is %s, and not listed (RPT-3)", o.Run, o.Asset, what)
		}
	}
	if len(have) != len(rows) {
		s.w.broke(12, "%d orders are listed as %s; %d are (RPT-3)", len(have), what, len(rows))
	}
	return nil
}

// auditRun wants a run's counts to be those of its rows, and each row that is open and due to be with its asset. It collects
// the rows that wait for something.
func (s *server) auditRun(run listed, reboots, cancels *[]controller.Open) {
	waiting, results := 0, map[job.Result]int{}
	for _, row := range run.rows {
		switch {
		case row.Waiting:
			waiting++
		case !row.Ended.IsZero():
			results[row.Result]++
		}
		if row.Result == job.PendingReboot {
			*reboots = append(*reboots, controller.Open{Run: run.ID, Asset: row.Asset})
		}
		if row.Cancel == ledger.CancelPending {
			*cancels = append(*cancels, controller.Open{Run: run.ID, Asset: row.Asset})
		}
		s.auditRow(run.Start, row)
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

// auditRow wants an order that the server waits for to be one that its asset still knows.
func (s *server) auditRow(start time.Time, row controller.RunAsset) {
	a := s.w.assets[row.Asset]
	if !row.Ended.IsZero() || row.Waiting || a == nil || !a.up || a.asleep() || a.link.cut || len(a.state.Reports) > 0 {
		return
	}
	if a.shared || a.watch.lost && a.watch.revision == 0 { // the server has not heard of what was lost yet
		return
	}
	known := slices.ContainsFunc(a.state.Queue, func(o job.Order) bool { return o.ID == row.Order }) ||
		slices.ContainsFunc(a.state.Executions, func(x execution.State) bool { return x.Order.ID == row.Order })
	if started := !start.After(s.w.now.Add(-s.w.cfg.CheckIn)); started && !known {
		a.watch.broke(10, "the server waits for %s, and the asset knows nothing of it", row.Order)
	}
}

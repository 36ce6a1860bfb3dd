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

// audit compares the server's lists with each other, and with what the agents
// hold (invariants 10 and 12).
func (s *server) audit(runs []listed, failed int) error {
	differences, err := s.c.CheckIndexes(background)
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
		s.auditRun(run)
		for _, row := range run.rows {
			open := controller.Open{Run: run.ID, Asset: row.Asset}
			if row.Result == job.PendingReboot {
				reboots = append(reboots, controller.Open{Run: run.ID, Asset: row.Asset, Since: row.Since})
			}
			if row.Cancel == ledger.CancelPending {
				cancels = append(cancels, open)
			}
			s.auditRow(run.Start, row)
		}
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
		status, err := s.c.Asset(background, a.as, s.w.now)
		if err != nil {
			return err
		}
		if n := len(status.LastAnomalies); n > 0 && !a.observer.lost && !s.restored {
			last := status.LastAnomalies[n-1]
			a.observer.broke(12, "the server makes no sense of %d reports of its own agent, the last on %s: %s", status.AnomalyCount, last.Order, last.Text)
		}
	}
	return nil
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

// auditOpen compares a list of open orders with the rows that should be in it.
func (s *server) auditOpen(what string, list func(context.Context, int) ([]controller.Open, error), rows []controller.Open) error {
	have, err := list(background, controller.MaxPage)
	if err != nil || len(rows) > controller.MaxPage {
		return err
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
	return nil
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
	known := slices.ContainsFunc(a.state.Queue, func(o job.Order) bool { return o.ID == row.Order }) ||
		slices.ContainsFunc(a.state.Executions, func(x execution.State) bool { return x.Order.ID == row.Order })
	if started := !start.After(s.w.now.Add(-s.w.cfg.CheckIn)); started && !known {
		a.observer.broke(10, "the server waits for %s, and the asset knows nothing of it", row.Order)
	}
}

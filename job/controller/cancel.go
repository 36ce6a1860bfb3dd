package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// CancelReport says, asset by asset, what is known of a cancel.
type CancelReport struct {
	Assets []AssetCancel `json:"assets"` // by run, then asset; none when no order was made yet
	// Spared is the planned run that CancelJob left alone, because another one
	// is in progress; empty: none. CancelRun cancels it.
	Spared job.RunID `json:"spared,omitempty"`
}

// AssetCancel is one asset of a CancelReport.
type AssetCancel struct {
	Run    job.RunID          `json:"run"`
	Asset  job.AssetID        `json:"asset"`
	State  ledger.CancelState `json:"state"`
	Stage  job.Stage          `json:"stage,omitempty"`  // of TooLate
	Result job.Result         `json:"result,omitempty"` // of Ended
}

// CancelRun cancels one run (JOB-3): orders that never reached their asset end
// as Cancelled, those that did are marked in its next manifest, and what the
// asset then reports is the truth. Cancelling again returns what is known by
// then. The cancel holds at once for every asset that calls, however many there
// are.
//
// Errors: a *CancelRefused if nothing can be cancelled any more, and the report
// is filled all the same; an *UnfinishedError when the run is cancelled and
// some of its orders are still to follow; a *NotFoundError.
func (c *Controller) CancelRun(ctx context.Context, id job.RunID, now time.Time) (CancelReport, error) {
	return c.cancel(ctx, RunCancelled, string(id), now, func(r Reader) (chosen, error) {
		run, err := loadRun(r, id)
		return chosen{runs: []runRecord{run}, why: noOrder(run)}, err
	})
}

// CancelJob cancels the runs of a job whose orders are made and, if none of
// them is in progress, the planned one. It is otherwise like CancelRun. A run
// is in progress while its orders are being made, or while an asset that still
// calls has not finished it and does more than wait for a reboot. The cancel
// then means that run and spares the planned one. If nothing of that run can be
// cancelled any more, the cancel is refused (JOB-3). The job stays enabled: to
// keep it from running again, disable it.
func (c *Controller) CancelJob(ctx context.Context, id job.ID, now time.Time) (CancelReport, error) {
	return c.cancel(ctx, JobCancelled, string(id), now, func(r Reader) (of chosen, err error) {
		rec, err := loadJob(r, id)
		if err != nil {
			return of, err
		}
		busy := false
		for _, open := range rec.Open {
			run, err := loadRun(r, open)
			if err == nil && !busy {
				busy, err = c.inProgress(r, run, now)
			}
			if err != nil {
				return of, err
			}
			of.runs = append(of.runs, run)
		}
		if of.why, err = idle(r, rec, of.runs); err != nil {
			return of, err
		}
		planned := func(r runRecord) bool { return r.State == ledger.RunPlanned }
		if i := slices.IndexFunc(of.runs, planned); busy && i >= 0 {
			of.spared = of.runs[i].ID
			of.runs = slices.Delete(of.runs, i, i+1)
		}
		return of, nil
	})
}

// chosen holds the runs that a cancel concerns.
type chosen struct {
	runs   []runRecord
	spared job.RunID
	why    string // there is nothing to cancel, if no order was made
}

// noOrder says why a run has nothing to cancel, if it has no order.
func noOrder(run runRecord) string {
	switch run.State {
	case ledger.RunMissed:
		return "it was never made, since a newer run of the job came due first (JOB-12)"
	case ledger.RunWithdrawn:
		return "it was withdrawn before an order was made"
	default:
		return "it has no order, since its job selected no asset"
	}
}

// idle says why a job has nothing to cancel, if none of its runs has.
func idle(r Reader, rec jobRecord, runs []runRecord) (string, error) {
	status, err := jobStatus(r, rec)
	switch {
	case err != nil:
		return "", err
	case rec.Enabled.IsZero():
		return "it was never enabled, so it has no run", nil
	case len(runs) > 0 && status.Waits == nil:
		newest := slices.MaxFunc(runs, func(a, b runRecord) int { return a.Start.Compare(b.Start) })
		return fmt.Sprintf("its last run is %s, and %s", newest.ID, noOrder(newest)), nil
	case status.Waits != nil:
		return "it has not started since it was last enabled, or since its last run ended. " + status.Waits.Text, nil
	default:
		return fmt.Sprintf("it is %v and has no run", rec.Definition.State), nil
	}
}

// errRefused rolls back the transaction of a cancel that comes too late.
var errRefused = errors.New("nothing can be cancelled any more")

// cancel marks the chosen runs in one short transaction, with a first batch of
// their orders, and brings the mark to the other orders in further ones.
func (c *Controller) cancel(ctx context.Context, action Action, id string, now time.Time, choose func(Reader) (chosen, error)) (report CancelReport, err error) {
	of, err := view(ctx, c.store, choose)
	if err != nil {
		return report, err
	}
	report.Spared = of.spared
	var refused *CancelRefused
	var more []job.RunID
	err = c.update(ctx, now, func(t *tx) (err error) {
		what := "run " + id
		if action == JobCancelled {
			what = "job " + id
		}
		if refused, err = cancellable(t, what, of.why, of.runs, t.now); err != nil {
			return err
		}
		if refused != nil {
			return errRefused
		}
		var ids []string
		ids, more, err = t.cancel(of.runs)
		if len(ids) > 0 {
			t.acted(action, id, strings.Join(ids, ", "))
		}
		return err
	})
	switch {
	case refused != nil:
		err = refused
	case err != nil:
		return report, err
	default:
		err = unfinished(c.finish(ctx, more, now))
	}
	var unread error
	report.Assets, unread = view(ctx, c.store, func(r Reader) ([]AssetCancel, error) { return known(r, of.runs) })
	return report, cmp.Or(err, unread)
}

// cancel marks runs. It returns those that were not cancelled before, and those
// with orders left for another transaction.
func (t *tx) cancel(runs []runRecord) (cancelled []string, more []job.RunID, err error) {
	for _, run := range runs {
		run, err := loadRun(t, run.ID)
		if err != nil {
			return nil, nil, err
		}
		was := run.State
		if run, err = t.stop(run, ledger.RunCancel{}); err != nil {
			return nil, nil, err
		}
		if run.State != was {
			cancelled = append(cancelled, string(run.ID))
		}
		if was == ledger.RunPlanned { // this run only: the job goes on with the one after it
			if _, err := t.renew(run); err != nil {
				return nil, nil, err
			}
		}
		if run.Stopping() != nil {
			more = append(more, run.ID)
		}
	}
	return cancelled, more, nil
}

// known returns what is known of a cancel on each asset.
func known(r Reader, runs []runRecord) (assets []AssetCancel, err error) {
	for _, run := range runs {
		for e, err := range entries(r, run.ID) {
			if err != nil {
				return nil, err
			}
			line := AssetCancel{Run: run.ID, Asset: e.Asset, State: e.Cancel()}
			switch line.State {
			case ledger.CancelTooLate:
				line.Stage = max(e.TooLate, e.Stage)
			case ledger.CancelEnded:
				line.Result = e.Result
			}
			assets = append(assets, line)
		}
	}
	return assets, nil
}

// cancellable returns a *CancelRefused if no order of the runs was cancelled or
// can be. Why is the reason if no order was made.
func cancellable(r Reader, what, why string, runs []runRecord, now time.Time) (refused *CancelRefused, err error) {
	refused = &CancelRefused{What: what}
	none, cancelled := true, false
	for _, run := range runs {
		run, err := loadRun(r, run.ID)
		if err != nil {
			return nil, err
		}
		cancelled = cancelled || run.State == ledger.RunCancelled
		switch {
		case run.State == ledger.RunPlanned, run.State == ledger.RunMaking, run.joinable(now):
			return nil, nil // orders that will not be made
		case run.After != "" && !run.State.Over(): // further assets could follow
			before, found, err := findRun(r, run.After)
			if err != nil {
				return nil, err
			}
			if done, err := over(r, before, now); found && (err != nil || !done) {
				return nil, err
			}
		}
		for e, err := range entries(r, run.ID) {
			if err != nil {
				return nil, err
			}
			none = false
			switch e.Cancel() {
			case ledger.CancelDone, ledger.CancelPending:
				return nil, nil
			case ledger.CancelTooLate:
				if stage := max(e.TooLate, e.Stage); stage != job.StageDone {
					refused.Stage = max(refused.Stage, stage)
				}
			}
		}
	}
	switch {
	case none && cancelled:
		return nil, nil
	case none:
		refused.Why = why
	case refused.Stage == 0:
		refused.Stage = job.StageDone
	}
	return refused, nil
}

// inProgress reports whether an asset that still calls has not ended the run,
// and is not merely waiting for a reboot.
func (c *Controller) inProgress(r Reader, run runRecord, now time.Time) (busy bool, err error) {
	if run.State == ledger.RunMaking {
		return true, nil
	}
	for e, err := range entries(r, run.ID) {
		if err != nil {
			return false, err
		}
		if e.Phase == ledger.Ended || e.Result == job.PendingReboot {
			continue
		}
		rec, err := loadAsset(r, e.Asset)
		if _, gone := errors.AsType[*NotFoundError](err); gone {
			continue
		}
		if err != nil {
			return false, err
		}
		if status, err := c.assetStatus(r, rec, now); err != nil || !status.Silent {
			return true, err
		}
	}
	return false, nil
}

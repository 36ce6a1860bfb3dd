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
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// CancelReport says, asset by asset, what is known of a cancel.
type CancelReport struct {
	Assets []AssetCancel `json:"assets"` // by run, then asset; none when no order was made yet
	// Spared is the planned run that CancelJob left alone, because the one
	// before it is in progress or was cancelled; empty: none. CancelRun cancels
	// it.
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
// as Cancelled, orders that did reach it are marked in its next manifest, and
// then the report of the asset decides. Cancelling again returns what is known
// by then. The cancel holds at once for every asset that calls, however many
// there are.
//
// Errors: a *CancelRefused if nothing can be cancelled any more, with a full
// report; an *UnfinishedError when the run is cancelled and some of its orders
// are still to follow; a *NotFoundError.
func (c *Controller) CancelRun(ctx context.Context, id job.RunID, now time.Time) (CancelReport, error) {
	return c.cancel(ctx, RunCancelled, string(id), now, func(r *reader) chosen {
		run := r.run(id)
		return chosen{runs: []runRecord{run}, why: noOrder(run)}
	})
}

// CancelJob cancels the runs of a job whose orders are made and, if none of
// them is in progress, the planned one. It is otherwise like CancelRun. A run
// is in progress while its orders are being made, or while an asset that still
// calls has not finished it and does more than wait for a reboot. The cancel
// then means that run and spares the planned one. If nothing of that run can be
// cancelled any more, the cancel is refused (JOB-3). The planned run is also
// spared if the run before it was cancelled, so cancelling twice cancels one
// run. The job stays enabled: to keep it from running again, disable it.
func (c *Controller) CancelJob(ctx context.Context, id job.ID, now time.Time) (CancelReport, error) {
	return c.cancel(ctx, JobCancelled, string(id), now, func(r *reader) (of chosen) {
		rec, busy := r.job(id), false
		for _, open := range rec.Open {
			run := r.run(open)
			busy = busy || r.inProgress(run, now)
			of.runs = append(of.runs, run)
		}
		of.why = r.idle(rec, of.runs)
		i := slices.IndexFunc(of.runs, func(r runRecord) bool { return r.State == ledger.RunPlanned })
		if i < 0 {
			return of
		}
		planned := of.runs[i]
		before := r.runBefore(planned)
		if again := before.State == ledger.RunCancelled; again || busy {
			of.spared, of.runs = planned.ID, slices.Delete(of.runs, i, i+1)
			if again && !slices.ContainsFunc(of.runs, func(r runRecord) bool { return r.ID == before.ID }) {
				of.runs = append(of.runs, before)
			}
		}
		return of
	})
}

// runBefore returns the run of the start before that of a recurring job's run;
// without one, the zero runRecord.
func (r *reader) runBefore(run runRecord) (before runRecord) {
	d, zone := run.Definition, schedule.West
	if !run.zoned() {
		zone, _ = r.c.location(d.Schedule.Zone) // nil: there is none before
	}
	if o, ok := d.Schedule.PrevIn(run.From, run.lastStart().Add(-1), zone); ok && recurs(d.Schedule) {
		before, _ = r.findRun(d.Run(o))
	}
	return before
}

// chosen is the runs that a cancel is about.
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
func (r *reader) idle(rec jobRecord, runs []runRecord) string {
	waits := r.jobStatus(rec).Waits
	switch {
	case rec.Enabled.IsZero():
		return "it was never enabled, so it has no run"
	case waits != nil:
		return "it has not started since it was last enabled, or since its last run ended. " + waits.Text
	case len(runs) > 0:
		newest := slices.MaxFunc(runs, func(a, b runRecord) int { return a.Start.Compare(b.Start) })
		return fmt.Sprintf("its last run is %s, and %s", newest.ID, noOrder(newest))
	default:
		return fmt.Sprintf("it is %v and has no run", rec.Definition.State)
	}
}

// cancel marks the chosen runs in one short transaction, with a first batch of
// their orders, and brings the mark to the other orders in further ones.
func (c *Controller) cancel(ctx context.Context, action Action, id string, now time.Time, choose func(*reader) chosen) (report CancelReport, err error) {
	of, err := view(ctx, c, choose)
	if err != nil {
		return report, err
	}
	report.Spared = of.spared
	what := "run " + id
	if action == JobCancelled {
		what = "job " + id
	}
	var more []job.RunID
	err = c.update(ctx, now, func(t *tx) {
		if refused := t.cancellable(what, of.why, of.runs, t.now); refused != nil {
			t.fail(refused)
			return
		}
		var ids []string
		ids, more = t.cancel(of.runs)
		if len(ids) > 0 {
			t.acted(action, id, strings.Join(ids, ", "))
		}
	})
	refused, late := errors.AsType[*CancelRefused](err)
	switch {
	case late && refused.Stage != 0 && refused.Stage != job.StageDone:
		err = cmp.Or(c.update(ctx, now, func(t *tx) { t.asked(of.runs) }), err)
	case late:
	case err != nil:
		return report, err
	default:
		err = unfinished(c.finish(ctx, more, now))
	}
	var unread error
	report.Assets, unread = view(ctx, c, func(r *reader) []AssetCancel { return r.known(of.runs) })
	return report, cmp.Or(err, unread)
}

// asked records in runs when a cancel was asked for. From that, they show later
// for which assets it was too late (JOB-3).
func (t *tx) asked(runs []runRecord) {
	for _, run := range runs {
		run := t.run(run.ID)
		if run.CancelAsked.IsZero() {
			run.CancelAsked = t.now
			t.saveRun(run.Run, run)
		}
	}
}

// cancel marks runs. It returns those that were not cancelled before, and those
// with orders left for another transaction.
func (t *tx) cancel(runs []runRecord) (cancelled []string, more []job.RunID) {
	t.asked(runs)
	for _, run := range runs {
		run := t.run(run.ID)
		was := run.State
		if run = t.stop(run, ledger.RunCancel{}); run.State != was {
			cancelled = append(cancelled, string(run.ID))
		}
		if was == ledger.RunPlanned { // this run only: the job goes on with the one after it
			t.renew(run)
		}
		if run.Stopping() != nil {
			more = append(more, run.ID)
		}
	}
	return cancelled, more
}

// cancelOf returns what is known of a cancel on one asset. If an order has no
// cancel mark and ended after the cancel was asked for, it had begun to deploy
// by then.
func (run runRecord) cancelOf(e ledger.Entry) ledger.CancelState {
	state := e.Cancel()
	if asked := run.CancelAsked; state == ledger.CancelEnded && !e.Cancelled && !asked.IsZero() && e.Ended.After(asked) {
		return ledger.CancelTooLate
	}
	return state
}

// known returns what is known of a cancel on each asset.
func (r *reader) known(runs []runRecord) (assets []AssetCancel) {
	for _, run := range runs {
		run := r.run(run.ID)
		for e := range r.entries(run.ID) {
			line := AssetCancel{Run: run.ID, Asset: e.Asset, State: run.cancelOf(e)}
			switch line.State {
			case ledger.CancelTooLate:
				line.Stage = max(e.TooLate, e.Stage)
			case ledger.CancelEnded:
				line.Result = e.Result
			}
			assets = append(assets, line)
		}
	}
	return assets
}

// cancellable returns a *CancelRefused if no order of the runs was cancelled or
// can be. Why is the reason if no order was made.
func (r *reader) cancellable(what, why string, runs []runRecord, now time.Time) *CancelRefused {
	refused := &CancelRefused{What: what}
	none, cancelled := true, false
	for _, run := range runs {
		run := r.run(run.ID)
		cancelled = cancelled || run.State == ledger.RunCancelled
		switch {
		case run.State == ledger.RunPlanned, run.State == ledger.RunMaking, run.joinable(now):
			return nil // orders that will not be made
		case run.After != "" && !run.State.Over(): // further assets could follow
			if before, found := r.findRun(run.After); found && !r.over(before, now) {
				return nil
			}
		}
		for e := range r.entries(run.ID) {
			none = false
			switch e.Cancel() {
			case ledger.CancelDone, ledger.CancelPending:
				return nil
			case ledger.CancelTooLate:
				if stage := max(e.TooLate, e.Stage); stage != job.StageDone {
					refused.Stage = max(refused.Stage, stage)
				}
			}
		}
	}
	switch {
	case none && cancelled:
		return nil
	case none:
		refused.Why = why
	case refused.Stage == 0:
		refused.Stage = job.StageDone
	}
	return refused
}

// inProgress reports whether an asset that still calls has not ended the run,
// and is not merely waiting for a reboot.
func (r *reader) inProgress(run runRecord, now time.Time) bool {
	if run.State == ledger.RunMaking {
		return true
	}
	if n := r.counts(run.ID); n.Waiting+n.NotBegun+n.Executing == n.PendingReboots {
		return false
	}
	for e := range r.entries(run.ID) {
		if e.Phase == ledger.Ended || e.Result == job.PendingReboot {
			continue
		}
		if rec, found := r.findAsset(e.Asset); found && !r.assetStatus(rec, now).Silent {
			return true
		}
	}
	return false
}

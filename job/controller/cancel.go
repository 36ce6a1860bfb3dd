package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
)

// CancelState is what came of a cancel on one asset (JOB-3).
type CancelState uint8

// The states.
const (
	CancelDone    CancelState = 1 + iota // nothing of the order was or will be deployed there
	CancelPending                        // the asset has, or may have, the order; its next report tells
	CancelTooLate                        // deploy had begun
	CancelEnded                          // the order had ended before
)

var cancelStates = enum.Of[CancelState]("cancel state", "Cancelled", "CancelPending", "TooLate", "Ended")

// CancelStates lists the states.
func CancelStates() []CancelState { return cancelStates.All() }

// ParseCancelState finds a state by its name. The error lists the names there are.
func ParseCancelState(name string) (CancelState, error) { return cancelStates.Parse(name) }

// String returns the state's name.
func (s CancelState) String() string { return cancelStates.String(s) }

// MarshalText returns the state's name.
func (s CancelState) MarshalText() ([]byte, error) { return cancelStates.MarshalText(s) }

// UnmarshalText sets the state to the one called text.
func (s *CancelState) UnmarshalText(text []byte) error { return cancelStates.UnmarshalText(text, s) }

// CancelReport says, asset by asset, what is known of a cancel.
type CancelReport struct {
	Assets []AssetCancel `json:"assets"` // by run, then asset; none when no order was made yet
	// Spared is the planned run that CancelJob left alone, since another is under way; empty: none. CancelRun cancels it.
	Spared job.RunID `json:"spared,omitempty"`
}

// AssetCancel is one asset of a CancelReport.
type AssetCancel struct {
	Run    job.RunID   `json:"run"`
	Asset  job.AssetID `json:"asset"`
	State  CancelState `json:"state"`
	Stage  job.Stage   `json:"stage,omitempty"`  // of TooLate
	Result job.Result  `json:"result,omitempty"` // of Ended
}

// CancelRun cancels one run (JOB-3): orders that never reached their asset end as Cancelled, those that did are marked
// in its next manifest, and what the asset then reports is the truth. Cancelling again tells what is known by now.
// If nothing can be cancelled any more, the error is a *CancelRefused and the report is filled all the same.
func (c *Controller) CancelRun(ctx context.Context, id job.RunID, now time.Time) (report CancelReport, err error) {
	now = instant(now)
	err = c.store.Update(ctx, func(w Writer) error {
		report = CancelReport{}
		run, _, err := loadRun(w, id)
		if err != nil {
			return err
		}
		ahead, err := c.cancel(w, run, &report, now)
		if err != nil || ahead {
			return err
		}
		return refused("run "+string(id), []runRecord{run}, report)
	})
	return report, err
}

// CancelJob cancels the runs of a job whose orders are made and, if none of them is under way, the planned one; it is
// otherwise like CancelRun. A run is under way while an asset that calls has yet to end it, but for a reboot that is left
// to somebody: who cancels a job that deploys means that run and is refused (JOB-3), and the next one is spared. The job
// stays enabled: to keep it from running again, disable it.
func (c *Controller) CancelJob(ctx context.Context, id job.ID, now time.Time) (report CancelReport, err error) {
	now = instant(now)
	err = c.store.Update(ctx, func(w Writer) error {
		report = CancelReport{}
		rec, err := loadJob(w, id)
		if err != nil {
			return err
		}
		var runs []runRecord
		anyAhead, busy := false, false
		for _, open := range rec.Open {
			run, _, err := loadRun(w, open)
			if err != nil {
				return err
			}
			runs = append(runs, run)
			if !busy {
				if busy, err = c.underWay(w, run, now); err != nil {
					return err
				}
			}
		}
		if i := slices.IndexFunc(runs, func(r runRecord) bool { return r.State == Planned }); busy && i >= 0 {
			report.Spared = runs[i].ID
			runs = slices.Delete(runs, i, i+1)
		}
		for _, run := range runs {
			ahead, err := c.cancel(w, run, &report, now)
			if err != nil {
				return err
			}
			anyAhead = anyAhead || ahead
		}
		if anyAhead {
			return nil
		}
		return refused("job "+string(id), runs, report)
	})
	return report, err
}

// underWay tells whether an asset that still calls has yet to end the run, and is not merely waiting for a reboot.
func (c *Controller) underWay(r Reader, run runRecord, now time.Time) (busy bool, err error) {
	if run.State == Making {
		return true, nil
	}
	err = eachOrder(r, run.ID, "", func(o orderRecord) (bool, error) {
		if o.ended() || o.Result == job.PendingReboot {
			return true, nil
		}
		rec, err := loadAsset(r, o.Asset)
		if _, gone := errors.AsType[*NotFoundError](err); gone {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		status, err := c.assetStatus(r, rec, now)
		busy = !status.Silent
		return !busy, err
	})
	return busy, err
}

// cancel cancels what can be cancelled of a run and adds what is known to the report. Ahead tells that the run could
// still have got orders, asset by asset, which it now does not get (JOB-19).
func (c *Controller) cancel(w Writer, run runRecord, report *CancelReport, now time.Time) (ahead bool, err error) {
	if planned := run.State == Planned; !run.State.over() {
		if run.Behind != "" {
			before, _, err := loadRun(w, run.Behind)
			if err != nil {
				return false, err
			}
			ended, err := settled(w, before)
			if err != nil {
				return false, err
			}
			ahead = !ended
		}
		if err := c.stop(w, &run, RunCancelled); err != nil {
			return ahead, err
		}
		if planned { // this run only: the job goes on with the one after it
			if _, err := c.renew(w, run, now); err != nil {
				return ahead, err
			}
		}
	}
	var orders []orderRecord
	err = eachOrder(w, run.ID, "", func(o orderRecord) (bool, error) {
		orders = append(orders, o)
		return true, nil
	})
	if err != nil {
		return ahead, err
	}
	for _, o := range orders {
		if o, err = cancelOrder(w, run.ID, o, now); err != nil {
			return ahead, err
		}
		line := AssetCancel{Run: run.ID, Asset: o.Asset, State: o.cancelState()}
		switch line.State {
		case CancelTooLate:
			line.Stage = max(o.TooLate, o.Stage)
		case CancelEnded:
			line.Result = o.Result
		}
		report.Assets = append(report.Assets, line)
	}
	return ahead, nil
}

func cancelOrder(w Writer, run job.RunID, o orderRecord, now time.Time) (orderRecord, error) {
	if o.ended() || o.Cancelled || o.Stage >= job.StageDeploy {
		return o, nil
	}
	handed, err := handedOut(w, o)
	if err != nil {
		return o, err
	}
	o.Cancelled = true
	if !handed {
		err := finish(w, run, o, job.Cancelled, now, true)
		o.Result, o.Ended = job.Cancelled, now
		return o, err
	}
	if o.Withdrawn { // its execution may have started before the withdrawal came: only a mark reaches it
		o.Withdrawn = false
		if err := mark(w, tableLive, string(run), string(o.Asset)); err != nil {
			return o, err
		}
		if err := mark(w, tableQueue, string(o.Asset), string(run)); err != nil {
			return o, err
		}
		if err := unmark(w, tableGone, string(o.Asset), string(run)); err != nil {
			return o, err
		}
	}
	if err := mark(w, tableCancels, string(run), string(o.Asset)); err != nil {
		return o, err
	}
	if _, err := bump(w, o.Asset); err != nil {
		return o, err
	}
	return o, saveOrder(w, run, o)
}

// cancelState tells what came of a cancel, from what the asset reported.
func (o orderRecord) cancelState() CancelState {
	switch {
	case o.ended() && o.Result == job.Cancelled:
		return CancelDone
	case o.TooLate != 0, !o.ended() && o.Stage >= job.StageDeploy:
		return CancelTooLate
	case o.ended():
		return CancelEnded
	default:
		return CancelPending
	}
}

// refused returns a *CancelRefused if nothing was or can still be cancelled.
func refused(what string, before []runRecord, report CancelReport) error {
	stage := job.StageDone
	for _, run := range before {
		if run.State == Planned || run.State == Making || run.State == RunCancelled && len(report.Assets) == 0 {
			return nil // orders that will not be made
		}
	}
	for _, a := range report.Assets {
		switch a.State {
		case CancelDone, CancelPending:
			return nil
		case CancelTooLate:
			if stage == job.StageDone || a.Stage > stage && a.Stage != job.StageDone {
				stage = a.Stage
			}
		}
	}
	return &CancelRefused{What: what, Stage: stage}
}

package controller

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Waits says why an enabled job that runs after another has no run in progress
// (JOB-19).
type Waits struct {
	Text      string    `json:"text"`          // one sentence or two
	Run       job.RunID `json:"run,omitempty"` // the other job's run that it waits for; empty: there is none
	Needed    int       `json:"needed"`        // assets of that run that must have succeeded
	Succeeded int       `json:"succeeded"`     // that have
	Counted   int       `json:"counted"`       // assets that the share is taken of
}

// waits returns what a job waits for; nil if it runs after no other, is not
// enabled, or has started. Open are its unsettled runs.
func (r *reader) waits(d job.Definition, open []job.RunID) *Waits {
	if d.After == nil || d.State != job.Enabled {
		return nil
	}
	if len(open) > 0 {
		run := r.run(open[0])
		if run.State != ledger.RunPlanned {
			return nil
		}
		return &Waits{Text: fmt.Sprintf("Its run %s is planned and starts at %s.", run.ID, run.Start.Format(time.RFC3339))}
	}
	before := r.job(d.After.Job)
	run, found := r.lastRun(before)
	text := ""
	switch {
	case before.Definition.State == job.Deleted:
		text = "is deleted: name another one, or run this job by name."
	case found && run.State != ledger.RunPlanned:
		return r.waitsFor(d, run)
	case before.Definition.State == job.Disabled:
		text = "is disabled."
	case found:
		text = fmt.Sprintf("starts at %s.", run.Start.Format(time.RFC3339))
	default:
		text = "has no run yet."
	}
	return &Waits{Text: fmt.Sprintf("Job %s, which it runs after, %s", d.After.Job, text)}
}

// lastRun returns the newest run of a job that is no longer planned, else the
// planned one.
func (r *reader) lastRun(rec jobRecord) (last runRecord, found bool) {
	for _, id := range rec.Open {
		run := r.run(id)
		planned, was := run.State == ledger.RunPlanned, last.State == ledger.RunPlanned
		if !found || was && !planned || was == planned && run.Start.After(last.Start) {
			last, found = run, true
		}
	}
	return last, found
}

// waitsFor says what a job waits for in a run of the other; nil if that run has
// started it.
func (r *reader) waitsFor(d job.Definition, run runRecord) *Waits {
	if r.startedBy(run.ID, d.ID) {
		return nil
	}
	n := r.reckon(run)
	a := d.After
	w := &Waits{Run: run.ID, Needed: max(1, a.Needed(n.assets)), Succeeded: n.succeeded, Counted: n.assets}
	again := fmt.Sprintf("the next run of job %s", a.Job)
	stopped := run.State.Over()
	switch {
	case run.State == ledger.RunMaking:
		w.Text = fmt.Sprintf("The orders of run %s are being made.", run.ID)
	case n.orders == 0:
		w.Text = fmt.Sprintf("Run %s has no asset, so it does not start; it waits for %s.", run.ID, again)
	case n.assets == 0:
		w.Text = fmt.Sprintf("No asset is left in run %s: the orders were withdrawn or the assets removed, so it does not start; it waits for %s.", run.ID, again)
	case a.PerAsset:
		w.Text = fmt.Sprintf("It starts on each asset that succeeds in run %s: of %d, %d have, none of them while this job was enabled.", run.ID, n.assets, n.succeeded)
		if n.succeeded == 0 {
			w.Text = fmt.Sprintf("It starts on each asset that succeeds in run %s: none of %d has.", run.ID, n.assets)
		}
	case a.Due(n.succeeded, n.assets):
		w.Text = fmt.Sprintf("In run %s, %d of %d assets succeeded and %d are needed. It starts when the server next counts them: after the next change in that run, or %s.",
			run.ID, n.succeeded, n.assets, w.Needed, again)
	default:
		w.Text = fmt.Sprintf("It needs %d of the %d assets of run %s to succeed (%d %%); %d have.", w.Needed, n.assets, run.ID, a.Share, n.succeeded)
	}
	switch {
	case stopped:
		w.Text += fmt.Sprintf(" That run was stopped (%v); it waits for %s.", run.State, again)
	case run.State != ledger.RunMaking && !a.PerAsset && n.assets != 0 && n.ended == n.assets && !a.Due(n.succeeded, n.assets):
		w.Text += fmt.Sprintf(" All have ended, so it starts only when assets that did not succeed leave, or after %s.", again)
	}
	return w
}

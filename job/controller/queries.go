package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// JobStatus is a job in its present state.
type JobStatus struct {
	job.Definition
	Created time.Time   `json:"created"`
	Changed time.Time   `json:"changed"`
	Enabled time.Time   `json:"enabled,omitzero"` // when it was last enabled
	Open    []job.RunID `json:"open,omitempty"`   // runs with something still to happen
	Waits   *Waits      `json:"waits,omitempty"`  // why a job that runs after another has not started; nil: it has, or runs after none
}

// Job returns one job, deleted ones included. The error is a *NotFoundError for
// an unknown one.
func (c *Controller) Job(ctx context.Context, id job.ID) (JobStatus, error) {
	return view(ctx, c, func(r *reader) JobStatus { return r.jobStatus(r.job(id)) })
}

// Jobs lists jobs by id, after the id past, limit at most (1 to MaxPage),
// deleted ones included.
func (c *Controller) Jobs(ctx context.Context, past job.ID, limit int) ([]JobStatus, error) {
	return view(ctx, c, func(r *reader) []JobStatus { return page(r, tableJobs, "", start("", past), limit, r.jobStatus) })
}

func (r *reader) jobStatus(rec jobRecord) JobStatus {
	s := JobStatus{Definition: rec.Definition, Created: rec.Created, Changed: rec.Changed, Enabled: rec.Enabled}
	for _, id := range rec.Open {
		if !r.settled(r.run(id)) {
			s.Open = append(s.Open, id)
		}
	}
	s.Waits = r.waits(rec.Definition, s.Open)
	return s
}

// RunStatus is a run in its present state.
type RunStatus struct {
	ID       job.RunID       `json:"id"`
	Job      job.ID          `json:"job"`
	Name     string          `json:"name"` // the job's
	Revision uint64          `json:"revision"`
	State    ledger.RunState `json:"state"`
	Settled  bool            `json:"settled,omitempty"` // every order has ended, and no other will be made
	Start    time.Time       `json:"start"`             // with each asset's own zone: the earliest anywhere
	End      time.Time       `json:"end,omitzero"`      // of the window; with each asset's own zone: the latest anywhere
	Rollout  bool            `json:"rollout,omitempty"` // it has one, see Controller.Rollout
	Made     time.Time       `json:"made,omitzero"`     // when the last order was made
	ledger.Tally
	Results []RunResult `json:"results"` // of the orders that have ended, in the order of job.Results
}

// RunResult counts the assets with one result.
type RunResult struct {
	Result job.Result `json:"result"`
	Assets int        `json:"assets"`
}

// Run returns one run with its counts. The error is a *NotFoundError for an
// unknown one.
func (c *Controller) Run(ctx context.Context, id job.RunID) (RunStatus, error) {
	return view(ctx, c, func(r *reader) RunStatus { return r.runStatus(r.run(id)) })
}

// Runs lists the runs of a job by start, after the run past, limit at most (1
// to MaxPage).
func (c *Controller) Runs(ctx context.Context, id job.ID, past job.RunID, limit int) ([]RunStatus, error) {
	return view(ctx, c, func(r *reader) []RunStatus {
		r.job(id)
		k := key(string(id))
		return page(r, tableRuns, k, start(k, past), limit, r.runStatus)
	})
}

func (r *reader) runStatus(run runRecord) RunStatus {
	d := run.Definition
	s := RunStatus{
		ID: run.ID, Job: d.ID, Name: d.Name, Revision: d.Revision, State: run.State, Settled: r.settled(run), Start: run.Start, Made: run.Made,
		Results: []RunResult{}, Tally: r.counts(run.ID),
	}
	if d.Rollout != nil {
		_, s.Rollout = r.findRollout(run.ID)
	}
	if d.Window > 0 {
		s.End = run.lastStart().Add(d.Window)
	}
	for result, n := range s.Tally.Results {
		if n > 0 {
			s.Results = append(s.Results, RunResult{job.Result(result), n})
		}
	}
	return s
}

// RunAsset is one asset of a run.
type RunAsset struct {
	Asset     job.AssetID         `json:"asset"`
	Order     job.OrderID         `json:"order"`
	Waiting   bool                `json:"waiting,omitempty"`   // for the asset's inventory, until the run is due, for what its patches need, or while it is cloned; see Text
	HandedOut bool                `json:"handedOut,omitempty"` // the asset may have received it
	Progress  job.Progress        `json:"progress,omitempty"`
	Stage     job.Stage           `json:"stage,omitempty"`     // the furthest known to have begun
	Since     time.Time           `json:"since,omitzero"`      // when that stage began, or its reboot was asked for (JOB-25)
	Result    job.Result          `json:"result,omitempty"`    // or what it waits for
	Ended     time.Time           `json:"ended,omitzero"`      // when the final result came
	At        time.Time           `json:"at,omitzero"`         // of the last report, by the asset's corrected clock
	Cancel    ledger.CancelState  `json:"cancel,omitempty"`    // zero: no cancel was asked for, or it has not reached the order yet
	TooLate   job.Stage           `json:"tooLate,omitempty"`   // as the asset reported it
	Withdrawn bool                `json:"withdrawn,omitempty"` // no longer in the asset's manifest
	Reboots   int                 `json:"reboots,omitempty"`   // asked for by the execution
	Dropped   int                 `json:"dropped,omitempty"`   // patches beyond the cap of JOB-8
	Text      string              `json:"text,omitempty"`
	Actions   []job.ActionOutcome `json:"actions,omitempty"` // as reported: those that were run (JOB-13)
	Patches   []job.PatchOutcome  `json:"patches,omitempty"` // as reported, then those left out; before a report, those ordered as pending
}

// RunAssets lists the assets of a run by id, after the id past, limit at most
// (1 to MaxPage), each with its patches.
func (c *Controller) RunAssets(ctx context.Context, id job.RunID, past job.AssetID, limit int) ([]RunAsset, error) {
	return view(ctx, c, func(r *reader) []RunAsset {
		run := r.run(id)
		k := key(string(id))
		return page(r, tableOrders, k, start(k, past), limit, func(e ledger.Entry) RunAsset { return r.runAsset(run, e) })
	})
}

// withdrawn reports whether the manifest lost the order by a withdrawal.
func withdrawn(e ledger.Entry) bool {
	return e.Phase == ledger.Gone || e.Result == job.Withdrawn || e.Phase == ledger.Ended && (e.Retracted && !e.Cancelled || e.Former != "")
}

func (r *reader) runAsset(run runRecord, e ledger.Entry) RunAsset {
	outcomes := r.outcomesOf(e)
	a := RunAsset{
		Asset: e.Asset, Order: e.ID(), Waiting: e.Phase == ledger.Waiting, HandedOut: r.held(e), Progress: e.Progress, Stage: e.Stage, Since: e.Began,
		Result: e.Result, Ended: e.Ended, At: e.At, TooLate: e.TooLate, Withdrawn: withdrawn(e),
		Reboots: e.Reboots, Dropped: e.Dropped, Text: e.Text, Actions: outcomes.Actions, Patches: outcomes.Reported,
	}
	if cancel := run.cancelOf(e); e.Cancelled || !run.CancelAsked.IsZero() && cancel != ledger.CancelPending {
		a.Cancel = cancel
	}
	if len(a.Patches) == 0 && e.Phase != ledger.Waiting && e.Phase != ledger.Ended {
		for _, p := range r.contents(e.ID())[0].Patches {
			a.Patches = append(a.Patches, job.PatchOutcome{Patch: p.Patch, Name: p.Name, Status: job.Pending, To: p.Version})
		}
	}
	a.Patches = append(a.Patches, outcomes.LeftOut...)
	if why := r.heldBack(run, e.Asset); a.Waiting && why.Rule != "" {
		a.Text = fmt.Sprintf("It waits for its turn in the rollout. %s (%s)", why.Text, why.Rule)
	}
	if a.Waiting && r.isCloned(e.Asset) {
		a.Text = "Two computers call as this asset. Neither starts anything until this is settled (MAN-9)."
	}
	return a
}

// FeedStatus is a feed's health, and whether the feed is stale (CAT-2).
type FeedStatus struct {
	catalog.FeedHealth
	Stale bool `json:"stale"`
}

// Feeds lists the feeds by id.
func (c *Controller) Feeds(ctx context.Context, now time.Time) ([]FeedStatus, error) {
	snap, err := c.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	list := []FeedStatus{}
	for _, h := range snap.Feeds() {
		list = append(list, FeedStatus{h, h.Stale(now)})
	}
	return list, nil
}

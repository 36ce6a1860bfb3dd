package controller

import (
	"context"
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
	return view(ctx, c.store, func(r Reader) (JobStatus, error) {
		rec, err := loadJob(r, id)
		if err != nil {
			return JobStatus{}, err
		}
		return jobStatus(r, rec)
	})
}

// Jobs lists jobs by id, after the id past, limit at most (1 to MaxPage),
// deleted ones included.
func (c *Controller) Jobs(ctx context.Context, past job.ID, limit int) ([]JobStatus, error) {
	return view(ctx, c.store, func(r Reader) ([]JobStatus, error) {
		return page(r, tableJobs, "", start("", past), limit, jobStatus)
	})
}

func jobStatus(r Reader, rec jobRecord) (JobStatus, error) {
	s := JobStatus{Definition: rec.Definition, Created: rec.Created, Changed: rec.Changed, Enabled: rec.Enabled}
	for _, id := range rec.Open {
		run, err := loadRun(r, id)
		if err != nil {
			return s, err
		}
		done, err := settled(r, run)
		if err != nil {
			return s, err
		}
		if !done {
			s.Open = append(s.Open, id)
		}
	}
	var err error
	s.Waits, err = waits(r, rec.Definition, s.Open)
	return s, err
}

// RunStatus is a run in its present state.
type RunStatus struct {
	ID             job.RunID       `json:"id"`
	Job            job.ID          `json:"job"`
	Name           string          `json:"name"` // the job's
	Revision       uint64          `json:"revision"`
	State          ledger.RunState `json:"state"`
	Start          time.Time       `json:"start"`         // with each asset's own zone: the earliest anywhere
	End            time.Time       `json:"end,omitzero"`  // of the window; with each asset's own zone: the latest anywhere
	Made           time.Time       `json:"made,omitzero"` // when the last order was made
	Assets         int             `json:"assets"`
	Waiting        int             `json:"waiting"`   // for an asset's inventory, until the run is due, or for what its patches need
	NotBegun       int             `json:"notBegun"`  // not known to have started
	Executing      int             `json:"executing"` // started and not ended
	PendingReboots int             `json:"pendingReboots"`
	PendingCancels int             `json:"pendingCancels"`
	Dropped        int             `json:"dropped"` // patches beyond the cap of JOB-8, over all assets
	Results        []RunResult     `json:"results"` // of the orders that have ended, in the order of job.Results
}

// RunResult counts the assets with one result.
type RunResult struct {
	Result job.Result `json:"result"`
	Assets int        `json:"assets"`
}

// Run returns one run with its counts. The error is a *NotFoundError for an
// unknown one.
func (c *Controller) Run(ctx context.Context, id job.RunID) (RunStatus, error) {
	return view(ctx, c.store, func(r Reader) (RunStatus, error) {
		run, err := loadRun(r, id)
		if err != nil {
			return RunStatus{}, err
		}
		return runStatus(r, run)
	})
}

// Runs lists the runs of a job by start, after the run past, limit at most (1
// to MaxPage).
func (c *Controller) Runs(ctx context.Context, id job.ID, past job.RunID, limit int) ([]RunStatus, error) {
	return view(ctx, c.store, func(r Reader) ([]RunStatus, error) {
		if _, err := loadJob(r, id); err != nil {
			return nil, err
		}
		k := key(string(id))
		return page(r, tableRuns, k, start(k, past), limit, runStatus)
	})
}

func runStatus(r Reader, run runRecord) (RunStatus, error) {
	d := run.Definition
	s := RunStatus{
		ID: run.ID, Job: d.ID, Name: d.Name, Revision: d.Revision, State: run.State, Start: run.Start, Made: run.Made, Results: []RunResult{},
	}
	if d.Window > 0 {
		s.End = run.lastStart().Add(d.Window)
	}
	var t ledger.Tally
	for e, err := range entries(r, run.ID) {
		if err != nil {
			return s, err
		}
		t.Add(e)
	}
	s.Assets, s.Waiting, s.NotBegun, s.Executing = t.Orders, t.Waiting, t.NotBegun, t.Executing
	s.PendingReboots, s.PendingCancels, s.Dropped = t.PendingReboots, t.PendingCancels, t.Dropped
	for result, n := range t.Results {
		if n > 0 {
			s.Results = append(s.Results, RunResult{job.Result(result), n})
		}
	}
	return s, nil
}

// RunAsset is one asset of a run.
type RunAsset struct {
	Asset     job.AssetID         `json:"asset"`
	Order     job.OrderID         `json:"order"`
	Waiting   bool                `json:"waiting,omitempty"`   // for the asset's inventory, until the run is due, for what its patches need, or while it is cloned; see Text
	HandedOut bool                `json:"handedOut,omitempty"` // the asset may have received it
	Progress  job.Progress        `json:"progress,omitempty"`
	Stage     job.Stage           `json:"stage,omitempty"`  // the furthest known to have begun
	Since     time.Time           `json:"since,omitzero"`   // when that stage began, or its reboot was asked for (JOB-25)
	Result    job.Result          `json:"result,omitempty"` // or what it waits for
	Ended     time.Time           `json:"ended,omitzero"`   // when the final result came
	At        time.Time           `json:"at,omitzero"`      // of the last report, by the asset's corrected clock
	Cancel    ledger.CancelState  `json:"cancel,omitempty"` // zero: no cancel was asked for
	TooLate   job.Stage           `json:"tooLate,omitempty"`
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
	return view(ctx, c.store, func(r Reader) ([]RunAsset, error) {
		if _, err := loadRun(r, id); err != nil {
			return nil, err
		}
		k := key(string(id))
		return page(r, tableOrders, k, start(k, past), limit, runAsset)
	})
}

// withdrawn reports whether the manifest lost the order by a withdrawal.
func withdrawn(e ledger.Entry) bool {
	return e.Phase == ledger.Gone || e.Result == job.Withdrawn || e.Phase == ledger.Ended && (e.Retracted && !e.Cancelled || e.Former != "")
}

func runAsset(r Reader, e ledger.Entry) (RunAsset, error) {
	a := RunAsset{
		Asset: e.Asset, Order: e.ID(), Waiting: e.Phase == ledger.Waiting, Progress: e.Progress, Stage: e.Stage, Since: e.Began, Result: e.Result,
		Ended: e.Ended, At: e.At, TooLate: e.TooLate, Withdrawn: withdrawn(e),
		Reboots: e.Reboots, Dropped: e.Dropped, Text: e.Text,
	}
	if e.Cancelled {
		a.Cancel = e.Cancel()
	}
	var err error
	if a.HandedOut, err = held(r, e); err != nil {
		return a, err
	}
	outcomes, _, err := load[ledger.Outcomes](r, tableOutcomes, key(string(e.Run), string(e.Asset)))
	if err != nil {
		return a, err
	}
	a.Patches, a.Actions = outcomes.Reported, outcomes.Actions
	if len(a.Patches) == 0 && e.Phase != ledger.Waiting && e.Phase != ledger.Ended {
		orders, err := loadContents(&fetched{Reader: r}, e.ID())
		if err != nil {
			return a, err
		}
		for _, p := range orders[0].Patches {
			a.Patches = append(a.Patches, job.PatchOutcome{Patch: p.Patch, Name: p.Name, Status: job.Pending, To: p.Version})
		}
	}
	a.Patches = append(a.Patches, outcomes.LeftOut...)
	if cloned, err := r.Get(tableCloned, key(string(e.Asset))); a.Waiting && cloned != nil || err != nil {
		a.Text = "Two computers call as this asset. Neither starts anything until this is settled (MAN-9)."
		return a, err
	}
	return a, nil
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

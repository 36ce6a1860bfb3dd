package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// jobRecord is a job with its open runs.
type jobRecord struct {
	Definition job.Definition `json:"definition"`
	Created    time.Time      `json:"created"`
	Changed    time.Time      `json:"changed"`
	Enabled    time.Time      `json:"enabled,omitzero"` // when it was last enabled
	Open       []job.RunID    `json:"open,omitempty"`   // runs that may have open orders
}

// SaveJob saves a job, whose State and Revision it sets: a new one is Disabled
// (JOB-6), one that exists keeps its state and gets the next revision. Saving
// what is saved already changes nothing.
//
// The orders of an enabled job that have not begun are made again, each by a
// new manifest revision (MAN-2), and assets that the job now selects get orders
// too. If a recurring job's run has started, such assets get no order in it,
// and take part in the next run. If the schedule changed, the orders are
// withdrawn and a new run is planned.
//
// Errors: a *job.Invalid with every problem, also for a calendar or baseline
// that the server does not have, for a Deleted job, and for an enabled one that
// could not be enabled as changed; an *UnfinishedError when
// the job is saved, but not yet applied to all orders.
func (c *Controller) SaveJob(ctx context.Context, d job.Definition, now time.Time) (job.Definition, error) {
	d.State = job.Disabled
	if err := d.Validate(); err != nil {
		return job.Definition{}, err
	}
	if err := c.config.knows(d); err != nil {
		return job.Definition{}, err
	}
	if data, err := json.Marshal(d); err != nil {
		return job.Definition{}, err
	} else if err := bound("size of a job", len(data), MaxDefinition); err != nil {
		return job.Definition{}, err
	}
	var saved job.Definition
	err := c.change(ctx, now, func(t *tx) {
		saved = d
		rec, found := load[jobRecord](t.reader, tableJobs, key(string(d.ID)))
		old := rec.Definition
		switch {
		case !found:
			rec.Created, saved.Revision = t.now, 1
		case old.State == job.Deleted:
			t.fail(problem.One("job "+string(d.ID), "", "", "it is deleted, which is final; save the job under another ID (JOB-6)"))
			return
		default:
			saved.State, saved.Revision = old.State, old.Revision
			if reflect.DeepEqual(saved, old) {
				return
			}
			saved.Revision++
			t.keepsPolicy(rec, saved)
		}
		rec.Definition, rec.Changed = saved, t.now
		t.acted(JobSaved, string(d.ID), fmt.Sprintf("revision %d", saved.Revision))
		if saved.State == job.Enabled {
			t.change(&rec, old)
		}
		t.saveJob(rec)
	})
	return saved, err
}

// change runs a transaction that changes jobs or the catalog, and brings the
// change to the orders that are due.
func (c *Controller) change(ctx context.Context, now time.Time, fn func(*tx)) error {
	if err := c.update(ctx, now, fn); err != nil {
		return err
	}
	_, err := c.Tick(ctx, now)
	return unfinished(err)
}

// change makes the open runs of an enabled job follow its change.
func (t *tx) change(rec *jobRecord, old job.Definition) {
	d := rec.Definition
	at := t.now
	same := d.Schedule.Equal(old.Schedule) && reflect.DeepEqual(d.After, old.After)
	if same {
		at = time.Time{} // its start may be past: it stays what it is
	}
	t.enable(d, at)
	t.enlist(old, d)
	for _, id := range rec.Open {
		run := t.run(id)
		switch {
		case run.State.Over(): // it stays what it is
		case !same:
			t.withdraw(run)
		default:
			kept := run.Definition.Rollout
			if run.Definition = d; run.State != ledger.RunPlanned {
				run.Definition.Rollout = kept // its assets are in those rings, or it never had any
			}
			t.stepRun(run, ledger.JobChanged{Started: recurs(d.Schedule) && run.lastStart().Before(t.now)})
		}
	}
	switch {
	case same:
	case d.After != nil: // by another share, or for another time, as saved
		t.saveJob(*rec)
		for _, run := range t.job(d.After.Job).Open {
			t.recount(run)
		}
	default:
		t.schedule(rec, t.now, t.now)
	}
}

// withdraw withdraws a run of a job, unless it is over: history never changes.
func (t *tx) withdraw(run runRecord) runRecord {
	if t.settled(run) && run.lastStart().Before(t.now) {
		return run
	}
	return t.stop(run, ledger.RunWithdraw{})
}

// enable fails if a job cannot be enabled at a time.
func (r *reader) enable(d job.Definition, at time.Time) {
	r.fail(d.Enable(at))
	r.checkChain(d)
	r.fail(d.CheckPairs(r.snapshot()))
}

// schedule plans the next run of an enabled job. It starts at enabled or later,
// and later than after.
func (t *tx) schedule(rec *jobRecord, enabled, after time.Time) job.RunID {
	id := t.planRun(rec.Definition, ledger.RunPlan{Occurrence: t.first(rec.Definition, enabled, after), From: after})
	t.reopen(rec, id)
	return id
}

// first is the next occurrence of a job that has no run yet. A run that was
// withdrawn and has the same start again is the same run, and its withdrawn
// orders are made again.
func (r *reader) first(d job.Definition, enabled, after time.Time) schedule.Occurrence {
	if d.Schedule.Kind == schedule.OnDemand {
		return schedule.Occurrence{Start: r.freeStart(d, enabled)} // two runs are never one
	}
	zone := r.lastZone(d)
	if d.After != nil && d.Schedule.Zone == schedule.AssetZone {
		zone = schedule.East // no run follows this one, so the start must be in the future on every asset
	}
	for {
		o, err := next(d, zone, enabled, after)
		r.fail(err)
		run, found := r.findRun(d.Run(o))
		if !found || run.State == ledger.RunWithdrawn {
			return o
		}
		if !recurs(d.Schedule) {
			r.fail(problem.One("job "+string(d.ID), "schedule.at", o.Start.Format(time.RFC3339),
				"is the start of run %s, which is %v; give another start", run.ID, run.State))
		}
		after = o.Start
	}
}

// reopen adds a run to the open ones and leaves out those that have ended.
func (t *tx) reopen(rec *jobRecord, add job.RunID) {
	open := []job.RunID{add}
	for _, id := range rec.Open {
		if id != add && !t.over(t.run(id), t.now) {
			open = append(open, id)
		}
	}
	rec.Open = open
}

// EnableJob enables a job and plans its run (JOB-6, JOB-9). If less than the
// lead is left before the start, the orders are handed out at the next check-in
// (MAN-1). With each asset's own zone, the run is the first that is ahead on
// any clock; assets whose clocks are past it are left out of it, with the
// reason. It returns the run planned. The run is empty for a job that was
// enabled already, which stays as it is, and for one that runs after another:
// that waits for successes from now on, and JobStatus.Waits says for which
// (JOB-19).
//
// Errors: a *job.Invalid with every problem; a *job.CoDependent (JOB-14); a
// *NotFoundError; an *UnfinishedError when the job is enabled, but not all
// orders are made yet.
func (c *Controller) EnableJob(ctx context.Context, id job.ID, now time.Time) (run job.RunID, err error) {
	err = c.change(ctx, now, func(t *tx) {
		run = ""
		rec := t.job(id)
		if rec.Definition.State == job.Enabled {
			return
		}
		t.enable(rec.Definition, t.now)
		rec.Definition.State, rec.Changed, rec.Enabled = job.Enabled, t.now, t.now
		t.enlist(rec.Definition, rec.Definition)
		if rec.Definition.After == nil {
			run = t.schedule(&rec, t.now, t.now)
		}
		t.acted(JobEnabled, string(id), string(run))
		t.saveJob(rec)
	})
	return run, err
}

// RunJob starts a run of an enabled job now, whatever its schedule says and
// whatever it runs after, and returns it. Planned runs stay as they are. Each
// call makes a run of its own.
//
// Errors: a *NotFoundError; a *job.Invalid for a job that is not enabled; a
// *job.CoDependent (JOB-14); an *UnfinishedError when the run is stored and
// orders are still to follow.
func (c *Controller) RunJob(ctx context.Context, id job.ID, now time.Time) (run job.RunID, err error) {
	err = c.change(ctx, now, func(t *tx) {
		rec := t.job(id)
		d := rec.Definition
		if d.State != job.Enabled {
			then := "enable it first"
			if d.State == job.Deleted {
				then = "save the job under another ID"
			}
			t.fail(problem.One("job "+string(id), "", "", "it is %v, so it cannot run; %s (JOB-6)", d.State, then))
			return
		}
		t.fail(d.CheckPairs(t.snapshot()))
		if open := t.rollingRun(rec, ""); open != "" {
			t.fail(problem.One("job "+string(id), "rollout", "", "has an open rollout, of run %s: wait until it is done, or abandon it (ROL-1)", open))
			return
		}
		run = t.planRun(d, ledger.RunPlan{Occurrence: schedule.Occurrence{Start: t.freeStart(d, t.now)}})
		t.acted(JobStarted, string(id), string(run))
		t.opened(rec, run)
	})
	return run, err
}

// DisableJob disables a job and withdraws its orders that have not ended: an
// asset drops what it has not started when it receives the next manifest, and
// goes on with what it has (JOB-5). That holds at once for every asset that
// calls, however many there are.
//
// Errors: a *NotFoundError; a *job.Invalid for a job that is deleted; an
// *UnfinishedError when the job is disabled and some of its orders are still to
// follow.
func (c *Controller) DisableJob(ctx context.Context, id job.ID, now time.Time) error {
	return c.retire(ctx, id, job.Disabled, true, now)
}

// DeleteJob withdraws like DisableJob. Deleted is final; the job's history
// stays (JOB-6). The error is a *FollowedError if enabled jobs run after it,
// unless the deletion is forced: then they wait, and say so (JOB-19). Otherwise
// see DisableJob.
func (c *Controller) DeleteJob(ctx context.Context, id job.ID, force bool, now time.Time) error {
	return c.retire(ctx, id, job.Deleted, force, now)
}

func (c *Controller) retire(ctx context.Context, id job.ID, state job.State, force bool, now time.Time) error {
	var more []job.RunID
	err := c.update(ctx, now, func(t *tx) {
		more = nil
		rec := t.job(id)
		if rec.Definition.State == state {
			return
		}
		if rec.Definition.State == job.Deleted {
			t.fail(problem.One("job "+string(id), "", "", "it is deleted, which is final (JOB-6)"))
			return
		}
		if list := t.followers(id); !force && len(list) > 0 {
			refused := &FollowedError{Job: id}
			for _, j := range list {
				refused.Followers = append(refused.Followers, j.Definition.ID)
			}
			t.fail(refused)
			return
		}
		for _, open := range rec.Open {
			if run := t.withdraw(t.run(open)); run.Stopping() != nil {
				more = append(more, run.ID)
			}
		}
		old := rec.Definition
		rec.Definition.State, rec.Changed = state, t.now
		t.enlist(old, rec.Definition)
		action := JobDisabled
		if state == job.Deleted {
			action = JobDeleted
		}
		t.acted(action, string(id), "")
		t.saveJob(rec)
	})
	if err != nil {
		return err
	}
	return unfinished(c.finish(ctx, more, now))
}

// Preview returns what a job would do on an asset now, and why. It uses the
// same code as real orders and changes nothing (JOB-22). The definition need
// not be saved. Selected reports whether the job would run on the asset at all
// (JOB-7). The error is a *job.Invalid or a *NotFoundError, also for an asset
// whose inventory is not known yet.
func (c *Controller) Preview(ctx context.Context, d job.Definition, id job.AssetID, now time.Time) (plan job.Plan, selected bool, err error) {
	if d.State == 0 {
		d.State = job.Disabled
	}
	if err := d.Validate(); err != nil {
		return plan, selected, err
	}
	plan, err = view(ctx, c, func(r *reader) job.Plan {
		rec, _ := r.knownAsset(id)
		o := schedule.Occurrence{Start: now}
		if d.Schedule.Kind != schedule.OnDemand {
			var unusable string
			if o, unusable = r.nextOn(d, id, now, now); unusable != "" {
				r.fail(problem.One("asset "+string(id), "zone", "", "%s", unusable))
			}
		}
		selected = d.Select(rec.Asset)
		return r.plan(d, r.inputOf(d, id, o, now))
	})
	return plan, selected, err
}

// job returns a job; the error is a *NotFoundError for an unknown one.
func (r *reader) job(id job.ID) jobRecord {
	r.fail(job.ValidID(string(id)))
	rec, found := load[jobRecord](r, tableJobs, key(string(id)))
	if !found {
		r.fail(&NotFoundError{"job", string(id)})
	}
	return rec
}

func (t *tx) saveJob(rec jobRecord) { t.save(tableJobs, key(string(rec.Definition.ID)), rec) }

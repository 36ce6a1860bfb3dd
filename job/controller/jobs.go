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
// Errors: a *job.Invalid with every problem, also for a Deleted job and for an
// enabled one that could not be enabled as changed; an *UnfinishedError when
// the job is saved, but not yet applied to all orders.
func (c *Controller) SaveJob(ctx context.Context, d job.Definition, now time.Time) (job.Definition, error) {
	d.State = job.Disabled
	if err := d.Validate(); err != nil {
		return job.Definition{}, err
	}
	if data, err := json.Marshal(d); err != nil {
		return job.Definition{}, err
	} else if err := bound("size of a job", len(data), MaxDefinition); err != nil {
		return job.Definition{}, err
	}
	var saved job.Definition
	err := c.change(ctx, now, func(t *tx) error {
		saved = d
		rec, found, err := load[jobRecord](t, tableJobs, key(string(d.ID)))
		if err != nil {
			return err
		}
		old := rec.Definition
		switch {
		case !found:
			rec.Created, saved.Revision = t.now, 1
		case old.State == job.Deleted:
			return problem.One("job "+string(d.ID), "state", old.State.String(), "is final; save the job under another ID (JOB-6)")
		default:
			saved.State, saved.Revision = old.State, old.Revision
			if reflect.DeepEqual(saved, old) {
				return nil
			}
			saved.Revision++
		}
		rec.Definition, rec.Changed = saved, t.now
		t.acted(JobSaved, string(d.ID), fmt.Sprintf("revision %d", saved.Revision))
		if saved.State == job.Enabled {
			if err := t.change(&rec, old); err != nil {
				return err
			}
		}
		t.save(tableJobs, key(string(d.ID)), rec)
		return nil
	})
	return saved, err
}

// change runs a transaction that changes jobs or the catalog, and brings the
// change to the orders that are due.
func (c *Controller) change(ctx context.Context, now time.Time, fn func(*tx) error) error {
	if err := c.update(ctx, now, fn); err != nil {
		return err
	}
	_, err := c.Tick(ctx, now)
	return unfinished(err)
}

// change makes the open runs of an enabled job follow its change.
func (t *tx) change(rec *jobRecord, old job.Definition) error {
	d := rec.Definition
	at := t.now
	same := d.Schedule.Equal(old.Schedule) && reflect.DeepEqual(d.After, old.After)
	if same {
		at = time.Time{} // its start may be past: it stays what it is
	}
	if err := t.c.enable(t, d, at); err != nil {
		return err
	}
	t.enlist(old, d)
	for _, id := range rec.Open {
		run, err := loadRun(t, id)
		switch {
		case err != nil:
			return err
		case run.State.Over():
			continue
		case !same:
			_, err = t.withdraw(run)
		default:
			run.Definition = d
			_, err = t.stepRun(run, ledger.JobChanged{Started: recurs(d.Schedule) && run.lastStart().Before(t.now)})
		}
		if err != nil {
			return err
		}
	}
	if same {
		return nil
	}
	if d.After != nil { // by another share, or for another time, as saved
		t.save(tableJobs, key(string(d.ID)), *rec)
		return t.recountOpen(d.After.Job)
	}
	_, err := t.schedule(rec, t.now, t.now)
	return err
}

// withdraw withdraws a run of a job, unless it is over: history never changes.
func (t *tx) withdraw(run runRecord) (runRecord, error) {
	if over, err := settled(t, run); err != nil || over && run.lastStart().Before(t.now) {
		return run, err
	}
	return t.stop(run, ledger.RunWithdraw{})
}

// enable returns why a job cannot be enabled at a time.
func (c *Controller) enable(r Reader, d job.Definition, at time.Time) error {
	if err := d.Enable(at); err != nil {
		return err
	}
	if err := checkChain(r, d); err != nil {
		return err
	}
	snap, err := c.snapshot(r)
	if err != nil {
		return err
	}
	return d.CheckPairs(snap)
}

// schedule plans the next run of an enabled job: at a time from enabled on and
// after after.
func (t *tx) schedule(rec *jobRecord, enabled, after time.Time) (job.RunID, error) {
	o, err := t.c.first(t, rec.Definition, enabled, after)
	if err != nil {
		return "", err
	}
	id, err := t.planRun(rec.Definition, ledger.RunPlan{Occurrence: o, From: after})
	if err != nil {
		return "", err
	}
	return id, t.reopen(rec, id)
}

// first is the next occurrence of a job that has no run yet. A run that was
// withdrawn and has the same start again is the same run, and its withdrawn
// orders are made again.
func (c *Controller) first(r Reader, d job.Definition, enabled, after time.Time) (o schedule.Occurrence, err error) {
	if d.Schedule.Kind == schedule.OnDemand {
		o.Start, err = freeStart(r, d, enabled) // two runs are never one
		return o, err
	}
	zone, err := c.lastZone(d)
	if err != nil {
		return o, err
	}
	if d.After != nil && d.Schedule.Zone == schedule.AssetZone {
		zone = schedule.East // no run follows this one, so the start is to be ahead on every asset
	}
	for ; ; after = o.Start {
		if o, err = next(d, zone, enabled, after); err != nil {
			return o, err
		}
		run, found, err := findRun(r, d.Run(o))
		switch {
		case err != nil:
			return o, err
		case !found || run.State == ledger.RunWithdrawn:
			return o, nil
		case !recurs(d.Schedule):
			return o, problem.One("job "+string(d.ID), "schedule.at", o.Start.Format(time.RFC3339),
				"is the start of run %s, which is %v; give another start", run.ID, run.State)
		}
	}
}

// reopen adds a run to the open ones and leaves out those that have ended.
func (t *tx) reopen(rec *jobRecord, add job.RunID) error {
	open := []job.RunID{add}
	for _, id := range rec.Open {
		run, err := loadRun(t, id)
		if err != nil {
			return err
		}
		done, err := over(t, run, t.now)
		if err != nil {
			return err
		}
		if !done && id != add {
			open = append(open, id)
		}
	}
	rec.Open = open
	return nil
}

// EnableJob enables a job and plans its run (JOB-6, JOB-9). A job that is
// enabled later than the lead before its start is handed out at the next
// check-in (MAN-1). With each asset's own zone, the run is the first that is
// ahead on any clock; assets whose clocks are past it are left out of it, with
// the reason. It returns the run planned. The run is empty for a job that was
// enabled already, which stays as it is, and for one that runs after another:
// that waits for successes from now on, and JobStatus.Waits says for which
// (JOB-19).
//
// Errors: a *job.Invalid with every problem; a *job.CoDependent (JOB-14); a
// *NotFoundError; an *UnfinishedError when the job is enabled, but not all
// orders are made yet.
func (c *Controller) EnableJob(ctx context.Context, id job.ID, now time.Time) (run job.RunID, err error) {
	err = c.change(ctx, now, func(t *tx) error {
		run = ""
		rec, err := loadJob(t, id)
		if err != nil {
			return err
		}
		if rec.Definition.State == job.Enabled {
			return nil
		}
		if err := c.enable(t, rec.Definition, t.now); err != nil {
			return err
		}
		rec.Definition.State, rec.Changed, rec.Enabled = job.Enabled, t.now, t.now
		t.enlist(rec.Definition, rec.Definition)
		if rec.Definition.After == nil {
			if run, err = t.schedule(&rec, t.now, t.now); err != nil {
				return err
			}
		}
		t.acted(JobEnabled, string(id), string(run))
		t.save(tableJobs, key(string(id)), rec)
		return nil
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
	err = c.change(ctx, now, func(t *tx) error {
		rec, err := loadJob(t, id)
		if err != nil {
			return err
		}
		d := rec.Definition
		if d.State != job.Enabled {
			return problem.One("job "+string(id), "state", d.State.String(), "does not allow a run; enable the job first (JOB-6)")
		}
		snap, err := c.snapshot(t)
		if err != nil {
			return err
		}
		if err := d.CheckPairs(snap); err != nil {
			return err
		}
		start, err := freeStart(t, d, t.now)
		if err != nil {
			return err
		}
		if run, err = t.planRun(d, ledger.RunPlan{Occurrence: schedule.Occurrence{Start: start}}); err != nil {
			return err
		}
		t.acted(JobStarted, string(id), string(run))
		return t.opened(rec, run)
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
	err := c.update(ctx, now, func(t *tx) error {
		more = nil
		rec, err := loadJob(t, id)
		if err != nil || rec.Definition.State == state {
			return err
		}
		if rec.Definition.State == job.Deleted {
			return problem.One("job "+string(id), "state", rec.Definition.State.String(), "is final (JOB-6)")
		}
		if list, err := t.followers(id); err != nil {
			return err
		} else if !force && len(list) > 0 {
			refused := &FollowedError{Job: id}
			for _, j := range list {
				refused.Followers = append(refused.Followers, j.Definition.ID)
			}
			return refused
		}
		for _, open := range rec.Open {
			run, err := loadRun(t, open)
			if err == nil {
				run, err = t.withdraw(run)
			}
			if err != nil {
				return err
			}
			if run.Stopping() != nil {
				more = append(more, run.ID)
			}
		}
		old := rec.Definition
		rec.Definition.State, rec.Changed = state, t.now
		t.enlist(old, rec.Definition)
		if state == job.Deleted {
			t.acted(JobDeleted, string(id), "")
		} else {
			t.acted(JobDisabled, string(id), "")
		}
		t.save(tableJobs, key(string(id)), rec)
		return nil
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
	err = c.store.View(ctx, func(r Reader) error {
		rec, inventory, err := knownAsset(r, id)
		if err != nil {
			return err
		}
		snap, err := c.snapshot(r)
		if err != nil {
			return err
		}
		o := schedule.Occurrence{Start: now}
		if d.Schedule.Kind != schedule.OnDemand {
			next, unusable, err := c.nextOn(r, d, id, now, now)
			switch {
			case err != nil:
				return err
			case unusable != "":
				return problem.One("asset "+string(id), "zone", "", "%s", unusable)
			}
			o = next
		}
		probed, err := unreachable(r)
		if err != nil {
			return err
		}
		selected = d.Select(rec.Asset)
		plan, err = c.plan(r, d, job.PlanInput{Snapshot: snap, Asset: id, Inventory: inventory, Occurrence: o, Unreachable: probed, Now: now})
		return err
	})
	return plan, selected, err
}

// loadJob returns a job; the error is a *NotFoundError for an unknown one.
func loadJob(r Reader, id job.ID) (jobRecord, error) {
	if err := job.ValidID(string(id)); err != nil {
		return jobRecord{}, err
	}
	rec, found, err := load[jobRecord](r, tableJobs, key(string(id)))
	if err == nil && !found {
		err = &NotFoundError{"job", string(id)}
	}
	return rec, err
}

package controller

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// maxChain is how many jobs may run one behind the other: a success at the head makes orders in one transaction.
const maxChain = 32

// checkChain refuses a job that would run behind itself, behind nothing, or at the end of too long a chain (JOB-19).
func checkChain(r Reader, d job.Definition) error {
	what := "job " + string(d.ID)
	for at, n := d.After, 0; at != nil; n++ {
		if at.Job == d.ID || n == maxChain {
			return problem.One(what, "after.job", string(d.After.Job), "leads back to the job itself, or over more than %d jobs (JOB-19)", maxChain)
		}
		rec, found, err := load[jobRecord](r, tableJobs, key(string(at.Job)))
		if err != nil {
			return err
		}
		if n == 0 && (!found || rec.Definition.State == job.Deleted) {
			return problem.One(what, "after.job", string(at.Job), "is no job; save it first (JOB-19)")
		}
		at = rec.Definition.After
	}
	return nil
}

// enlist keeps the list of who runs behind whom in step with a job's change.
func enlist(w Writer, old, now job.Definition) error {
	if old.After != nil {
		if err := unmark(w, tableFollowers, string(old.After.Job), string(old.ID)); err != nil {
			return err
		}
	}
	if now.After == nil || now.State != job.Enabled {
		return nil
	}
	return mark(w, tableFollowers, string(now.After.Job), string(now.ID))
}

// followers lists the enabled jobs that run behind another.
func followers(r Reader, of job.ID) (list []jobRecord, err error) {
	err = each(r, tableFollowers, key(string(of)), "", func(rec Record) (bool, error) {
		id, err := last(rec.Key)
		if err != nil {
			return false, err
		}
		j, err := loadJob(r, job.ID(id))
		list = append(list, j)
		return true, err
	})
	return list, err
}

// succeeded says whether an order ended so that the next job of a chain may follow: what was to be done is verified, or
// there was nothing to do.
func (o orderRecord) succeeded() bool {
	return o.ended() && (o.Result == job.Completed || o.Result == job.NotApplicable)
}

// passed lets the jobs behind a run follow on an asset whose order succeeded (JOB-19).
func (m *maker) passed(id job.RunID, asset job.AssetID) error {
	list, err := followers(m.w, id.Job())
	if err != nil || len(list) == 0 {
		return err
	}
	for _, j := range list {
		if !j.Definition.After.PerAsset {
			if err := mark(m.w, tableShares, string(id)); err != nil { // the next Tick counts
				return err
			}
			continue
		}
		run, open, err := m.chained(j, id)
		if err != nil {
			return err
		}
		rec, found, err := load[assetRecord](m.w, tableAssets, key(string(asset)))
		if err != nil {
			return err
		}
		if !open || !found {
			continue
		}
		if err := m.make(run, rec.Asset); err != nil {
			return err
		}
	}
	return nil
}

// chained returns the run of a job that follows a run asset by asset, and begins it with the first asset. Open is false
// when it was cancelled.
func (m *maker) chained(j jobRecord, behind job.RunID) (run runRecord, open bool, err error) {
	k := key(string(behind), string(j.Definition.ID))
	id, err := m.w.Get(tableChained, k)
	if err != nil {
		return run, false, err
	}
	if id != nil {
		run, _, err = loadRun(m.w, job.RunID(id))
		if err != nil || run.State != RunWithdrawn {
			return run, !run.State.over(), err
		} // else the job was off in between, and is on again: it goes on with a run of its own
	}
	start, err := freeStart(m.w, j.Definition, m.now)
	if err != nil {
		return run, false, err
	}
	run = runRecord{ID: job.MakeRunID(j.Definition.ID, start), Start: start, State: Made, Made: m.now, Definition: j.Definition, Behind: behind}
	if err := m.w.Put(tableChained, k, []byte(run.ID)); err != nil {
		return run, false, err
	}
	if err := saveRun(m.w, run); err != nil {
		return run, false, err
	}
	if err := m.c.reopen(m.w, &j, run.ID); err != nil {
		return run, false, err
	}
	return run, true, save(m.w, tableJobs, key(string(j.Definition.ID)), j)
}

// freeStart is the first second from now on at which the job has no run yet.
func freeStart(r Reader, d job.Definition, now time.Time) (time.Time, error) {
	start := now.UTC().Truncate(time.Second)
	for {
		k, err := runKey(job.MakeRunID(d.ID, start))
		if err != nil {
			return start, err
		}
		have, err := r.Get(tableRuns, k)
		if err != nil || have == nil {
			return start, err
		}
		start = start.Add(time.Second)
	}
}

// share starts the jobs that follow a run once a share of its assets succeeded, if enough have (JOB-19).
func (c *Controller) share(w Writer, id job.RunID, now time.Time) error {
	if err := unmark(w, tableShares, string(id)); err != nil {
		return err
	}
	list, err := followers(w, id.Job())
	if err != nil {
		return err
	}
	assets, succeeded := 0, 0
	err = eachOrder(w, id, "", func(o orderRecord) (bool, error) {
		assets++
		if o.succeeded() {
			succeeded++
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, j := range list {
		k := key(string(id), string(j.Definition.ID))
		started, err := w.Get(tableChained, k)
		if err != nil {
			return err
		}
		if started != nil { // a run that was withdrawn does not count: the job is on again
			run, _, err := loadRun(w, job.RunID(started))
			if err != nil {
				return err
			}
			if run.State != RunWithdrawn {
				continue
			}
		}
		if !j.Definition.After.Due(succeeded, assets) {
			continue
		}
		run, err := c.schedule(w, &j, now)
		if err != nil {
			return err
		}
		if err := w.Put(tableChained, k, []byte(run)); err != nil {
			return err
		}
		if err := save(w, tableJobs, key(string(j.Definition.ID)), j); err != nil {
			return err
		}
	}
	return nil
}

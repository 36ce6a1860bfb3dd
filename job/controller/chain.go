package controller

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// maxChain is how many jobs may run one behind the other: a success at the head makes orders in one transaction.
const maxChain = 32

// checkChain refuses a job that would run after itself, after nothing, or at the end of too long a chain (JOB-19).
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

// followers lists the enabled jobs that run after another. Who runs after whom is read once per transaction, since one call
// may report many successes.
func (t *tx) followers(of job.ID) (list []jobRecord, err error) {
	if t.chains == nil {
		chains := map[job.ID][]job.ID{}
		for rec, err := range records(t, tableFollowers, "", "") {
			if err != nil {
				return nil, err
			}
			p, err := parts(rec.Key)
			if err != nil {
				return nil, err
			}
			if len(p) == 2 {
				chains[job.ID(p[0])] = append(chains[job.ID(p[0])], job.ID(p[1]))
			}
		}
		t.chains = chains
	}
	for _, id := range t.chains[of] {
		j, err := loadJob(t, id)
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return list, nil
}

// follow starts the jobs after a run on an asset whose order succeeded (JOB-19).
func (t *tx) follow(e ledger.Entry) error {
	list, err := t.followers(e.Run.Job())
	if err != nil {
		return err
	}
	for _, j := range list {
		if !j.Definition.After.PerAsset {
			if err := mark(t, tableShares, string(e.Run)); err != nil { // the next Tick counts
				return err
			}
			continue
		}
		run, open, err := t.chained(j, e.Run)
		if err != nil {
			return err
		}
		rec, found, err := load[assetRecord](t, tableAssets, key(string(e.Asset)))
		if err == nil && open && found {
			_, err = t.make(run, rec.Asset, ledger.Pass{Kind: ledger.MakePass})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// chained returns the run of a job that follows a run asset by asset, and begins it with the first asset. Open is false
// when it was cancelled.
func (t *tx) chained(j jobRecord, before job.RunID) (run runRecord, open bool, err error) {
	k := key(string(before), string(j.Definition.ID))
	id, err := t.Get(tableChained, k)
	if err != nil {
		return run, false, err
	}
	if id != nil {
		run, err = loadRun(t, job.RunID(id))
		if err != nil || run.State != ledger.RunWithdrawn {
			return run, !run.State.Over(), err
		} // the job was off in between, and is on again: it goes on with a run of its own
	}
	start, err := freeStart(t, j.Definition, t.now)
	if err != nil {
		return run, false, err
	}
	run = runRecord{Run: ledger.FollowRun(job.MakeRunID(j.Definition.ID, start), before, start), Definition: j.Definition}
	run.Made = t.now
	if err := t.Put(tableChained, k, []byte(run.ID)); err != nil {
		return run, false, err
	}
	if err := t.saveRun(ledger.Run{}, run); err != nil {
		return run, false, err
	}
	if err := t.reopen(&j, run.ID); err != nil {
		return run, false, err
	}
	return run, true, save(t, tableJobs, key(string(j.Definition.ID)), j)
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
func (t *tx) share(run runRecord) (_ runRecord, err error) {
	if err := unmark(t, tableShares, string(run.ID)); err != nil {
		return run, err
	}
	list, err := t.followers(run.ID.Job())
	if err != nil {
		return run, err
	}
	counts, err := tally(t, run.ID)
	if err != nil {
		return run, err
	}
	for _, j := range list {
		k := key(string(run.ID), string(j.Definition.ID))
		started, err := t.Get(tableChained, k)
		if err != nil {
			return run, err
		}
		if started != nil { // a run that was withdrawn does not count: the job is on again
			next, err := loadRun(t, job.RunID(started))
			if err != nil {
				return run, err
			}
			if next.State != ledger.RunWithdrawn {
				continue
			}
		}
		if !j.Definition.After.Due(counts.Succeeded, counts.Orders) {
			continue
		}
		next, err := t.schedule(&j)
		if err != nil {
			return run, err
		}
		if err := t.Put(tableChained, k, []byte(next)); err != nil {
			return run, err
		}
		if err := save(t, tableJobs, key(string(j.Definition.ID)), j); err != nil {
			return run, err
		}
	}
	return run, nil
}

package controller

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// maxChain is how many jobs may run one after the other: a success at the head
// makes orders in one transaction.
const maxChain = 32

// checkChain refuses a job that would run after itself, after nothing, or at
// the end of too long a chain (JOB-19).
func checkChain(r Reader, d job.Definition) error {
	what := "job " + string(d.ID)
	for at, n := d.After, 0; at != nil; n++ {
		if at.Job == d.ID || n == maxChain {
			return problem.One(what, "after.job", string(d.After.Job), "leads back to the job itself, or is a chain of more than %d jobs; name another job (JOB-19)", maxChain)
		}
		rec, found, err := load[jobRecord](r, tableJobs, key(string(at.Job)))
		if err != nil {
			return err
		}
		if n == 0 && (!found || rec.Definition.State == job.Deleted) {
			return problem.One(what, "after.job", string(at.Job), "is not a job; save that job first (JOB-19)")
		}
		at = rec.Definition.After
	}
	return nil
}

// enlist keeps the lists of who runs after whom, and of who takes late joiners,
// in step with a job's change.
func (t *tx) enlist(old, now job.Definition) {
	for _, k := range jobRows(old) {
		t.Delete(k.Table, k.Key)
	}
	for _, k := range jobRows(now) {
		t.Put(k.Table, k.Key, nil)
	}
}

// jobRows are a job's rows in those lists.
func jobRows(d job.Definition) (rows []Key) {
	if d.State != job.Enabled {
		return nil
	}
	if d.LateJoiners {
		rows = append(rows, Key{tableJoins, key(string(d.ID))})
	}
	if d.After != nil {
		rows = append(rows, Key{tableFollowers, key(string(d.After.Job), string(d.ID))})
	}
	return rows
}

// followers lists the enabled jobs that run after another. Who runs after whom
// is read once per transaction, since one call may report many successes.
func (t *tx) followers(of job.ID) (list []jobRecord, err error) {
	if t.chains == nil {
		chains := map[job.ID][]job.ID{}
		for row, err := range rows(t, tableFollowers, "", 2) {
			if err != nil {
				return nil, err
			}
			before, follower := job.ID(row.parts[0]), job.ID(row.parts[1])
			chains[before] = append(chains[before], follower)
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

// follow starts the jobs that go asset by asset on an asset whose order
// succeeded (JOB-19).
func (t *tx) follow(e ledger.Entry) error {
	list, err := t.followers(e.Run.Job())
	if err != nil {
		return err
	}
	for _, j := range list {
		if !j.Definition.After.PerAsset {
			continue
		}
		rec, _, err := load[assetRecord](t, tableAssets, key(string(e.Asset)))
		if err != nil {
			return err
		}
		if j.Definition.Select(rec.Asset) {
			if err := t.followOn(j, e, rec.Asset); err != nil {
				return err
			}
		}
	}
	return nil
}

// followOn makes the order of a job on an asset that verified the run before,
// by an inventory taken since (JOB-14). In a run that is planned, or whose turn
// has not come on the asset's clock, it waits until that is due.
func (t *tx) followOn(j jobRecord, e ledger.Entry, asset job.Asset) error {
	find := t.chained
	if recurs(j.Definition.Schedule) {
		find = t.nextTime
	}
	run, err := find(j, e)
	if err != nil || run.State.Over() { // it was cancelled
		return err
	}
	waits, err := loadEntry(t, run.ID, asset.ID)
	if err != nil {
		return err
	}
	if waits.Phase == ledger.Open || waits.Phase == ledger.Gone {
		return nil
	}
	fresh := t.outdated != asset.ID
	t.wanted = t.wanted || !fresh
	if run.State != ledger.RunPlanned && fresh {
		due, err := t.makeOrPlan(run, asset, ledger.Pass{Kind: ledger.MakePass})
		if err != nil || !due.After(t.now) || waits.Phase != 0 {
			return err
		}
	}
	return t.only(waits, ledger.Awaited{})
}

// chained returns the run of a job that follows a run asset by asset, and
// begins it with the first asset.
func (t *tx) chained(j jobRecord, e ledger.Entry) (run runRecord, err error) {
	k := key(string(e.Run), string(j.Definition.ID))
	id, err := t.Get(tableChained, k)
	if err != nil {
		return run, err
	}
	if id != nil {
		var found bool
		run, found, err = findRun(t, job.RunID(id))
		window := run.Definition.Window
		closed := window != 0 && !run.State.Over() && !t.now.Before(run.Start.Add(window))
		if err != nil || found && run.State != ledger.RunWithdrawn && !closed {
			return run, err
		} // the job was off in between, and is on again, the window has closed, or the run was pruned: it goes on with a run of its own
	}
	start, err := freeStart(t, j.Definition, t.now)
	if err != nil {
		return run, err
	}
	run = runRecord{Run: ledger.FollowRun(job.MakeRunID(j.Definition.ID, start), e.Run, start), Definition: j.Definition}
	t.Put(tableChained, k, []byte(run.ID))
	if err := t.saveRun(ledger.Run{}, run); err != nil {
		return run, err
	}
	return run, t.opened(j, run.ID)
}

// nextTime returns the run of a job's next time on an asset that verified a run
// now, and plans it for the first asset. One that was cancelled stays so: then
// it is the time after it.
func (t *tx) nextTime(j jobRecord, e ledger.Entry) (run runRecord, err error) {
	d := j.Definition
	from := t.now.Add(d.After.Delay)
	for {
		o, _, err := t.c.nextOn(t, d, e.Asset, from, from.Add(-1)) // without a zone, the order is left out with the reason
		if err != nil {
			return run, err
		}
		run, found, err := findRun(t, d.Run(o))
		switch {
		case err == nil && (!found || run.State == ledger.RunWithdrawn):
			id, err := t.planRun(d, ledger.RunPlan{Occurrence: o, After: e.Run})
			if err != nil {
				return run, err
			}
			if run, err = loadRun(t, id); err != nil {
				return run, err
			}
			return run, t.opened(j, id)
		case err != nil || !run.State.Over():
			return run, err
		}
		from = o.Start.Add(time.Second)
	}
}

// opened saves a job that has a new run.
func (t *tx) opened(j jobRecord, run job.RunID) error {
	if err := t.reopen(&j, run); err != nil {
		return err
	}
	t.save(tableJobs, key(string(j.Definition.ID)), j)
	return nil
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

// recount has the next Tick reckon the share of a run that succeeded, if a job
// waits for one (JOB-19).
func (t *tx) recount(run job.RunID) error {
	list, err := t.followers(run.Job())
	if err != nil {
		return err
	}
	for _, j := range list {
		if !j.Definition.After.PerAsset {
			t.Put(tableShares, key(string(run)), nil)
			return nil
		}
	}
	return nil
}

// recountOpen reckons the shares of a job's open runs.
func (t *tx) recountOpen(of job.ID) error {
	rec, err := loadJob(t, of)
	if err != nil {
		return err
	}
	for _, run := range rec.Open {
		if err := t.recount(run); err != nil {
			return err
		}
	}
	return nil
}

// followed lists the open runs of the jobs that others run after.
func (t *tx) followed() (runs []job.RunID, err error) {
	if _, err := t.followers(""); err != nil { // reads who runs after whom
		return nil, err
	}
	for id := range t.chains {
		rec, err := loadJob(t, id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, rec.Open...)
	}
	return runs, nil
}

// share starts the jobs that follow a run once a share of its assets succeeded,
// if enough have (JOB-19).
func (t *tx) share(run runRecord) (_ runRecord, err error) {
	t.Delete(tableShares, key(string(run.ID)))
	if run.State == ledger.RunPlanned || run.State == ledger.RunMaking {
		return run, nil // it is reckoned again when all orders are made
	}
	list, err := t.followers(run.ID.Job())
	if err != nil {
		return run, err
	}
	n, err := reckon(t, run)
	if err != nil {
		return run, err
	}
	for _, j := range list {
		after := j.Definition.After
		if !after.Due(n.succeeded, n.assets) {
			continue
		}
		if started, err := startedBy(t, run.ID, j.Definition.ID); err != nil {
			return run, err
		} else if started {
			continue
		}
		from := t.now.Add(after.Delay)
		next, err := t.schedule(&j, from, from.Add(-1))
		if err != nil {
			return run, err
		}
		t.Put(tableChained, key(string(run.ID), string(j.Definition.ID)), []byte(next))
		t.save(tableJobs, key(string(j.Definition.ID)), j)
	}
	return run, nil
}

// startedBy reports whether a run started one of another job. One that was
// withdrawn does not count: the job may be on again. One that was pruned does.
func startedBy(r Reader, before job.RunID, follower job.ID) (bool, error) {
	id, err := r.Get(tableChained, key(string(before), string(follower)))
	if err != nil || id == nil {
		return false, err
	}
	run, _, err := findRun(r, job.RunID(id))
	return err == nil && run.State != ledger.RunWithdrawn, err
}

// shareCount is what a share of a run's assets is taken of.
type shareCount struct{ orders, assets, succeeded, ended int } // assets: those that count, as the two after it

// reckon counts the assets of a run whose order was not withdrawn, and which
// were not removed. In a run that was cancelled or withdrawn as a whole all
// count: stopping a job starts nothing (JOB-19).
func reckon(r Reader, run runRecord) (n shareCount, err error) {
	count := func(list []ledger.Entry) error {
		var keys []Key
		for _, e := range list {
			keys = append(keys, Key{tableAssets, key(string(e.Asset))})
		}
		assets, err := r.GetMany(keys)
		if err != nil {
			return err
		}
		for i, e := range list {
			n.orders++
			if !run.State.Over() && (assets[i] == nil || !e.Counts()) {
				continue
			}
			n.assets++
			if e.Phase == ledger.Ended {
				n.ended++
			}
			if e.Succeeded() {
				n.succeeded++
			}
		}
		return nil
	}
	var list []ledger.Entry // some at a time: a run may have a million
	for e, err := range entries(r, run.ID) {
		if err != nil {
			return n, err
		}
		if list = append(list, e); len(list) == MaxMany {
			if err := count(list); err != nil {
				return n, err
			}
			list = nil
		}
	}
	return n, count(list)
}

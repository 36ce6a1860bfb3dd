package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// maxChain is how many jobs may run one after the other: a success at the head
// makes orders in one transaction.
const maxChain = 32

// checkChain fails for a job that would run after itself, after nothing, or at
// the end of too long a chain (JOB-19).
func (r *reader) checkChain(d job.Definition) {
	refuse := func(other job.ID, format string, args ...any) {
		r.fail(problem.One("job "+string(d.ID), "after.job", string(other), format, args...))
	}
	for at, n := d.After, 0; at != nil; n++ {
		if at.Job == d.ID || n == maxChain {
			refuse(d.After.Job, "leads back to the job itself, or is a chain of more than %d jobs; name another job (JOB-19)", maxChain)
			return
		}
		rec, found := load[jobRecord](r, tableJobs, key(string(at.Job)))
		if n == 0 && (!found || rec.Definition.State == job.Deleted) {
			refuse(at.Job, "is not a job; save that job first (JOB-19)")
		}
		at = rec.Definition.After
	}
}

// enlist keeps the lists of who runs after whom, and of who takes late joiners,
// in step with a job's change.
func (t *tx) enlist(old, now job.Definition) {
	for _, k := range jobRows(old) {
		t.delete(k.Table, k.Key)
	}
	for _, k := range jobRows(now) {
		t.put(k.Table, k.Key, nil)
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
func (t *tx) followers(of job.ID) (list []jobRecord) {
	if t.chains == nil {
		t.chains = map[job.ID][]job.ID{}
		for row := range t.rows(tableFollowers, "", 2) {
			before, follower := job.ID(row.parts[0]), job.ID(row.parts[1])
			t.chains[before] = append(t.chains[before], follower)
		}
	}
	for _, id := range t.chains[of] {
		if j := t.job(id); t.failed == nil {
			list = append(list, j)
		}
	}
	return list
}

// follow starts the jobs that go asset by asset on an asset whose order
// succeeded (JOB-19).
func (t *tx) follow(e ledger.Entry) {
	for _, j := range t.followers(e.Run.Job()) {
		if !j.Definition.After.PerAsset {
			continue
		}
		if rec, _ := t.findAsset(e.Asset); j.Definition.Select(rec.Asset) {
			t.followOn(j, e, rec.Asset)
		}
	}
}

// followOn makes the order of a job on an asset that verified the run before,
// by an inventory taken since (JOB-14). In a run that is planned, or whose turn
// has not come on the asset's clock, it waits until that is due.
func (t *tx) followOn(j jobRecord, e ledger.Entry, asset job.Asset) {
	find := t.chained
	if recurs(j.Definition.Schedule) {
		find = t.nextTime
	}
	run := find(j, e)
	waits := t.entry(run.ID, asset.ID)
	if run.State.Over() || waits.Phase == ledger.Open || waits.Phase == ledger.Gone { // over: it was cancelled
		return
	}
	fresh := t.outdated != asset.ID
	t.wanted = t.wanted || !fresh
	if run.State != ledger.RunPlanned && fresh {
		due := t.makeOrPlan(run, asset, ledger.Pass{Kind: ledger.MakePass})
		if waits = t.entry(run.ID, asset.ID); !due.After(t.now) || waits.Phase != 0 { // the pass may have noted already that it waits
			return
		}
	}
	t.step(waits, ledger.Awaited{})
}

// chained returns the run of a job that follows a run asset by asset, and
// begins it with the first asset.
func (t *tx) chained(j jobRecord, e ledger.Entry) runRecord {
	k := key(string(e.Run), string(j.Definition.ID))
	if id := t.get(tableChained, k); id != nil {
		run, found := t.findRun(job.RunID(id))
		window := run.Definition.Window
		closed := window != 0 && !run.State.Over() && !t.now.Before(run.Start.Add(window))
		if found && run.State != ledger.RunWithdrawn && !closed {
			return run
		} // the job was disabled and enabled again, the window has closed, or the run was pruned: a new run begins
	}
	start := t.freeStart(j.Definition, t.now)
	run := runRecord{Run: ledger.FollowRun(job.MakeRunID(j.Definition.ID, start), e.Run, start), Definition: j.Definition}
	t.put(tableChained, k, []byte(run.ID))
	t.saveRun(ledger.Run{}, run)
	t.opened(j, run.ID)
	return run
}

// nextTime returns the run of a job's next time on an asset that has just
// verified a run. For the first asset, it plans that run. If the run was
// cancelled, it takes the time after it.
func (t *tx) nextTime(j jobRecord, e ledger.Entry) runRecord {
	d := j.Definition
	from := t.now.Add(d.After.Delay)
	for {
		o, _ := t.nextOn(d, e.Asset, from, from.Add(-1)) // without a zone, the order is left out with the reason
		run, found := t.findRun(d.Run(o))
		switch {
		case !found || run.State == ledger.RunWithdrawn:
			id := t.planRun(d, ledger.RunPlan{Occurrence: o, After: e.Run})
			t.opened(j, id)
			return t.run(id)
		case !run.State.Over():
			return run
		}
		from = o.Start.Add(time.Second)
	}
}

// opened saves a job that has a new run.
func (t *tx) opened(j jobRecord, run job.RunID) {
	t.reopen(&j, run)
	t.saveJob(j)
}

// freeStart is the first second from now on at which the job has no run yet.
func (r *reader) freeStart(d job.Definition, now time.Time) time.Time {
	start := now.UTC().Truncate(time.Second)
	for {
		if _, taken := r.findRun(job.MakeRunID(d.ID, start)); !taken {
			return start
		}
		start = start.Add(time.Second)
	}
}

// recount makes the next Tick count the share of a run that succeeded, if a job
// waits for that share (JOB-19).
func (t *tx) recount(run job.RunID) {
	if slices.ContainsFunc(t.followers(run.Job()), func(j jobRecord) bool { return !j.Definition.After.PerAsset }) {
		t.put(tableShares, key(string(run)), nil)
	}
}

// share starts the jobs that follow a run once a share of its assets succeeded,
// if enough have (JOB-19).
func (t *tx) share(run runRecord) {
	t.delete(tableShares, key(string(run.ID)))
	if run.State == ledger.RunPlanned || run.State == ledger.RunMaking {
		return // it is reckoned again when all orders are made
	}
	n := t.reckon(run)
	for _, j := range t.followers(run.ID.Job()) {
		after := j.Definition.After
		if !after.Due(n.succeeded, n.assets) || t.startedBy(run.ID, j.Definition.ID) {
			continue
		}
		from := t.now.Add(after.Delay)
		next := t.schedule(&j, from, from.Add(-1))
		t.put(tableChained, key(string(run.ID), string(j.Definition.ID)), []byte(next))
		t.saveJob(j)
	}
}

// startedBy reports whether a run started a run of another job. A started run
// that was pruned counts. One that was withdrawn does not: its job may be
// enabled again.
func (r *reader) startedBy(before job.RunID, follower job.ID) bool {
	id := r.get(tableChained, key(string(before), string(follower)))
	if id == nil {
		return false
	}
	run, _ := r.findRun(job.RunID(id))
	return run.State != ledger.RunWithdrawn
}

// shareCount has the numbers from which the share of a run is computed.
type shareCount struct{ orders, assets, succeeded, ended int } // assets, succeeded and ended leave out the assets that do not count

// reckon counts the assets of a run, without those that were removed and those
// whose order was withdrawn. In a run that was cancelled or withdrawn as a
// whole, all assets count, so that stopping a run never raises its share
// (JOB-19).
func (r *reader) reckon(run runRecord) (n shareCount) {
	count := func(list []ledger.Entry) {
		var keys []Key
		for _, e := range list {
			keys = append(keys, Key{tableAssets, key(string(e.Asset))})
		}
		for i, asset := range r.getMany(keys) {
			n.orders++
			e := list[i]
			if !run.State.Over() && (asset == nil || !e.Counts()) {
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
	}
	var list []ledger.Entry // some at a time: a run may have a million
	for e := range r.entries(run.ID) {
		if list = append(list, e); len(list) == MaxMany {
			count(list)
			list = nil
		}
	}
	count(list)
	return n
}

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
	stopped, due := run.State.Over(), !a.PerAsset && n.assets != 0 && a.Due(n.succeeded, n.assets)
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
	case due:
		w.Text = fmt.Sprintf("In run %s, %d of %d assets succeeded and %d are needed. It starts when the server next counts them: after the next change in that run, or %s.",
			run.ID, n.succeeded, n.assets, w.Needed, again)
	default:
		w.Text = fmt.Sprintf("It needs %d of the %d assets of run %s to succeed (%d %%); %d have.", w.Needed, n.assets, run.ID, a.Share, n.succeeded)
	}
	switch {
	case stopped && n.ended < n.assets && !due:
		w.Text += fmt.Sprintf(" That run was stopped (%v); the order has not ended on %s, and what still succeeds counts. Otherwise it waits for %s.",
			run.State, countAssets(n.assets-n.ended), again)
	case stopped && !due:
		w.Text += fmt.Sprintf(" That run was stopped (%v); it waits for %s.", run.State, again)
	case run.State != ledger.RunMaking && !a.PerAsset && n.assets != 0 && n.ended == n.assets && !due:
		w.Text += fmt.Sprintf(" All have ended, so it starts only when assets that did not succeed leave, or after %s.", again)
	}
	return w
}

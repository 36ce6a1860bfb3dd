package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// TestSplitChainRunsAssetByAsset_JOB14_JOB19 takes the remedy that JOB-14 offers and lets it run.
func TestSplitChainRunsAssetByAsset_JOB14_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		needs := func(p *catalog.Patch) { p.Requires = []catalog.Requirement{{Patch: "editor-2.0.0", Reboot: true}} }
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", needs))
		good, bad := f.enrol("a-good", "all"), f.enrol("b-bad", "all")
		ready := f.enrolOnly("c-ready", "all") // has the first patch already
		ready.install("editor", "2.0.0", "player", "1.0.0")
		f.call(ready)
		snap, err := f.Snapshot(ctx)
		require.NoError(f, err)
		chain, err := definition("j", "editor-2.0.0", "player-2.0.0").Split(snap)
		require.NoError(f, err)
		require.Len(f, chain, 2)
		for _, d := range chain {
			_, err := f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
		}
		none, err := f.EnableJob(ctx, chain[1].ID, f.now)
		require.NoError(f, err)
		require.Empty(f, none, "it waits for the first")
		first, err := f.EnableJob(ctx, chain[0].ID, f.now)
		require.NoError(f, err)
		f.call(ready)
		require.Equal(f, []string{"player-2.0.0"}, ready.patches(), "nothing to do in the first: straight to the second")

		f.pass(time.Minute)
		for _, a := range []*agent{good, bad} {
			f.call(a)
			require.Equal(f, []string{"editor-2.0.0"}, a.patches())
		}
		good.report(job.Report{Order: job.MakeOrderID(first, "a-good"), Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
		f.call(good)
		require.Equal(f, []string{"editor-2.0.0"}, good.patches(), "not before its reboot is verified")
		good.report(job.Report{Order: job.MakeOrderID(first, "a-good"), Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		good.install("editor", "2.0.0", "player", "1.0.0")
		bad.report(job.Report{Order: job.MakeOrderID(first, "b-bad"), Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, 9)}})
		f.call(good)
		f.call(bad)
		require.Equal(f, []string{"player-2.0.0"}, good.patches())
		require.Empty(f, bad.orders, "who failed does not follow")

		runs, err := f.Runs(ctx, chain[1].ID, "", 10)
		require.NoError(f, err)
		require.Len(f, runs, 1, "one run for one run of the predecessor")
		require.Equal(f, 2, runs[0].Assets)
		// An edit makes the existing orders again, and no others.
		edited := chain[1]
		edited.Name = "renamed"
		_, err = f.SaveJob(ctx, edited, f.now)
		require.NoError(f, err)
		f.call(good)
		require.Equal(f, "renamed", good.orders[0].Name)
		runs, err = f.Runs(ctx, chain[1].ID, "", 10)
		require.NoError(f, err)
		require.Equal(f, 2, runs[0].Assets)
		require.NoError(f, f.DisableJob(ctx, chain[1].ID, f.now))
		f.call(good)
		require.Empty(f, good.orders)
	})
}

func TestShareOfAssetsStartsTheNextJob_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all"), f.enrol("c", "all"), f.enrol("d", "all")}
		next := definition("next", "player-2.0.0")
		next.After = &job.After{Job: "ring-1", Share: 50}
		_, err := f.SaveJob(ctx, next, f.now)
		require.NoError(f, err)
		_, err = f.EnableJob(ctx, "next", f.now)
		require.ErrorContains(f, err, "is not a job")
		ring := f.enable(definition("ring-1", "editor-2.0.0"))
		_, err = f.EnableJob(ctx, "next", f.now)
		require.NoError(f, err)
		for i, a := range agents {
			f.pass(time.Minute)
			f.call(a)
			a.report(job.Report{Order: job.MakeOrderID(ring, a.id), Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
			f.call(a)
			_, err = f.Tick(ctx, f.now)
			require.NoError(f, err)
			runs, err := f.Runs(ctx, "next", "", 10)
			require.NoError(f, err)
			if i == 0 {
				require.Empty(f, runs, "a quarter is not half")
				continue
			}
			require.Len(f, runs, 1, "once")
			require.Equal(f, ledger.RunMade, runs[0].State)
			require.Equal(f, 4, runs[0].Assets, "everybody follows, the slow ones too")
		}
	})
}

func TestChainThatLeadsBackIsRefused_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		for _, pair := range [][2]job.ID{{"a", "c"}, {"b", "a"}, {"c", "b"}} {
			d := definition(pair[0], "editor-2.0.0")
			d.After = &job.After{Job: pair[1], PerAsset: true}
			_, err := f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
		}
		for _, id := range []job.ID{"a", "b", "c"} {
			_, err := f.EnableJob(ctx, id, f.now)
			require.ErrorContains(f, err, "leads back")
		}
	})
}

// A success at the head makes the orders of all that follow in one transaction,
// so a chain has an end: 32 jobs before the last.
func TestLengthOfAChain_JOB19(t *testing.T) {
	once(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		id := func(i int) job.ID { return job.ID(fmt.Sprintf("j%02d", i)) }
		for i := range 34 {
			d := definition(id(i), "editor-2.0.0")
			if i > 0 {
				d.After = &job.After{Job: id(i - 1), PerAsset: true}
			}
			_, err := f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
		}
		_, err := f.EnableJob(ctx, id(32), f.now)
		require.NoError(f, err)
		_, err = f.EnableJob(ctx, id(33), f.now)
		require.ErrorContains(f, err, "more than 32 jobs")
	})
}

// A job that was disabled takes part again from when it is enabled, also after
// a run that began before.
func TestFollowerEnabledAgain_JOB19_JOB6(t *testing.T) {
	for name, after := range map[string]job.After{"per asset": {Job: "first", PerAsset: true}, "share": {Job: "first", Share: 1}} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
				agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all"), f.enrol("c", "all")}
				_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
				require.NoError(f, err)
				d := definition("second", "player-2.0.0")
				d.After = &after
				_, err = f.SaveJob(ctx, d, f.now)
				require.NoError(f, err)
				_, err = f.EnableJob(ctx, "second", f.now)
				require.NoError(f, err)
				first := f.enable(definition("first", "editor-2.0.0"))
				succeed := func(a *agent) {
					f.call(a)
					a.report(job.Report{Order: job.MakeOrderID(first, a.id), Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
					f.call(a)
					_, err := f.Tick(ctx, f.now)
					require.NoError(f, err)
					f.call(a)
				}
				succeed(agents[0])
				require.Equal(f, []string{"player-2.0.0"}, agents[0].patches())
				require.NoError(f, f.DisableJob(ctx, "second", f.now))
				f.call(agents[0])
				require.Empty(f, agents[0].patches())
				_, err = f.EnableJob(ctx, "second", f.now)
				require.NoError(f, err)
				succeed(agents[1])
				require.Equal(f, []string{"player-2.0.0"}, agents[1].patches())
				// A cancel is meant for all that would still follow.
				_, err = f.CancelJob(ctx, "second", f.now)
				require.NoError(f, err)
				succeed(agents[2])
				require.NotContains(f, agents[2].patches(), "player-2.0.0")
			})
		})
	}
}

// Between two successes of the run before nothing of the follower is open, and
// yet there is something to cancel.
func TestCancelOfWhatWouldStillFollow_JOB3_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all")}
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		d := definition("second", "player-2.0.0")
		d.After = &job.After{Job: "first", PerAsset: true}
		_, err = f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		_, err = f.EnableJob(ctx, "second", f.now)
		require.NoError(f, err)
		first := f.enable(definition("first", "editor-2.0.0"))
		end := func(a *agent, run job.RunID, p catalog.PatchID) {
			f.call(a)
			a.report(job.Report{Order: job.MakeOrderID(run, a.id), Result: job.Completed, Patches: []job.PatchOutcome{outcome(p, job.Succeeded, 0)}})
			f.call(a)
		}
		end(agents[0], first, "editor-2.0.0")
		runs, err := f.Runs(ctx, "second", "", 10)
		require.NoError(f, err)
		end(agents[0], runs[0].ID, "player-2.0.0")
		_, err = f.CancelRun(ctx, runs[0].ID, f.now)
		require.NoError(f, err)
		end(agents[1], first, "editor-2.0.0")
		require.NotContains(f, agents[1].patches(), "player-2.0.0")
		var refused *controller.CancelRefused
		_, err = f.CancelRun(ctx, runs[0].ID, f.now)
		require.ErrorAs(f, err, &refused, "now there is nothing left")
	})
}

// Once the run before has ended everywhere, no asset follows any more, and a
// follower that ended is not to be cancelled.
func TestCancelOfAFollowerThatEnded_JOB3_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("second", job.After{Job: "first", PerAsset: true})
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.ended(a, first, job.Completed)
		second := f.runsOf("second")[0].ID
		f.ended(a, second, job.Completed)
		f.ended(b, first, job.Failed)
		_, err = f.CancelRun(ctx, second, f.now)
		var refused *controller.CancelRefused
		require.ErrorAs(f, err, &refused)
		require.Equal(f, job.StageDone, refused.Stage)
	})
}

// Every job after another starts, those that wait for a share and those that go
// asset by asset, and so do the jobs after them. One that has nothing to do
// starts the next at once (JOB-19).
func TestEveryFollowerStarts_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"), patch("reader", "2.0.0"))
		a := f.enrolOnly("a", "all")
		a.install("editor", "1.0.0", "reader", "1.0.0") // no player: the jobs about it have nothing to do
		f.call(a)
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		for _, c := range []struct {
			id    job.ID
			after job.After
			patch catalog.PatchID
		}{
			{"a-share", job.After{Job: "first", Share: 100}, "reader-2.0.0"},
			{"b-each", job.After{Job: "first", PerAsset: true}, "reader-2.0.0"},
			{"c-nothing", job.After{Job: "first", PerAsset: true}, "player-2.0.0"},
			{"d-after-nothing", job.After{Job: "c-nothing", PerAsset: true}, "player-2.0.0"},
			{"e-share-of-nothing", job.After{Job: "d-after-nothing", Share: 1}, "reader-2.0.0"},
			{"f-each-of-nothing", job.After{Job: "d-after-nothing", PerAsset: true}, "reader-2.0.0"},
		} {
			d := definition(c.id, c.patch)
			d.After = &c.after
			_, err := f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
			_, err = f.EnableJob(ctx, c.id, f.now)
			require.NoError(f, err)
		}
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.call(a)
		f.pass(time.Minute)
		a.report(job.Report{Order: job.MakeOrderID(first, "a"), Result: job.Completed})
		f.call(a)
		var jobs []job.ID
		for _, o := range a.orders {
			jobs = append(jobs, o.Job)
		}
		require.Equal(f, []job.ID{"b-each", "f-each-of-nothing"}, jobs, "in the very call that brought the success")
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		for id, want := range map[job.ID]job.Result{
			"a-share": 0, "b-each": 0, "c-nothing": job.NotApplicable, "d-after-nothing": job.NotApplicable, "e-share-of-nothing": 0, "f-each-of-nothing": 0,
		} {
			runs, err := f.Runs(ctx, id, "", 10)
			require.NoError(f, err)
			require.Len(f, runs, 1, id)
			require.Equal(f, want, f.asset(runs[0].ID, "a").Result, id)
		}
		f.call(a)
		require.Len(f, a.orders, 4)
	})
}

// A run that follows another is open while one of its own orders is, also when
// the run before it has nothing open any more.
func TestFollowerIsOpenForItself_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		d := definition("second", "player-2.0.0")
		d.After = &job.After{Job: "first", PerAsset: true}
		_, err = f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		_, err = f.EnableJob(ctx, "second", f.now)
		require.NoError(f, err)
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.call(a)
		a.report(job.Report{Order: job.MakeOrderID(first, a.id), Result: job.Completed})
		f.call(a)
		status, err := f.Job(ctx, "second")
		require.NoError(f, err)
		require.Len(f, status.Open, 1)
		a.report(job.Report{Order: job.MakeOrderID(status.Open[0], a.id), Result: job.Completed})
		f.call(a)
		status, err = f.Job(ctx, "second")
		require.NoError(f, err)
		require.Empty(f, status.Open)
	})
}

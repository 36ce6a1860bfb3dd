package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// follows saves and enables a job after another, about the player.
func (f *fixture) follows(id job.ID, after job.After, change ...func(*job.Definition)) {
	f.Helper()
	d := definition(id, "player-2.0.0")
	d.After = &after
	for _, c := range change {
		c(&d)
	}
	_, err := f.SaveJob(ctx, d, f.now)
	require.NoError(f, err)
	_, err = f.EnableJob(ctx, id, f.now)
	require.NoError(f, err)
}

// ended lets an asset report the result of a run, and the server count.
func (f *fixture) ended(a *agent, run job.RunID, result job.Result) {
	f.Helper()
	f.call(a)
	a.report(job.Report{Order: job.MakeOrderID(run, a.id), Result: result})
	f.call(a)
	_, err := f.Tick(ctx, f.now)
	require.NoError(f, err)
}

func (f *fixture) runsOf(id job.ID) []controller.RunStatus {
	f.Helper()
	runs, err := f.Runs(ctx, id, "", 100)
	require.NoError(f, err)
	return runs
}

func (f *fixture) waits(id job.ID) controller.Waits {
	f.Helper()
	status, err := f.Job(ctx, id)
	require.NoError(f, err)
	if status.Waits == nil {
		return controller.Waits{}
	}
	return *status.Waits
}

// What is waited for is a share of the run that was taken up last, not of the one that is planned.
func TestWaitsForTheRunInProgress_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("first", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		f.enable(d)
		f.follows("next", job.After{Job: "first", Share: 100})
		for day := range 2 {
			f.tick(start.Add(time.Duration(24*day+10) * time.Hour))
			f.call(a)
			ids, _ := f.runs("first")
			require.Len(f, ids, day+2)
			require.Equal(f, controller.Waits{
				Text: "It needs 1 of the 1 assets of run " + ids[day] + " to succeed (100 %); 0 have.", Run: job.RunID(ids[day]), Needed: 1, Counted: 1,
			}, f.waits("next"))
		}
	})
}

// An asset that verified the first job after the window of the others has one
// of its own. A run that was cancelled stays so.
func TestWindowOfAnAssetThatFollowsLate_JOB19_JOB10(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all"), f.enrol("c", "all"), f.enrol("d", "all")}
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", PerAsset: true}, func(d *job.Definition) { d.Window = time.Hour })
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		for i, a := range agents {
			f.ended(a, first, job.Completed)
			if i == 3 {
				require.Empty(f, a.orders)
				continue
			}
			require.Len(f, a.orders, 1)
			require.True(f, a.orders[0].End.After(f.now))
			f.pass(40 * time.Minute)
			if i == 2 {
				_, err = f.CancelRun(ctx, a.orders[0].Run, f.now)
				require.NoError(f, err)
				f.pass(40 * time.Minute)
			}
		}
		runs := f.runsOf("next")
		require.Len(f, runs, 2)
		require.Equal(f, []int{2, 1}, []int{runs[0].Assets, runs[1].Assets})
	})
}

// An enabled job that had times of its own becomes a follower, and the other way round.
func TestEditMakesAFollower_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		f.ended(a, first, job.Completed)
		d := definition("next", "player-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(24 * time.Hour)}
		f.enable(d)
		d.Schedule = schedule.Schedule{Kind: schedule.OnDemand}
		d.After = &job.After{Job: "first", Share: 100, Delay: 12 * time.Hour}
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		require.Contains(f, f.waits("next").Text, "is planned and starts at "+f.now.Add(12*time.Hour).Format(time.RFC3339))
		d.After = nil
		_, err = f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.call(a)
		require.Equal(f, []string{"player-2.0.0"}, a.patches(), "on demand: now")
		require.Empty(f, f.waits("next"))
		require.NoError(f, f.DeleteJob(ctx, "first", false, f.now), "nobody runs after it any more")
	})
}

// Asset by asset in each asset's own zone: each takes part in the run of its
// own next night, and a run that was cancelled stays so.
func TestFollowersNextTimeInEachZone_JOB19_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		var agents []*agent
		for _, zone := range []string{"Asia/Tokyo", "America/New_York", "Asia/Tokyo"} { // 21:00 and 07:00 on March 1
			a := f.enrolOnly(job.AssetID("a"+string(rune('0'+len(agents)))), "all")
			a.zone = zone
			a.install("editor", "1.0.0", "player", "1.0.0")
			f.call(a)
			agents = append(agents, a)
		}
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("night", job.After{Job: "first", PerAsset: true, Delay: 2 * time.Hour}, func(d *job.Definition) {
			d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(22, 0), Zone: schedule.AssetZone}
		})
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		for _, a := range agents[:2] {
			f.ended(a, first, job.Completed)
		}
		var ids []job.RunID
		for _, r := range f.runsOf("night") {
			ids = append(ids, r.ID)
		}
		require.Equal(f, []job.RunID{"night@20260301T220000", "night@20260302T220000"}, ids, "in Tokyo 22:00 is less than two hours ahead")
		_, err = f.CancelRun(ctx, "night@20260302T220000", f.now)
		require.NoError(f, err)
		f.ended(agents[2], first, job.Completed)
		f.pass(20 * time.Hour) // 08:00 UTC on March 2: past 22:00 in New York, and far from 22:00 on March 3 in UTC+14
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		for _, a := range agents {
			f.call(a)
		}
		orders := func(a *agent) (list []string) {
			for _, o := range a.orders {
				list = append(list, string(o.Run)+" at "+o.Start.Format(time.RFC3339))
			}
			return list
		}
		require.Equal(f, []string{"night@20260301T220000 at 2026-03-02T03:00:00Z"}, orders(agents[1]))
		require.Empty(f, orders(agents[0]), "its run was cancelled")
		require.Empty(f, orders(agents[2]), "and it goes a day later")
		f.pass(24 * time.Hour)
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		f.call(agents[2])
		require.Empty(f, orders(agents[2]), "its turn comes by its own clock (MAN-1)")
		f.pass(2 * time.Hour)
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		f.call(agents[2])
		require.Equal(f, []string{"night@20260303T220000 at 2026-03-03T13:00:00Z"}, orders(agents[2]))
	})
}

// An asset that verified the first job while the run of its night is being made
// waits for its own turn in that run.
func TestFollowerWaitsForItsTurn_JOB19_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		early, late := f.enrolOnly("a", "all"), f.enrolOnly("b", "all")
		early.zone, late.zone = "Pacific/Kiritimati", "Pacific/Honolulu" // 02:00 on March 2 and on March 1
		for _, a := range []*agent{early, late} {
			a.install("editor", "1.0.0", "player", "1.0.0")
			f.call(a)
		}
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("night", job.After{Job: "first", PerAsset: true}, func(d *job.Definition) {
			d.Schedule = daily(f, "04:00", schedule.AssetZone)
		})
		f.ended(early, first, job.Completed)
		require.Len(f, f.runsOf("night"), 1)
		night := f.runsOf("night")[0]
		require.Equal(f, ledger.RunMaking, night.State)
		f.call(early)
		require.Len(f, early.orders, 1)
		f.pass(11 * time.Hour) // 13:00 there on March 1: its next 04:00 is that of the same run
		f.ended(late, first, job.Completed)
		require.Len(f, f.runsOf("night"), 1)
		require.True(f, f.asset(night.ID, "b").Waiting)
		require.Empty(f, late.orders)
		f.tick(start.Add(24 * time.Hour))
		f.call(late)
		require.Len(f, late.orders, 1)
		require.Equal(f, "2026-03-02T14:00:00Z", late.orders[0].Start.Format(time.RFC3339))
	})
}

// A follower that was off in between goes on with the run of the same night,
// and not with one that was cancelled.
func TestFollowersNightAgain_JOB19_JOB3_JOB5(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all"), f.enrol("c", "all")}
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("night", job.After{Job: "first", PerAsset: true}, func(d *job.Definition) { d.Schedule = daily(f, "22:00", "UTC") })
		f.ended(agents[0], first, job.Completed)
		require.NoError(f, f.DisableJob(ctx, "night", f.now))
		_, err := f.EnableJob(ctx, "night", f.now)
		require.NoError(f, err)
		f.ended(agents[1], first, job.Completed)
		agents[1].install("editor", "2.0.0", "player", "1.0.0")
		f.call(agents[1])
		require.Empty(f, agents[1].orders, "another inventory brings it no sooner")
		require.True(f, f.asset("night@20260301T220000", "b").Waiting)
		ids, states := f.runs("night")
		require.Equal(f, []string{"night@20260301T220000"}, ids)
		require.Equal(f, []ledger.RunState{ledger.RunPlanned}, states)
		_, err = f.CancelRun(ctx, "night@20260301T220000", f.now)
		require.NoError(f, err)
		f.ended(agents[2], first, job.Completed)
		ids, states = f.runs("night")
		require.Equal(f, []string{"night@20260301T220000", "night@20260302T220000"}, ids)
		require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states)
	})
}

// A predecessor of enabled jobs is deleted only by force, and they say so (JOB-19).
func TestDeleteOfAPredecessor_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		f.enable(definition("first", "editor-2.0.0"))
		f.follows("b", job.After{Job: "first", Share: 1})
		f.follows("a", job.After{Job: "first", PerAsset: true})
		var followed *controller.FollowedError
		require.ErrorAs(f, f.DeleteJob(ctx, "first", false, f.now), &followed)
		require.Equal(f, &controller.FollowedError{Job: "first", Followers: []job.ID{"a", "b"}}, followed)
		require.ErrorContains(f, followed, "enabled jobs run after it (a, b)")
		require.NoError(f, f.DisableJob(ctx, "a", f.now))
		require.ErrorAs(f, f.DeleteJob(ctx, "first", false, f.now), &followed)
		require.Equal(f, []job.ID{"b"}, followed.Followers)
		require.NoError(f, f.DeleteJob(ctx, "first", true, f.now))
		require.Contains(f, f.waits("b").Text, "Job first, which it runs after, is deleted")
		require.NoError(f, f.DeleteJob(ctx, "b", false, f.now), "nobody runs after it")
		require.Empty(f, f.waits("b"))
	})
}

// What a follower asset by asset says.
func TestWhyAFollowerAssetByAssetHasNotStarted_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		f.enrol("b", "all")
		d := definition("first", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(6 * time.Hour)}
		first := f.enable(d)
		f.follows("next", job.After{Job: "first", PerAsset: true})
		require.Equal(f, "Job first, which it runs after, starts at 2026-03-01T18:00:00Z.", f.waits("next").Text)
		f.pass(6 * time.Hour)
		_, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Equal(f, "It starts on each asset that succeeds in run "+string(first)+": none of 2 has.", f.waits("next").Text)
		require.NoError(f, f.DisableJob(ctx, "next", f.now))
		f.ended(a, first, job.Completed)
		_, err = f.EnableJob(ctx, "next", f.now)
		require.NoError(f, err)
		require.Equal(f, "It starts on each asset that succeeds in run "+string(first)+": of 2, 1 have, none of them while this job was enabled.", f.waits("next").Text)
		f.follows("third", job.After{Job: "next", Share: 100})
		require.Equal(f, "Job next, which it runs after, has no run yet.", f.waits("third").Text)
	})
}

// A run that was cancelled can still start its follower, by the asset on which
// the cancel came too late. The text says so until that asset has ended.
func TestWhyAFollowerOfACancelledRunHasNotStarted_JOB19_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		late, queued := f.enrol("a", "all"), f.enrol("b", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("next", job.After{Job: "first", PerAsset: true})
		f.call(late)
		f.call(queued)
		order := late.orders[0].ID
		late.report(job.Report{Order: order, Progress: job.Started})
		late.report(job.Report{Order: order, Progress: job.Deploying})
		f.call(late)
		_, err := f.CancelRun(ctx, first, f.now)
		require.NoError(f, err)
		require.Contains(f, f.waits("next").Text, "That run was stopped (cancelled); the order has not ended on 2 assets, and what still succeeds counts.")
		f.call(queued)
		queued.report(job.Report{Order: queued.orders[0].ID, Result: job.Cancelled})
		f.call(queued)
		require.Contains(f, f.waits("next").Text, "the order has not ended on 1 asset,")
		f.pass(time.Minute)
		late.report(job.Report{Order: order, Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}})
		f.call(late)
		require.Contains(f, f.waits("next").Text, "That run was stopped (cancelled); it waits for the next run of job first.")
	})
}

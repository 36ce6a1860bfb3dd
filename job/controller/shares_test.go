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

// However an asset leaves the run, the share is reckoned again without it:
// before it began, after it failed, when nobody else is left to report, and
// also an asset that had succeeded.
func TestShareWithoutAssetsThatLeft_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		f.enrol("c", "all")
		f.enrol("d", "all", "old")
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", Share: 100})
		require.Equal(f, "Job first, which it runs after, is disabled.", f.waits("next").Text)
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.pass(time.Minute)
		f.ended(a, first, job.Completed)
		f.ended(b, first, job.Failed)
		require.Equal(f, controller.Waits{
			Text: "It needs 4 of the 4 assets of run " + string(first) + " to succeed (100 %); 1 have.", Run: first, Needed: 4, Succeeded: 1, Counted: 4,
		}, f.waits("next"))

		d := definition("first", "editor-2.0.0")
		d.Assets.ExcludeTags = []string{"old"}
		_, err = f.SaveJob(ctx, d, f.now) // d never called: its order ends
		require.NoError(f, err)
		require.Equal(f, 3, f.waits("next").Counted)
		require.NoError(f, f.RemoveAsset(ctx, "b", f.now)) // its order has ended
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Empty(f, f.runsOf("next"))
		require.Equal(f, 2, f.waits("next").Counted)
		require.NoError(f, f.RemoveAsset(ctx, "c", f.now)) // its order waits
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Len(f, f.runsOf("next"), 1)
		require.Empty(f, f.waits("next"), "it has started")
	})
}

// When all have ended, only that those which failed leave can still start the
// next job, and it does.
func TestShareWithoutTheLastThatFailed_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("next", job.After{Job: "first", Share: 100})
		f.ended(a, first, job.Completed)
		require.NotContains(f, f.waits("next").Text, "All have ended")
		f.ended(b, first, job.Failed)
		require.Contains(f, f.waits("next").Text, "All have ended, so it starts only when assets that did not succeed leave, or after the next run of job first.")
		require.NoError(f, f.RemoveAsset(ctx, "b", f.now))
		require.Equal(f, "In run "+string(first)+", 1 of 1 assets succeeded and 1 are needed. It starts when the server next counts them: "+
			"after the next change in that run, or the next run of job first.", f.waits("next").Text)
		_, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Len(f, f.runsOf("next"), 1)
	})
}

// Each job that waits for a share of the same run starts by it. A smaller share
// counts in every run that is open.
func TestSharesOfOneRun_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		for _, id := range []job.ID{"half", "more", "some"} {
			f.follows(id, job.After{Job: "first", Share: 50})
		}
		f.follows("whole", job.After{Job: "first", Share: 100})
		f.ended(a, first, job.Completed)
		for _, id := range []job.ID{"half", "more", "some"} {
			require.Len(f, f.runsOf(id), 1)
		}
		f.pass(time.Minute)
		second, err := f.RunJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.ended(b, second, job.Failed)
		require.Empty(f, f.runsOf("whole"))
		f.follows("whole", job.After{Job: "first", Share: 50})
		require.Len(f, f.runsOf("whole"), 1, "by the first run")
	})
}

// With each asset's own zone, the share is of all assets: those whose turn is still to come count.
func TestShareWhileZonesAreToCome_JOB19_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		var agents []*agent
		for i, zone := range []string{"America/New_York", "America/New_York", "Pacific/Honolulu"} { // 07:00 and 02:00
			a := f.enrolOnly(job.AssetID("a"+string(rune('0'+i))), "all")
			a.zone = zone
			a.install("editor", "1.0.0", "player", "1.0.0")
			f.call(a)
			agents = append(agents, a)
		}
		d := definition("first", "editor-2.0.0")
		d.Schedule = daily(f, "11:00", schedule.AssetZone)
		first := f.enable(d)
		f.follows("next", job.After{Job: "first", Share: 50})
		f.tick(start.Add(time.Hour))
		f.ended(agents[0], first, job.Failed)
		f.ended(agents[1], first, job.Failed)
		require.Equal(f, "The orders of run "+string(first)+" are being made.", f.waits("next").Text, "not that all have ended")
		f.tick(start.Add(6 * time.Hour))
		f.ended(agents[2], first, job.Completed)
		f.tick(start.Add(30 * time.Hour))
		require.Empty(f, f.runsOf("next"), "one of three")
		second := f.runsOf("first")[1].ID
		f.ended(agents[0], second, job.Completed)
		f.ended(agents[1], second, job.Completed)
		require.Empty(f, f.runsOf("next"), "two of two so far")
		f.tick(start.Add(54 * time.Hour))
		require.Len(f, f.runsOf("next"), 1, "two of three, and no more to come")
	})
}

// A removed asset counts neither as one nor as a success, and with none left
// the follower does not start and says so.
func TestShareOfNobody_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", Share: 60})
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.ended(a, first, job.Completed)
		f.ended(b, first, job.Failed)
		for _, id := range []job.AssetID{"a", "b"} {
			require.NoError(f, f.RemoveAsset(ctx, id, f.now))
			_, err = f.Tick(ctx, f.now)
			require.NoError(f, err)
			require.Empty(f, f.runsOf("next"), "none of those that are left succeeded")
		}
		require.Contains(f, f.waits("next").Text, "No asset is left in run "+string(first))
		require.NotContains(f, f.waits("next").Text, "All have ended")
	})
}

// The share is of all orders, not of those that a pass has made so far.
func TestShareIsReckonedWhenAllOrdersAreMade_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		done := f.enrol("a", "all") // has nothing to do: its order ends when it is made
		done.install("editor", "2.0.0", "player", "1.0.0")
		f.call(done)
		b := f.enrol("b", "all")
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", Share: 100})
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		require.Empty(f, f.runsOf("next"))
		f.ended(b, first, job.Completed)
		require.Len(f, f.runsOf("next"), 1)
	})
}

// Where nobody has anything to do, everybody succeeded.
func TestShareOfAJobWithNothingToDo_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		for _, id := range []job.AssetID{"a", "b"} {
			a := f.enrolOnly(id, "all")
			a.install("editor", "2.0.0", "player", "1.0.0")
			f.call(a)
		}
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", Share: 100})
		_, err = f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		require.Len(f, f.runsOf("next"), 1)
	})
}

// A smaller share counts at once: nothing else may ever happen in the run.
// Another delay plans the run again.
func TestEditOfTheShareAndTheDelay_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", Share: 100})
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.ended(a, first, job.Completed)
		f.ended(b, first, job.Failed)
		require.Empty(f, f.runsOf("next"))
		for _, delay := range []time.Duration{48 * time.Hour, 24 * time.Hour} {
			d := definition("next", "player-2.0.0")
			d.After = &job.After{Job: "first", Share: 50, Delay: delay}
			_, err = f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
			status, err := f.Job(ctx, "next")
			require.NoError(f, err)
			require.Len(f, status.Open, 1)
			run, err := f.Run(ctx, status.Open[0])
			require.NoError(f, err)
			require.Equal(f, ledger.RunPlanned, run.State)
			require.Equal(f, f.now.Add(delay), run.Start)
			require.Contains(f, status.Waits.Text, "is planned and starts at "+run.Start.Format(time.RFC3339))
		}
	})
}

// A run that a share starts is ahead on every asset: none follows it for those
// that would be too late.
func TestShareStartsANightThatIsAheadEverywhere_JOB19_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("night", job.After{Job: "first", Share: 100}, func(d *job.Definition) { d.Schedule = daily(f, "22:00", schedule.AssetZone) })
		f.ended(a, first, job.Completed)
		ids, _ := f.runs("night") // it is 02:00 on March 2 in UTC+14
		require.Equal(f, []string{"night@20260302T220000"}, ids)
	})
}

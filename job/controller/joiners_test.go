package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func (f *fixture) tag(id job.AssetID, tags ...string) {
	f.Helper()
	require.NoError(f, f.TagAsset(ctx, id, tags, f.now))
}

// An asset that enrols or gets the tag after the orders were made gets its own
// too, if the job says so: until the window ends, or without one for 24 hours
// (JOB-26).
func TestLateJoiners_JOB26(t *testing.T) {
	for name, c := range map[string]struct {
		joins  bool
		window time.Duration
		after  time.Duration // from the start to when the asset comes
		want   bool
	}{
		"by default none":              {false, 0, time.Minute, false},
		"at once":                      {true, 0, 0, true},
		"just in time":                 {true, 0, 24*time.Hour - time.Second, true},
		"too late":                     {true, 0, 24 * time.Hour, false},
		"in the window":                {true, 2 * time.Hour, 2*time.Hour - time.Second, true},
		"when the window ends":         {true, 2 * time.Hour, 2 * time.Hour, false},
		"in a window of more than 24h": {true, 48 * time.Hour, 47 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"))
				f.enrol("a", "all")
				tagged := f.enrol("b", "other")
				d := definition("j", "editor-2.0.0")
				d.LateJoiners, d.Window = c.joins, c.window
				run := f.enable(d)
				f.pass(c.after)
				f.tag("b", "other", "all")
				enrolled := f.enrol("c", "all")
				apart := f.enrol("d", "other")
				for _, a := range []*agent{tagged, enrolled, apart} {
					f.call(a)
					require.Equal(f, c.want && a != apart, len(a.orders) == 1, a.id)
					for _, o := range a.orders {
						require.Equal(f, run, o.Run)
						require.Equal(f, start, o.Start)
					}
				}
			})
		})
	}
}

// Nobody joins a run that was cancelled or withdrawn, twice, or an older run
// than the newest; and a tag that goes takes nothing away.
func TestLateJoinersAreOrderedOnce_JOB26(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "other")
		d := definition("j", "editor-2.0.0")
		d.LateJoiners = true
		first := f.enable(d)
		f.ended(a, first, job.Completed)
		f.tag("a", "other")
		f.tag("a", "all")
		f.call(a)
		require.Empty(f, a.orders, "it has done its part")
		f.pass(time.Hour)
		second, err := f.RunJob(ctx, "j", f.now)
		require.NoError(f, err)
		f.tag("b", "all")
		f.call(b)
		require.Len(f, b.orders, 1)
		require.Equal(f, second, b.orders[0].Run, "not both")
		f.call(b)
		for _, tags := range [][]string{{"all", "more"}, {"other"}} {
			f.tag("b", tags...)
			require.Nil(f, f.call(b).Manifest, "runs that are made keep their assets, and the orders as they are")
		}
		require.Len(f, b.orders, 1)

		// What could still join can be cancelled, also when all others have ended.
		f.ended(a, second, job.Completed)
		f.ended(b, second, job.Completed)
		_, err = f.CancelJob(ctx, "j", f.now)
		require.NoError(f, err)
		late := f.enrol("late", "all")
		require.Empty(f, late.orders)
		status, err := f.Run(ctx, second)
		require.NoError(f, err)
		require.Equal(f, 2, status.Assets)
		third, err := f.RunJob(ctx, "j", f.now)
		require.NoError(f, err)
		require.NoError(f, f.DisableJob(ctx, "j", f.now))
		require.Empty(f, f.enrol("later", "all").orders)
		require.Equal(f, job.Withdrawn, f.asset(third, "late").Result)
	})
}

// In each asset's own zone, its own start counts. One that has not reported its
// zone may come while the run starts anywhere.
func TestLateJoinersInEachZone_JOB26_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		in := func(id job.AssetID, zone string) *agent {
			a := f.enrolOnly(id, "other")
			a.zone = zone
			a.install("editor", "1.0.0")
			f.call(a)
			return a
		}
		tokyo, newYork := in("tokyo", "Asia/Tokyo"), in("new-york", "America/New_York")
		d := definition("j", "editor-2.0.0")
		d.LateJoiners, d.Window = true, 2*time.Hour
		d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(22, 0), Zone: schedule.AssetZone}
		f.enable(d)
		f.tick(start.Add(28 * time.Hour)) // 16:00 UTC on March 2: 01:00 in Tokyo, 11:00 in New York
		for _, id := range []job.AssetID{"tokyo", "new-york"} {
			f.tag(id, "all")
		}
		f.call(tokyo)
		require.Empty(f, tokyo.orders, "its window has ended")
		f.call(newYork)
		require.Empty(f, newYork.orders, "its turn is still to come")
		f.tick(start.Add(36 * time.Hour)) // three hours before its start
		f.call(newYork)
		require.Len(f, newYork.orders, 1)
		require.Equal(f, "2026-03-03T03:00:00Z", newYork.orders[0].Start.Format(time.RFC3339))
		second := d
		second.ID = "j2"
		f.enable(second)
		toronto := in("toronto", "America/Toronto") // where it has the same start
		f.tag("toronto", "all")
		f.call(toronto)
		require.Len(f, toronto.orders, 2, "of each job")
		boston := f.enrolOnly("boston", "all")
		boston.zone = "America/New_York"
		boston.install("editor", "1.0.0")
		f.call(boston)
		require.Len(f, boston.orders, 2, "also with the call that reports the zone")
	})
}

// A job that goes asset by asset takes those that joined the job before it, and
// needs no word of its own (JOB-19).
func TestLateJoinersOfAChain_JOB26_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("first", "editor-2.0.0")
		d.LateJoiners = true
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.follows("next", job.After{Job: "first", PerAsset: true})
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		f.ended(a, first, job.Completed)
		next := f.runsOf("next")[0].ID
		f.ended(a, next, job.Completed)
		f.pass(time.Hour)
		late := f.enrol("late", "all")
		f.ended(late, first, job.Completed)
		require.Equal(f, []string{"player-2.0.0"}, late.patches())
		f.ended(late, next, job.Completed)
		_, err = f.CancelRun(ctx, next, f.now)
		require.NoError(f, err, "more could join and follow")
		f.pass(24 * time.Hour)
		_, err = f.CancelRun(ctx, first, f.now)
		var refused *controller.CancelRefused
		require.ErrorAs(f, err, &refused, "now there is nothing left")

		both := definition("bad", "player-2.0.0")
		both.LateJoiners, both.After = true, &job.After{Job: "first", PerAsset: true}
		_, err = f.SaveJob(ctx, both, f.now)
		require.ErrorContains(f, err, "set it in job first (JOB-26)")
	})
}

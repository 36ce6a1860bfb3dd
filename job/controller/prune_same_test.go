package controller_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// act does one random thing in a world, and returns what it looks like after.
func act(f *fixture, rng *rand.Rand, history *[]string) {
	jobs := []job.ID{"first", "share", "each", "weekly", "zoned"}
	id, on := jobs[rng.IntN(len(jobs))], job.AssetID(fmt.Sprint("a", rng.IntN(4)))
	note := func(what string, args ...any) { *history = append(*history, fmt.Sprintf(what, args...)) }
	a := f.agents[on]
	switch n := rng.IntN(26); {
	case n < 2:
		f.pass(time.Duration(1+rng.IntN(100)) * time.Hour)
		_, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
	case n < 4:
		f.pass(time.Duration(1+rng.IntN(60)) * day)
		_, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
	case n < 6:
		run, err := f.RunJob(ctx, id, f.now)
		note("run %s %s %v", id, run, err)
	case n == 6:
		_, err := f.CancelJob(ctx, id, f.now)
		note("cancel %s %v", id, err)
	case n == 7:
		note("disable %s %v", id, f.DisableJob(ctx, id, f.now))
	case n < 11:
		run, err := f.EnableJob(ctx, id, f.now)
		note("enable %s %s %v", id, run, err)
	case n == 11 && a != nil && rng.IntN(3) == 0:
		require.NoError(f, f.RemoveAsset(ctx, on, f.now))
		delete(f.agents, on)
	case n == 12 && rng.IntN(3) == 0:
		note("retry %v", f.RetryPatch(ctx, id, on, "editor-2.0.0", f.now))
	case a == nil:
		f.enrol(on, "all")
	default:
		f.call(a)
		for _, o := range a.orders {
			result := []job.Result{job.Completed, job.Failed, job.PendingReboot, 0, 0}[rng.IntN(5)]
			if o.Cancelled || slices.ContainsFunc(a.unsent, func(r job.Report) bool { return r.Order == o.ID }) {
				result = job.Cancelled
			}
			r := job.Report{Order: o.ID, At: f.now, Result: result}
			switch result {
			case 0:
				r.Progress = job.Deploying
			case job.Failed:
				r.Patches = []job.PatchOutcome{outcome(o.Patches[0].Patch, job.PatchFailed, job.InstallerFailed)}
			}
			a.report(r)
		}
		f.call(a)
		_, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
	}
	for _, on := range []job.AssetID{"a0", "a1", "a2", "a3"} {
		if a := f.agents[on]; a != nil {
			f.call(a)
			for _, o := range a.orders {
				note("%v %s %v %v", f.now, o.ID, o.Cancelled, len(o.Patches))
			}
		}
	}
	n, err := f.FailedInstalls(ctx)
	require.NoError(f, err)
	note("%d failed", n)
	list, err := f.Jobs(ctx, "", 100)
	require.NoError(f, err)
	for _, j := range list {
		note("%s %v %v waits %v", j.ID, j.State, j.Open, j.Waits)
		g, err := f.GivenUp(ctx, j.ID, 100)
		require.NoError(f, err)
		note("%v", g)
		_, err = f.Runs(ctx, j.ID, "", 1000)
		require.NoError(f, err)
	}
}

func world(t *testing.T) *fixture {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	for i := range 4 {
		f.enrol(job.AssetID(fmt.Sprint("a", i)), "all")
	}
	for _, d := range []job.Definition{
		definition("first", "editor-2.0.0"), definition("share", "player-2.0.0"), definition("each", "player-2.0.0"), definition("weekly", "editor-2.0.0"), definition("zoned", "player-2.0.0"),
	} {
		d.GiveUp = 3
		switch d.ID {
		case "share":
			d.After = &job.After{Job: "first", Share: 50, Delay: time.Hour}
		case "each":
			d.After = &job.After{Job: "weekly", PerAsset: true}
			d.Window = 24 * time.Hour
		case "weekly":
			d.Schedule = schedule.Schedule{Kind: schedule.Weekly, Time: schedule.Clock(22, 0), Zone: "UTC", Weekdays: schedule.WeekdaysOf(schedule.Sunday)}
			d.LateJoiners = true
		case "zoned":
			d.Schedule = daily(f, "22:00", schedule.AssetZone)
		}
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(t, err)
	}
	for _, id := range []job.ID{"first", "weekly", "zoned", "share", "each"} {
		_, err := f.EnableJob(ctx, id, f.now)
		require.NoError(t, err)
	}
	return f
}

// A server that prunes decides what one decides that keeps everything: it hands
// out the same orders, waits for the same, gives up the same and counts the same.
func TestPruneChangesNoDecision(t *testing.T) {
	removed, seeds, least := controller.Removed{}, 6, 10
	if testing.Short() {
		seeds, least = 2, 2
	}
	for seed := range uint64(seeds) {
		keeps, prunes := world(t), world(t)
		dice, again, when := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
		for range 70 {
			var kept, pruned []string
			act(keeps, dice, &kept)
			act(prunes, again, &pruned)
			require.Equal(t, kept, pruned, "seed %d", seed)
			if when.IntN(4) == 0 {
				n, err := prunes.Prune(ctx, prunes.now.Add(-controller.PruneAge), prunes.now)
				require.NoError(t, err)
				removed.Runs, removed.Orders, removed.Failures = removed.Runs+n.Runs, removed.Orders+n.Orders, removed.Failures+n.Failures
			}
		}
	}
	require.Greater(t, min(removed.Runs, removed.Orders, removed.Failures), least, "%+v", removed)
}

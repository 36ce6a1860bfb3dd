package controller_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestStatesOfAJob_JOB6(t *testing.T) {
	stores(t, func(f *fixture) {
		d := definition("j")
		d.State, d.Revision = job.Enabled, 9
		saved, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		require.Equal(f, job.Disabled, saved.State, "a new job is disabled whatever it says")
		require.Equal(f, uint64(1), saved.Revision)
		saved, err = f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		require.Equal(f, uint64(1), saved.Revision, "nothing changed")

		d.Assets = job.Assets{}
		saved, err = f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		require.Equal(f, uint64(2), saved.Revision)
		_, err = f.EnableJob(ctx, "j", f.now)
		var bad *job.Invalid
		require.ErrorAs(f, err, &bad)
		require.Len(f, bad.Problems, 2, "no patch and no asset: both are reported")

		require.NoError(f, f.DeleteJob(ctx, "j", false, f.now))
		require.ErrorAs(f, f.DisableJob(ctx, "j", f.now), &bad)
		_, err = f.SaveJob(ctx, definition("j"), f.now)
		require.ErrorAs(f, err, &bad)
		_, err = f.EnableJob(ctx, "j", f.now)
		require.ErrorAs(f, err, &bad)
		status, err := f.Job(ctx, "j")
		require.NoError(f, err)
		require.Equal(f, job.Deleted, status.State, "its history stays")
	})
}

func TestSaveRefusesWithEveryProblem_JOB20(t *testing.T) {
	stores(t, func(f *fixture) {
		d := definition("j", "editor-2.0.0")
		d.Schedule, d.Window, d.Platform = schedule.Schedule{}, time.Second, 0
		_, err := f.SaveJob(ctx, d, f.now)
		var bad *job.Invalid
		require.ErrorAs(f, err, &bad)
		require.Len(f, bad.Problems, 3)

		d = definition("big")
		for len(d.Assets.Include) < 30_000 {
			d.Assets.Include = append(d.Assets.Include, job.AssetID(strings.Repeat("a", 100)))
		}
		var bound *controller.BoundError
		_, err = f.SaveJob(ctx, d, f.now)
		require.ErrorAs(f, err, &bound)
		for _, id := range []job.ID{"unknown", "", "a/b"} {
			_, err = f.EnableJob(ctx, id, f.now)
			require.Error(f, err)
			require.Error(f, f.DisableJob(ctx, id, f.now))
			_, err = f.CancelJob(ctx, id, f.now)
			require.Error(f, err)
		}
		for _, id := range []job.RunID{"", "x", "@", "j@20260301T120000Z", job.RunID(strings.Repeat("x", 2000) + "@y")} {
			var missing *controller.NotFoundError
			_, err = f.CancelRun(ctx, id, f.now)
			require.ErrorAs(f, err, &missing)
			_, err = f.RunAssets(ctx, id, "", 10)
			require.ErrorAs(f, err, &missing)
		}
	})
}

func TestCoDependentPatchesAreRefused_JOB14(t *testing.T) {
	stores(t, func(f *fixture) {
		needs := func(p *catalog.Patch) { p.Requires = []catalog.Requirement{{Patch: "editor-2.0.0", Reboot: true}} }
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", needs))
		_, err := f.SaveJob(ctx, definition("j", "editor-2.0.0", "player-2.0.0"), f.now)
		require.NoError(f, err)
		_, err = f.EnableJob(ctx, "j", f.now)
		var refused *job.CoDependent
		require.ErrorAs(f, err, &refused)
		require.Equal(f, []job.Pair{{Patch: "player-2.0.0", Needs: "editor-2.0.0"}}, refused.Pairs)
	})
}

func TestEditReachesEveryAssetConcerned_MAN2(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		queued, started, leaving, apart := f.enrol("a-queued", "all"), f.enrol("b-started", "all"), f.enrol("c-leaving", "all", "old"), f.enrol("d-apart")
		never := f.enrol("e-never", "all", "old")
		d := definition("now", "editor-2.0.0")
		run := f.enable(d)
		for _, a := range []*agent{queued, started, leaving, apart} {
			f.call(a)
			f.call(a)
		}
		started.report(job.Report{Order: started.orders[0].ID, Progress: job.Started})
		f.call(started)

		f.pass(time.Minute)
		d.Patches.List = []catalog.PatchID{"player-2.0.0"}
		d.Assets.ExcludeTags = []string{"old"}
		d.Assets.Include = []job.AssetID{"d-apart"}
		saved, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		require.Equal(f, uint64(2), saved.Revision)
		require.Equal(f, job.Enabled, saved.State)

		behind := map[job.AssetID]bool{}
		list, err := f.Assets(ctx, "", 100, f.now)
		require.NoError(f, err)
		for _, a := range list {
			behind[a.ID] = a.Behind
		}
		// e-never never called since its order was made, and now there is none:
		// its first manifest is empty.
		require.Equal(f, map[job.AssetID]bool{"a-queued": true, "b-started": false, "c-leaving": true, "d-apart": true, "e-never": true}, behind)

		for _, a := range []*agent{queued, started, leaving, apart, never} {
			f.call(a)
		}
		require.Equal(f, []string{"player-2.0.0"}, queued.patches(), "the changed order replaces the queued one (MAN-4)")
		require.Equal(f, run, queued.orders[0].Run)
		require.Equal(f, uint64(2), queued.orders[0].Revision)
		require.Equal(f, []string{"editor-2.0.0"}, started.patches(), "the started one is left alone")
		require.Empty(f, leaving.orders)
		require.Equal(f, []string{"player-2.0.0"}, apart.patches())
		require.Empty(f, never.orders)
		require.Equal(f, job.Withdrawn, f.asset(run, "e-never").Result)

		d.Platform = catalog.Windows
		d.Schedule = schedule.Schedule{}
		_, err = f.SaveJob(ctx, d, f.now)
		require.Error(f, err, "an enabled job stays enabled or is not changed")
	})
}

func TestEditedScheduleMovesTheRun_MAN2(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("once", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
		first := f.enable(d)
		f.call(a)
		d.Schedule.At = start.Add(2 * time.Hour)
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.call(a)
		require.Len(f, a.orders, 1)
		require.Equal(f, start.Add(2*time.Hour), a.orders[0].Start)
		status, err := f.Run(ctx, first)
		require.NoError(f, err)
		require.Equal(f, ledger.RunWithdrawn, status.State)
		d.Schedule.At = start.Add(-time.Hour)
		_, err = f.SaveJob(ctx, d, f.now)
		require.Error(f, err, "a past start is refused (JOB-20)")
		runs, err := f.Runs(ctx, "once", "", 10)
		require.NoError(f, err)
		require.Len(f, runs, 2)
		runs, err = f.Runs(ctx, "once", first, 10)
		require.NoError(f, err)
		require.Len(f, runs, 1)
	})
}

// A job whose only start is past can still be edited: the start stays what it is.
func TestEditAfterTheOnlyStart_MAN2_JOB20(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("once", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
		f.enable(d)
		f.pass(2 * time.Hour)
		d.Patches.List = []catalog.PatchID{"player-2.0.0"}
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.call(a)
		require.Equal(f, []string{"player-2.0.0"}, a.patches())
		require.Equal(f, start.Add(time.Hour), a.orders[0].Start)
	})
}

// overtaken is a store in which another transaction commits first, once: the
// one that was begun runs again.
type overtaken struct {
	controller.Store
	by func()
}

func (s *overtaken) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if by := s.by; by != nil {
		s.by = nil
		_ = s.Store.Update(ctx, func(w controller.Writer) error { return errors.Join(fn(w), errDied) }) // is discarded
		by()
	}
	return s.Store.Update(ctx, fn)
}

// Of two people who enable a job at once, the second is not given a run that does not exist.
func TestEnabledByTwoAtOnce_JOB6(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	_, err := f.SaveJob(ctx, definition("j", "editor-2.0.0"), f.now)
	require.NoError(t, err)
	c, err := controller.New(&overtaken{f.store, func() {
		_, err := f.EnableJob(ctx, "j", f.now.Add(-time.Minute))
		require.NoError(t, err)
	}}, config())
	require.NoError(t, err)
	run, err := c.EnableJob(ctx, "j", f.now)
	require.NoError(t, err)
	require.Empty(t, run)
	require.Len(t, f.runsOf("j"), 1)
}

func TestPlannedRunTakesTheEdit_MAN2(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("once", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(5 * time.Hour)}
		f.enable(d)
		d.Patches.List = []catalog.PatchID{"player-2.0.0"}
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.pass(2 * time.Hour)
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		f.call(a)
		require.Equal(f, []string{"player-2.0.0"}, a.patches())
		require.Equal(f, manifest.Revision(1), a.held)
	})
}

func TestPreviewChangesNothingAndTellsTheSame_JOB22(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"), patch("reader", "1.0.0"))
		a := f.enrol("a", "all")
		f.enrol("b")
		d := definition("now", "editor-2.0.0", "reader-1.0.0", "player-2.0.0")
		before := dump(f)
		plan, selected, err := f.Preview(ctx, d, "a", f.now)
		require.NoError(f, err)
		require.True(f, selected)
		require.Equal(f, before, dump(f))
		_, selected, err = f.Preview(ctx, d, "b", f.now)
		require.NoError(f, err)
		require.False(f, selected)

		run := f.enable(d)
		f.call(a)
		plan.Order.Revision = 1 // the definition was not saved then
		require.Equal(f, plan.Order, a.orders[0])
		patches := f.asset(run, "a").Patches
		require.Equal(f, plan.LeftOut, patches[len(patches)-1:])

		f.enrolOnly("new")
		var missing *controller.NotFoundError
		for _, id := range []job.AssetID{"new", "unknown"} {
			_, _, err = f.Preview(ctx, d, id, f.now)
			require.ErrorAs(f, err, &missing)
		}
		_, _, err = f.Preview(ctx, job.Definition{}, "a", f.now)
		require.Error(f, err)
	})
}

// The outcome of a run never changes: neither disabling or deleting its job nor
// an edit relabels one whose orders have ended.
func TestHistoryStays_JOB6(t *testing.T) {
	changes := map[string]func(f *fixture) error{
		"disable": func(f *fixture) error { return f.DisableJob(ctx, "j", f.now) },
		"delete":  func(f *fixture) error { return f.DeleteJob(ctx, "j", false, f.now) },
		"edit": func(f *fixture) error {
			d := definition("j", "editor-2.0.0")
			d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(3, 0), Zone: "UTC"}
			_, err := f.SaveJob(ctx, d, f.now)
			return err
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"))
				a, b := f.enrol("a", "all"), f.enrol("b", "all")
				run := f.enable(definition("j", "editor-2.0.0"))
				f.pass(time.Minute)
				f.ended(a, run, job.Completed)
				f.ended(b, run, job.Failed)
				f.enrol("c", "other")
				before, err := f.Run(ctx, run)
				require.NoError(f, err)
				require.Equal(f, ledger.RunMade, before.State)
				require.NoError(f, change(f))
				after, err := f.Run(ctx, run)
				require.NoError(f, err)
				require.Equal(f, before, after)
			})
		})
	}
	t.Run("a run that is still ahead is withdrawn", func(t *testing.T) {
		stores(t, func(f *fixture) { // also when nobody has anything to do in it so far
			f.sync(patch("editor", "2.0.0"))
			d := definition("j", "editor-2.0.0")
			d.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(time.Hour)}
			run := f.enable(d)
			require.NoError(f, f.DisableJob(ctx, "j", f.now))
			again, err := f.EnableJob(ctx, "j", f.now)
			require.NoError(f, err)
			require.Equal(f, run, again)
		})
	})
}

// What cannot be a run's name names none.
func TestUnknownRuns(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.enable(definition("j", "editor-2.0.0"))
	for _, id := range []job.RunID{"", "j", "j@", "j/k@20260301T120000Z", "k@20260301T120000Z", job.RunID("j@" + strings.Repeat("x", 2000))} {
		_, err := f.Run(ctx, id)
		var missing *controller.NotFoundError
		require.ErrorAs(t, err, &missing, id)
	}
}

// An enabled job is run again by name, whatever its schedule says, and its
// other runs come as planned.
func TestRunByName_JOB6(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		again := func(id job.ID) job.RunID {
			f.Helper()
			run, err := f.RunJob(ctx, id, f.now)
			require.NoError(f, err)
			require.Equal(f, job.MakeRunID(id, f.now), run)
			f.call(a)
			require.Equal(f, run, a.orders[len(a.orders)-1].Run)
			return run
		}
		_, err := f.RunJob(ctx, "none", f.now)
		var missing *controller.NotFoundError
		require.ErrorAs(f, err, &missing)
		_, err = f.SaveJob(ctx, definition("j", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		_, err = f.RunJob(ctx, "j", f.now)
		require.ErrorContains(f, err, "enable it first")
		first, err := f.EnableJob(ctx, "j", f.now)
		require.NoError(f, err)
		f.ended(a, first, job.Completed)
		f.pass(time.Hour)
		second := again("j")
		f.ended(a, second, job.Completed)
		f.follows("next", job.After{Job: "none-yet", Share: 100}, func(d *job.Definition) { d.After.Job = "j" })
		f.pass(time.Hour)
		again("next") // whatever it runs after
		require.NoError(f, f.DeleteJob(ctx, "next", false, f.now))
		_, err = f.RunJob(ctx, "next", f.now)
		require.ErrorContains(f, err, "save the job under another ID", "it cannot be enabled")

		// The night's run is made already when the job is run by name, and stays what it is.
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(16, 0), Zone: "UTC"}
		night := f.enable(d)
		f.pass(time.Hour)
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		before, err := f.Run(ctx, night)
		require.NoError(f, err)
		require.Equal(f, ledger.RunMade, before.State)
		by, err := f.RunJob(ctx, "nightly", f.now)
		require.NoError(f, err)
		after, err := f.Run(ctx, night)
		require.NoError(f, err)
		require.Equal(f, before, after)
		list, err := f.Runs(ctx, "nightly", "", 10)
		require.NoError(f, err)
		var ids []job.RunID
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		require.Equal(f, []job.RunID{by, night, "nightly@20260302T160000"}, ids)
	})
}

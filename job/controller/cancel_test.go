package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func TestCancelPerAsset_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		// Each asset is at another point when the cancel comes.
		never, queued, loading, deploying := f.enrol("a-never", "all"), f.enrol("b-queued", "all"), f.enrol("c-loading", "all"), f.enrol("d-deploying", "all")
		done := f.enrol("e-done", "all")
		f.enrolOnly("f-silent", "all")
		run := f.enable(definition("now", "editor-2.0.0"))
		for _, a := range []*agent{queued, loading, deploying, done} {
			f.call(a)
			order := a.orders[0].ID
			a.report(job.Report{Order: order, Progress: job.Received})
			if a != queued {
				a.report(job.Report{Order: order, Progress: job.Started})
				a.report(job.Report{Order: order, Progress: job.Downloaded})
			}
			if a == deploying || a == done {
				a.report(job.Report{Order: order, Progress: job.Deploying})
			}
			if a == done {
				a.report(job.Report{Order: order, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
			}
			f.call(a)
		}
		f.pass(time.Minute)
		report, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		require.Equal(f, []controller.AssetCancel{
			{Run: run, Asset: "a-never", State: ledger.CancelDone},
			{Run: run, Asset: "b-queued", State: ledger.CancelPending},
			{Run: run, Asset: "c-loading", State: ledger.CancelPending},
			{Run: run, Asset: "d-deploying", State: ledger.CancelTooLate, Stage: job.StageDeploy},
			{Run: run, Asset: "e-done", State: ledger.CancelEnded, Result: job.Completed},
			{Run: run, Asset: "f-silent", State: ledger.CancelDone},
		}, report.Assets)
		pending, err := f.PendingCancels(ctx, 10)
		require.NoError(f, err)
		require.Equal(f, []controller.Open{{Run: run, Asset: "b-queued"}, {Run: run, Asset: "c-loading"}}, pending)

		f.call(never)
		require.Empty(f, never.orders, "what was never handed out never is")
		for _, a := range []*agent{queued, loading} {
			f.call(a)
			require.Equal(f, []string{"editor-2.0.0 (cancelled)"}, a.patches(), "marked (MAN-4)")
		}
		f.call(deploying)
		require.Equal(f, []string{"editor-2.0.0"}, deploying.patches(), "left alone")
		queued.report(job.Report{Order: queued.orders[0].ID, Result: job.Cancelled})
		// This one began to deploy before the mark came: only its own report decides.
		order := loading.orders[0].ID
		loading.report(job.Report{Order: order, Progress: job.Deploying})
		loading.report(job.Report{Order: order, TooLate: job.StageDeploy})
		f.call(queued)
		f.call(loading)
		require.Empty(f, queued.orders, "ended orders leave the manifest")
		require.Equal(f, ledger.CancelDone, f.asset(run, "b-queued").Cancel)
		require.Equal(f, ledger.CancelTooLate, f.asset(run, "d-deploying").Cancel)
		require.Equal(f, ledger.CancelEnded, f.asset(run, "e-done").Cancel)
		require.Equal(f, ledger.CancelTooLate, f.asset(run, "c-loading").Cancel)
		loading.report(job.Report{Order: order, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		f.call(loading)
		got := f.asset(run, "c-loading")
		require.Equal(f, job.Completed, got.Result)
		require.Equal(f, ledger.CancelTooLate, got.Cancel)
		require.Equal(f, job.StageDeploy, got.TooLate)
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, []controller.RunResult{{Result: job.Completed, Assets: 2}, {Result: job.Cancelled, Assets: 3}}, status.Results)
		require.Equal(f, []int{6, 1, 0}, []int{status.Assets, status.Executing, status.NotBegun})
		pending, err = f.PendingCancels(ctx, 10)
		require.NoError(f, err)
		require.Empty(f, pending)
		require.False(f, status.Settled)
		f.pass(time.Minute)
		deploying.report(job.Report{Order: deploying.orders[0].ID, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		f.call(deploying)
		require.Equal(f, ledger.CancelTooLate, f.asset(run, "d-deploying").Cancel, "still known after the end")
		status, err = f.Run(ctx, run)
		require.NoError(f, err)
		require.True(f, status.Settled)
	})
}

func TestCancelRefused_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		run := f.enable(definition("now", "editor-2.0.0"))
		for _, x := range []*agent{a, b} {
			f.call(x)
			x.report(job.Report{Order: x.orders[0].ID, Progress: job.Started})
			x.report(job.Report{Order: x.orders[0].ID, Progress: job.Deploying})
			f.call(x)
		}
		before := dump(f)["orders"]
		var refused *controller.CancelRefused
		report, err := f.CancelRun(ctx, run, f.now)
		require.ErrorAs(f, err, &refused)
		require.Equal(f, job.StageDeploy, refused.Stage)
		require.ErrorContains(f, err, "deploy")
		require.Len(f, report.Assets, 2)
		require.Equal(f, before, dump(f)["orders"], "a refusal changes no order")
		f.pass(time.Minute)
		b.report(job.Report{Order: b.orders[0].ID, Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
		f.call(b)
		_, err = f.CancelJob(ctx, "now", f.now)
		require.ErrorAs(f, err, &refused)
		require.Equal(f, job.StageReboot, refused.Stage, "the furthest")
		for _, x := range []*agent{a, b} {
			x.report(job.Report{Order: x.orders[0].ID, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
			f.call(x)
		}
		_, err = f.CancelRun(ctx, run, f.now)
		require.ErrorAs(f, err, &refused)
		require.Equal(f, job.StageDone, refused.Stage)
		require.ErrorContains(f, err, "its orders have ended")
		require.Equal(f, ledger.CancelTooLate, f.asset(run, "a").Cancel, "the run shows that a cancel came too late")

		again, err := f.RunJob(ctx, "now", f.now)
		require.NoError(f, err)
		f.call(a)
		a.report(job.Report{Order: a.orders[0].ID, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		f.call(a)
		require.Zero(f, f.asset(again, "a").Cancel, "no cancel was asked for")
	})
}

func TestCancelBeforeTheOrdersAreMade_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("later", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(24 * time.Hour)}
		run := f.enable(d)
		for range 2 {
			report, err := f.CancelJob(ctx, "later", f.now)
			require.NoError(f, err)
			require.Empty(f, report.Assets)
		}
		f.pass(22 * time.Hour)
		next, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Zero(f, next)
		f.call(a)
		require.Empty(f, a.orders)
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunCancelled, status.State)

		// The cancelled start cannot be had again; another can.
		require.NoError(f, f.DisableJob(ctx, "later", f.now))
		_, err = f.EnableJob(ctx, "later", f.now)
		var bad *job.Invalid
		require.ErrorAs(f, err, &bad)
		require.Equal(f, "schedule.at", bad.Problems[0].Field)
	})
}

// Withdrawn and enabled again before the asset calls: it may hold the order as
// it was, so only the asset knows.
func TestCancelOfWhatTheAssetStillHolds_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("once", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
		run := f.enable(d)
		f.call(a)
		order := a.orders[0].ID
		require.NoError(f, f.DisableJob(ctx, "once", f.now))
		_, err := f.EnableJob(ctx, "once", f.now)
		require.NoError(f, err)
		f.pass(2 * time.Hour) // without a network, the asset uses what it has
		a.report(job.Report{Order: order, Progress: job.Deploying})
		report, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		require.Equal(f, ledger.CancelPending, report.Assets[0].State)
		f.call(a)
		require.Equal(f, ledger.CancelTooLate, f.asset(run, "a").Cancel)
	})
}

// A run that was withdrawn and then cancelled stays cancelled, whatever becomes of its job (JOB-3).
func TestCancelOfAWithdrawnRunIsFinal_JOB3(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	held, never := f.enrol("a", "all"), f.enrol("b", "all")
	d := definition("nightly", "editor-2.0.0")
	d.Schedule = daily(f, "13:00", "UTC")
	run := f.enable(d)
	f.call(held)
	require.NoError(t, f.DisableJob(ctx, "nightly", f.now))
	_, err := f.CancelRun(ctx, run, f.now)
	require.NoError(t, err)
	f.call(held)
	require.Equal(t, []string{"editor-2.0.0 (cancelled)"}, held.patches())
	second, err := f.EnableJob(ctx, "nightly", f.now)
	require.NoError(t, err)
	require.NotEqual(t, run, second)
	f.call(never)
	require.Empty(t, never.orders)
	_, states := f.runs("nightly")
	require.Equal(t, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states)
}

// A run whose cancel was cut off is open until every order was looked at, also
// when none of them is live any more.
func TestCutOffCancelIsOpen_JOB3(t *testing.T) {
	c := config()
	c.Batch = 1
	f := fixtureOf(t, memstore.New(memstore.Options{}), c)
	f.sync(patch("editor", "2.0.0"))
	f.enrol("a", "all")
	b := f.enrol("b", "all")
	run := f.enable(definition("now", "editor-2.0.0"))
	f.call(b)
	b.report(job.Report{Order: b.orders[0].ID, Result: job.Completed})
	f.call(b)
	dies, err := controller.New(&failing{Store: f.store, after: 1}, c)
	require.NoError(t, err)
	_, err = dies.CancelRun(ctx, run, f.now)
	require.ErrorIs(t, err, errDied)
	require.Empty(t, dump(f)["live"])
	for _, open := range [][]job.RunID{{run}, nil} {
		status, err := f.Job(ctx, "now")
		require.NoError(t, err)
		require.Equal(t, open, status.Open)
		_, err = f.Tick(ctx, f.now)
		require.NoError(t, err)
	}
}

// An asset on which the cancel came too late and whose order has ended since
// hides no other that still deploys.
func TestRefusalNamesAStageThatGoesOn_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		run := f.enable(definition("now", "editor-2.0.0"))
		for _, x := range []*agent{a, b} {
			f.call(x)
			x.report(job.Report{Order: x.orders[0].ID, Progress: job.Started})
			f.call(x)
		}
		_, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		for _, x := range []*agent{a, b} {
			x.report(job.Report{Order: x.orders[0].ID, Progress: job.Deploying})
			x.report(job.Report{Order: x.orders[0].ID, TooLate: job.StageDeploy})
			f.call(x)
		}
		b.report(job.Report{Order: b.orders[0].ID, Result: job.Completed})
		f.call(b)
		report, err := f.CancelRun(ctx, run, f.now)
		var refused *controller.CancelRefused
		require.ErrorAs(f, err, &refused)
		require.Equal(f, job.StageDeploy, refused.Stage)
		require.Equal(f, []controller.AssetCancel{
			{Run: run, Asset: "a", State: ledger.CancelTooLate, Stage: job.StageDeploy}, {Run: run, Asset: "b", State: ledger.CancelTooLate, Stage: job.StageDone},
		}, report.Assets)
	})
}

// With nothing to cancel the refusal says why, and never that something ended
// which has not begun (JOB-3).
func TestNothingToCancel_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		refused := func(id job.ID, stage job.Stage, want string) {
			f.Helper()
			report, err := f.CancelJob(ctx, id, f.now)
			var refused *controller.CancelRefused
			require.ErrorAs(f, err, &refused)
			require.Equal(f, stage, refused.Stage)
			require.EqualError(f, err, "job "+string(id)+" cannot be cancelled: "+want)
			require.Empty(f, report.Spared)
		}
		_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		refused("first", 0, "it was never enabled, so it has no run")
		f.follows("next", job.After{Job: "first", Share: 100})
		refused("next", 0, "it has not started since it was last enabled, or since its last run ended. Job first, which it runs after, is disabled.")
		first, err := f.EnableJob(ctx, "first", f.now)
		require.NoError(f, err)
		needs := "It needs 1 of the 1 assets of run " + string(first) + " to succeed (100 %); 0 have."
		refused("next", 0, "it has not started since it was last enabled, or since its last run ended. "+needs)
		require.NoError(f, f.DisableJob(ctx, "next", f.now))
		refused("next", 0, "it is disabled and has no run")
		f.ended(a, first, job.Completed)
		refused("first", job.StageDone, "its orders have ended")
		require.NoError(f, f.DeleteJob(ctx, "first", false, f.now))
		refused("first", job.StageDone, "its orders have ended")

		d := definition("later", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(24 * time.Hour)}
		later := f.enable(d)
		require.NoError(f, f.DisableJob(ctx, "later", f.now))
		refused("later", 0, "its last run is "+string(later)+", and it was withdrawn before an order was made")
		_, err = f.CancelRun(ctx, later, f.now)
		require.EqualError(f, err, "run "+string(later)+" cannot be cancelled: it was withdrawn before an order was made")
		d = definition("nobody", "editor-2.0.0")
		d.Assets.IncludeTags = []string{"nobody"}
		nobody := f.enable(d)
		_, err = f.CancelRun(ctx, nobody, f.now)
		require.EqualError(f, err, "run "+string(nobody)+" cannot be cancelled: it has no order, since its job selected no asset")
	})
}

package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// tries runs a job by name and lets the asset report a failure of the editor.
func (f *fixture) tries(a *agent, id job.ID, code job.Code) {
	f.Helper()
	f.pass(time.Hour)
	run, err := f.RunJob(ctx, id, f.now)
	require.NoError(f, err)
	f.call(a)
	require.Equal(f, []string{"editor-2.0.0"}, a.patches())
	a.report(job.Report{Order: job.MakeOrderID(run, a.id), Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, code)}})
	f.pass(time.Minute)
	f.call(a)
}

// After so many failed runs a job leaves a patch out on an asset with the
// reason, until a newer version or a named act (JOB-27).
func TestGiveUp_JOB27(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, other := f.enrol("a", "all"), f.enrol("b", "all")
		d := definition("j", "editor-2.0.0", "editor-2.1.0")
		d.GiveUp = 2
		first := f.enable(d)
		f.call(a)
		a.report(job.Report{Order: job.MakeOrderID(first, a.id), Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}})
		f.call(a)
		f.follows("next", job.After{Job: "j", PerAsset: true})
		for _, says := range []job.Code{job.PatchInstallationSkipped, job.UnspecifiedAgentError, job.CodeCancelled} {
			f.tries(a, "j", says) // they say nothing of the patch
		}
		list, err := f.GivenUp(ctx, "j", 10)
		require.NoError(f, err)
		require.Empty(f, list)
		f.tries(a, "j", job.FileDownloadFailed)
		list, err = f.GivenUp(ctx, "j", 10)
		require.NoError(f, err)
		require.Equal(f, []controller.GivenUp{{Asset: "a", Patch: "editor-2.0.0", Runs: 2, Last: f.now}}, list)

		f.pass(time.Hour)
		run, err := f.RunJob(ctx, "j", f.now)
		require.NoError(f, err)
		f.call(a)
		require.Empty(f, a.orders)
		got := f.asset(run, "a")
		require.Equal(f, job.Failed, got.Result, "not NotApplicable: nobody may follow")
		require.Contains(f, got.Text, "JOB-27")
		require.Len(f, got.Patches, 2, "and one that is not in the catalog")
		require.Equal(f, job.LeftOut, got.Patches[0].Status)
		require.Equal(f, "JOB-27", got.Patches[0].Rule)
		require.Contains(f, got.Patches[0].Text, "It failed here in 2 runs of this job, which gives up after 2")
		require.Empty(f, f.runsOf("next"))
		plan, _, err := f.Preview(ctx, d, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, "JOB-27", plan.LeftOut[0].Rule, "a preview says the same (JOB-22)")
		f.call(other)
		require.Contains(f, other.patches(), "editor-2.0.0", "on another asset it is tried")
		require.Len(f, f.asset(f.enable(definition("k", "editor-2.0.0")), "a").Patches, 1)
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches(), "and by another job")
		require.NoError(f, f.DisableJob(ctx, "k", f.now))
		f.call(a)

		// A named act, from which on it counts again.
		var missing *controller.NotFoundError
		require.ErrorAs(f, f.RetryPatch(ctx, "j", "b", "editor-2.0.0", f.now), &missing)
		require.ErrorAs(f, f.RetryPatch(ctx, "j", "x", "editor-2.0.0", f.now), &missing)
		require.ErrorAs(f, f.RetryPatch(ctx, "x", "a", "editor-2.0.0", f.now), &missing)
		require.NoError(f, f.RetryPatch(ctx, "j", "a", "editor-2.0.0", f.now))
		f.tries(a, "j", job.InstallerFailed)
		f.tries(a, "j", job.InstallerFailed)
		list, err = f.GivenUp(ctx, "j", 10)
		require.NoError(f, err)
		require.Len(f, list, 1)

		f.sync(patch("editor", "2.0.0"), patch("editor", "2.1.0"))
		f.pass(time.Hour)
		_, err = f.RunJob(ctx, "j", f.now)
		require.NoError(f, err)
		f.call(a)
		require.Equal(f, []string{"editor-2.1.0"}, a.patches(), "a newer version")
	})
}

// A failure that a later report takes back does not count, nor do those of the
// computer that had the name before (JOB-27).
func TestWhatCountsForGivingUp_JOB27(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("j", "editor-2.0.0")
		d.GiveUp = 1
		run := f.enable(d)
		f.call(a)
		order := job.MakeOrderID(run, a.id)
		failed := []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}
		given := func() int {
			f.Helper()
			list, err := f.GivenUp(ctx, "j", 1000)
			require.NoError(f, err)
			return len(list)
		}
		a.report(job.Report{Order: order, Result: job.PendingReboot, Patches: failed})
		f.pass(time.Minute)
		f.call(a)
		require.Equal(f, 1, given())
		a.report(job.Report{Order: order, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		f.call(a)
		require.Zero(f, given())
		f.tries(a, "j", job.InstallerFailed)
		require.Equal(f, 1, given())
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		f.pass(time.Hour)
		held := a.held
		a = f.enrolOnly("a", "all")
		a.held = held
		a.install("editor", "1.0.0")
		f.call(a)
		require.Zero(f, given())
		f.tries(a, "j", job.InstallerFailed)
	})
	require.True(t, ledger.Failure{Code: job.FailedAfterReboot}.Tried())
	for _, n := range []int{-1, job.MaxGiveUp + 1} {
		d := definition("j", "editor-2.0.0")
		d.State, d.GiveUp = job.Disabled, n
		require.ErrorContains(t, d.Validate(), "is not between 0 (never) and 100 (JOB-27)")
	}
}

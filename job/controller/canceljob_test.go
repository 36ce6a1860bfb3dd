package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// While every asset is silent, nobody means one run more than another: the run
// that is made and the planned one after it are both cancelled, and the job
// goes on with the run after them (JOB-3).
func TestCancelJobCancelsEveryRun_JOB3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.enrol("a", "all")
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		f.enable(d)
		f.tick(start.Add(20 * time.Hour))
		report, err := f.CancelJob(ctx, "nightly", f.now)
		require.NoError(f, err)
		require.Empty(f, report.Spared)
		require.Len(f, report.Assets, 1)
		_, states := f.runs("nightly")
		require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunCancelled, ledger.RunPlanned}, states)
	})
}

// Whoever cancels a job while an asset that calls has not ended its run means
// that run: the planned one is spared.
func TestCancelJobSparesThePlannedRun_JOB3(t *testing.T) {
	for _, c := range []struct {
		name   string
		report job.Report
		then   func(*fixture)
		spared bool
	}{
		{"not begun, and the asset calls", job.Report{Progress: job.Received}, nil, true},
		{"begun", job.Report{Progress: job.Started}, nil, true},
		{"waits for a reboot by hand", job.Report{Result: job.PendingReboot}, nil, false},
		{"ended", job.Report{Result: job.Completed}, nil, false},
		{"the asset is silent", job.Report{Progress: job.Started}, func(f *fixture) { f.pass(time.Hour) }, false},
		{"the asset is removed", job.Report{Progress: job.Started}, func(f *fixture) { require.NoError(f, f.RemoveAsset(ctx, "a", f.now)) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"))
				a := f.enrol("a", "all")
				d := definition("nightly", "editor-2.0.0")
				d.Schedule = daily(f, "22:00", "UTC")
				f.enable(d)
				f.tick(start.Add(10 * time.Hour))
				f.call(a)
				c.report.Order = a.orders[0].ID
				a.report(c.report)
				f.call(a)
				if c.then != nil {
					c.then(f)
				}
				report, err := f.CancelJob(ctx, "nightly", f.now)
				require.NoError(f, err)
				ids, states := f.runs("nightly")
				if c.spared {
					require.Equal(f, job.RunID(ids[1]), report.Spared)
					require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states)
					return
				}
				require.Empty(f, report.Spared)
				require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states[1:])
			})
		})
	}
}

// A run that is being made is in progress though no order of it is made yet.
func TestCancelJobWhileOrdersAreMade_JOB3_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrolOnly("a", "all")
		a.zone = "Pacific/Honolulu"
		a.install("editor", "1.0.0")
		f.call(a)
		d := definition("night", "editor-2.0.0")
		d.Schedule = daily(f, "23:00", schedule.AssetZone)
		f.enable(d)
		f.tick(start)
		_, states := f.runs("night")
		require.Equal(f, []ledger.RunState{ledger.RunMaking, ledger.RunPlanned}, states)
		report, err := f.CancelJob(ctx, "night", f.now)
		require.NoError(f, err)
		require.Empty(f, report.Assets)
		require.NotEmpty(f, report.Spared)
		_, states = f.runs("night")
		require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states)
	})
}

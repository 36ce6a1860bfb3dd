package controller_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// A job that was off in between has the runs of the same nights planned again, each in its turn.
func TestNightsAreWithdrawnAndPlannedAgain_JOB5_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.enrol("a", "all")
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		f.enable(d)
		f.tick(start.Add(8 * time.Hour))
		require.NoError(f, f.DisableJob(ctx, "nightly", f.now))
		ids, states := f.runs("nightly")
		require.Equal(f, []ledger.RunState{ledger.RunWithdrawn, ledger.RunWithdrawn}, states)
		_, err := f.EnableJob(ctx, "nightly", f.now)
		require.NoError(f, err)
		again, states := f.runs("nightly")
		require.Equal(f, ids, again)
		require.Equal(f, []ledger.RunState{ledger.RunMade, ledger.RunPlanned}, states)
		run, err := f.Run(ctx, job.RunID(ids[0]))
		require.NoError(f, err)
		require.Zero(f, run.End, "it has no window")
	})
}

// Cancelling a run of a recurring job cancels that run: the one after it comes
// all the same (JOB-3).
func TestCancelOneOfManyRuns_JOB3_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		run := f.enable(d)
		_, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		f.tick(start.Add(30 * time.Hour))
		f.call(a)
		require.Empty(f, a.orders)
		f.tick(start.Add(32 * time.Hour))
		f.call(a)
		require.Len(f, a.orders, 1)
		require.Equal(f, time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC), a.orders[0].Start)
		_, states := f.runs("nightly")
		require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunMade, ledger.RunPlanned}, states)

		// Off and on again between the runs: the cancelled one stays cancelled.
		require.NoError(f, f.DisableJob(ctx, "nightly", f.now))
		_, err = f.EnableJob(ctx, "nightly", f.now)
		require.NoError(f, err)
		f.tick(start.Add(33 * time.Hour))
		f.call(a)
		require.Len(f, a.orders, 1)
	})
}

// A run that was cancelled stays cancelled, by whatever way the schedule comes to it again (JOB-3).
func TestCancelledRunIsNotPlannedAgain_JOB3_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC") // the 1st is a Sunday
		f.sync(patch("editor", "2.0.0"))
		first := f.enable(d)
		d.Schedule.Kind, d.Schedule.Weekdays = schedule.Weekly, schedule.WeekdaysOf(schedule.Monday)
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		_, err = f.CancelRun(ctx, "nightly@20260302T220000", f.now)
		require.NoError(f, err)
		d.Schedule = daily(f, "22:00", "UTC")
		_, err = f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.tick(start.Add(8 * time.Hour))
		run, err := f.Run(ctx, first)
		require.NoError(f, err)
		require.Equal(f, ledger.RunMade, run.State)
		run, err = f.Run(ctx, "nightly@20260302T220000")
		require.NoError(f, err)
		require.Equal(f, ledger.RunCancelled, run.State)
		run, err = f.Run(ctx, "nightly@20260303T220000")
		require.NoError(f, err)
		require.Equal(f, ledger.RunPlanned, run.State)
	})
}

// Another server, or this one before, may hand orders out by another lead.
func TestStoppedRunStaysSoWithAnotherLead_JOB3_JOB5(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.enrol("a", "all")
		d := definition("once", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(5 * time.Hour)}
		run := f.enable(d)
		other := config()
		other.Lead = time.Hour
		second, err := controller.New(f.store, other)
		require.NoError(f, err)
		_, err = second.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		f.tick(start.Add(5 * time.Hour))
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunCancelled, status.State)
		require.Zero(f, status.Assets)
	})
}

// A cancel that is given twice cancels one run: the planned one after it stays,
// and the report names it (JOB-3).
func TestCancelJobTwice_JOB3(t *testing.T) {
	for name, until := range map[string]time.Duration{"before the start": time.Hour, "in progress": 10 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"))
				a := f.enrol("a", "all")
				d := definition("nightly", "editor-2.0.0")
				d.Schedule = daily(f, "22:00", "UTC")
				f.enable(d)
				f.tick(start.Add(until))
				f.call(a)
				first, err := f.CancelJob(ctx, "nightly", f.now)
				require.NoError(f, err)
				f.call(a)
				ids, states := f.runs("nightly")
				require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states)
				again, err := f.CancelJob(ctx, "nightly", f.now)
				require.NoError(f, err)
				require.Equal(f, job.RunID(ids[1]), again.Spared)
				require.Len(f, again.Assets, len(first.Assets), "what is known of the first cancel")
				_, states = f.runs("nightly")
				require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunPlanned}, states)
				_, err = f.CancelRun(ctx, again.Spared, f.now)
				require.NoError(f, err)
				_, states = f.runs("nightly")
				require.Equal(f, []ledger.RunState{ledger.RunCancelled, ledger.RunCancelled, ledger.RunPlanned}, states)
			})
		})
	}
}

package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func TestWithdrawalIsNotCancel_JOB5(t *testing.T) {
	for name, retire := range map[string]func(*fixture) error{
		"disable": func(f *fixture) error { return f.DisableJob(ctx, "now", f.now) },
		"delete":  func(f *fixture) error { return f.DeleteJob(ctx, "now", false, f.now) },
	} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"))
				f.enrol("a-never", "all")
				queued, started := f.enrol("b-queued", "all"), f.enrol("c-started", "all")
				run := f.enable(definition("now", "editor-2.0.0"))
				f.call(queued)
				f.call(started)
				order := started.orders[0].ID
				started.report(job.Report{Order: order, Progress: job.Started})
				f.call(started)
				require.NoError(f, retire(f))
				require.NoError(f, retire(f), "once more changes nothing")

				require.Equal(f, job.Withdrawn, f.asset(run, "a-never").Result)
				got := f.asset(run, "b-queued")
				require.True(f, got.Withdrawn)
				require.Zero(f, got.Result, "the asset will report it")
				gone := queued.orders[0].ID
				f.call(queued)
				require.Empty(f, queued.orders, "absent, not marked (MAN-4)")
				queued.report(job.Report{Order: gone, Result: job.Withdrawn})
				f.call(queued)
				require.Equal(f, job.Withdrawn, f.asset(run, "b-queued").Result)
				f.call(started)
				require.Empty(f, started.orders, "whatever has begun leaves the manifest; the asset goes on by itself (MAN-4)")
				require.True(f, f.asset(run, "c-started").Withdrawn)
				status, err := f.Job(ctx, "now")
				require.NoError(f, err)
				require.Equal(f, []job.RunID{run}, status.Open, "one is still at it")
				started.report(job.Report{Order: order, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
				f.call(started)
				require.Equal(f, job.Completed, f.asset(run, "c-started").Result)
				require.True(f, f.asset(run, "c-started").Withdrawn, "and it says that it was withdrawn all the same")
				for _, id := range []job.AssetID{"b-queued", "c-started"} {
					status, err := f.Asset(ctx, id, f.now)
					require.NoError(f, err)
					require.Zero(f, status.AnomalyCount)
				}
			})
		})
	}
}

// The withdrawal and the start cross: the server believes the order withdrawn,
// the agent has begun it.
func TestWithdrawalThatCameTooLate_JOB5(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		a.report(job.Report{Order: order, Progress: job.Started})
		require.NoError(f, f.DisableJob(ctx, "now", f.now))
		f.call(a)
		require.Equal(f, job.Started, f.asset(run, "a").Progress)
		// A cancel still reaches it, because it is put back, marked.
		report, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		require.Equal(f, ledger.CancelPending, report.Assets[0].State)
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0 (cancelled)"}, a.patches())
		a.report(job.Report{Order: order, Result: job.Cancelled})
		f.call(a)
		require.Equal(f, job.Cancelled, f.asset(run, "a").Result)
		require.Equal(f, ledger.CancelDone, f.asset(run, "a").Cancel)
	})
}

func TestDisabledAndEnabledAgain_JOB6(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("once", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
		run := f.enable(d)
		f.call(a)
		gone := a.orders[0].ID
		require.NoError(f, f.DisableJob(ctx, "once", f.now))
		f.call(a)
		require.Empty(f, a.orders)
		again, err := f.EnableJob(ctx, "once", f.now)
		require.NoError(f, err)
		require.Equal(f, run, again, "the same start is the same run")
		once, err := f.Job(ctx, "once")
		require.NoError(f, err)
		require.Equal(f, []job.RunID{run}, once.Open)
		a.report(job.Report{Order: gone, Result: job.Withdrawn}) // of the withdrawal before
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
		require.Zero(f, f.asset(run, "a").Result, "the old word is not about the new order")
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Zero(f, status.AnomalyCount, "and no anomaly")

		onDemand := f.enable(definition("now", "editor-2.0.0"))
		require.NoError(f, f.DisableJob(ctx, "now", f.now))
		second, err := f.EnableJob(ctx, "now", f.now)
		require.NoError(f, err)
		require.NotEqual(f, onDemand, second, "in the same second, and yet another run")
	})
}

// An order that the asset never held ends all the same, once the asset holds a
// manifest without it and has nothing unsaid (invariant 10). Orders are missing
// from what was handed out when the answer was lost.
func TestWithdrawnAndNeverHeld_JOB5(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, queued := f.enrol("a", "all"), f.enrol("b", "all")
		run := f.enable(definition("now", "editor-2.0.0"))
		for _, id := range []job.AssetID{"a", "b"} {
			_, err := f.CheckIn(ctx, f.agents[id].request(f.now), f.now) // the answer is lost
			require.NoError(f, err)
		}
		f.call(queued) // this one comes through
		gone := queued.orders[0].ID
		require.NoError(f, f.DisableJob(ctx, "now", f.now))
		f.call(a)
		f.call(queued)
		queued.report(job.Report{Order: gone, Result: job.Withdrawn})
		require.Zero(f, f.asset(run, "a").Result, "it may have something to say")
		f.call(a)
		require.Equal(f, job.Withdrawn, f.asset(run, "a").Result)
		require.Zero(f, f.asset(run, "b").Result, "it has: its word is under way")
		sent := queued.unsent
		queued.sequence--
		queued.unsent = nil
		queued.report(job.Report{Order: gone, Progress: job.Blocked}) // reported before, and all that this call has room for
		f.call(queued)
		require.Zero(f, f.asset(run, "b").Result, "a call with reports proves nothing of what is still to come")
		queued.report(sent[0])
		f.call(queued)
		require.Equal(f, job.Withdrawn, f.asset(run, "b").Result)
		before := dump(f)
		f.call(a)
		require.Equal(f, before, dump(f))
		status, err := f.Asset(ctx, "b", f.now)
		require.NoError(f, err)
		require.Zero(f, status.AnomalyCount)
	})
}

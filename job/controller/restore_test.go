package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// restored is a server that was put back to an earlier copy of its data, while its agents went on.
func (f *fixture) restored(t *testing.T, backup *memstore.Store) *fixture {
	g := newFixture(t, backup)
	g.now, g.agents = f.now.Add(time.Minute), f.agents
	return g
}

// lostHistory is an asset that holds manifest 2 with the orders of two jobs,
// and a copy of the server's data from when it held manifest 1 with the first.
func lostHistory(t *testing.T) (f *fixture, a *agent, one job.RunID, backup *memstore.Store) {
	store := memstore.New(memstore.Options{})
	f = newFixture(t, store)
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	a = f.enrol("a", "all")
	one = f.enable(definition("one", "editor-2.0.0"))
	f.call(a)
	f.call(a)
	backup = store.Clone()
	f.enable(definition("two", "player-2.0.0"))
	f.call(a)
	require.Equal(t, manifest.Revision(2), a.held)
	require.Len(t, a.orders, 2)
	return f, a, one, backup
}

// A restored server would number its next change as the asset's last one of the
// lost history. It goes on above it, so that every change reaches the asset,
// and it takes nothing that the asset holds for proof (MAN-5, JOB-3, JOB-5).
func TestRestoredServerGoesOnAboveWhatTheAssetHolds_MAN5_JOB3_JOB5(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(f *fixture, one job.RunID) error
		holds []string // afterwards
		check func(f *fixture, a *agent, one job.RunID)
	}{
		{"nothing changed", func(*fixture, job.RunID) error { return nil }, []string{"editor-2.0.0"}, func(*fixture, *agent, job.RunID) {}},
		{"a job", func(f *fixture, _ job.RunID) error { f.enable(definition("three", "player-2.0.0")); return nil },
			[]string{"editor-2.0.0", "player-2.0.0"}, func(*fixture, *agent, job.RunID) {}},
		{"a cancel", func(f *fixture, one job.RunID) error { _, err := f.CancelRun(ctx, one, f.now); return err },
			[]string{"editor-2.0.0 (cancelled)"}, func(f *fixture, a *agent, one job.RunID) {
				require.Equal(f, ledger.CancelPending, f.asset(one, "a").Cancel)
				a.report(job.Report{Order: job.MakeOrderID(one, "a"), At: f.now, Result: job.Cancelled})
				f.call(a)
				require.Equal(f, ledger.CancelDone, f.asset(one, "a").Cancel)
			}},
		{"a withdrawal", func(f *fixture, _ job.RunID) error { return f.DisableJob(ctx, "one", f.now) },
			nil, func(f *fixture, a *agent, one job.RunID) {
				require.Zero(f, f.asset(one, "a").Result, "manifest 2 of the lost history has the order")
				a.report(job.Report{Order: job.MakeOrderID(one, "a"), At: f.now, Progress: job.Started}) // it began before the call
				f.call(a)
				require.Equal(f, job.Started, f.asset(one, "a").Progress)
				require.Zero(f, f.asset(one, "a").Result)
				a.report(job.Report{Order: job.MakeOrderID(one, "a"), At: f.now, Result: job.Completed})
				f.call(a)
				require.Equal(f, job.Completed, f.asset(one, "a").Result)
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, a, one, backup := lostHistory(t)
			g := f.restored(t, backup)
			require.NoError(t, c.do(g, one))
			g.call(a)
			require.Equal(t, manifest.Revision(3), a.held)
			require.Equal(t, c.holds, a.patches())
			status, err := g.Asset(ctx, "a", g.now)
			require.NoError(t, err)
			require.Equal(t, 1, status.AnomalyCount)
			require.Equal(t, "holds manifest revision 2; the newest known here was 1", status.LastAnomalies[0].Text)
			c.check(g, a, one)
			held := a.held
			g.call(a)
			require.Equal(t, held, a.held, "once")
			status, err = g.Asset(ctx, "a", g.now)
			require.NoError(t, err)
			require.Equal(t, 1, status.AnomalyCount, "%v", status.LastAnomalies)

			require.Equal(t, "MAN-5", status.LastAnomalies[0].Rule)
			require.Equal(t, 1, status.NewAnomalies)
			require.NoError(t, g.AcknowledgeAnomalies(ctx, "a", g.now))
			status, err = g.Asset(ctx, "a", g.now)
			require.NoError(t, err)
			require.Equal(t, []int{1, 0, 0}, []int{status.AnomalyCount, status.NewAnomalies, len(status.LastAnomalies)}, "the count stays")
			require.ErrorContains(t, g.AcknowledgeAnomalies(ctx, "a", g.now), "no anomaly of asset")
			events, err := g.Events(ctx, time.Time{}, 1)
			require.NoError(t, err)
			require.Equal(t, controller.AnomaliesNoted, events[0].Action)
		})
	}
}

// An order was withdrawn, and the server was put back to before it heard of
// that from the asset, or to before it withdrew. It ends as withdrawn or is
// handed out again, and nothing is odd about it (JOB-5).
func TestWithdrawnOrderAfterARestore_JOB5(t *testing.T) {
	type history struct {
		*fixture
		a                         *agent
		run                       job.RunID
		open, withdrawn, unsealed *memstore.Store // the copies
	}
	// lived is a history in which the asset received the withdrawal. Its report is on its way.
	lived := func(t *testing.T) (h history) {
		store := memstore.New(memstore.Options{})
		h.fixture = newFixture(t, store)
		h.sync(patch("editor", "2.0.0"))
		h.a = h.enrol("a", "all")
		h.run = h.enable(definition("one", "editor-2.0.0"))
		h.call(h.a)
		h.open = store.Clone()
		require.NoError(t, h.DisableJob(ctx, "one", h.now))
		h.unsealed = store.Clone()
		h.call(h.a)
		h.withdrawn = store.Clone()
		h.a.report(job.Report{Order: job.MakeOrderID(h.run, "a"), At: h.now, Result: job.Withdrawn})
		return h
	}
	anomalies := func(g *fixture) int {
		status, err := g.Asset(ctx, "a", g.now)
		require.NoError(g, err)
		return status.AnomalyCount
	}
	t.Run("to before the report, which comes", func(t *testing.T) {
		h := lived(t)
		g := h.restored(t, h.withdrawn)
		g.call(h.a)
		require.Equal(t, job.Withdrawn, g.asset(h.run, "a").Result)
		require.Zero(t, anomalies(g))
	})
	t.Run("to before the report, which was accepted in the lost history", func(t *testing.T) {
		h := lived(t)
		h.call(h.a)
		g := h.restored(t, h.withdrawn)
		g.call(h.a)
		require.Equal(t, job.Withdrawn, g.asset(h.run, "a").Result, "the asset holds a manifest without it, and says nothing")
		require.Zero(t, anomalies(g))
	})
	t.Run("to before the manifest was sealed", func(t *testing.T) {
		h := lived(t)
		h.call(h.a)
		g := h.restored(t, h.unsealed)
		g.call(h.a)
		require.Zero(t, g.asset(h.run, "a").Result, "what the asset holds was sealed by nobody that is known")
		g.call(h.a)
		require.Equal(t, job.Withdrawn, g.asset(h.run, "a").Result)
		require.Equal(t, manifest.Revision(3), h.a.held)
	})
	t.Run("to before the withdrawal", func(t *testing.T) {
		h := lived(t)
		h.call(h.a)
		g := h.restored(t, h.open)
		g.call(h.a)
		require.Equal(t, []string{"editor-2.0.0"}, h.a.patches(), "it had not begun, so it is handed out again")
		require.Equal(t, 1, anomalies(g))
	})
	t.Run("to before the withdrawal, and withdrawn again", func(t *testing.T) {
		h := lived(t)
		g := h.restored(t, h.open)
		require.NoError(t, g.DisableJob(ctx, "one", g.now))
		g.call(h.a)
		require.Equal(t, job.Withdrawn, g.asset(h.run, "a").Result, "the report of the lost withdrawal is true of this one, too")
		require.Empty(t, h.a.orders)
	})
	t.Run("to before the report, and enabled again", func(t *testing.T) {
		h := lived(t)
		g := h.restored(t, h.withdrawn)
		_, err := g.EnableJob(ctx, "one", g.now)
		require.NoError(t, err)
		g.call(h.a)
		require.Equal(t, []string{"editor-2.0.0"}, h.a.patches())
		require.Equal(t, job.Withdrawn, g.asset(h.run, "a").Result, "an on-demand job runs again")
		require.Zero(t, anomalies(g))
	})
}

// The restored server has forgotten that the order ended. It hands it out
// again, the agent answers with its old result, and from then on the order is
// in no manifest.
func TestEndedOrderAfterARestore(t *testing.T) {
	f, a, one, backup := lostHistory(t)
	failed := job.Report{Order: job.MakeOrderID(one, "a"), At: f.now, Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, 9)}}
	a.report(failed)
	f.call(a)
	require.Len(t, a.orders, 1)
	g := f.restored(t, backup)
	g.call(a)
	require.Equal(t, []string{"editor-2.0.0"}, a.patches())
	a.report(failed)
	g.call(a)
	require.Empty(t, a.orders)
	require.Equal(t, job.Failed, g.asset(one, "a").Result)
	n, err := g.FailedInstalls(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// What ended stays out of every later manifest, whatever becomes of its job.
func TestEndedOrderIsInNoManifestAgain(t *testing.T) {
	for _, result := range []job.Result{job.Completed, job.CompletedWithFailures, job.Failed, job.TimedOut, job.NotApplicable, job.Cancelled} {
		t.Run(result.String(), func(t *testing.T) {
			f := newFixture(t, memstore.New(memstore.Options{}))
			f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
			a := f.enrol("a", "all")
			d := definition("job", "editor-2.0.0")
			d.Schedule.Kind, d.Schedule.At = 2, start.Add(time.Hour)
			run := f.enable(d)
			f.call(a)
			if result == job.Cancelled {
				_, err := f.CancelRun(ctx, run, f.now)
				require.NoError(t, err)
				f.call(a)
			}
			a.report(job.Report{Order: job.MakeOrderID(run, "a"), At: f.now, Result: result})
			f.call(a)
			require.Empty(t, a.orders)
			row := f.asset(run, "a")
			for _, change := range []func() error{
				func() error {
					d.Patches.List = append(d.Patches.List, "player-2.0.0")
					_, err := f.SaveJob(ctx, d, f.now)
					return err
				},
				func() error { return f.DisableJob(ctx, "job", f.now) },
				func() error {
					if _, err := f.EnableJob(ctx, "job", f.now); result == job.Cancelled {
						require.Error(t, err, "a cancelled start cannot be had again")
						return nil
					} else {
						return err
					}
				},
				func() error { f.sync(patch("player", "2.0.0")); return nil },
				func() error { _, err := f.Tick(ctx, f.now.Add(30*time.Minute)); return err },
				func() error { _, err := f.CancelRun(ctx, run, f.now); _ = err; return nil },
				func() error { return f.DeleteJob(ctx, "job", false, f.now) },
			} {
				f.pass(time.Minute)
				require.NoError(t, change())
				f.call(a)
				require.Empty(t, a.orders)
				require.Equal(t, row, f.asset(run, "a"))
			}
		})
	}
}

// What a call without a report proves: that the asset has none of the withdrawn
// orders, if it holds one of the manifests that were sealed without them, and
// not if it holds an older one or one that nobody sealed (JOB-5).
func TestWhatASilentCallProves_JOB5(t *testing.T) {
	for _, c := range []struct {
		name  string
		held  manifest.Revision
		ended bool
	}{
		{"nothing", 0, false}, {"the manifest with the order", 1, false}, {"the first without it", 2, true}, {"the newest", 3, true},
		{"one above the newest", 4, false}, {"one far above", 40, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, memstore.New(memstore.Options{}))
			f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
			a := f.enrol("a", "all")
			run := f.enable(definition("one", "editor-2.0.0"))
			f.call(a) // manifest 1
			require.NoError(t, f.DisableJob(ctx, "one", f.now))
			f.call(a) // manifest 2
			f.enable(definition("two", "player-2.0.0"))
			in := a.request(f.now)
			in.Held = 1
			_, err := f.CheckIn(ctx, in, f.now) // manifest 3; the answer is lost
			require.NoError(t, err)
			require.Zero(t, f.asset(run, "a").Result)
			in.Held = c.held
			_, err = f.CheckIn(ctx, in, f.now)
			require.NoError(t, err)
			require.Equal(t, c.ended, f.asset(run, "a").Result == job.Withdrawn)
			require.Equal(t, c.ended, len(dump(f)["unheard"]) == 0)
			if c.ended {
				require.NotContains(t, dump(f)["revisions"]["a\x00\x01"], "without", "nothing is left to prove")
			}
		})
	}
}

// A server that was put back says of an order which it knows to have begun that
// it had, once, and keeps the reboot that the order waits for on its list until
// the asset has another boot identity (JOB-24, RBT-11).
func TestRestoredServerSaysWhatHadBegun_JOB24_RBT11(t *testing.T) {
	store := memstore.New(memstore.Options{})
	f := newFixture(t, store)
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	a := f.enrol("a", "all")
	one := f.enable(definition("one", "editor-2.0.0"))
	f.call(a)
	a.report(job.Report{Order: job.MakeOrderID(one, "a"), Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
	f.call(a)
	backup := store.Clone()
	f.enable(definition("two", "player-2.0.0"))
	f.call(a)

	g := f.restored(t, backup)
	g.call(a)
	require.Len(t, a.orders, 1)
	require.True(t, a.orders[0].Begun)
	held := a.held
	g.pass(time.Minute)
	g.call(a)
	require.Equal(t, held, a.held)
	waits := func() []controller.Open {
		list, err := g.PendingReboots(ctx, 10)
		require.NoError(t, err)
		return list
	}
	require.Equal(t, []controller.Open{{Run: one, Asset: "a", Since: start}}, waits(), "listed once")
	a.report(job.Report{Order: job.MakeOrderID(one, "a"), Result: job.Failed, Text: "its state was lost"})
	g.call(a)
	require.Equal(t, []controller.Open{{Asset: "a", Since: start}}, waits())
	g.pass(time.Minute)
	in := a.request(g.now)
	in.Boot = "boot-2"
	_, err := g.CheckIn(ctx, in, g.now)
	require.NoError(t, err)
	require.Empty(t, waits())
	g.audited()
}

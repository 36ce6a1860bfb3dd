package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func needs(id catalog.PatchID, reboot bool) func(*catalog.Patch) {
	return func(p *catalog.Patch) { p.Requires = []catalog.Requirement{{Patch: id, Reboot: reboot}} }
}

// later is a definition that starts two hours from now: its orders are made at once.
func (f *fixture) later(id job.ID, patches ...catalog.PatchID) job.Definition {
	d := definition(id, patches...)
	d.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(2 * time.Hour)}
	return d
}

func (f *fixture) audited() {
	f.Helper()
	differences, err := f.CheckIndexes(ctx)
	require.NoError(f, err)
	require.Empty(f, differences)
}

// An order that has nothing to do but what needs another product waits for that
// until its start; then it ends.
func TestOrderWaitsForWhatItNeeds_JOB14(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", needs("editor-2.0.0", false)))
		a, b, c := f.enrol("a", "all"), f.enrol("b", "all"), f.enrolOnly("c", "all")
		c.install("editor", "1.0.0", "player", "1.0.0")
		run := f.enable(f.later("job", "player-2.0.0"))
		start := f.now.Add(2 * time.Hour)
		next, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Equal(f, start, next, "it is looked at again then")
		for _, agent := range []*agent{a, b} {
			f.call(agent)
			require.Empty(f, agent.orders)
			require.True(f, f.asset(run, agent.id).Waiting)
		}
		f.call(c) // its first inventory comes when all other orders are made
		require.True(f, f.asset(run, "c").Waiting)
		f.audited()

		f.pass(time.Hour)
		a.install("editor", "2.0.0", "player", "1.0.0")
		f.call(a)
		require.Equal(f, []string{"player-2.0.0"}, a.patches())
		status, err := f.Job(ctx, "job")
		require.NoError(f, err)
		require.Equal(f, []job.RunID{run}, status.Open)

		f.pass(time.Hour)
		f.tick(f.now)
		for _, id := range []job.AssetID{"b", "c"} {
			left := f.asset(run, id)
			require.Equal(f, []any{false, job.NotApplicable}, []any{left.Waiting, left.Result})
			require.Equal(f, "JOB-14", left.Patches[0].Rule)
		}
		require.False(f, f.asset(run, "a").Waiting)
		n, err := f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Zero(f, n)
		f.audited()
	})
}

// A run whose orders wait is cancelled and withdrawn like any other.
func TestWaitingOrderIsStopped_JOB14_JOB3_JOB5(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(f *fixture) error
		want job.Result
	}{
		"cancel":  {func(f *fixture) error { _, err := f.CancelJob(ctx, "job", f.now); return err }, job.Cancelled},
		"disable": {func(f *fixture) error { return f.DisableJob(ctx, "job", f.now) }, job.Withdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			once(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", needs("editor-2.0.0", false)))
				a := f.enrol("a", "all")
				run := f.enable(f.later("job", "player-2.0.0"))
				f.tick(f.now)
				require.NoError(f, c.stop(f))
				require.Equal(f, c.want, f.asset(run, "a").Result)
				a.install("editor", "2.0.0", "player", "1.0.0")
				f.call(a)
				f.pass(3 * time.Hour)
				f.tick(f.now)
				f.call(a)
				require.Empty(f, a.orders)
				f.audited()
			})
		})
	}
}

// An inventory that changes nothing of an order makes no new revision; one that does, does.
func TestOrderIsPlannedAgain_JOB14_MAN2(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		f.enable(f.later("job", "editor-2.0.0", "player-2.0.0"))
		f.tick(f.now)
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0", "player-2.0.0"}, a.patches())
		held := a.held
		a.install("editor", "1.0.0", "player", "1.0.0", "reader", "7.0.0")
		f.call(a)
		require.Equal(f, held, a.held)
		a.install("editor", "1.0.0", "player", "2.0.0")
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
		a.install("editor", "2.0.0", "player", "2.0.0")
		held = a.held
		f.call(a)
		require.Equal(f, held, a.held, "the asset finds out itself that nothing of it applies")
		a.install("editor", "1.0.0", "player", "1.0.0")
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0", "player-2.0.0"}, a.patches())

		a.report(job.Report{Order: a.orders[0].ID, Progress: job.Started})
		f.call(a)
		a.install("editor", "2.0.0", "player", "1.0.0")
		held = a.held
		f.call(a)
		require.Equal(f, held, a.held, "it has begun")
		f.audited()
	})
}

// A reboot that begins or ceases to be pending has the other orders planned
// again, whichever way the server hears of it.
func TestPendingReboot_JOB14_RBT11(t *testing.T) {
	for name, c := range map[string]struct {
		begin, cease func(f *fixture, a *agent, order job.OrderID)
		blocks       bool
	}{
		"of the system": {
			func(f *fixture, a *agent, _ job.OrderID) {
				in := a.request(f.now)
				in.Reboot, in.RebootSince = true, f.now
				_, err := f.CheckIn(ctx, in, f.now)
				require.NoError(f, err)
			},
			func(f *fixture, a *agent, _ job.OrderID) {
				in := a.request(f.now)
				in.Boot = "boot-2"
				_, err := f.CheckIn(ctx, in, f.now)
				require.NoError(f, err)
			}, true,
		},
		"of an order": {
			func(f *fixture, a *agent, o job.OrderID) {
				a.report(job.Report{Order: o, Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
				f.call(a)
			},
			func(f *fixture, a *agent, o job.OrderID) {
				a.report(job.Report{Order: o, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
				f.call(a)
			}, true,
		},
		"of another product": {
			func(f *fixture, a *agent, o job.OrderID) {
				a.report(job.Report{Order: o, Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("reader-2.0.0", job.Installed, 0)}})
				f.call(a)
			},
			func(f *fixture, a *agent, o job.OrderID) {
				a.report(job.Report{Order: o, Result: job.Completed, Patches: []job.PatchOutcome{outcome("reader-2.0.0", job.Succeeded, 0)}})
				f.call(a)
			}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			once(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"), patch("reader", "2.0.0"), patch("player", "2.0.0", needs("editor-2.0.0", true)))
				a := f.enrol("a", "all")
				first := catalog.PatchID("editor-2.0.0")
				if !c.blocks {
					first = "reader-2.0.0"
				}
				order := job.MakeOrderID(f.enable(definition("first", first)), "a")
				f.call(a)
				a.install("editor", "2.0.0", "player", "1.0.0")
				f.call(a)
				f.pass(time.Minute)
				second := f.enable(f.later("second", "player-2.0.0"))
				f.tick(f.now)
				f.call(a)
				require.False(f, f.asset(second, "a").Waiting)
				preview := func() bool {
					plan, _, err := f.Preview(ctx, f.later("third", "player-2.0.0"), "a", f.now)
					require.NoError(f, err)
					return plan.Empty()
				}
				require.False(f, preview())
				f.pass(time.Minute)
				c.begin(f, a, order)
				require.Equal(f, c.blocks, preview())
				third := f.enable(f.later("third", "player-2.0.0"))
				f.tick(f.now)
				require.Equal(f, c.blocks, f.asset(third, "a").Waiting)
				f.pass(time.Minute)
				c.cease(f, a, order)
				require.False(f, preview())
				require.False(f, f.asset(third, "a").Waiting)
				f.audited()
			})
		})
	}
}

// A follower's order is planned with an inventory that was taken after the job before it ended.
func TestFollowersInventoryIsFresh_JOB14_JOB19(t *testing.T) {
	for name, back := range map[string]bool{"changed": false, "changed and back": true} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", needs("editor-2.0.0", false)))
				a := f.enrol("a", "all")
				_, err := f.SaveJob(ctx, definition("first", "editor-2.0.0"), f.now)
				require.NoError(f, err)
				d := definition("second", "player-2.0.0")
				d.After = &job.After{Job: "first", PerAsset: true}
				_, err = f.SaveJob(ctx, d, f.now)
				require.NoError(f, err)
				_, err = f.EnableJob(ctx, "second", f.now)
				require.NoError(f, err)
				first := f.enable(definition("first", "editor-2.0.0"))
				f.call(a)
				a.report(job.Report{Order: job.MakeOrderID(first, "a"), Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
				before := a.inventory
				a.install("editor", "2.0.0", "player", "1.0.0")
				answer, err := f.CheckIn(ctx, a.request(f.now), f.now) // the call that would bring the inventory is lost
				require.NoError(f, err)
				require.True(f, answer.WantInventory)
				require.NotContains(f, string(answer.Manifest), "player")
				if back {
					a.inventory = before
				}
				f.call(a)
				if back {
					require.Empty(f, a.patches())
				} else {
					require.Equal(f, []string{"player-2.0.0"}, a.patches())
				}
				f.tick(f.now)
				runs, err := f.Runs(ctx, "second", "", 10)
				require.NoError(f, err)
				require.Len(f, runs, 1)
				require.Equal(f, back, f.asset(runs[0].ID, "a").Result == job.NotApplicable)
				answer, err = f.CheckIn(ctx, a.request(f.now), f.now)
				require.NoError(f, err)
				require.False(f, answer.WantInventory, "nothing waits for one any more")
				f.audited()
			})
		})
	}
}

// What a query found is frozen, also for an order that is planned again; what
// it left out may enter.
func TestQueryStaysFrozen_JOB8_JOB14(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", needs("reader-2.0.0", false)))
		a := f.enrol("a", "all")
		d := f.later("job")
		d.Patches = job.Patches{Query: &job.Query{}}
		f.enable(d)
		f.tick(f.now)
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
		f.sync(patch("editor", "2.0.0"), patch("editor", "3.0.0"), patch("player", "2.0.0", needs("reader-2.0.0", false)), patch("reader", "2.0.0"))
		a.install("editor", "1.0.0", "player", "1.0.0", "reader", "2.5.0")
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0", "player-2.0.0"}, a.patches())
	})
}

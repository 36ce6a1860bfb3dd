package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// slotted is a job of which n assets tagged web may be down for a reboot at once.
func slotted(n int) job.Definition {
	d := definition("j", "editor-2.0.0")
	d.RebootSlots = &rollout.SlotPolicy{Tag: "web", Slots: n}
	return d
}

// slotFleet has an order that needs a reboot on each of n assets tagged web.
func slotFleet(f *fixture, d job.Definition, n int) (agents []*agent) {
	f.Helper()
	f.sync(patch("editor", "2.0.0"))
	for i := range n {
		a := f.enrolOnly(job.AssetID(fmt.Sprintf("w%d", i)), "all", "web")
		a.can = job.Capabilities()
		a.install("editor", "1.0.0")
		f.call(a)
		agents = append(agents, a)
	}
	f.enable(d)
	for _, a := range agents {
		f.call(a)
		require.True(f, a.orders[0].Reboot.Slot)
		f.deploys(a)
	}
	return agents
}

// deploys has an agent report that its order waits for the reboot.
func (f *fixture) deploys(a *agent) {
	f.Helper()
	id := a.orders[0].ID
	for _, p := range []job.Progress{job.Started, job.Deploying} {
		a.report(job.Report{Order: id, Progress: p, At: f.now})
	}
	a.report(job.Report{Order: id, Result: job.PendingReboot, At: f.now, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
	f.call(a)
}

// needs has an agent say that it needs a slot, and returns until when it has one.
func (f *fixture) needs(a *agent, id job.OrderID) time.Time {
	f.Helper()
	a.slot = id
	f.call(a)
	if len(a.orders) == 0 {
		return time.Time{}
	}
	return a.orders[0].RebootUntil
}

// back has an agent report how its order ended.
func (f *fixture) back(a *agent, id job.OrderID) {
	f.Helper()
	a.install("editor", "2.0.0")
	a.report(job.Report{Order: id, Result: job.Completed, At: f.now, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
	f.needs(a, "")
	require.Empty(f, a.orders)
}

func (f *fixture) slots() (list []string) {
	f.Helper()
	slots, err := f.Slots(ctx, "j", f.now)
	require.NoError(f, err)
	for _, s := range slots {
		list = append(list, string(s.Asset))
	}
	return list
}

// A slot is taken until its asset has reported back, however long that is.
func TestSlotUntilItReportsBack_ROL7(t *testing.T) {
	stores(t, func(f *fixture) {
		agents := slotFleet(f, slotted(1), 3)
		id := func(i int) job.OrderID { return job.MakeOrderID(f.runIDs("j")[0], agents[i].id) }
		until := f.needs(agents[0], id(0))
		require.True(f, until.Equal(f.now.Add(time.Hour)), "the default lease")
		require.Zero(f, f.needs(agents[1], id(1)))
		f.pass(30 * time.Minute)
		require.Equal(f, until, f.needs(agents[0], id(0)), "while the lease is good, nothing changes")
		f.pass(24 * time.Hour)
		require.Zero(f, f.needs(agents[1], id(1)), "the end of the lease frees nothing")
		require.Equal(f, []string{"w0"}, f.slots())
		require.True(f, f.needs(agents[0], id(0)).Equal(f.now.Add(time.Hour)), "its holder may always have it again")
		f.back(agents[0], id(0))
		require.NotZero(f, f.needs(agents[1], id(1)))
		require.Zero(f, f.needs(agents[2], id(2)))
		f.needs(agents[1], "") // it no longer needs it: its reboot hours ended
		require.Zero(f, agents[1].orders[0].RebootUntil)
		require.NotZero(f, f.needs(agents[2], id(2)))
		require.NoError(f, f.RemoveAsset(ctx, "w2", f.now))
		require.Empty(f, f.slots())
	})
}

// Every way in which the order can change meanwhile keeps the count exact; the
// fixture compares it with the orders.
func TestSlotsWhileOrdersChange_ROL7_JOB3_JOB5(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(f *fixture, a *agent, run job.RunID)
		holds bool // the order and the slot
	}{
		"the job is disabled": {func(f *fixture, _ *agent, _ job.RunID) { require.NoError(f, f.DisableJob(ctx, "j", f.now)) }, true},
		"the run is to be cancelled": {func(f *fixture, _ *agent, run job.RunID) {
			_, err := f.CancelRun(ctx, run, f.now)
			require.Error(f, err, "too late")
		}, true},
		"the job has no limit any more": {func(f *fixture, _ *agent, _ job.RunID) {
			_, err := f.SaveJob(ctx, definition("j", "editor-2.0.0"), f.now)
			require.NoError(f, err)
		}, true},
		"the lease becomes shorter than the countdown was": {func(f *fixture, a *agent, _ job.RunID) {
			d := slotted(1)
			d.Reboot.Countdown, d.RebootSlots.Lease = -1, time.Minute
			_, err := f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
			f.pass(2 * time.Hour)
			f.call(a)
			require.Equal(f, f.now.Add(6*time.Minute), a.orders[0].RebootUntil, "the countdown of the order, and a minute")
		}, true},
		"the agent's state is lost": {func(f *fixture, a *agent, _ job.RunID) {
			a.held, a.sequence, a.slot, a.unsent = 0, 0, "", nil
			a.calls = 0
			a.boot = "boot-2"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			once(t, func(f *fixture) {
				agents := slotFleet(f, slotted(1), 2)
				run := f.runIDs("j")[0]
				one, two := job.MakeOrderID(run, "w0"), job.MakeOrderID(run, "w1")
				require.NotZero(f, f.needs(agents[0], one))
				c.do(f, agents[0], run)
				f.call(agents[0])
				f.call(agents[0])
				if c.holds {
					require.NotZero(f, agents[0].orders[0].RebootUntil)
					require.Equal(f, []string{"w0"}, f.slots())
					f.back(agents[0], one)
				}
				require.Empty(f, f.slots())
				require.NotZero(f, f.needs(agents[1], two))
			})
		})
	}
}

// An order that was withdrawn after it had begun is in no manifest. It goes back
// into it for its slot, marked as begun (JOB-5).
func TestSlotOfAWithdrawnOrder_ROL7_JOB5(t *testing.T) {
	once(t, func(f *fixture) {
		a := slotFleet(f, slotted(1), 1)[0]
		id := a.orders[0].ID
		require.NoError(f, f.DisableJob(ctx, "j", f.now))
		f.call(a)
		require.Empty(f, a.orders)
		require.NotZero(f, f.needs(a, id))
		require.True(f, a.orders[0].Begun)
		f.back(a, id)
		require.Equal(f, job.Completed, f.asset(id.Run(), "w0").Result)
	})
}

// Whoever frees a slot by hand says who and why; the asset asks again if it
// still needs it.
func TestSlotIsFreedByHand_ROL7(t *testing.T) {
	once(t, func(f *fixture) {
		agents := slotFleet(f, slotted(1), 2)
		run := f.runIDs("j")[0]
		f.needs(agents[0], job.MakeOrderID(run, "w0"))
		require.ErrorAs(f, f.FreeSlot(ctx, "j", "w0", "it burned", f.now), new(*job.Invalid))
		require.ErrorAs(f, f.FreeSlot(actor, "j", "w0", "", f.now), new(*job.Invalid))
		require.ErrorAs(f, f.FreeSlot(actor, "j", "w1", "it burned", f.now), new(*controller.NotFoundError))
		require.ErrorAs(f, f.FreeSlot(actor, "k", "w0", "it burned", f.now), new(*controller.NotFoundError))
		require.NoError(f, f.FreeSlot(actor, "j", "w0", "it burned", f.now))
		require.Empty(f, f.slots())
		events, err := f.Events(ctx, time.Time{}, 1)
		require.NoError(f, err)
		require.Equal(f, []string{"ann", "reboot slot freed", "j", "w0: it burned"},
			[]string{events[0].Actor, events[0].Action.String(), events[0].Subject, events[0].Text})
		require.NotZero(f, f.needs(agents[1], job.MakeOrderID(run, "w1")))
		require.Zero(f, f.needs(agents[0], job.MakeOrderID(run, "w0")), "now it waits like any other")
	})
}

// What another asset says, a late call and an order that does not exist give
// nobody a slot. An agent that cannot ask for one gets no order (MAN-11).
func TestNoSlotForOthers_ROL7_MAN11(t *testing.T) {
	once(t, func(f *fixture) {
		agents := slotFleet(f, slotted(1), 2)
		run := f.runIDs("j")[0]
		for _, id := range []job.OrderID{job.MakeOrderID(run, "w1"), job.MakeOrderID(run, "nobody"), "j", "/w0", "j@/w0", job.MakeOrderID("j@20300101T000000Z", "w0")} {
			f.needs(agents[0], id)
			require.Empty(f, f.slots(), "%q", id)
		}
		late := agents[0].request(f.now)
		late.Slot = job.MakeOrderID(run, "w0")
		f.needs(agents[0], "")
		_, err := f.CheckIn(ctx, late, f.now)
		require.NoError(f, err)
		require.Empty(f, f.slots())
		old := f.enrol("old", "all", "web")
		require.Equal(f, job.RunID("k@20260301T120000Z"), f.enable(func() job.Definition { d := slotted(1); d.ID = "k"; return d }()))
		f.call(old)
		require.Empty(f, old.orders)
		got := f.asset("k@20260301T120000Z", "old")
		require.Equal(f, job.Failed, got.Result)
		require.Contains(f, got.Text, "reboot-slots")
	})
}

// A restored server knows none of the leases that it gave since. An asset that
// has one says so in its next call; if another one has the slot by then, its
// lease is taken back.
func TestSlotsAfterARestore_ROL7_MAN5(t *testing.T) {
	store := memstore.New(memstore.Options{})
	f := newFixture(t, store)
	agents := slotFleet(f, slotted(1), 2)
	run := f.runIDs("j")[0]
	backup := store.Clone()
	one, two := job.MakeOrderID(run, "w0"), job.MakeOrderID(run, "w1")
	require.NotZero(t, f.needs(agents[0], one))
	first := f.restored(t, backup.Clone())
	require.NotZero(t, first.needs(agents[1], two))
	require.Zero(t, first.needs(agents[0], one))
	require.Equal(t, []string{"w1"}, first.slots())

	again := first.restored(t, backup)
	require.NotZero(t, again.needs(agents[0], one))
	require.Zero(t, again.needs(agents[1], two))
	require.Equal(t, []string{"w0"}, again.slots())
}

package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// rebootsPending makes three assets: the system of a asks for a reboot, an
// order on b waits for one, and nothing is pending on c.
func rebootsPending(f *fixture) {
	f.Helper()
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	b := f.enrol("b", "all")
	run := f.enable(definition("first", "editor-2.0.0"))
	f.call(b)
	b.report(job.Report{At: f.now, Order: job.MakeOrderID(run, "b"), Result: job.PendingReboot,
		Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
	f.call(b)
	a := f.enrol("a", "all")
	in := a.request(f.now)
	in.Reboot = true
	_, err := f.CheckIn(ctx, in, f.now)
	require.NoError(f, err)
	f.enrol("c", "all")
	f.pass(time.Minute)
}

// A job that only reboots for a pending reboot makes an order where one is
// pending, whoever caused it (RBT-11, JOB-6, JOB-22).
func TestOrdersWhereARebootIsPending_RBT11_JOB6_JOB22(t *testing.T) {
	stores(t, func(f *fixture) {
		rebootsPending(f)
		d := definition("tidy")
		d.RebootPending = true
		for asset, pending := range map[job.AssetID]bool{"a": true, "b": true, "c": false} {
			plan, selected, err := f.Preview(ctx, d, asset, f.now)
			require.NoError(f, err)
			require.True(f, selected)
			require.Equal(f, pending, plan.Reboots, asset)
			require.Equal(f, !pending, plan.Empty(), asset)
		}
		run := f.enable(d)
		for _, id := range []job.AssetID{"a", "b", "c"} {
			f.call(f.agents[id])
		}
		for _, id := range []job.AssetID{"a", "b"} {
			orders := f.agents[id].orders
			require.True(f, orders[len(orders)-1].RebootPending)
			require.Zero(f, f.asset(run, id).Result)
		}
		require.Empty(f, f.agents["c"].orders)
		require.Equal(f, job.NotApplicable, f.asset(run, "c").Result)
		require.Contains(f, f.asset(run, "c").Text, "no reboot is pending on it")
	})
}

// An order that lost its last patch goes on where it still has a reboot to make (RBT-11, CAT-9).
func TestTrimmedOrderStillReboots_RBT11_CAT9(t *testing.T) {
	stores(t, func(f *fixture) {
		rebootsPending(f)
		d := definition("tidy", "player-2.0.0")
		d.RebootPending = true
		run := f.enable(d)
		for _, id := range []job.AssetID{"a", "b", "c"} {
			f.call(f.agents[id])
			require.Contains(f, f.agents[id].patches(), "player-2.0.0")
		}
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", withdrawn))
		for id, goesOn := range map[job.AssetID]bool{"a": true, "b": true, "c": false} {
			f.call(f.agents[id])
			require.NotContains(f, f.agents[id].patches(), "player-2.0.0")
			require.Equal(f, goesOn, f.asset(run, id).Result == 0 && !f.asset(run, id).Withdrawn, id)
		}
	})
}

// One that is to start later waits for a reboot that may still become pending.
func TestOrderWaitsForAPendingReboot_RBT11_JOB14(t *testing.T) {
	stores(t, func(f *fixture) {
		rebootsPending(f)
		d := f.later("tidy")
		d.RebootPending = true
		run := f.enable(d)
		f.tick(f.now)
		require.True(f, f.asset(run, "c").Waiting)
		in := f.agents["c"].request(f.now)
		in.Reboot = true
		_, err := f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		require.False(f, f.asset(run, "c").Waiting)
		f.call(f.agents["c"])
		require.Len(f, f.agents["c"].orders, 1)
		f.audited()
	})
}

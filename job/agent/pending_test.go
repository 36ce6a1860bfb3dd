package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// A job left its reboot to somebody, and on this asset later jobs wait for
// that. One that reboots for a pending reboot does not: it starts, past an
// older order that waits, and after its one reboot all of them end, whatever
// commit the agent crashes at.
func TestRebootsForTheOneThatWaits_RBT11_RBT7_JOB11(t *testing.T) {
	for n := range 60 {
		a, b, c := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour)), orderAt(t, "c", epoch.Add(2*time.Hour))
		a.Patches[0].Reboot, a.Reboot.Suppress = true, true
		c.Patches, c.RebootPending = nil, true
		w := newWorld(t, a, b, c)
		w.c.WaitParked = true
		w.until(epoch.Add(90 * time.Minute))
		require.True(t, w.s.Executions[0].Parked())
		require.Equal(t, "Blocked", last(w.told(b.ID)))
		w.crashAt = w.commits + n
		w.until(epoch.Add(4 * time.Hour))
		require.Equal(t, 1, w.reboots)
		for _, o := range []job.Order{a, b, c} {
			require.Equal(t, "Completed", last(w.told(o.ID)), o.ID)
		}
		require.NotContains(t, w.told(c.ID), "Blocked")
	}
}

// Without that word it waits as any other; with it, and nothing pending when
// its turn comes, nothing happens.
func TestWaitsOrHasNothingToDo_RBT11_RBT7(t *testing.T) {
	a, c := orderAt(t, "a", epoch), orderAt(t, "c", epoch.Add(2*time.Hour))
	a.Patches[0].Reboot, a.Reboot.Suppress = true, true
	w := newWorld(t, a, c)
	w.c.WaitParked = true
	w.until(epoch.Add(5 * time.Hour))
	require.Equal(t, "Blocked", last(w.told(c.ID)))
	require.Zero(t, w.reboots)

	c.Patches, c.RebootPending = nil, true
	w = newWorld(t, c)
	w.until(epoch.Add(3 * time.Hour))
	require.Equal(t, "NotApplicable", last(w.told(c.ID)))
	require.Zero(t, w.reboots)
}

// A reboot that is owed is told at each call until the computer was rebooted (JOB-18, RBT-11).
func TestOwedRebootIsToldUntilItCame_JOB18_RBT11(t *testing.T) {
	w := newWorld(t)
	owed := Owed{BootID: "boot-0", Since: epoch.Add(-time.Hour)}
	at := Moment{Wall: epoch, Up: time.Hour, BootID: "boot-0"}
	calls := func(s State) (told bool, after State) {
		after, out := Step(w.c, s, Started{}, at)
		call, ok := out.Effects[0].(Call)
		require.True(t, ok)
		require.Equal(t, call.Request.Reboot, !call.Request.RebootSince.IsZero())
		return call.Request.Reboot, after
	}
	told, after := calls(State{Owed: owed})
	require.True(t, told)
	require.Equal(t, owed, after.Owed)
	at.BootID = "boot-1"
	told, after = calls(after)
	require.False(t, told)
	require.Zero(t, after.Owed)
}

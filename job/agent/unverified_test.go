package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/execution"
)

// An execution whose verification fails holds up no other job of the asset, and ends after a day.
func TestUnverifiedHoldsUpNothing_JOB11_JOB18(t *testing.T) {
	a, b, c := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour)), orderAt(t, "c", epoch.Add(25*time.Hour))
	a.Patches[0].Reboot = true
	w := newWorld(t, a, b, c)
	w.during = func(string) { w.unread = true }
	w.until(epoch.Add(30 * time.Minute))
	require.True(t, w.s.Executions[0].Unverified())
	w.until(epoch.Add(2 * time.Hour))
	require.Equal(t, "Failed", last(w.told(b.ID)), "it needs an inventory itself, and did not wait for one")
	require.NotContains(t, w.told(b.ID), "Blocked")
	w.until(epoch.Add(24*time.Hour + 16*time.Minute))
	require.Equal(t, "Failed", last(w.told(a.ID)))
	require.Zero(t, w.reboots)
	w.unread, w.during = false, nil
	w.until(epoch.Add(26 * time.Hour))
	require.Equal(t, "Completed", last(w.told(c.ID)))
}

// An unverified execution that turns out to need its reboot waits for the one
// that began meanwhile; what has not begun by then waits for the reboot. A
// crash at any commit changes nothing about that.
func TestUnverifiedRebootsAfterTheOther_JOB18_JOB11(t *testing.T) {
	for n := range 40 {
		a, b, c := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour)), orderAt(t, "c", epoch.Add(time.Hour+time.Second))
		a.Patches[0].Reboot = true
		w := newWorld(t, a, b, c)
		held := false
		w.during = func(product string) {
			w.unread = product == "a"
			if product != "b" {
				return
			}
			w.crashAt = w.commits + n
			for range 10 { // the other one tries again meanwhile
				w.pass(15 * time.Minute)
				w.step(Tick{})
				queue := w.queue
				w.queue = nil
				for _, e := range queue {
					if _, ok := e.(Execute).Effect.(execution.TakeInventory); ok {
						w.do(e)
					} else {
						w.queue = append(w.queue, e)
					}
				}
				require.Zero(t, w.reboots)
			}
			held = true
		}
		w.until(epoch.Add(59*time.Minute + 50*time.Second))
		w.unread = false
		w.until(epoch.Add(20 * time.Hour))
		require.Equal(t, "Completed", last(w.told(a.ID)), "crash %d", n)
		require.Equal(t, "Completed", last(w.told(b.ID)), "crash %d", n)
		require.Equal(t, "Completed", last(w.told(c.ID)), "crash %d", n)
		require.Equal(t, 1, w.reboots)
		require.True(t, held)
	}
}

// Two unverified executions that both need a reboot do not wait for each other.
func TestTwoUnverifiedReboot_JOB18(t *testing.T) {
	a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour))
	a.Patches[0].Reboot, b.Patches[0].Reboot = true, true
	w := newWorld(t, a, b)
	w.during = func(string) { w.unread = true }
	w.until(epoch.Add(59*time.Minute + 50*time.Second))
	w.unread = false // long enough for the second to begin
	w.until(epoch.Add(3 * time.Hour))
	require.Len(t, w.s.Executions, 2)
	require.Zero(t, w.reboots)
	w.unread = false
	w.until(epoch.Add(10 * time.Hour))
	require.Equal(t, "Completed", last(w.told(a.ID)))
	require.Equal(t, "Completed", last(w.told(b.ID)))
	require.LessOrEqual(t, w.reboots, 2)
	require.GreaterOrEqual(t, w.reboots, 1)
}

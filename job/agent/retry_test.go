package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// An execution that waits for its source holds up no other job, and goes on
// when that one is done; a crash at any commit changes nothing about that.
func TestRetryingHoldsUpNothing_JOB27_JOB11(t *testing.T) {
	every := 1
	if testing.Short() {
		every = 10
	}
	for n := 0; n < 40; n += every {
		a, b, c := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(20*time.Minute)), orderAt(t, "c", epoch.Add(20*time.Minute+time.Second))
		b.Patches[0].Reboot = true
		w := newWorld(t, a, b, c)
		w.offline = map[string]bool{"a": true}
		w.until(epoch.Add(19 * time.Minute))
		require.True(t, w.s.Executions[0].Retrying())
		require.Empty(t, w.told(b.ID)[1:])
		w.during = func(product string) {
			delete(w.offline, "a")
			for range 10 { // the source is back, and the time to try has come
				w.pass(15 * time.Minute)
				w.step(Tick{})
			}
			for _, e := range w.queue {
				require.True(t, product == "a" || e.(Execute).Order != a.ID, "nothing is tried while another is at work")
			}
		}
		w.crashAt = w.commits + n
		w.until(epoch.Add(30 * time.Hour))
		for _, o := range []job.Order{a, b, c} {
			require.Equal(t, "Completed", last(w.told(o.ID)), "crash %d", n)
		}
		require.Equal(t, 1, w.reboots)
	}
}

// Where later jobs wait for a reboot by hand, so does what waits for its source.
func TestRetryingWaitsForAParkedReboot_JOB27_RBT7(t *testing.T) {
	for _, waits := range []bool{true, false} {
		a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour))
		b.Patches[0].Reboot, b.Reboot = true, reboot.Policy{Suppress: true}
		w := newWorld(t, a, b)
		w.c.WaitParked, w.offline = waits, map[string]bool{"a": true}
		w.until(epoch.Add(90 * time.Minute))
		require.Len(t, w.s.Executions, 2)
		require.True(t, w.s.Executions[1].Parked())
		delete(w.offline, "a")
		w.until(epoch.Add(20 * time.Hour))
		require.Equal(t, waits, w.installed["a"] == "1.0.0")
		w.at.BootID, w.at.Up = "by hand", 0
		w.crash()
		w.until(epoch.Add(40 * time.Hour))
		require.Equal(t, "Completed", last(w.told(a.ID)))
		require.Equal(t, "Completed", last(w.told(b.ID)))
	}
}

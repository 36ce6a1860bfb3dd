package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// An agent asks for a slot before the countdown, every minute, until its
// manifest gives it one. It goes on saying so until the order has ended.
func TestSlotIsAskedForBeforeTheReboot_ROL7(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Patches[0].Reboot, o.Reboot.Slot = true, true
	w := newWorld(t, o)
	w.until(epoch.Add(2 * time.Hour))
	require.Zero(t, w.reboots)
	asked := 0
	for _, in := range w.requests {
		if in.Slot == o.ID {
			asked++
		}
	}
	require.InDelta(t, 120, asked, 10)
	require.Contains(t, w.told(o.ID), "Blocked")

	o.RebootUntil = w.at.Wall.Add(time.Hour)
	w.publish(o)
	w.until(epoch.Add(3 * time.Hour))
	require.Equal(t, 1, w.reboots)
	require.Equal(t, "Completed", last(w.told(o.ID)))
	require.Empty(t, w.requests[len(w.requests)-1].Slot)
	for i, in := range w.requests {
		for _, r := range in.Reports {
			require.False(t, r.Progress == job.Resumed && in.Slot == "", "call %d gives the slot back before its order has ended", i)
		}
	}
}

// A manifest that no longer gives the slot, or lacks the order, stops the
// countdown. A crash of the agent changes nothing.
func TestSlotIsTakenBack_ROL7(t *testing.T) {
	for name, lacks := range map[string]bool{"no mark": false, "no order": true} {
		t.Run(name, func(t *testing.T) {
			o := orderAt(t, "a", epoch)
			o.Patches[0].Reboot, o.Reboot.Slot, o.Reboot.Countdown = true, true, time.Hour
			w := newWorld(t, o)
			w.until(epoch.Add(time.Hour))
			granted := o
			granted.RebootUntil = w.at.Wall.Add(4 * time.Hour)
			w.publish(granted)
			w.until(epoch.Add(90 * time.Minute))
			w.crash()
			if w.publish(o); lacks {
				w.publish()
			}
			w.until(epoch.Add(6 * time.Hour))
			require.Zero(t, w.reboots)
			require.Equal(t, o.ID, w.requests[len(w.requests)-1].Slot)
			granted.RebootUntil = w.at.Wall.Add(4 * time.Hour)
			w.publish(granted)
			w.until(epoch.Add(9 * time.Hour))
			require.Equal(t, 1, w.reboots)
		})
	}
}

// What an agent may run decides nothing about slots (INT-10).
func TestAgentsWithoutActionsAskForSlots_ROL7_INT10(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Patches[0].Reboot, o.Reboot.Slot, o.Needs = true, true, []string{job.CanAskForSlot}
	w := newWorld(t, o)
	w.c.Can = []string{}
	w.until(epoch.Add(time.Hour))
	require.Equal(t, o.ID, w.requests[len(w.requests)-1].Slot)
	require.Equal(t, []string{job.CanAskForSlot}, w.requests[len(w.requests)-1].Can)
}

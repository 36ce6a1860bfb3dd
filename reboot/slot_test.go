package reboot

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// The countdown begins only with a lease that is long enough for it, and the
// wait for one is no deferral (RBT-10, ROL-7).
func TestSlotComesBeforeTheCountdown_RBT10_ROL7(t *testing.T) {
	p := Policy{Slot: true, Deferrals: 1}
	lease := func(from, length time.Duration) Lease { return Lease{noon.Add(from + length)} }
	s, out := Step(p, State{}, Due{BootID: "A", Sessions: Active}, after(0))
	require.Equal(t, Prompting, s.Phase)
	require.False(t, s.NeedsSlot(), "who may still defer keeps no slot from others")
	s, _ = Step(p, s, lease(0, time.Hour), after(0))
	require.Zero(t, s.Lease, "nobody asked for it")
	s, out = Step(p, s, Accept{}, after(time.Minute))
	require.Equal(t, Queued, s.Phase)
	require.True(t, s.NeedsSlot())
	require.Equal(t, []Effect{ClearPrompt{}}, out.Effects)
	require.Zero(t, out.Wake, "the server wakes it")
	const late = 30 * 24 * time.Hour // far beyond the bound of RBT-6
	s, out = Step(p, s, lease(late, 4*time.Minute), after(late))
	require.Equal(t, Queued, s.Phase, "the countdown of five minutes does not fit")
	s, out = Step(p, s, lease(late, time.Hour), after(late))
	require.Equal(t, Counting, s.Phase)
	require.Equal(t, []Effect{ShowCountdown{Left: 5 * time.Minute, Last: after(late + 5*time.Minute).Steady}}, out.Effects, "it is whole")
	s, out = Step(p, s, Tick{}, after(late+5*time.Minute))
	require.Equal(t, []Effect{ClearPrompt{}, Reboot{}}, out.Effects)
	require.True(t, s.NeedsSlot())
	s, _ = Step(p, s, Booted{"B"}, after(late+6*time.Minute))
	require.Equal(t, Rebooted, s.Phase)
	require.True(t, s.NeedsSlot(), "until its caller has verified what was installed")
}

func TestSlotIsLostAndAskedForAgain_ROL7(t *testing.T) {
	p := Policy{Slot: true}
	begin := func(length time.Duration) State {
		s, _ := Step(p, State{}, Due{BootID: "A", Sessions: Nobody}, after(0))
		require.Equal(t, Queued, s.Phase)
		s, _ = Step(p, s, Lease{noon.Add(length)}, after(0))
		require.Equal(t, Counting, s.Phase)
		return s
	}
	for _, c := range []struct {
		name  string
		s     State
		ev    Event
		at    time.Duration
		phase Phase
		needs bool
	}{
		{"it slept through the lease", begin(time.Hour), Tick{}, 2 * time.Hour, Queued, true},
		{"it woke in time", begin(time.Hour), Tick{}, 59 * time.Minute, Asked, true},
		{"the lease is taken back", begin(time.Hour), Lease{}, time.Minute, Queued, true},
		{"it is shortened", begin(time.Hour), Lease{noon.Add(3 * time.Minute)}, time.Minute, Queued, true},
		{"it is extended", begin(time.Hour), Lease{noon.Add(2 * time.Hour)}, time.Minute, Counting, true},
		{"somebody reboots by hand", State{Phase: Queued, BootID: "A"}, Booted{"B"}, time.Minute, Rebooted, false},
	} {
		s, out := Step(p, c.s, c.ev, after(c.at))
		require.Equal(t, c.phase, s.Phase, c.name)
		require.Equal(t, c.needs, s.NeedsSlot(), c.name)
		require.Equal(t, c.phase == Asked, slices.Contains(out.Effects, Effect(Reboot{})), c.name)
	}
	asked, _ := Step(p, begin(time.Hour), Tick{}, after(5*time.Minute))
	back, _ := Step(p, asked, Lease{}, after(6*time.Minute))
	require.True(t, back.NeedsSlot(), "it may be going down already")
	again, _ := Step(p, asked, Tick{}, after(7*time.Minute))
	require.Equal(t, Counting, again.Phase, "the reboot did not come, and the lease is good still")
	again, _ = Step(p, asked, Tick{}, after(58*time.Minute))
	require.Equal(t, Queued, again.Phase)
	parked, _ := Step(Policy{Slot: true, Suppress: true}, begin(time.Hour), Tick{}, after(time.Minute))
	require.Equal(t, Parked, parked.Phase)
	require.False(t, parked.NeedsSlot())
}

// Who waits for the reboot hours gives the slot back, and asks for it again when
// they begin (RBT-10, ROL-7).
func TestSlotAndHours_RBT10_ROL7(t *testing.T) {
	p := Policy{Slot: true, Hours: &Hours{Open: []schedule.Span{span(0, time.Hour), span(24*time.Hour, 30*time.Hour)}}}
	s, out := Step(p, State{}, Due{BootID: "A", Sessions: Nobody}, after(0))
	require.Equal(t, Queued, s.Phase)
	require.Equal(t, time.Hour, out.Wake, "the hours end")
	s, _ = Step(p, s, Lease{noon.Add(3 * time.Hour)}, after(57*time.Minute))
	require.Equal(t, Counting, s.Phase)
	s, out = Step(p, s, Tick{}, after(time.Hour))
	require.Equal(t, Waiting, s.Phase)
	require.False(t, s.NeedsSlot())
	require.Zero(t, s.Lease)
	s, _ = Step(p, s, Tick{}, after(out.Wake+time.Hour))
	require.Equal(t, Queued, s.Phase)
	s, out = Step(p, s, Tick{}, after(30*time.Hour))
	require.Equal(t, Waiting, s.Phase, "no slot came while they were open")
}

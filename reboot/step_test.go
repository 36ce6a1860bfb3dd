package reboot

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// play steps through events at the same instant and returns the last state and all effects.
func play(p Policy, s State, now schedule.Steady, events ...Event) (State, []Effect) {
	var all []Effect
	for _, e := range events {
		var out Out
		s, out = Step(p, s, e, at(now))
		all = append(all, out.Effects...)
	}
	return s, all
}

// everyPhase is a state in each phase, reached by events.
func everyPhase(t *testing.T) map[Phase]State {
	t.Helper()
	p, due := Policy{Deferrals: 2}, Due{BootID: "A", Sessions: Active}
	out := map[Phase]State{Idle: {Phase: Idle}}
	out[Prompting], _ = play(p, State{}, start, due)
	out[Deferred], _ = play(p, State{}, start, due, Defer{})
	out[Counting], _ = play(p, State{}, start, due, Accept{})
	out[Asked], _ = play(Policy{Countdown: -1}, State{}, start, due)
	out[Parked], _ = play(Policy{Suppress: true}, State{}, start, due)
	out[Rebooted], _ = play(p, State{}, start, due, Booted{"B"})
	out[Waiting], _ = play(Policy{Hours: &Hours{}}, State{}, start, due)
	out[Queued], _ = play(Policy{Slot: true}, State{}, start, due)
	require.Len(t, out, len(phases.All()))
	for phase, s := range out {
		require.Equal(t, phase, s.Phase)
	}
	return out
}

func TestSecondDueMeansNothing_RBT1(t *testing.T) {
	for phase, s := range everyPhase(t) {
		if phase == Idle {
			continue
		}
		got, out := Step(Policy{Deferrals: 2}, s, Due{BootID: "Z", Sessions: Nobody}, at(start.Add(1000*time.Hour)))
		require.Equal(t, s, got, phase)
		require.Empty(t, out.Effects, phase)
	}
}

func TestRebootedIsTheEnd_RBT1(t *testing.T) {
	s := everyPhase(t)[Rebooted]
	for _, e := range []Event{Due{BootID: "B"}, SessionsChanged{Nobody}, Defer{}, Accept{}, Booted{"C"}, Tick{}} {
		got, out := Step(Policy{}, s, e, at(start.Add(1000*time.Hour)))
		require.Equal(t, s, got)
		require.Empty(t, out.Effects)
	}
	require.Zero(t, wake(s, start))
}

// A new boot counts in every phase after Due, and clears what stood (RBT-8).
func TestNewBootCountsInEveryPhase_RBT8(t *testing.T) {
	for phase, s := range everyPhase(t) {
		for _, late := range []time.Duration{0, time.Minute, 1000 * time.Hour} {
			for _, p := range []Policy{{Deferrals: 2}, {Suppress: true}} {
				got, out := Step(p, s, Booted{"B"}, at(start.Add(late)))
				switch phase {
				case Idle:
					require.Equal(t, s, got)
					require.Empty(t, out.Effects)
				case Prompting, Counting:
					require.Equal(t, Rebooted, got.Phase)
					require.Equal(t, []Effect{ClearPrompt{}}, out.Effects)
				default:
					require.Equal(t, Rebooted, got.Phase)
					require.Empty(t, out.Effects)
				}
			}
		}
	}
}

func TestEmptyBootIdentityIsNeverNew_RBT8(t *testing.T) {
	for phase, s := range everyPhase(t) {
		got, _ := Step(Policy{Deferrals: 2}, s, Booted{""}, at(start))
		require.Equal(t, s, got, phase)
	}
	// It was not known when the reboot became due: the first that is known is
	// the one to compare with.
	p := Policy{Deferrals: 2}
	s, _ := play(p, State{}, start, Due{Sessions: Active}, Booted{""}, Booted{"A"})
	require.Equal(t, Prompting, s.Phase)
	require.Equal(t, "A", s.BootID)
	s, _ = play(p, s, start, Booted{"A"})
	require.Equal(t, Prompting, s.Phase)
	s, _ = play(p, s, start, Booted{"B"})
	require.Equal(t, Rebooted, s.Phase)
}

// Parked, the machine still knows who is there, and does nothing about it (RBT-7).
func TestParkedKeepsTrackOfSessions_RBT7(t *testing.T) {
	s, effects := play(Policy{Suppress: true}, State{}, start, Due{BootID: "A", Sessions: Locked}, SessionsChanged{Nobody})
	require.Equal(t, State{Phase: Parked, BootID: "A", Sessions: Nobody}, s)
	require.Empty(t, effects)
	// It stays parked even if the policy changes its mind: that would be a reboot nobody announced.
	s, effects = play(Policy{}, s, start.Add(time.Hour), Tick{}, Accept{}, SessionsChanged{Active})
	require.Equal(t, State{Phase: Parked, BootID: "A", Sessions: Active}, s)
	require.Empty(t, effects)
}

// What is not known counts as somebody, and what is no answer is not known (RBT-9).
func TestWhatCannotBeFoundOutIsSomebody_RBT9(t *testing.T) {
	for _, s := range []Sessions{0, Unknown, Active, Locked, 99} {
		state, out := Step(Policy{Deferrals: 1}, State{}, Due{BootID: "A", Sessions: s}, at(start))
		require.Equal(t, Prompting, state.Phase)
		require.Len(t, out.Effects, 1)
		require.Contains(t, sessions.All(), state.Sessions)
		state, _ = Step(Policy{Deferrals: 1}, state, SessionsChanged{s}, at(start))
		require.Equal(t, Prompting, state.Phase)
	}
}

// foreign is an event that this package does not know.
type foreign struct{ Event }

func TestUnknownEventsAndPhases(t *testing.T) {
	states := everyPhase(t)
	states[99] = State{Phase: 99, BootID: "A"}
	for phase, s := range states {
		for _, e := range []Event{nil, foreign{}, (*Tick)(nil), &Accept{}} {
			got, out := Step(Policy{}, s, e, at(start.Add(time.Hour)))
			require.Equal(t, s, got, phase)
			require.Empty(t, out.Effects)
		}
	}
	got, out := Step(Policy{}, states[99], Due{BootID: "B"}, at(start))
	require.Equal(t, states[99], got)
	require.Empty(t, out.Effects)
	require.Zero(t, wake(states[99], start))
	require.Zero(t, wake(State{}, start))
}

func TestWakeIsNeverZeroWhileTimeMatters(t *testing.T) {
	for phase, s := range everyPhase(t) {
		switch phase {
		case Prompting, Deferred, Counting, Asked, Waiting:
			require.Equal(t, s.Until.Sub(start), wake(s, start))
			require.Equal(t, time.Duration(1), wake(s, s.Until), "overdue: at once")
			require.Equal(t, time.Duration(1), wake(s, s.Until.Add(1000*time.Hour)))
		default:
			require.Zero(t, wake(s, start), phase)
		}
	}
}

// The bound holds with policies that Validate refuses (RBT-6).
func TestNoPolicyEscapesTheBound_RBT6(t *testing.T) {
	for _, p := range []Policy{
		{Deferrals: math.MaxInt, Interval: math.MaxInt64, Prompt: math.MaxInt64, Countdown: math.MaxInt64},
		{Deferrals: math.MaxInt, Interval: math.MinInt64, Prompt: math.MinInt64, Countdown: math.MinInt64},
		{Deferrals: math.MaxInt, Interval: 1, Prompt: 1, Countdown: 1},
		{Deferrals: 1, Interval: math.MaxInt64, Countdown: -1},
	} {
		require.Error(t, p.Validate())
		now := start
		s, out := Step(p, State{}, Due{BootID: "A", Sessions: Active}, at(now))
		for steps := 0; s.Phase != Asked; steps++ {
			require.Less(t, steps, 2*MaxDeferrals+3, "%+v", p)
			now = now.Add(out.Wake)
			s, out = Step(p, s, Tick{}, at(now))
		}
		require.Contains(t, out.Effects, Reboot{})
		require.LessOrEqual(t, now, start.Add(MaxDeferral), "%+v: asked after %s", p, now.Sub(start))
	}
}

// A repeated countdown gives way to a policy that suppresses, and to a reboot
// that came after all (RBT-7, RBT-8).
func TestRepeatedCountdownIsGivenUp_RBT10(t *testing.T) {
	p := Policy{Countdown: time.Minute}
	s, _ := play(p, State{}, start, Due{BootID: "A", Sessions: Nobody})
	s, _ = play(p, s, s.Until, Tick{}) // the countdown is over
	s, _ = play(p, s, s.Until, Tick{}) // and the pause
	require.Equal(t, Counting, s.Phase)
	require.Equal(t, 1, s.Asks)
	got, effects := play(Policy{Suppress: true}, s, s.Until, Tick{})
	require.Equal(t, Parked, got.Phase)
	require.Equal(t, []Effect{ClearPrompt{}}, effects)
	got, effects = play(p, s, s.Until, Booted{"B"})
	require.Equal(t, Rebooted, got.Phase)
	require.Equal(t, []Effect{ClearPrompt{}}, effects)
	got, effects = play(p, s, s.Until, Tick{})
	require.Equal(t, 2, got.Asks)
	require.Equal(t, []Effect{ClearPrompt{}, Reboot{}}, effects)
}

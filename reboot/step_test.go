package reboot

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// play steps through events at the same instant and returns the last state and all effects.
func play(p Policy, s State, now time.Time, events ...Event) (State, []Effect) {
	var all []Effect
	for _, e := range events {
		var effects []Effect
		s, effects = Step(p, s, e, now)
		all = append(all, effects...)
	}
	return s, all
}

// everyPhase is a state in each phase, reached by events.
func everyPhase(t *testing.T) map[Phase]State {
	t.Helper()
	p, due := Policy{Deferrals: 2}, Due{Boot: "A", Sessions: Active}
	out := map[Phase]State{Idle: {Phase: Idle}}
	out[Prompting], _ = play(p, State{}, start, due)
	out[Deferred], _ = play(p, State{}, start, due, Defer{})
	out[Counting], _ = play(p, State{}, start, due, Accept{})
	out[Asked], _ = play(Policy{Countdown: -1}, State{}, start, due)
	out[Parked], _ = play(Policy{Suppress: true}, State{}, start, due)
	out[Rebooted], _ = play(p, State{}, start, due, Booted{"B"})
	require.Len(t, out, len(Phases()))
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
		got, effects := Step(Policy{Deferrals: 2}, s, Due{Boot: "Z", Sessions: Nobody}, start.Add(1000*time.Hour))
		require.Equal(t, s, got, phase)
		require.Empty(t, effects, phase)
	}
}

func TestRebootedIsTheEnd_RBT1(t *testing.T) {
	s := everyPhase(t)[Rebooted]
	for _, e := range []Event{Due{Boot: "B"}, SessionsChanged{Nobody}, Defer{}, Accept{}, Booted{"C"}, Tick{}} {
		got, effects := Step(Policy{}, s, e, start.Add(1000*time.Hour))
		require.Equal(t, s, got)
		require.Empty(t, effects)
	}
	require.Zero(t, Wake(s, start))
}

// A new boot counts in every phase after Due, and clears what stood (RBT-8).
func TestNewBootCountsInEveryPhase_RBT8(t *testing.T) {
	for phase, s := range everyPhase(t) {
		for _, late := range []time.Duration{0, time.Minute, 1000 * time.Hour} {
			for _, p := range []Policy{{Deferrals: 2}, {Suppress: true}} {
				got, effects := Step(p, s, Booted{"B"}, start.Add(late))
				switch phase {
				case Idle:
					require.Equal(t, s, got)
					require.Empty(t, effects)
				case Prompting, Counting:
					require.Equal(t, Rebooted, got.Phase)
					require.Equal(t, []Effect{ClearPrompt{}}, effects)
				default:
					require.Equal(t, Rebooted, got.Phase)
					require.Empty(t, effects)
				}
			}
		}
	}
}

func TestEmptyBootIdentityIsNeverNew_RBT8(t *testing.T) {
	for phase, s := range everyPhase(t) {
		got, _ := Step(Policy{Deferrals: 2}, s, Booted{""}, start)
		require.Equal(t, s, got, phase)
	}
	// It was not known when the reboot became due: the first that is known is the one to compare with.
	p := Policy{Deferrals: 2}
	s, _ := play(p, State{}, start, Due{Sessions: Active}, Booted{""}, Booted{"A"})
	require.Equal(t, Prompting, s.Phase)
	require.Equal(t, "A", s.Boot)
	s, _ = play(p, s, start, Booted{"A"})
	require.Equal(t, Prompting, s.Phase)
	s, _ = play(p, s, start, Booted{"B"})
	require.Equal(t, Rebooted, s.Phase)
}

// Parked, the machine still knows who is there, and does nothing about it (RBT-7).
func TestParkedKeepsTrackOfSessions_RBT7(t *testing.T) {
	s, effects := play(Policy{Suppress: true}, State{}, start, Due{Boot: "A", Sessions: Locked}, SessionsChanged{Nobody})
	require.Equal(t, State{Phase: Parked, Boot: "A", Sessions: Nobody}, s)
	require.Empty(t, effects)
	// It stays parked even if the policy changes its mind: that would be a reboot nobody was told of.
	s, effects = play(Policy{}, s, start.Add(time.Hour), Tick{}, Accept{}, SessionsChanged{Active})
	require.Equal(t, State{Phase: Parked, Boot: "A", Sessions: Active}, s)
	require.Empty(t, effects)
}

// What is not known counts as somebody, and what is no answer is not known (RBT-9).
func TestWhatCannotBeFoundOutIsSomebody_RBT9(t *testing.T) {
	for _, s := range []Sessions{0, Unknown, Active, Locked, 99} {
		state, effects := Step(Policy{Deferrals: 1}, State{}, Due{Boot: "A", Sessions: s}, start)
		require.Equal(t, Prompting, state.Phase)
		require.Len(t, effects, 1)
		require.Contains(t, AllSessions(), state.Sessions)
		state, _ = Step(Policy{Deferrals: 1}, state, SessionsChanged{s}, start)
		require.Equal(t, Prompting, state.Phase)
	}
}

// foreign is an event that this package does not know.
type foreign struct{ Event }

func TestUnknownEventsAndPhases(t *testing.T) {
	states := everyPhase(t)
	states[99] = State{Phase: 99, Boot: "A"}
	for phase, s := range states {
		for _, e := range []Event{nil, foreign{}, (*Tick)(nil), &Accept{}} {
			got, effects := Step(Policy{}, s, e, start.Add(time.Hour))
			require.Equal(t, s, got, phase)
			require.Empty(t, effects)
		}
	}
	got, effects := Step(Policy{}, states[99], Due{Boot: "B"}, start)
	require.Equal(t, states[99], got)
	require.Empty(t, effects)
	require.Zero(t, Wake(states[99], start))
	require.Zero(t, Wake(State{}, start))
}

func TestWakeIsNeverZeroWhileTimeMatters(t *testing.T) {
	for phase, s := range everyPhase(t) {
		switch phase {
		case Prompting, Deferred, Counting, Asked:
			require.Equal(t, s.Until.Sub(start), Wake(s, start))
			require.Equal(t, time.Duration(1), Wake(s, s.Until), "overdue: at once")
			require.Equal(t, time.Duration(1), Wake(s, s.Until.Add(1000*time.Hour)))
		default:
			require.Zero(t, Wake(s, start), phase)
		}
	}
}

// The instant decides, not its zone or a monotonic reading, which would make equal states differ.
func TestInstantsAreKeptInUTC(t *testing.T) {
	zone := time.FixedZone("east", 3*3600)
	a, _ := Step(Policy{Deferrals: 1}, State{}, Due{Boot: "A"}, start.In(zone))
	b, _ := Step(Policy{Deferrals: 1}, State{}, Due{Boot: "A"}, start)
	require.True(t, a == b)
	now := time.Now()
	a, _ = Step(Policy{Deferrals: 1}, State{}, Due{Boot: "A"}, now)
	b, _ = Step(Policy{Deferrals: 1}, State{}, Due{Boot: "A"}, now.Round(0))
	require.True(t, a == b)
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
		s, effects := Step(p, State{}, Due{Boot: "A", Sessions: Active}, now)
		for steps := 0; s.Phase != Asked; steps++ {
			require.Less(t, steps, 2*MaxDeferrals+3, "%+v", p)
			now = now.Add(Wake(s, now))
			s, effects = Step(p, s, Tick{}, now)
		}
		require.Contains(t, effects, Reboot{})
		require.False(t, now.After(start.Add(MaxDeferral)), "%+v: asked after %s", p, now.Sub(start))
	}
}

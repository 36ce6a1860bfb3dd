package reboot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What an administrator reads of these bounds does not change by accident.
func TestBoundsAreThoseOfTheBook_RBT3_RBT6(t *testing.T) {
	for name, c := range map[string]struct{ have, want any }{
		"MaxDeferral": {MaxDeferral, 7 * 24 * time.Hour}, "MaxDeferrals": {MaxDeferrals, 1000}, "MinWait": {MinWait, 1000 * time.Millisecond},
		"MaxCountdown": {MaxCountdown, 1440 * time.Minute}, "firstPause": {firstPause, 60 * time.Second}, "maxPause": {maxPause, 60 * time.Minute},
		"defInterval": {defInterval, 60 * time.Minute}, "defPrompt": {defPrompt, 300 * time.Second},
		"defCountdown": {defCountdown, 300 * time.Second}, "maxAsks": {maxAsks, 1000 * 1000},
	} {
		require.EqualValues(t, c.want, c.have, name)
	}
}

// A user's "now" that arrives when the countdown is over is no reason to wait for the next tick.
func TestAcceptAfterTheCountdownAsksAtOnce_RBT3(t *testing.T) {
	p := Policy{Countdown: time.Minute}
	s, _ := Step(p, State{}, Due{BootID: "1", Sessions: Nobody}, at(start))
	require.Equal(t, Counting, s.Phase)
	s, out := Step(p, s, Accept{}, at(start.Add(time.Minute)))
	require.Equal(t, []Effect{ClearPrompt{}, Reboot{}}, out.Effects)
	require.Equal(t, Asked, s.Phase)
}

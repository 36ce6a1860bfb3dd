package execution

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// "Later" puts the reboot off, "now" brings the countdown.
func TestAnswersOfAUser_RBT3(t *testing.T) {
	for later, want := range map[bool]reboot.Phase{true: reboot.Deferred, false: reboot.Counting} {
		o := orderOf(t, "a")
		o.Patches[0].Reboot = true
		o.Reboot = reboot.Policy{Deferrals: 2, Interval: time.Hour, Prompt: 5 * time.Minute, Countdown: 5 * time.Minute}
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.sessions = reboot.Active
		w.event(SessionsChanged{Sessions: reboot.Active})
		for w.x.Reboot.Phase != reboot.Prompting {
			require.NotEmpty(t, w.pending)
			e := w.pending[0]
			w.pending = w.pending[1:]
			w.do(e)
		}
		w.event(PromptAnswered{Later: later})
		require.Equal(t, want, w.x.Reboot.Phase, "later: %v", later)
	}
}

func TestWakeOfOneThatWaitsForNothing(t *testing.T) {
	now := start
	require.Zero(t, State{Stage: job.StageDownload, Phase: PhaseDownload}.Wake(now), "for an effect, not for a time")
	require.Zero(t, State{Stage: job.StageDone, Until: now.Steady.Add(time.Hour)}.Wake(now))
	require.Equal(t, time.Hour, State{Stage: job.StageDownload, Phase: PhaseDownload, Until: now.Steady.Add(time.Hour)}.Wake(now))
	require.Equal(t, time.Millisecond, State{Stage: job.StageDownload, Phase: PhaseDownload, Until: now.Steady}.Wake(now), "zero would say: for nothing")
}

// Each number of a stored execution that cannot be is named.
func TestDamagedExecutionsAreNamed(t *testing.T) {
	for field, spoil := range map[string]func(*State){
		"tries":   func(x *State) { x.Tries = -1 },
		"acted":   func(x *State) { x.Acted = -1 },
		"patches": func(x *State) { x.Patches = nil },
		"stage":   func(x *State) { x.Stage = 99 },
	} {
		w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
		require.NoError(t, w.x.Validate())
		spoil(&w.x)
		invalid, ok := errors.AsType[*job.Invalid](w.x.Validate())
		require.True(t, ok, field)
		require.Equal(t, field, invalid.Problems[0].Field)
	}
}

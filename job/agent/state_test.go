package agent

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A state put back from a backup does not pass off new reports as old ones (MAN-6).
func TestStatePutBack_MAN6(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(time.Hour))
	seen := len(w.accepted)
	w.s = State{}
	w.crash()
	w.until(epoch.Add(2 * time.Hour))
	require.Greater(t, len(w.accepted), seen, "it still reaches the server")
	require.Equal(t, job.Sequence(len(w.accepted)), w.s.Sequence)
}

func TestCorruptStateIsNamed(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.until(epoch.Add(-4 * time.Hour))
	valid, err := w.s.MarshalBinary()
	require.NoError(t, err)
	for name, data := range map[string][]byte{
		"empty": {}, "half": valid[:len(valid)/2], "garbage": []byte("\x00\xff"), "extra": append(slices.Clone(valid), '{'),
	} {
		var s State
		var corrupt corrupt
		require.ErrorAs(t, s.UnmarshalBinary(data), &corrupt, name)
		require.Contains(t, corrupt.Error(), "enrol")
	}
}

func FuzzState(f *testing.F) {
	w := newWorld(f, orderAt(f, "a", epoch))
	w.until(epoch.Add(-4 * time.Hour))
	valid, err := w.s.MarshalBinary()
	require.NoError(f, err)
	f.Add(valid)
	f.Add(bytes.ReplaceAll(valid, []byte(`"semver:`), []byte(`"zap:`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s State
		if s.UnmarshalBinary(data) != nil {
			return
		}
		again, err := s.MarshalBinary() // what was read writes to something that reads the same (MAN-11)
		require.NoError(t, err)
		var back State
		require.NoError(t, back.UnmarshalBinary(again))
		third, err := back.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, string(again), string(third))
		s, _ = Step(w.c, s, Started{}, w.at)
		for _, x := range s.Executions {
			for _, ev := range []execution.Event{execution.InventoryTaken{ID: x.Waiting}, execution.Downloaded{ID: x.Waiting}, execution.PreflightDone{ID: x.Waiting}, execution.Installed{ID: x.Waiting},
				execution.ActionDone{ID: x.Waiting}, execution.LastCallDone{ID: x.Waiting}, execution.Cancel{}, execution.PromptAnswered{}, execution.Tick{}} {
				Step(w.c, s, ForOrder{Order: x.Order.ID, Event: ev}, w.at)
			}
		}
		Step(w.c, s, Tick{}, w.at)
		Step(w.c, s, CallFailed{ID: s.Calls.Out}, w.at)
		Step(w.c, s, CallDone{ID: s.Calls.Out, Answer: manifest.Answer{At: epoch, Acknowledged: 1 << 40}}, w.at)
	})
}

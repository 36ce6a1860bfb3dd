package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A server that answers and acknowledges nothing is not called in a tight loop,
// however many reports wait (MAN-6).
func TestDeafServerIsNotHammered_MAN6(t *testing.T) {
	w := newWorld(t)
	for i := range manifest.MaxReports + 1 {
		w.s.Sequence++
		w.s.Reports = append(w.s.Reports, job.Report{Sequence: w.s.Sequence, Refused: fmt.Sprint(i)})
	}
	w.deaf = true
	for range 50 {
		w.drain(1)
	}
	require.Less(t, len(w.requests), 4)
	w.deaf = false
	w.until(epoch.Add(-5 * time.Hour))
	require.Len(t, w.accepted, manifest.MaxReports+1)
}

// A client that can carry but a part of the reports sends the others at once.
func TestReportsThatDidNotFitGoAtOnce_MAN6(t *testing.T) {
	w := newWorld(t)
	w.until(w.at.Wall.Add(time.Second))
	for i := range 10 {
		w.s.Sequence++
		w.s.Reports = append(w.s.Reports, job.Report{Sequence: w.s.Sequence, Refused: fmt.Sprint(i)})
	}
	w.pass(w.c.WithDefaults().Every)
	w.step(Tick{})
	require.Len(t, w.calls, 1)
	call := w.calls[0]
	w.calls = nil
	require.Len(t, call.Request.Reports, 10)
	w.step(CallDone{ID: call.ID, Answer: manifest.Answer{At: w.at.Wall, Acknowledged: 5}})
	require.Len(t, w.calls, 1)
	require.Len(t, w.calls[0].Request.Reports, 5)
}

// States that say what no agent could have written are corrupt; what is taken, nothing panics on.
func TestOddStatesAreCorrupt(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Early = true
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Second))
	require.NotEmpty(t, w.s.Early)
	for name, damage := range map[string]func(*State){
		"failures": func(s *State) { s.Calls.Failures = -1 },
		"early":    func(s *State) { s.Early[0].Next = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := w.s.clone()
			damage(&s)
			data, err := s.MarshalBinary()
			require.NoError(t, err)
			var back State
			var corrupt corrupt
			require.ErrorAs(t, back.UnmarshalBinary(data), &corrupt)
		})
	}
}

// An answer without a time teaches nothing: the agent's clock stays as it was (MAN-8, JOB-20).
func TestAnswerWithoutATimeMovesNoClock_MAN8(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.server.offset = time.Hour
	w.until(epoch.Add(-4 * time.Hour))
	require.Equal(t, time.Hour, w.s.Clock.Offset)
	w.pass(w.c.WithDefaults().Every)
	w.step(Tick{})
	require.Len(t, w.calls, 1)
	id := w.calls[0].ID
	w.calls = nil
	w.step(CallDone{ID: id, Answer: manifest.Answer{Acknowledged: job.Sequence(len(w.accepted))}})
	require.Equal(t, time.Hour, w.s.Clock.Offset)
}

package random

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// deaf is an agent whose queue keeps orders that left the manifest.
func deaf(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
	after, out := agent.Step(c, s, ev, at)
	for i, r := range after.Reports {
		if r.Sequence > s.Sequence && r.Result == job.Withdrawn {
			for _, o := range s.Queue {
				if o.ID == r.Order {
					after.Queue = append(after.Queue, o)
				}
			}
			after.Reports[i].Result, after.Reports[i].Progress = 0, job.Blocked
		}
	}
	return after, out
}

// forgetful is an agent that loses its unsent reports when it restarts.
func forgetful(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
	if _, started := ev.(agent.Started); started {
		s.Sequence -= job.Sequence(len(s.Reports))
		s.Reports = nil
	}
	return agent.Step(c, s, ev, at)
}

// Random worlds find bugs that are planted in the agent. Each scenario is
// shrunk to at most 12 acts, and fails in the same way from a file, where the
// production agent holds.
func TestPlantedBugsAreFoundAndShrunk(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: TestPanicsAreFailures finds and shrinks a failure; run without -short")
	}
	for _, planted := range []struct {
		bug  string
		kind string
		step func(agent.Config, agent.State, agent.Event, agent.Moment) (agent.State, agent.Out)
	}{
		{"withdrawn orders stay in its queue", "invariant 3", deaf},
		{"it loses its reports when it starts", "invariant 8", forgetful},
	} {
		t.Run(planted.bug, func(t *testing.T) {
			c := agentsim.Config{Step: planted.step}
			var found *Failure
			tried := 0
			for s := uint64(1); found == nil && s < 50; s++ {
				r, err := Search(Options{Seed: s, Assets: 6, Weeks: 1, Troubles: []Trouble{Power, Edits, Network}}, c)
				require.NoError(t, err)
				if tried++; r.Failure != nil && r.Failure.Kind == planted.kind {
					found = r.Failure
				}
			}
			require.NotNil(t, found)
			short := Shrink(found, c, 0)
			t.Logf("found in world %d with %d acts, shrunk to %d:\n%s", tried, Actions(found.Script), Actions(short.Script), short.File("planted.txt"))
			require.Greater(t, Actions(found.Script), 12)
			require.LessOrEqual(t, Actions(short.Script), 12)

			name := filepath.Join(t.TempDir(), "planted.txt")
			require.NoError(t, os.WriteFile(name, []byte(short.File(name)), 0o600))
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			_, again := Play(string(text), c)
			require.NotNil(t, again)
			require.Equal(t, planted.kind, again.Kind)
			_, sound := Play(string(text), agentsim.Config{})
			require.Nil(t, sound, "the production agent has no such bug")
		})
	}
}

// A panic of the policy code is reported with its world, and shrinks as any
// other failure.
func TestPanicsAreFailures(t *testing.T) {
	c := agentsim.Config{Step: func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
		if x, ok := ev.(agent.ForOrder); ok {
			if _, ok := x.Event.(execution.Installed); ok {
				panic("out of paint")
			}
		}
		return agent.Step(c, s, ev, at)
	}}
	assets, tries := 4, 200
	if testing.Short() {
		assets, tries = 2, 30
	}
	r, err := Search(Options{Seed: 2, Assets: assets, Weeks: 1, Troubles: []Trouble{}}, c)
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.Equal(t, "panic", r.Failure.Kind)
	require.ErrorContains(t, r.Failure, "out of paint")
	require.ErrorContains(t, r.Failure, "shrink_test.go", "the stack")
	short := Shrink(r.Failure, c, tries)
	require.Less(t, len(short.Script), len(r.Failure.Script)/2)
	require.Contains(t, short.File("x.txt"), "# Replay: go run ./examples/simulate scenario x.txt")
}

func TestFailureKinds(t *testing.T) {
	for text, kind := range map[string]string{
		"clock 2026-03-02T00:00:00Z\nexpect feed stale": "expectation",
		"clock 2026-03-02T00:00:00Z\ndance":             "error",
		"nonsense":                                      "error",
	} {
		_, failure := Play(text, agentsim.Config{})
		require.NotNil(t, failure, text)
		require.Equal(t, kind, failure.Kind)
		require.Equal(t, failure.Err, errors.Unwrap(failure))
	}
	odd := &Failure{Kind: "error", Script: "clock soon"}
	require.Equal(t, odd, Shrink(odd, agentsim.Config{}, 1), "a script that cannot be read stays as it is")
	require.Zero(t, Actions("clock soon"))
}

// A list is reduced to exactly what is needed.
func TestReduce(t *testing.T) {
	list := make([]int, 100)
	for i := range list {
		list[i] = i
	}
	for _, need := range [][]int{{}, {0}, {99}, {3, 50, 51}, {0, 1, 98, 99}} {
		tries := 0
		got := reduce(list, func(kept []int) bool {
			tries++
			for _, n := range need {
				if !slices.Contains(kept, n) {
					return false
				}
			}
			return true
		})
		require.Equal(t, need, append([]int{}, got...))
		require.Less(t, tries, 300)
	}
}

func TestScriptText(t *testing.T) {
	s, err := parse(`# why
clock 2026-03-02T00:00:00Z, sync every 1h
patch x-2: x 2.0          # as ever
+1h30m   enable j
         try cancel j
2026-03-02T02:00:00Z  expect settled
+3h
`)
	require.NoError(t, err)
	require.Equal(t, `clock 2026-03-02T00:00:00Z, sync every 1h
+0s          patch x-2: x 2.0
+1h30m       enable j
             try cancel j
+2h          expect settled
+3h          
`, s.String())
	require.Equal(t, 2, Actions(s.String()))
	_, err = parse("clock 2026-03-02T00:00:00Z\n+1x enable j")
	require.ErrorContains(t, err, "scenario:2")
	require.Equal(t, "1d2h3m4s5ms", agentsim.FormatDuration(day+2*60*60*1e9+3*60*1e9+4*1e9+5*1e6))
}

// What was read and written reads as the same again.
func FuzzParse(f *testing.F) {
	text, err := generate(Options{Seed: 1, Assets: 2, Weeks: 1})
	require.NoError(f, err)
	f.Add(text)
	f.Add("clock 2026-03-02T00:00:00Z\n+1h enable j # why\n2026-03-03T00:00:00Z expect settled")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(text)
		if err != nil {
			return
		}
		for i := range s { // written to the millisecond, and never before the start
			if s[i].At = s[i].At.Truncate(1e6); s[i].At < 0 {
				return
			}
		}
		again, err := parse(s.String())
		if err != nil {
			return
		}
		require.Equal(t, s, again)
	})
}

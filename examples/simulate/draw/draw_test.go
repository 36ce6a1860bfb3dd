package draw

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/agentsim/random"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// A world with a faulty agent fails. The file written is short and fails in the
// same way.
func TestFailuresAreWritten(t *testing.T) {
	r := &request{}
	r.config.Step = func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
		after, out := agent.Step(c, s, ev, at)
		for i, report := range after.Reports {
			if report.Result == job.Completed {
				after.Reports[i].Result = job.Cancelled
			}
		}
		return after, out
	}
	out := filepath.Join(t.TempDir(), "found")
	var text bytes.Buffer
	c := command(r)
	c.SetOut(&text)
	c.SetArgs([]string{"--seed", "2", "--assets", "3", "--weeks", "1", "--troubles", "", "--tries", "100", "--out", out})
	c.SilenceUsage, c.SilenceErrors = true, true
	require.ErrorIs(t, c.Execute(), ErrFailed)
	name := filepath.Join(out, "seed-2.txt")
	require.Contains(t, text.String(), "FAILED   invariant 2")
	require.Contains(t, text.String(), "replay   go run ./examples/simulate scenario "+name)
	script, err := os.ReadFile(name)
	require.NoError(t, err)
	_, failure := random.Play(string(script), r.config)
	require.NotNil(t, failure)
	require.Equal(t, "invariant 2", failure.Kind)
	_, failure = random.Play(string(script), agentsim.Config{})
	require.Nil(t, failure)
}

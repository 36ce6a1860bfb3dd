package cli

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

func TestRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a week of several worlds takes a while; run without -short")
	}
	const assets = "3"
	status, out, errs := simulate("random", "--assets", assets, "--weeks", "1", "--runs", "2", "--seed", "5", "--troubles", "network, server")
	require.Zero(t, status, errs)
	for _, word := range []string{"\n5 ", "\n6 ", "[network server]", "events/s", "2 worlds, ", ": 0 failed"} {
		require.Contains(t, out, word)
	}
	again, same, _ := simulate("random", "--assets", assets, "--weeks", "1", "--seed", "5", "--troubles", "")
	require.Zero(t, again)
	require.Contains(t, same, " []\n")
}

func TestRandomRefusesNonsense(t *testing.T) {
	for wrong, args := range map[string][]string{
		"must be positive":                {"--runs", "0"},
		"network":                         {"--troubles", "weather"},
		"is not between 0 and 1000":       {"--assets", "1001"},
		"is not between 0 and 40":         {"--weeks", "41"},
		`unknown command "everything"`:    {"everything"},
		"invalid argument \"x\" for":      {"--seed", "x"},
		"--runs and --tries must be posi": {"--tries", "-1"},
	} {
		status, _, errs := simulate(append([]string{"random"}, args...)...)
		require.Equal(t, 2, status, wrong)
		require.Contains(t, errs, wrong)
	}
}

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
	assets, tries := "3", "100"
	if testing.Short() {
		assets, tries = "1", "5"
	}
	out := filepath.Join(t.TempDir(), "found")
	var text bytes.Buffer
	c := randomWorlds(r)
	c.SetOut(&text)
	c.SetArgs([]string{"--seed", "2", "--assets", assets, "--weeks", "1", "--troubles", "", "--tries", tries, "--out", out})
	c.SilenceUsage, c.SilenceErrors = true, true
	require.ErrorAs(t, c.Execute(), &failed{})
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

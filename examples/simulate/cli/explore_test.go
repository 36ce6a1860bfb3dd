package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim/explore"
)

func TestExplore(t *testing.T) {
	status, out, errs := simulate("explore", "--world", "cancel", "--states", "2000")
	require.Zero(t, status, errs)
	for _, word := range []string{"states        2", "transitions   ", "states/s", "deepest       ", "not explored  the deviations of ", "invariants    held"} {
		require.Contains(t, out, word)
	}
	status, out, _ = simulate("explore", "--world", "defer", "--depth", "1")
	require.Zero(t, status)
	require.Contains(t, out, "deepest       1 deviations")
}

func TestExploreReplays(t *testing.T) {
	status, out, errs := simulate("explore", "--replay", "go 14, cancel, go 1, time")
	require.Zero(t, status, errs)
	require.Contains(t, out, "TooLate(deploy)")
	require.Contains(t, out, "held\n")
	status, out, errs = simulate("explore", "--replay", "go 2, later")
	require.Equal(t, 2, status)
	require.Contains(t, out, "reports Received")
	require.Contains(t, errs, "not possible")
}

func TestExploreRefusesNonsense(t *testing.T) {
	for wrong, args := range map[string][]string{
		"want one of: cancel": {"--world", "nowhere"},
		"unknown choice":      {"--replay", "dance"},
		"negative":            {"--states", "-1"},
		"unknown command":     {"everything"},
	} {
		status, _, errs := simulate(append([]string{"explore"}, args...)...)
		require.Equal(t, 2, status, wrong)
		require.Contains(t, errs, wrong)
	}
}

// A violation is printed with the file and the command that plays it again. An
// existing file is not overwritten.
func TestExploreWritesAScenario(t *testing.T) {
	v := &explore.Violation{World: "cancel", Trace: explore.Trace{{After: 3, Choice: explore.Crash}},
		Broken: explore.Broken{Invariant: 8, Text: "a report is gone"}, Story: "it went\n", Scenario: "clock 2026-03-02T06:00:00Z\n"}
	file := filepath.Join(t.TempDir(), "broken.txt")
	var out strings.Builder
	require.ErrorAs(t, show(&out, v, file), &failed{})
	require.Contains(t, out.String(), `--world cancel --replay "go 3, crash"`)
	require.Contains(t, out.String(), "go run ./examples/simulate scenario "+file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, v.Scenario, string(text))

	out.Reset()
	err = show(&out, v, file)
	require.ErrorAs(t, err, &failed{})
	require.ErrorIs(t, err, fs.ErrExist)
	require.Contains(t, out.String(), v.Scenario, "it is printed all the same")
	out.Reset()
	v.Scenario = ""
	require.ErrorAs(t, show(&out, v, file), &failed{})
	require.Contains(t, out.String(), "No scenario file")
}

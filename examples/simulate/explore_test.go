package main

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim/explore"
	"github.com/patchpolicy/patchpolicy/examples/simulate/search"
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

// A violation is printed with the file and the command that plays it again. An existing file is not overwritten.
func TestExploreWritesAScenario(t *testing.T) {
	v := &explore.Violation{World: "cancel", Trace: explore.Trace{{After: 3, Choice: explore.Crash}},
		Broken: explore.Broken{Invariant: 8, Text: "a report is gone"}, Story: "it went\n", Scenario: "clock 2026-03-02T06:00:00Z\n"}
	file := filepath.Join(t.TempDir(), "broken.txt")
	var out strings.Builder
	require.ErrorIs(t, search.Show(&out, v, file), search.ErrBroken)
	require.Contains(t, out.String(), `--world cancel --replay "go 3, crash"`)
	require.Contains(t, out.String(), "go run ./examples/simulate scenario "+file)
	status, _, errs := simulate("scenario", file)
	require.Zero(t, status, errs)

	out.Reset()
	err := search.Show(&out, v, file)
	require.ErrorIs(t, err, search.ErrBroken)
	require.ErrorIs(t, err, fs.ErrExist)
	require.Contains(t, out.String(), v.Scenario, "it is printed all the same")
	out.Reset()
	v.Scenario = ""
	require.ErrorIs(t, search.Show(&out, v, file), search.ErrBroken)
	require.Contains(t, out.String(), "No scenario file")
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

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
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

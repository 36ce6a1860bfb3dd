package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRandom(t *testing.T) {
	status, out, errs := simulate("random", "--assets", "3", "--weeks", "1", "--runs", "2", "--seed", "5", "--troubles", "network, server")
	require.Zero(t, status, errs)
	for _, word := range []string{"\n5 ", "\n6 ", "[network server]", "events/s", "2 worlds, ", ": 0 failed"} {
		require.Contains(t, out, word)
	}
	again, same, _ := simulate("random", "--assets", "3", "--weeks", "1", "--seed", "5", "--troubles", "")
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

package search

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim/explore"
)

// A violation is printed with the file and the command that plays it again. An
// existing file is not overwritten.
func TestExploreWritesAScenario(t *testing.T) {
	v := &explore.Violation{World: "cancel", Trace: explore.Trace{{After: 3, Choice: explore.Crash}},
		Broken: explore.Broken{Invariant: 8, Text: "a report is gone"}, Story: "it went\n", Scenario: "clock 2026-03-02T06:00:00Z\n"}
	file := filepath.Join(t.TempDir(), "broken.txt")
	var out strings.Builder
	require.ErrorIs(t, show(&out, v, file), ErrBroken)
	require.Contains(t, out.String(), `--world cancel --replay "go 3, crash"`)
	require.Contains(t, out.String(), "go run ./examples/simulate scenario "+file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, v.Scenario, string(text))

	out.Reset()
	err = show(&out, v, file)
	require.ErrorIs(t, err, ErrBroken)
	require.ErrorIs(t, err, fs.ErrExist)
	require.Contains(t, out.String(), v.Scenario, "it is printed all the same")
	out.Reset()
	v.Scenario = ""
	require.ErrorIs(t, show(&out, v, file), ErrBroken)
	require.Contains(t, out.String(), "No scenario file")
}

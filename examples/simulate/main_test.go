package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScenarioCommand(t *testing.T) {
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		c := command()
		c.SetOut(&out)
		c.SetArgs(append([]string{"scenario"}, args...))
		err := c.Execute()
		return out.String(), err
	}
	good := "../../agentsim/testdata/faq/2-upgrades-only.txt"
	out, err := run(good)
	require.NoError(t, err)
	require.Contains(t, out, "installed chrome 121.0.6167.85")
	require.Contains(t, out, "held    "+good)

	bad := filepath.Join(t.TempDir(), "bad.txt")
	text, err := os.ReadFile(good)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(bad, bytes.Replace(text, []byte("expect none installs 0"), []byte("expect none installs 1"), 1), 0o600))
	out, err = run("-q", good, bad)
	require.ErrorIs(t, err, errFailed)
	require.Contains(t, out, "expected 1, found 0")

	_, err = run(filepath.Join(t.TempDir(), "none.txt"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(bad, []byte("nonsense\n"), 0o600))
	_, err = run(bad)
	require.ErrorContains(t, err, "begins with a clock")
}

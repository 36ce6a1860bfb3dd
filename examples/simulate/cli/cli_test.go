package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const good = "../../../agentsim/testdata/faq/2-upgrades-only.txt"

func simulate(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = Run(args, &o, &e)
	return status, o.String(), e.String()
}

// spoiled writes a copy of the good scenario with one failing expectation.
func spoiled(t *testing.T) string {
	text, err := os.ReadFile(good)
	require.NoError(t, err)
	bad := filepath.Join(t.TempDir(), "bad.txt")
	require.Equal(t, 1, bytes.Count(text, []byte("expect none installs 0")))
	require.NoError(t, os.WriteFile(bad, bytes.Replace(text, []byte("expect none installs 0"), []byte("expect none installs 1"), 1), 0o600))
	return bad
}

func TestScenarioHolds(t *testing.T) {
	status, out, _ := simulate("scenario", good)
	require.Zero(t, status)
	require.Contains(t, out, "installed chrome 121.0.6167.85")
	require.Contains(t, out, "held    "+good)
	status, out, _ = simulate("scenario", "--quiet", good)
	require.Zero(t, status)
	require.Equal(t, "held    "+good+"\n", out)
}

func TestScenarioFails(t *testing.T) {
	status, out, errs := simulate("scenario", "-q", good, spoiled(t))
	require.Equal(t, 1, status)
	require.Contains(t, out, "expected 1, found 0")
	require.Contains(t, out, "(CAT-4)", "the comment above the line names the rule")
	require.Contains(t, errs, "1 of 2 failed")
}

func TestRewrite(t *testing.T) {
	bad := spoiled(t)
	status, out, _ := simulate("scenario", "--rewrite", bad)
	require.Zero(t, status)
	require.Equal(t, "changed "+bad+"\n", out)
	want, err := os.ReadFile(good)
	require.NoError(t, err)
	have, err := os.ReadFile(bad)
	require.NoError(t, err)
	require.Equal(t, string(want), string(have))
	status, out, _ = simulate("scenario", "--rewrite", bad)
	require.Zero(t, status)
	require.Equal(t, "held    "+bad+"\n", out)

	require.NoError(t, os.WriteFile(bad, append(have, "dance\n"...), 0o600))
	status, out, _ = simulate("scenario", "--rewrite", bad)
	require.Equal(t, 1, status)
	require.Contains(t, out, "neither an asset nor one of")
}

func TestWrongCalls(t *testing.T) {
	nonsense := filepath.Join(t.TempDir(), "nonsense.txt")
	require.NoError(t, os.WriteFile(nonsense, []byte("nonsense\n"), 0o600))
	for args, want := range map[string]string{
		"scenario":                              "requires at least 1 arg",
		"scenario " + nonsense + "x":            "no such file",
		"scenario " + nonsense:                  "begins with a clock",
		"scenario --loud " + good:               "unknown flag",
		"play " + good:                          "unknown command",
		"scenario " + filepath.Dir(nonsense):    "directory",
		"scenario --rewrite " + nonsense + "xx": "no such file",
	} {
		status, _, errs := simulate(strings.Fields(args)...)
		require.Equal(t, 2, status, args)
		require.Contains(t, errs, want)
	}
	status, out, _ := simulate("scenario", "--help")
	require.Zero(t, status)
	require.Contains(t, out, "Exit status")
}

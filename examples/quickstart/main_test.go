package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/quickstart/scenario"
	"github.com/patchpolicy/patchpolicy/job"
)

// TestQuickstart plays the whole story: JOB-1, JOB-2, JOB-3, CAT-3, CAT-7,
// CAT-11, INT-1, INT-2, INT-8, RBT-1, RBT-4.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	exit := run(t.Context(), unhurried, &stdout, &stderr, scenario.Cases())
	require.Zero(t, exit, "%s%s", &stdout, &stderr)
	require.Empty(t, stderr.String())
	out := stdout.String()
	require.True(t, strings.HasPrefix(out, "Quickstart: a vendor, a server and 9 assets"))
	require.NotContains(t, out, "\n✗", "apart from the legend")
	require.NotContains(t, out, "\x1b", "it is not a terminal")
	for line := range strings.Lines(out) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	for _, c := range scenario.Cases() {
		require.Contains(t, out, "✓  "+string(c.Asset)+" ")
		for _, o := range c.Offers {
			require.Contains(t, out, string(o.Release.Product))
		}
	}
	for _, want := range []string{
		"11 FileSignatureFailed", "12 FileHashValidationFailed", "8.0.0 → 8.2.0", "1 reboot",
		"cancel of job in-an-hour: accepted, CancelPending\n", "cancel of job at-once: refused: ", "stage deploy\n   has begun",
		"✓ the result is what the rules say", "\nAll 14 as expected (", "Try next:\n  go run ./examples/server rule INT-1 ",
	} {
		require.Contains(t, out, want)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), "nine assets, thirteen patches")
	require.Contains(t, out, "serves 13 patches;")
	require.Contains(t, out, "\n9 assets are enrolled\n")
}

// unhurried lets a busy machine take its time.
var unhurried = []string{"--timeout", "8m"}

// TestAnExpectationThatIsNotMetFails breaks one expectation of each kind and
// wants to see exactly those reported.
func TestAnExpectationThatIsNotMetFails(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a second story takes a while; run without -short")
	}
	t.Parallel()
	cases := scenario.Cases()
	cases[0].Offers[0].Rule = "INT-2"
	cases[2].Offers[0].Code = job.FileHashValidationFailed
	cases[4].Offers[0].Now = "5.1.0"
	cases[5].Result = job.Completed
	cases[8].Reboots = 2
	var stdout, stderr bytes.Buffer
	exit := run(t.Context(), unhurried, &stdout, &stderr, cases)
	require.Equal(t, 1, exit, "%s%s", &stdout, &stderr)
	require.Empty(t, stderr.String())
	flat := strings.Join(strings.Fields(stdout.String()), " ")
	require.Equal(t, 5, strings.Count(flat, "The rules say:"), "%s", &stdout)
	require.Equal(t, 6, strings.Count(flat, "✗"), "with the legend")
	for _, want := range []string{
		"rule is INT-2, not INT-1", "reboots is 2, not 1",
		"5 of 14 not as expected: signed reader, bad-signature player, newer browser, absent office, reboots-once reboot (",
	} {
		require.Contains(t, flat, want)
	}
}

func TestWrongUsageHasItsOwnExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"--no-such-flag"}, 2, "unknown flag: --no-such-flag"},
		{[]string{"argument"}, 2, `unknown command "argument"`},
		{[]string{"--timeout", "soon"}, 2, "invalid argument"},
		{[]string{"--timeout", "-1s"}, 2, "give a positive duration"},
		{[]string{"--timeout", "1ms"}, 1, "not over after 1ms"},
		{[]string{"--help"}, 0, ""},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, c.exit, run(t.Context(), c.args, &stdout, &stderr, scenario.Cases()), "%q: %s", c.args, &stderr)
		require.Contains(t, stderr.String(), c.want)
		require.Equal(t, c.exit == 0, strings.Contains(stdout.String(), "Exit codes"))
	}
	var stdout bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--version"}, &stdout, io.Discard, nil))
	require.Contains(t, stdout.String(), "built with go")
}

// writer calls itself with what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestInterruptedLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // on Windows
	ctx, cancel := context.WithCancelCause(t.Context())
	var stderr bytes.Buffer
	begun := writer(func([]byte) { cancel(errors.New("interrupted")) })
	require.Equal(t, 1, run(ctx, unhurried, begun, &stderr, scenario.Cases()))
	require.Contains(t, stderr.String(), "interrupted")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

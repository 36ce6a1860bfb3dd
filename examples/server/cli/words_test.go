package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// A wrong number of arguments, or an unknown command, is answered with what is
// missing and how to call it.
func TestArgumentsAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		"job show":                      "error: missing: JOB; call it as: server job show JOB\n",
		"url set editor-2 editor.msi":   "error: missing: URL; call it as: server url set PATCH ARTIFACT URL\n",
		"url set":                       "error: missing: PATCH, ARTIFACT, URL; call it as: ",
		"asset tag":                     "error: missing: ASSET; call it as: server asset tag ASSET [TAG…]\n",
		"run show one two":              "error: \"two\" is one argument too many; call it as: server run show RUN\n",
		"job list all":                  "error: \"all\" is one argument too many; call it as: server job list\n",
		"job retry":                     "error: missing: JOB; call it as: server job retry JOB --asset ASSET --patch PATCH\n",
		"job exampel":                   "error: server job has no command \"exampel\"; did you mean \"example\"?\n",
		"job preview daily --asset a b": "error: \"b\" is one argument too many; call it as: server job preview JOB [--asset ASSET]\n",
	} {
		var out, errs bytes.Buffer
		root := &cobra.Command{Use: "server"}
		root.AddCommand(Commands()...)
		root.SetOut(&out)
		root.SetErr(&errs)
		root.SetArgs(strings.Fields(line))
		require.Equal(t, ExitUsage, Run(root), line)
		require.Contains(t, errs.String(), want, line)
	}
}

// Every failure code is explained.
func TestCodesAreExplained_JOB16(t *testing.T) {
	n := 0
	for c := range 256 {
		if job.Code(c).Known() {
			require.NotEmpty(t, codeTexts[job.Code(c)], job.Code(c))
			n++
		}
	}
	require.Len(t, codeTexts, n)
}

// A run says whether something is still to come, and a patch that a cancel kept
// from being tried is not called failed.
func TestWordsOfARun_JOB3(t *testing.T) {
	for want, s := range map[string]controller.RunStatus{
		"planned": {State: ledger.RunPlanned}, "open": {State: ledger.RunMade}, "ended": {State: ledger.RunMade, Settled: true},
		"cancelled": {State: ledger.RunCancelled, Settled: true}, "missed": {State: ledger.RunMissed},
	} {
		require.Equal(t, want, runState(s))
	}
	require.Equal(t, "cancelled", outcome(job.PatchOutcome{Status: job.PatchFailed, Code: job.CodeCancelled}))
	require.Equal(t, "failed", outcome(job.PatchOutcome{Status: job.PatchFailed, Code: job.InstallerFailed}))
	require.Equal(t, []string{"no licence"}, texts(false, []any{printed("reading\nno licence\n")}))
	require.Equal(t, []string{"reading no licence "}, texts(true, []any{printed("reading\nno licence\n")}))
}

// Every kind of anomaly that the server records has a meaning for people.
func TestAnomaliesAreExplained_MAN5(t *testing.T) {
	files, err := filepath.Glob(filepath.FromSlash("../../../job/controller/*.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`Anomaly\{[^}]*Rule: "([A-Z0-9-]+)"`).FindAllStringSubmatch(string(code), -1) {
			found[m[1]] = true
			require.NotEmpty(t, anomalyTexts[m[1]], "%s: %s", file, m[1])
		}
	}
	require.Len(t, found, len(anomalyTexts))
}

// A run whose orders are not made yet is not one of no assets.
func TestAPlannedRunHasNoNumberOfAssets(t *testing.T) {
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	require.NoError(t, (&remote{}).runTable(cmd, []controller.RunStatus{{ID: "a", State: ledger.RunPlanned}, {ID: "b", State: ledger.RunMade}}))
	require.Regexp(t, `a +planned +- +- +-`, out.String())
	require.Regexp(t, `b +open +- +0 +-`, out.String())
}

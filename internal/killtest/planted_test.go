package killtest

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// The planted faults of the agent's state: they acknowledge before they commit.
const (
	faultLate    = "each commit is made with the next one"
	faultDeploy  = "commits of the deploy stage are held back until it is over"
	faultReports = "commits are held back while reports are not acknowledged"
)

// The planted fault of the server's store:
const faultStore = "reports are acknowledged, and committed a moment later"

// Each fault is found when the process is killed at the right point, and the
// checks say what went wrong.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault string
		role  string // the faulty process
		point string // where it is killed
		want  string // in a problem
	}{
		{faultLate, agentRole, "install:after", "it lost what it had committed"},
		{faultDeploy, agentRole, "install:after", "is reported as inapplicable, and the disk has 2.0.0"},
		{faultReports, agentRole, "install:before", "sent with another content than the journal has"},
		{faultStore, steppedRole, "commit:late", "are no longer known to the server"},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			o := live(tt.fault, t.TempDir(), steppedRole, *seed, func(w *world) error {
				w.agent.spec.Fault, w.server.spec.Fault = tt.fault, tt.fault
				return killAt(tt.role, tt.point)(w)
			}, nothing)
			require.NotEmpty(t, o.diedAt, "%q", o.problems)
			require.Contains(t, strings.Join(o.problems, "\n"), tt.want)
		})
	}
}

// The checks find faults that no planted fault makes: their inputs are changed
// by hand after a good world.
func TestChecksFindWhatWasChanged(t *testing.T) {
	t.Parallel()
	w, err := newWorld(t.TempDir(), serverRole, *seed)
	require.NoError(t, err)
	defer w.close()
	require.NoError(t, w.play(func(context.Context) {}))
	require.Empty(t, w.check())
	for _, tt := range []struct {
		name string
		file string
		edit func(text string) string
		want string
	}{
		{"a report is missing", journalFile(home.Home(w.dir)), func(s string) string { _, rest, _ := strings.Cut(s, "\n"); return rest }, "(MAN-6)"},
		{"a result is different", journalFile(home.Home(w.dir)), func(s string) string { return strings.Replace(s, `"Completed"`, `"Failed"`, 1) }, "on the server"},
		{"a done install is repeated", diskLog(w.dir), func(s string) string { return s + "begin shell 2.0.0 2.0.0\n" }, "is repeated"},
		{"a third install", diskLog(w.dir), func(s string) string { return s + strings.Repeat("begin shell 1.0.0 2.0.0\n", execution.MaxAttempts) }, "for the 3th time"},
		{"an install after a cancel", diskLog(w.dir), func(s string) string { return s + "begin office 1.0.0 2.0.0\n" }, "invariants 2 and 3"},
		{"an install after a withdrawal", diskLog(w.dir), func(s string) string { return s + "begin player 1.0.0 2.0.0\n" }, "invariants 2 and 3"},
		{"an install after the reboot", diskLog(w.dir), func(s string) string { return s + "begin kernel 1.0.0 2.0.0\n" }, "invariant 4"},
		{"an action runs twice", diskLog(w.dir), func(s string) string { return s + "act before\n" }, "ran twice"},
		{"a revision falls", commitsFile(w.dir), func(s string) string { return s + `{"What":"loaded","Revision":1,"Sequence":1000}` + "\n" }, "revision fell"},
		{"a download is repeated", pointsFile(w.dir, agentRole), func(s string) string { return strings.Replace(s, "download:before", "download:after", 1) }, "asked for again"},
		{"a report changes", callsFile(w.dir), func(s string) string { return s + `{"Sent":{"1":"other"}}` + "\n" }, "another content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := os.ReadFile(tt.file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(tt.file, []byte(tt.edit(string(before))), 0o600))
			require.Contains(t, strings.Join(w.check(), "\n"), tt.want)
			require.NoError(t, os.WriteFile(tt.file, before, 0o600))
		})
	}
	require.Empty(t, w.check())
}

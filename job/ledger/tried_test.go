package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Which failures a job gives a patch up for: those that say something of the
// patch on the asset (JOB-18, JOB-27).
func TestWhatCountsAsTried_JOB18_JOB27(t *testing.T) {
	for f, want := range map[ledger.Failure]bool{
		{Code: job.InstallerFailed}:                          true,
		{Code: job.FileHashValidationFailed}:                 true,
		{Code: job.DeployerProcessCrashed, Rule: "JOB-17"}:   true,
		{Code: job.FailedAfterReboot, Rule: "JOB-18"}:        true,
		{Code: job.DeployerProcessCrashed, Rule: "JOB-18"}:   false,
		{Code: job.UnspecifiedAgentError, Rule: "JOB-18"}:    false,
		{Code: job.PatchInstallationSkipped, Rule: "JOB-10"}: false,
	} {
		require.Equal(t, want, f.Tried(), "%+v", f)
	}
}

package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// An order that was taken for lost goes on when the only computer that calls
// reports on it in earnest, and through nothing else.
func TestLostOrderIsFound_MAN9_JOB24(t *testing.T) {
	pending := job.Report{Result: job.PendingReboot}
	for name, c := range map[string]struct {
		report ledger.Reported
		change func(*ledger.Entry)
		found  bool
	}{
		"a progress":                      {ledger.Reported{Report: job.Report{Progress: job.Deploying}, Live: true}, lost, true},
		"a pending result":                {ledger.Reported{Report: pending, Live: true}, lost, true},
		"one that comes late":             {ledger.Reported{Report: pending}, lost, false},
		"one that says two things":        {ledger.Reported{Report: job.Report{Progress: job.Started, Result: job.PendingReboot}, Live: true}, lost, false},
		"too late for what nobody asked":  {ledger.Reported{Report: job.Report{TooLate: job.StageDeploy}, Live: true}, lost, false},
		"of another computer of the name": {ledger.Reported{Report: pending, Live: true}, func(e *ledger.Entry) { lost(e); former(e) }, false},
	} {
		e := order(ledger.Ended, held, stage(job.StageDownload), result(job.Failed), c.change)
		require.NoError(t, e.Validate(), name)
		after, _ := ledger.Step(rev, e, c.report, t0)
		require.NoError(t, after.Validate(), name)
		require.Equal(t, c.found, after.Phase == ledger.Gone, name)
		if !c.found {
			require.Equal(t, e.Result, after.Result, name)
			continue
		}
		ended, _ := ledger.Step(rev, after, ledger.Reported{Report: job.Report{Result: job.Completed}, Live: true}, t0)
		require.Equal(t, job.Completed, ended.Result, name)
	}
}

// What is withdrawn unheard by a server that was put back may have begun all
// the same: its end counts when it is reported.
func TestWithdrawnByAServerThatWasPutBack_JOB5_JOB24(t *testing.T) {
	e := order(ledger.Gone, held, retracted)
	unsure, _ := ledger.Step(rev, e, ledger.NeverHeld{Unsure: true}, t0)
	require.Equal(t, job.Withdrawn, unsure.Result)
	ended, _ := ledger.Step(rev, unsure, ledger.Reported{Report: job.Report{Result: job.Completed}, Live: true}, t0)
	require.Equal(t, job.Completed, ended.Result)
	sure, _ := ledger.Step(rev, e, ledger.NeverHeld{}, t0)
	same, out := ledger.Step(rev, sure, ledger.Reported{Report: job.Report{Result: job.Completed}, Live: true}, t0)
	require.Equal(t, sure, same)
	require.NotEmpty(t, out, "it is objected to")
}

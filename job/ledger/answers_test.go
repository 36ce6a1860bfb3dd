package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// The answers to a cancel and to a withdrawal (JOB-3, JOB-4, JOB-5). Where a
// situation is missing, the answer makes no sense.
func TestAnswers_JOB3_JOB4_JOB5(t *testing.T) {
	for _, c := range []struct {
		rep  job.Report
		want map[string]string
	}{
		{job.Report{Result: job.Cancelled}, map[string]string{
			"marked":            "ended, since 2, Cancelled, marked, at 20:00, +revise, +outcomes",
			"marked, begun":     "ended, since 2, stage download, Cancelled, marked, at 20:00, +revise, +outcomes",
			"withdrawn, marked": "ended, since 2, Cancelled, marked, retracted, at 20:00, +revise, +outcomes",
		}},
		{job.Report{Result: job.Withdrawn}, map[string]string{
			"made again":        "open, since 2", // of the withdrawal before
			"withdrawn, marked": "ended, since 2, Withdrawn, marked, retracted, at 20:00, +revise, +outcomes",
			"gone":              "ended, since 2, Withdrawn, retracted, at 20:00, +outcomes",
			"gone, begun":       "ended, since 2, stage download, Withdrawn, retracted, at 20:00, +outcomes",
			"gone, deploying":   "ended, since 2, stage deploy, Withdrawn, retracted, at 20:00, +outcomes",
		}},
		{job.Report{TooLate: job.StageDeploy}, map[string]string{
			"marked":            "open, since 2, stage deploy, marked, too late: deploy",
			"marked, begun":     "open, since 2, stage deploy, marked, too late: deploy",
			"marked, too late":  "open, since 2, stage deploy, marked, too late: deploy",
			"withdrawn, marked": "open, since 2, stage deploy, marked, too late: deploy, retracted",
		}},
		{job.Report{TooLate: job.StageReboot}, map[string]string{
			"marked":            "open, since 2, stage reboot, marked, too late: reboot",
			"marked, begun":     "open, since 2, stage reboot, marked, too late: reboot",
			"marked, too late":  "open, since 2, stage reboot, marked, too late: reboot",
			"withdrawn, marked": "open, since 2, stage reboot, marked, too late: reboot, retracted",
		}},
	} {
		for name := range c.want {
			situation(t, name)
		}
		for _, s := range situations {
			after, effects := report(s.e, c.rep)
			have := say(s.e, after, effects)
			if s.e.Lost && s.e.Former == "" && c.rep.Result != job.Cancelled {
				require.Equal(t, "=", have, "what a state that was put back says of the order before its end")
			} else if want, sense := c.want[s.name]; sense {
				require.Equal(t, want, have, s.name)
			} else {
				require.Contains(t, have, "=, +objection: ", s.name)
			}
		}
	}
}

// An answer to a cancel of an order whose reboot is pending names the stage
// that the asset says, and no stage is taken back.
func TestTooLateNamesTheAssetsStage_JOB3(t *testing.T) {
	e := order(ledger.Open, held, marked, stage(job.StageReboot), result(job.PendingReboot))
	after, _ := report(e, job.Report{TooLate: job.StageDeploy})
	require.Equal(t, job.StageDeploy, after.TooLate)
	require.Equal(t, job.StageReboot, after.Stage)
	require.NoError(t, after.Validate())
}

// An order is withdrawn, made again before the asset calls, and so on. Only a
// report of the last withdrawal ends it (JOB-5).
func TestLateReportOfAnEarlierWithdrawal_JOB5(t *testing.T) {
	said := ledger.Reported{Report: job.Report{Result: job.Withdrawn, At: t0}}
	made := ledger.Made{Start: t0}
	type step struct {
		ev   ledger.Event
		want string
	}
	for name, steps := range map[string][]step{
		"made again": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{made, "open, since 2, stale, +revise"},
			{said, "open, since 2"},
			{said, "=, +objection: it says Withdrawn, and the order was not"},
		},
		"made again twice": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{made, "open, since 2, stale, +revise"},
			{made, "=, +revise"},
			{said, "open, since 2"},
		},
		"withdrawn again": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{made, "open, since 2, stale, +revise"},
			{ledger.Withdrawn{}, "gone, since 2, retracted, stale, +revise without"},
			{said, "ended, since 2, Withdrawn, retracted, stale, at 20:00, +outcomes"},
			{said, "=, +objection: the order had ended (Withdrawn)"},
			{made, "open, since 4, +revise"},
		},
		"withdrawn again after the report": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{made, "open, since 2, stale, +revise"},
			{said, "open, since 2"},
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{said, "ended, since 2, Withdrawn, retracted, at 20:00, +outcomes"},
		},
		"a withdrawn order is cancelled": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{ledger.CancelAsked{}, "open, since 2, marked, retracted, +revise"},
			{said, "ended, since 2, Withdrawn, marked, retracted, at 20:00, +revise, +outcomes"},
			{made, "="},
		},
		"a withdrawn order is cancelled, and the asset has begun": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{ledger.CancelAsked{}, "open, since 2, marked, retracted, +revise"},
			{ledger.Reported{Report: job.Report{Progress: job.Deploying, At: t0}}, "open, since 2, stage deploy, marked, retracted"},
			{ledger.Reported{Report: job.Report{TooLate: job.StageDeploy, At: t0}}, "open, since 2, stage deploy, marked, too late: deploy, retracted"},
			{ledger.Reported{Report: job.Report{Result: job.Completed, At: t0}},
				"ended, since 2, stage done, Completed, marked, too late: deploy, retracted, at 20:00, +revise, +outcomes, +follow"},
		},
		"cancelled after it was made again": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{made, "open, since 2, stale, +revise"},
			{ledger.CancelAsked{}, "open, since 2, marked, stale, +revise"},
			{said, "open, since 2, marked"},
			{ledger.Reported{Report: job.Report{Result: job.Cancelled, At: t0}}, "ended, since 2, Cancelled, marked, at 20:00, +revise, +outcomes"},
		},
		"cancelled after it was made again, and the report comes last": {
			{ledger.Withdrawn{}, "gone, since 2, retracted, +revise without"},
			{made, "open, since 2, stale, +revise"},
			{ledger.CancelAsked{}, "open, since 2, marked, stale, +revise"},
			{ledger.Reported{Report: job.Report{Result: job.Cancelled, At: t0}}, "ended, since 2, Cancelled, marked, stale, at 20:00, +revise, +outcomes"},
			{said, "ended, since 2, Cancelled, marked, at 20:00"},
			{said, "=, +objection: the order had ended (Cancelled)"},
		},
		"an asset that was removed reports how it ended": {
			{ledger.Reported{Report: job.Report{Progress: job.Started, At: t0}}, "open, since 2, stage download"},
			{ledger.AssetRemoved{Key: "k"}, "ended, since 2, stage download, Failed, lost, of a former one, at 20:00, +revise without"},
			{ledger.CancelAsked{}, "="},
			{made, "="},
			{byFormer(job.Report{Progress: job.Resumed}), "="},
			{ledger.Reported{Report: job.Report{Result: job.Failed, At: t0}}, "=, +objection: it is about an order of another computer with this name"},
			{ledger.Reported{Report: job.Report{Result: job.Completed, At: t0}, Former: "x"}, "=, +objection: it is about an order of another computer with this name"},
			{byFormer(job.Report{Result: job.Completed}), "ended, since 2, stage done, Completed, of a former one, at 20:00, +outcomes"},
			{byFormer(job.Report{Result: job.Failed}), "=, +objection: the order had ended (Completed)"},
		},
		"an asset that was removed had begun it, and nobody knew": {
			{ledger.AssetRemoved{Key: "k"}, "ended, since 2, Withdrawn, lost, of a former one, at 20:00, +revise without"},
			{byFormer(job.Report{Progress: job.Started}), "="},
			{byFormer(job.Report{Result: job.Failed}), "ended, since 2, stage done, Failed, of a former one, at 20:00, +outcomes"},
		},
		"an asset that was removed had not begun it": {
			{ledger.AssetRemoved{Key: "k"}, "ended, since 2, Withdrawn, lost, of a former one, at 20:00, +revise without"},
			{byFormer(job.Report{Result: job.Withdrawn}), "="},
			{made, "="},
		},
		"a copy withdraws what the other one began": {
			{ledger.Awaited{}, "gone, since 2, retracted, again, +revise without"},
			{ledger.Reported{Report: job.Report{Progress: job.Started, At: t0}}, "gone, since 2, stage download, retracted, again"},
			{said, "="},
			{ledger.Reported{Report: job.Report{Result: job.Completed, At: t0}}, "ended, since 2, stage done, Completed, retracted, at 20:00, +outcomes, +follow"},
		},
		"it waits, and the asset never held it": {
			{ledger.Awaited{}, "gone, since 2, retracted, again, +revise without"},
			{ledger.NeverHeld{}, "waiting"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := situation(t, "queued")
			for _, s := range steps {
				after, out := ledger.Step(rev, e, s.ev, later)
				require.Equal(t, s.want, say(e, after, out))
				require.NoError(t, after.Validate())
				e = after
			}
		})
	}
}

// A report of an earlier withdrawal says nothing of the order as it is, not
// even when the asset reported on it last.
func TestLateReportSaysNothing_JOB5(t *testing.T) {
	e := order(ledger.Open, held, stale, full)
	after, effects := report(e, job.Report{Result: job.Withdrawn, Text: "late", Reboots: 9})
	e.Stale = false
	require.Equal(t, e, after)
	require.Empty(t, effects)
}

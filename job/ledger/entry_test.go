package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// What can be said of an order in each situation.
func TestWhatAnOrderIs(t *testing.T) {
	type is struct {
		fixed, trimmable, held, succeeded bool
		cancel                            ledger.CancelState
	}
	const (
		done, pending, late, ended = ledger.CancelDone, ledger.CancelPending, ledger.CancelTooLate, ledger.CancelEnded
	)
	want := map[string]is{
		"never made":                  {cancel: pending},
		"waiting":                     {cancel: pending},
		"not sealed":                  {trimmable: true, cancel: pending},
		"queued":                      {trimmable: true, held: true, cancel: pending},
		"made again":                  {trimmable: true, held: true, cancel: pending},
		"begun":                       {fixed: true, trimmable: true, held: true, cancel: pending},
		"deploying":                   {fixed: true, trimmable: true, held: true, cancel: late},
		"waits for a reboot":          {fixed: true, trimmable: true, held: true, cancel: late},
		"marked":                      {fixed: true, held: true, cancel: pending},
		"marked, begun":               {fixed: true, held: true, cancel: pending},
		"marked, too late":            {fixed: true, held: true, cancel: late},
		"withdrawn, marked":           {fixed: true, held: true, cancel: pending},
		"gone":                        {held: true, cancel: pending},
		"gone, begun":                 {fixed: true, held: true, cancel: pending},
		"gone, deploying":             {fixed: true, held: true, cancel: late},
		"ended unheld: withdrawn":     {cancel: ended},
		"ended unheld: cancelled":     {fixed: true, cancel: done},
		"ended unheld: nothing to do": {succeeded: true, cancel: ended},
		"ended unheld: missed":        {cancel: ended},
		"ended: withdrawn":            {held: true, cancel: ended},
		"ended: cancelled":            {fixed: true, held: true, cancel: done},
		"ended: completed":            {fixed: true, held: true, succeeded: true, cancel: ended},
		"ended: failed":               {fixed: true, held: true, cancel: ended},
		"ended: lost":                 {fixed: true, held: true, cancel: ended},
		"removed":                     {fixed: true, held: true, cancel: ended},
		"removed, not begun":          {fixed: true, held: true, cancel: ended},
	}
	require.Len(t, want, len(situations))
	for _, s := range situations {
		e := s.e
		require.Equal(t, want[s.name], is{e.Fixed(), e.Trimmable(), e.Held(rev.Sealed), e.Succeeded(), e.Cancel()}, s.name)
	}
}

func TestID(t *testing.T) {
	require.Equal(t, job.OrderID("nightly@20260302T220000Z/a-1"), none.ID())
}

// The asset may hold what was sealed for it, and what it reports on.
func TestHeld_JOB5(t *testing.T) {
	for _, c := range []struct {
		since, sealed manifest.Revision
		reported      bool
		want          bool
	}{
		{0, 0, false, false}, {0, 5, false, false}, {0, 5, true, false},
		{5, 4, false, false}, {5, 5, false, true}, {5, 6, false, true},
		{5, 4, true, true}, {5, 0, true, true},
	} {
		e := order(ledger.Open)
		if e.Since = c.since; c.reported {
			e.At = t0
		}
		require.Equal(t, c.want, e.Held(c.sealed), "%+v", c)
	}
}

// Success is what the job after it waits for: everything verified, or nothing to do (JOB-19).
func TestSucceeded_JOB19(t *testing.T) {
	for r := job.Completed; r <= job.PendingVerification; r++ {
		e := order(ledger.Ended, result(r))
		require.Equal(t, r == job.Completed || r == job.NotApplicable, e.Succeeded(), r)
		e.Phase = ledger.Open
		require.False(t, e.Succeeded(), "%v, and not ended", r)
	}
}

// What came of a cancel is what the asset did (JOB-3).
// A share counts all orders but those that were withdrawn, or whose asset was removed (JOB-19).
func TestCounts_JOB19(t *testing.T) {
	for _, s := range situations {
		left := map[string]bool{
			"never made": true, "gone": true, "gone, begun": true, "gone, deploying": true, "removed": true, "removed, not begun": true,
			"ended unheld: withdrawn": true, "ended: withdrawn": true,
		}[s.name]
		require.Equal(t, !left, s.e.Counts(), s.name)
	}
}

func TestCancelState_JOB3(t *testing.T) {
	for _, c := range []struct {
		e    ledger.Entry
		want ledger.CancelState
	}{
		{order(ledger.Ended, marked, held, result(job.Cancelled)), ledger.CancelDone},
		{order(ledger.Ended, marked, held, tooLate(job.StageDeploy), stage(job.StageDone), result(job.Completed)), ledger.CancelTooLate},
		{order(ledger.Ended, marked, held, tooLate(job.StageDeploy), stage(job.StageDone), result(job.Failed)), ledger.CancelTooLate},
		{order(ledger.Ended, marked, held, stage(job.StageDone), result(job.Completed)), ledger.CancelEnded},
		{order(ledger.Ended, marked, held, result(job.Withdrawn)), ledger.CancelEnded},
		{order(ledger.Ended, marked, held, stage(job.StageDone), result(job.TimedOut)), ledger.CancelEnded},
		{order(ledger.Open, marked, held), ledger.CancelPending},
		{order(ledger.Open, marked, held, stage(job.StageDownload)), ledger.CancelPending},
		{order(ledger.Open, marked, held, stage(job.StageDeploy)), ledger.CancelTooLate},
		{order(ledger.Open, marked, held, stage(job.StageReboot)), ledger.CancelTooLate},
		{order(ledger.Gone, marked, held, retracted), ledger.CancelPending},
	} {
		require.Equal(t, c.want, c.e.Cancel(), say(ledger.Entry{}, c.e, ledger.Out{}))
	}
}

// Validate names what is wrong with a damaged record.
func TestDamagedOrders(t *testing.T) {
	final := func(e *ledger.Entry) { e.Result = job.Completed }
	for _, c := range []struct {
		what string
		e    ledger.Entry
		want string
	}{
		{"no run", ledger.Entry{Asset: asset, Phase: ledger.Waiting}, "order /a-1 is not valid: run: is missing, or the asset is"},
		{"no asset", ledger.Entry{Run: run, Phase: ledger.Waiting}, "order nightly@20260302T220000Z/ is not valid: run: is missing, or the asset is"},
		{"no phase", order(0), "phase: is not a phase"},
		{"another phase", order(ledger.Ended + 1), "phase: is not a phase"},
		{"open, since no revision", order(ledger.Open), "since: is zero, and the order is open"},
		{"gone, since no revision", order(ledger.Gone, retracted), "since: is zero, and the order is gone"},
		{"open and done", order(ledger.Open, held, stage(job.StageDone)), "stage: is done, and the order is open"},
		{"open in no stage that is known", order(ledger.Open, held, stage(job.StageDone+1)), "stage: is done, and the order is open"},
		{"gone and done", order(ledger.Gone, held, retracted, stage(job.StageDone)), "stage: is done, and the order is gone"},
		{"of a former asset, and open", order(ledger.Open, held, former), "former: is set, and the order is open"},
		{"of a former asset, which never held it", order(ledger.Ended, result(job.Withdrawn), former), "former: is set, and the order is ended"},
		{"lost, and neither begun nor withdrawn", order(ledger.Ended, held, result(job.Cancelled), lost), "lost: is set, and the order is ended"},
		{"ended without a result", order(ledger.Ended, func(e *ledger.Entry) { e.Ended = t0 }), "result: is not final, and the order has ended"},
		{"ended with a pending result", order(ledger.Ended, result(job.PendingReboot)), "result: is not final, and the order has ended"},
		{"ended pending verification", order(ledger.Ended, result(job.PendingVerification)), "result: is not final, and the order has ended"},
		{"ended at no time", order(ledger.Ended, final), "result: is not final, and the order has ended"},
		{"open with a final result", order(ledger.Open, held, stage(job.StageReboot), final), "result: is final, and the order is open"},
		{"open, and ended at a time", order(ledger.Open, held, func(e *ledger.Entry) { e.Ended = t0 }), "result: is final, and the order is open"},
		{"a reboot is pending before the deploy stage", order(ledger.Open, held, stage(job.StageDownload), result(job.PendingReboot)),
			"result: is PendingReboot before the deploy stage; result: is PendingReboot before the reboot stage"},
		{"a reboot is pending before the reboot stage", order(ledger.Open, held, stage(job.StageDeploy), result(job.PendingReboot)), "result: is PendingReboot before the reboot stage"},
		{"verification is pending before the deploy stage", order(ledger.Gone, held, retracted, result(job.PendingVerification)), "result: is PendingVerification before the deploy stage"},
		{"too late, and no cancel", order(ledger.Open, held, stage(job.StageDeploy), tooLate(job.StageDeploy)), "tooLate: answers a cancel that nobody asked for"},
		{"too late in the download stage", order(ledger.Open, held, marked, stage(job.StageDeploy), tooLate(job.StageDownload)), "tooLate: is download in stage deploy"},
		{"too late in a stage that has not begun", order(ledger.Open, held, marked, stage(job.StageDeploy), tooLate(job.StageReboot)), "tooLate: is reboot in stage deploy"},
		{"gone, and not withdrawn", order(ledger.Gone, held), "retracted: is not set, and the order is gone"},
		{"open, and withdrawn", order(ledger.Open, held, retracted), "retracted: is set, and the order is open"},
		{"gone and cancelled", order(ledger.Gone, held, retracted, marked), "cancelled: is set, and the order is gone"},
		{"waiting since a revision", order(ledger.Waiting, held), "phase: is waiting, and something is known of the order"},
		{"waiting and cancelled", order(ledger.Waiting, marked), "phase: is waiting, and something is known of the order"},
		{"waiting with a text", order(ledger.Waiting, func(e *ledger.Entry) { e.Text = "x" }), "phase: is waiting, and something is known of the order"},
		{"waiting and ended", order(ledger.Waiting, func(e *ledger.Entry) { e.Ended = t0 }),
			"result: is final, and the order is waiting; phase: is waiting, and something is known of the order"},
		{"three faults", order(ledger.Gone, tooLate(job.StageDeploy), stage(job.StageDeploy)),
			"since: is zero, and the order is gone; tooLate: answers a cancel that nobody asked for; retracted: is not set, and the order is gone"},
	} {
		if err := c.e.Validate(); c.e.Run == "" || c.e.Asset == "" {
			require.EqualError(t, err, c.want, c.what)
		} else {
			require.EqualError(t, err, "order nightly@20260302T220000Z/a-1 is not valid: "+c.want, c.what)
		}
	}
}

// What an order needs to be valid is in its record.
func TestRecordsOfOrders(t *testing.T) {
	everything := ledger.Entry{
		Run: run, Asset: asset, Phase: ledger.Ended, Start: t0, Since: 7, Dropped: 3, Progress: job.Deploying, Stage: job.StageDone, Result: job.Completed,
		Cancelled: true, TooLate: job.StageDeploy, Retracted: true, Stale: true, Doubtful: true, Former: "k", At: t0.Add(1000), Ended: later, Reboots: 1, Text: "said",
	}
	list := []ledger.Entry{everything}
	for _, s := range situations {
		list = append(list, s.e)
	}
	for _, e := range list {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		var back ledger.Entry
		require.NoError(t, json.Unmarshal(data, &back))
		require.True(t, e == back, "%s: read back and compared with ==", data)
	}
	data, err := json.Marshal(everything)
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "nightly@20260302T220000Z", "asset": "a-1", "phase": "ended", "start": "2026-03-02T19:00:00Z", "since": 7, "dropped": 3,
		"progress": "Deploying", "stage": "done", "result": "Completed", "cancelled": true, "tooLate": "deploy", "retracted": true, "stale": true, "doubtful": true, "former": "k",
		"at": "2026-03-02T19:00:00.000001Z", "ended": "2026-03-02T20:00:00Z", "reboots": 1, "text": "said"}`, string(data))
}

package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// later is when the reports of these tests come, and t0 when the asset made them.
var later = t0.Add(time.Hour)

// live are the situations in which an asset can report something.
func live() (list []ledger.Entry) {
	for _, s := range situations {
		if s.e.Phase == ledger.Open || s.e.Phase == ledger.Gone {
			list = append(list, s.e)
		}
	}
	return list
}

// spoke is an order after any report that makes sense.
func spoke(e ledger.Entry) ledger.Entry {
	e.At = t0
	return e
}

// byFormer is a report of the asset that was removed.
func byFormer(r job.Report) ledger.Event {
	r.At = t0
	return ledger.Reported{Report: r, Former: "k"}
}

func report(e ledger.Entry, r job.Report) (ledger.Entry, ledger.Out) {
	if r.At.IsZero() {
		r.At = t0
	}
	after, out := ledger.Step(rev, e, ledger.Reported{Report: r}, later)
	return after, out
}

// A progress step says which stage has begun. No stage is taken back, and
// downloads before the start are early ones (JOB-16, JOB-23).
func TestProgress_JOB16_JOB23(t *testing.T) {
	for _, c := range []struct {
		p            job.Progress
		fresh, begun job.Stage // the stage after the report: of an order that had not begun, and of one that had
	}{
		{job.Received, 0, job.StageDownload},
		{job.Blocked, 0, job.StageDownload},
		{job.Started, job.StageDownload, job.StageDownload},
		{job.Downloading, 0, job.StageDownload},
		{job.Downloaded, 0, job.StageDownload},
		{job.Deploying, job.StageDeploy, job.StageDeploy},
		{job.Rebooting, job.StageReboot, job.StageReboot},
		{job.Resumed, job.StageDownload, job.StageDownload},
	} {
		for _, e := range live() {
			want := spoke(e)
			if want.Progress, want.Stage = c.p, max(e.Stage, c.begun); e.Stage == 0 {
				want.Stage = c.fresh
			}
			if want.Stage != e.Stage || c.p == job.Rebooting {
				want.Began = want.At
			}
			if c.p == job.Deploying && e.Result == job.PendingVerification {
				want.Result = 0 // it goes on after a recheck
			}
			after, effects := report(e, job.Report{Progress: c.p})
			require.Equal(t, want, after, c.p)
			require.Empty(t, effects, c.p)
		}
	}
}

// A final result ends the order, once, and takes it out of the manifest
// (JOB-16). The jobs after it may follow when everything is verified, or when
// there was nothing to do (JOB-19).
func TestFinalResult_JOB16_JOB19(t *testing.T) {
	for _, c := range []struct {
		r      job.Result
		follow bool
	}{
		{job.Completed, true}, {job.CompletedWithFailures, false}, {job.Failed, false}, {job.TimedOut, false}, {job.NotApplicable, true},
	} {
		for _, e := range live() {
			want := spoke(e)
			want.Phase, want.Stage, want.Result, want.Ended = ledger.Ended, job.StageDone, c.r, later
			out := ledger.Out{Revise: e.Phase == ledger.Open, KeepOutcomes: true, Follow: c.follow, Recount: c.follow}
			after, have := report(e, job.Report{Result: c.r})
			require.Equal(t, want, after, c.r)
			require.Equal(t, out, have, c.r)
		}
	}
}

// A pending result keeps the order where it is, with what the asset says of each patch (JOB-18).
func TestPendingResult_JOB18(t *testing.T) {
	for _, c := range []struct {
		r     job.Result
		stage job.Stage
	}{
		{job.PendingReboot, job.StageReboot}, {job.PendingVerification, job.StageDeploy},
	} {
		for _, e := range live() {
			want := spoke(e)
			if want.Result, want.Stage = c.r, max(e.Stage, c.stage); want.Stage != e.Stage {
				want.Began = want.At
			}
			after, have := report(e, job.Report{Result: c.r})
			require.Equal(t, want, after, c.r)
			require.Equal(t, ledger.Out{KeepOutcomes: true}, have, c.r)
		}
	}
}

func TestObjections_MAN6(t *testing.T) {
	long := strings.Repeat("x", ledger.MaxName+1)
	cut := long[:ledger.MaxName-3] + "…"
	said := outcome("editor-2", job.Succeeded, 0)
	twice := func(id string) string { return `it names patch "` + id + `" twice, or says something unknown of it` }
	for _, c := range []struct {
		situation string
		rep       job.Report
		foreign   catalog.PatchID
		want      string
	}{
		{"queued", job.Report{}, "", "it says 0 things; want one"},
		{"queued", job.Report{Text: "text alone is nothing", Reboots: 1}, "", "it says 0 things; want one"},
		{"queued", job.Report{Progress: job.Started, Result: job.Completed}, "", "it says 2 things; want one"},
		{"queued", job.Report{TooLate: job.StageDeploy, Refused: "x"}, "", "it says 2 things; want one"},
		{"marked", job.Report{Progress: job.Started, TooLate: job.StageDeploy}, "", "it says 2 things; want one"},
		{"queued", job.Report{Progress: job.Started, Result: job.Completed, TooLate: job.StageDeploy}, "", "it says 3 things; want one"},
		{"queued", job.Report{Progress: job.Started, Result: job.Completed, TooLate: job.StageDeploy, Refused: "x"}, "", "it says 4 things; want one"},
		{"never made", job.Report{}, "", "it says 0 things; want one"},
		{"never made", job.Report{Progress: job.Started}, "", "there is no such order"},
		{"waiting", job.Report{Result: job.Completed}, "", "there is no such order"},
		{"ended: completed", job.Report{Progress: job.Started}, "", "the order had ended (Completed)"},
		{"ended: completed", job.Report{Result: job.Completed}, "", "the order had ended (Completed)"},
		{"ended: failed", job.Report{Progress: 99}, "", "the order had ended (Failed)"},
		{"ended unheld: withdrawn", job.Report{Result: job.Withdrawn}, "", "the order had ended (Withdrawn)"},
		{"ended: cancelled", job.Report{TooLate: job.StageDeploy}, "", "the order had ended (Cancelled)"},
		{"queued", job.Report{Refused: "expired"}, "", "it uses a word that is not known"},
		{"queued", job.Report{Progress: job.Resumed + 1}, "", "it uses a word that is not known"},
		{"queued", job.Report{Result: job.PendingVerification + 1}, "", "it uses a word that is not known"},
		{"queued", job.Report{TooLate: job.StageDone + 1}, "", "it uses a word that is not known"},
		{"queued", job.Report{TooLate: job.StageDeploy}, "", "it says too late for a cancel, and none was asked for"},
		{"gone, deploying", job.Report{TooLate: job.StageDeploy}, "", "it says too late for a cancel, and none was asked for"},
		{"marked", job.Report{TooLate: job.StageDownload}, "", "it says too late for a cancel in the stage download (JOB-3)"},
		{"marked", job.Report{TooLate: job.StageDone}, "", "it says too late for a cancel in the stage done (JOB-3)"},
		{"queued", job.Report{Result: job.Cancelled}, "", "it says Cancelled, and no cancel was asked for"},
		{"gone", job.Report{Result: job.Cancelled}, "", "it says Cancelled, and no cancel was asked for"},
		{"marked, too late", job.Report{Result: job.Cancelled}, "", "it says Cancelled after the deploy stage began (JOB-4)"},
		{"queued", job.Report{Result: job.Withdrawn}, "", "it says Withdrawn, and the order was not"},
		{"marked", job.Report{Result: job.Withdrawn}, "", "it says Withdrawn, and the order was not"},
		{"queued", job.Report{Result: job.Failed}, "other-1", `it names patch "other-1", which the order does not`},
		{"queued", job.Report{Result: job.PendingReboot}, catalog.PatchID(long), `it names patch "` + cut + `", which the order does not`},
		{"queued", job.Report{Result: job.Failed, Patches: []job.PatchOutcome{said, said}}, "", twice("editor-2")},
		{"queued", job.Report{Result: job.Failed, Patches: []job.PatchOutcome{said, outcome("", job.Succeeded, 0)}}, "", twice("")},
		{"queued", job.Report{Result: job.Failed, Patches: []job.PatchOutcome{outcome("a", 0, 0)}}, "", twice("a")},
		{"queued", job.Report{Result: job.Failed, Patches: []job.PatchOutcome{outcome("a", job.LeftOut+1, 0)}}, "", twice("a")},
		{"queued", job.Report{Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome(long, 200, 0)}}, "", twice(cut)},
	} {
		e := situation(t, c.situation)
		c.rep.At = t0
		after, out := ledger.Step(rev, e, ledger.Reported{Report: c.rep, Foreign: c.foreign}, later)
		require.Equal(t, e, after, c.want)
		require.Equal(t, ledger.Out{Objection: c.want}, out, "%s: %+v", c.situation, c.rep)
	}
	e := order(ledger.Open, held, marked, stage(job.StageReboot))
	_, effects := report(e, job.Report{Result: job.Cancelled})
	require.Equal(t, ledger.Out{Objection: "it says Cancelled after the deploy stage began (JOB-4)"}, effects, "nobody said too late")
}

// A later release says something in a name that is not known here. It is kept
// as text, and the rest counts (MAN-11).
func TestReportOfALaterRelease_MAN11(t *testing.T) {
	read := func(text string) (rep job.Report) {
		require.NoError(t, enum.Unmarshal([]byte(text), &rep))
		rep.At = t0
		return rep
	}
	after, effects := report(situation(t, "queued"), read(`{"progress":"Flying","text":"high","more":1}`))
	require.Empty(t, effects)
	require.Equal(t, `high; progress "Flying"`, after.Text)
	require.Equal(t, ledger.Open, after.Phase)
	require.NoError(t, after.Validate())

	after, _ = report(situation(t, "marked"), read(`{"tooLate":"Flying"}`))
	require.Equal(t, job.StageDeploy, after.TooLate, "whatever stage it is, deploy has begun")
	require.NoError(t, after.Validate())

	rep := read(`{"result":"Flying","patches":[{"patch":"editor-2","status":"Flying","code":16},{"patch":"editor-3","status":"failed","code":300}]}`)
	after, effects = report(situation(t, "queued"), rep)
	require.Equal(t, ledger.Out{Revise: true, KeepOutcomes: true}, effects)
	require.Equal(t, job.Failed, after.Result)
	require.Equal(t, `result "Flying"`, after.Text)
	require.NoError(t, after.Validate())
	outcomes := ledger.Outcomes{}.Report(rep.Patches, t0)
	require.Len(t, outcomes.Failed, 1, "what is not known to have failed does not count as failed")
	require.Equal(t, `status "Flying"`, outcomes.Reported[0].Text)
	require.Equal(t, `code "300"`, outcomes.Reported[1].Text)

	again, effects := report(after, read(`{"progress":"Resumed"}`))
	require.Equal(t, after, again, "only its end says more")
	require.Empty(t, effects)
	known, _ := report(after, read(`{"result":"Completed"}`))
	require.Equal(t, job.Completed, known.Result, "a result that is known replaces it")
	require.False(t, known.Lost)
	require.NoError(t, known.Validate())
}

// What a later release of the server left in a phase that this one does not
// know stays as it is (MAN-11).
func TestEntryOfALaterRelease_MAN11(t *testing.T) {
	for _, text := range []string{`{"run":"a@1","asset":"a-1","phase":"Flying"}`, `{"run":"a@1","asset":"a-1","phase":"open","since":1,"stage":"Flying"}`} {
		var e ledger.Entry
		require.NoError(t, enum.Unmarshal([]byte(text), &e))
		for _, ev := range []ledger.Event{ledger.Made{}, ledger.Withdrawn{}, ledger.CancelAsked{}, ledger.AssetRemoved{}, ledger.Reported{Report: job.Report{Result: job.Completed}}} {
			after, out := ledger.Step(rev, e, ev, later)
			require.Equal(t, e, after)
			require.Empty(t, out)
		}
	}
}

// Patches are judged where they count: with a result.
func TestPatchesBesideAProgressStepAreNotLookedAt(t *testing.T) {
	rep := job.Report{Progress: job.Started, At: t0, Patches: []job.PatchOutcome{outcome("", 99, 1)}}
	_, out := ledger.Step(rev, situation(t, "queued"), ledger.Reported{Report: rep, Foreign: "other-1"}, later)
	require.Empty(t, out)
}

// Every status and code that an asset can say of a patch is taken in.
func TestKnownOutcomes_JOB16(t *testing.T) {
	for status := job.Pending; status <= job.LeftOut; status++ {
		for _, code := range codes() {
			_, effects := report(situation(t, "queued"), job.Report{Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("a", status, code)}})
			require.Equal(t, ledger.Out{KeepOutcomes: true}, effects, "%v %v", status, code)
		}
	}
}

// A report was made before it came, and no computer with an agent is older than
// 1970. What says otherwise was made now.
func TestTimesOfReports_MAN8(t *testing.T) {
	berlin := time.FixedZone("+1", 3600)
	epoch := time.Unix(0, 0).UTC()
	for _, c := range []struct {
		name     string
		at, want time.Time
	}{
		{"the past", t0, t0},
		{"now", later, later},
		{"a nanosecond from now", later.Add(1), later},
		{"next year", later.AddDate(1, 0, 0), later},
		{"no time", time.Time{}, later},
		{"1970 in UTC", epoch, epoch},
		{"before 1970 in UTC", epoch.Add(-1), later},
		{"1970 in its zone, and before in UTC", epoch.Add(-time.Hour).In(berlin), later},
		{"1969 in its zone, and 1970 in UTC", epoch.In(time.FixedZone("-1", -3600)), epoch},
		{"another zone", t0.In(berlin), t0},
		{"nanoseconds", t0.Add(1234567), t0.Add(1234000)},
		{"the future, in a zone that is behind", later.Add(time.Hour).In(time.FixedZone("-5", -5*3600)), later},
	} {
		after, _ := ledger.Step(rev, situation(t, "queued"), ledger.Reported{Report: job.Report{Progress: job.Started, At: c.at}}, later)
		require.True(t, c.want == after.At, "%s: %v, in UTC and compared with ==", c.name, after.At)
	}
}

// The server's own time is what an order ended at: the asset's may be anything.
func TestEndedIsTheServersTime(t *testing.T) {
	after, _ := report(situation(t, "queued"), job.Report{Result: job.Completed, At: t0})
	require.Equal(t, t0, after.At)
	require.Equal(t, later, after.Ended)
}

// The newest text counts. The number of reboots is the highest that the asset
// ever said, up to a bound.
func TestTextAndReboots(t *testing.T) {
	long := strings.Repeat("é", ledger.MaxText/2)
	for _, c := range []struct {
		had, said, want   int
		text, kept, about string
	}{
		{0, 0, 0, "", "", "nothing"},
		{2, 1, 2, "blocked by x", "blocked by x", "fewer than before"},
		{1, 2, 2, long, long, "more than before"},
		{0, 1000, 1000, long + "x", long[:ledger.MaxText-4] + "…", "the most"},
		{0, 1001, 1000, "", "", "one past the most"},
		{3, -1, 3, "", "", "fewer than none"},
		{0, -1, 0, "", "", "fewer than none, and none before"},
	} {
		e := order(ledger.Open, held)
		e.Reboots, e.Text = c.had, "before"
		after, _ := report(e, job.Report{Progress: job.Started, Text: c.text, Reboots: c.said})
		require.Equal(t, c.want, after.Reboots, c.about)
		require.Equal(t, c.kept, after.Text, c.about)
		require.LessOrEqual(t, len(after.Text), ledger.MaxText, c.about)
	}
}

// An agent whose state was put back to when it carried the order out goes on,
// and its result is the truth. What it says of the order before that, or of a
// withdrawal of what it holds once more, changes nothing (JOB-24).
func TestResultAfterALostState_JOB24(t *testing.T) {
	e := situation(t, "ended: lost")
	for _, r := range []job.Report{{Progress: job.Received}, {Progress: job.Deploying}, {Result: job.PendingReboot}, {Result: job.Withdrawn}} {
		after, effects := report(e, r)
		require.Equal(t, e, after, "%+v", r)
		require.Empty(t, effects, "%+v", r)
	}
	after, effects := report(e, job.Report{Result: job.Completed})
	require.Equal(t, "ended, since 2, stage done, Completed, at 20:00, +outcomes, +follow", say(e, after, effects))
	require.NoError(t, after.Validate())
}

// A server that was put back forgot a cancel, and hands the order out once
// more. The agent answers with what it knows (JOB-24).
func TestOldResultIsNoSurprise_JOB24(t *testing.T) {
	for _, r := range []job.Result{job.Cancelled, job.TimedOut, job.Completed, job.Failed} {
		for _, name := range []string{"not sealed", "queued", "marked", "gone"} {
			after, _ := report(situation(t, name), job.Report{Result: r, Again: true})
			require.Equal(t, r, after.Result, "%v of an order that is %s", r, name)
			require.NoError(t, after.Validate())
		}
	}
	behind := rev
	behind.PutBack = true
	after, _ := ledger.Step(behind, situation(t, "gone, begun"), ledger.Reported{Report: job.Report{Result: job.Cancelled}}, t0)
	require.Equal(t, job.Cancelled, after.Result, "of a server that is known to have been put back")
}

// A stage is counted from the report that says that it began, and the reboot
// from the first that says that it was asked for, whatever else is reported
// meanwhile (JOB-25).
func TestStageBegan_JOB25(t *testing.T) {
	e := order(ledger.Open, held)
	at := t0
	say := func(r job.Report) ledger.Entry {
		at = at.Add(time.Minute)
		r.At = at
		e, _ = ledger.Step(rev, e, ledger.Reported{Report: r}, at.Add(time.Hour))
		return e
	}
	require.True(t, say(job.Report{Progress: job.Received}).Began.IsZero())
	require.True(t, say(job.Report{Progress: job.Downloading}).Began.IsZero(), "early")
	require.Equal(t, at, say(job.Report{Progress: job.Started}).Began)
	began := at
	require.Equal(t, began, say(job.Report{Progress: job.Downloading}).Began)
	require.Equal(t, began, say(job.Report{Progress: job.Resumed}).Began, "a restart begins no stage")
	began = at.Add(time.Minute)
	require.Equal(t, began, say(job.Report{Progress: job.Deploying}).Began)
	require.Equal(t, began, say(job.Report{Result: job.PendingVerification}).Began)
	require.Equal(t, began, say(job.Report{Progress: job.Deploying}).Began)
	began = at.Add(time.Minute)
	require.Equal(t, began, say(job.Report{Result: job.PendingReboot}).Began)
	began = at.Add(time.Minute)
	require.Equal(t, began, say(job.Report{Progress: job.Rebooting}).Began)
	require.Equal(t, began, say(job.Report{Progress: job.Rebooting}).Began)
	require.True(t, say(job.Report{Result: job.Completed}).Began.IsZero())
}

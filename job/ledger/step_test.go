package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// rev is the asset of the tables: manifest 3 is sealed, so a change gets number 4.
var rev = ledger.Revisions{Wanted: 4, Sealed: 3}

// order returns an order in a phase, changed by each of change.
func order(p ledger.Phase, change ...func(*ledger.Entry)) ledger.Entry {
	e := ledger.Entry{Run: run, Asset: asset, Phase: p}
	for _, c := range change {
		c(&e)
	}
	return e
}

func held(e *ledger.Entry)      { e.Since = 2 }
func fresh(e *ledger.Entry)     { e.Since = 4 }
func marked(e *ledger.Entry)    { e.Cancelled = true }
func retracted(e *ledger.Entry) { e.Retracted = true }
func stale(e *ledger.Entry)     { e.Stale = true }
func lost(e *ledger.Entry)      { e.Lost = true }

func stage(s job.Stage) func(*ledger.Entry) { return func(e *ledger.Entry) { e.Stage = s } }

func result(r job.Result) func(*ledger.Entry) {
	return func(e *ledger.Entry) {
		if e.Result = r; e.Phase == ledger.Ended {
			e.Ended = t0
		}
	}
}

func former(e *ledger.Entry) { e.Former = "k" }

func tooLate(s job.Stage) func(*ledger.Entry) { return func(e *ledger.Entry) { e.TooLate = s } }

// situations are the orders of the tables, by name.
var situations = []struct {
	name string
	e    ledger.Entry
}{
	{"never made", none},
	{"waiting", order(ledger.Waiting)},
	{"not sealed", order(ledger.Open, fresh)},
	{"queued", order(ledger.Open, held)},
	{"made again", order(ledger.Open, held, stale)},
	{"begun", order(ledger.Open, held, stage(job.StageDownload))},
	{"deploying", order(ledger.Open, held, stage(job.StageDeploy))},
	{"waits for a reboot", order(ledger.Open, held, stage(job.StageReboot), result(job.PendingReboot))},
	{"marked", order(ledger.Open, held, marked)},
	{"marked, begun", order(ledger.Open, held, marked, stage(job.StageDownload))},
	{"marked, too late", order(ledger.Open, held, marked, stage(job.StageDeploy), tooLate(job.StageDeploy))},
	{"withdrawn, marked", order(ledger.Open, held, marked, retracted)},
	{"gone", order(ledger.Gone, held, retracted)},
	{"gone, begun", order(ledger.Gone, held, retracted, stage(job.StageDownload))},
	{"gone, deploying", order(ledger.Gone, held, retracted, stage(job.StageDeploy))},
	{"ended unheld: withdrawn", order(ledger.Ended, result(job.Withdrawn))},
	{"ended unheld: cancelled", order(ledger.Ended, marked, result(job.Cancelled))},
	{"ended unheld: nothing to do", order(ledger.Ended, result(job.NotApplicable))},
	{"ended unheld: missed", order(ledger.Ended, result(job.TimedOut))},
	{"ended: withdrawn", order(ledger.Ended, held, retracted, result(job.Withdrawn))},
	{"ended: cancelled", order(ledger.Ended, held, marked, result(job.Cancelled))},
	{"ended: completed", order(ledger.Ended, held, stage(job.StageDone), result(job.Completed))},
	{"ended: failed", order(ledger.Ended, held, stage(job.StageDone), result(job.Failed))},
	{"ended: lost", order(ledger.Ended, held, stage(job.StageDeploy), result(job.Failed), lost)},
	{"removed", order(ledger.Ended, held, stage(job.StageDeploy), result(job.Failed), lost, former)},
	{"removed, not begun", order(ledger.Ended, held, result(job.Withdrawn), lost, former)},
}

// say writes down what matters of an order and of what goes with a step; "=" if
// the step changed nothing.
func say(before, after ledger.Entry, out ledger.Out) string {
	var words []string
	add := func(is bool, format string, args ...any) {
		if is {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	if after == before {
		words = append(words, "=")
	} else {
		words = append(words, after.Phase.String())
		add(after.Since != 0, "since %d", after.Since)
		add(after.Stage != 0, "stage %v", after.Stage)
		add(after.Result != 0, "%v", after.Result)
		add(after.Cancelled, "marked")
		add(after.TooLate != 0, "too late: %v", after.TooLate)
		add(after.Retracted, "retracted")
		add(after.Stale, "stale")
		add(after.Doubtful, "doubtful")
		add(after.Again, "again")
		add(after.Lost, "lost")
		add(after.Former != "", "of a former one")
		add(!after.Ended.IsZero(), "at %s", after.Ended.Format("15:04"))
	}
	add(out.Revise && !out.Without, "+revise")
	add(out.Revise && out.Without, "+revise without")
	add(out.KeepOutcomes, "+outcomes")
	add(out.Follow, "+follow") // Recount is a function of the two entries: see TestEveryStep
	add(out.Objection != "", "+objection: %s", out.Objection)
	return strings.Join(words, ", ")
}

// situation returns an order of the tables.
func situation(t *testing.T, name string) ledger.Entry {
	for _, s := range situations {
		if s.name == name {
			return s.e
		}
	}
	require.Fail(t, "no such situation", name)
	return ledger.Entry{}
}

func TestSituationsAreValid(t *testing.T) {
	seen := map[ledger.Entry]string{}
	for _, s := range situations {
		require.Empty(t, seen[s.e], s.name)
		if seen[s.e] = s.name; s.e.Phase != 0 {
			require.NoError(t, s.e.Validate(), s.name)
		}
	}
}

// What each event but a report does in each situation. Where a situation is
// missing, the event changes nothing and has no effect.
func TestEvents(t *testing.T) {
	const (
		withdrawnHere = "ended, Withdrawn, at 20:00"
		empty         = "ended, NotApplicable, at 20:00, +follow"
		failed        = "ended, Failed, at 20:00"
		again         = "open, since 2, +revise"
		madeNew       = "open, since 4, +revise"
		gone          = "gone, since 2, retracted, +revise without"
		goneStale     = "gone, since 2, retracted, stale, +revise without"
	)
	for _, c := range []struct {
		name string
		ev   ledger.Event
		want map[string]string
	}{
		{"the inventory is awaited", ledger.Awaited{}, map[string]string{
			"never made": "waiting", "not sealed": "waiting", "queued": "gone, since 2, retracted, again, +revise without",
			"made again": "gone, since 2, retracted, stale, again, +revise without", "gone": "gone, since 2, retracted, again", "ended: withdrawn": "waiting",
			"ended unheld: withdrawn": "waiting", "ended unheld: nothing to do": "waiting", "ended unheld: missed": "waiting",
		}},
		{"made (MAN-2)", ledger.Made{Start: t0}, map[string]string{
			"never made": madeNew, "waiting": madeNew, "not sealed": madeNew, "queued": again,
			"made again": "open, since 2, stale, +revise", "gone": "open, since 2, stale, +revise", "ended: withdrawn": madeNew,
			"ended unheld: withdrawn": madeNew, "ended unheld: nothing to do": madeNew, "ended unheld: missed": madeNew,
		}},
		{"made, with nothing to do", ledger.MadeEmpty{Result: job.NotApplicable}, map[string]string{
			"never made": empty, "waiting": empty, "not sealed": empty, "queued": gone, "made again": goneStale, "ended: withdrawn": empty,
			"ended unheld: withdrawn": empty, "ended unheld: nothing to do": empty, "ended unheld: missed": empty,
		}},
		{"made, and impossible", ledger.MadeEmpty{Result: job.Failed, Text: "no zone"}, map[string]string{
			"never made": failed, "waiting": failed, "not sealed": failed, "queued": gone, "made again": goneStale, "ended: withdrawn": failed,
			"ended unheld: withdrawn": failed, "ended unheld: nothing to do": failed, "ended unheld: missed": failed,
		}},
		{"trimmed (CAT-6, CAT-9)", ledger.Trimmed{}, map[string]string{
			"not sealed": "=, +revise", "queued": "=, +revise", "made again": "=, +revise",
			"begun": "=, +revise", "deploying": "=, +revise", "waits for a reboot": "=, +revise",
		}},
		{"trimmed, and nothing is left", ledger.Trimmed{Empty: true}, map[string]string{
			"not sealed": withdrawnHere, "queued": gone, "made again": goneStale,
			"begun":              "gone, since 2, stage download, retracted, +revise without",
			"deploying":          "gone, since 2, stage deploy, retracted, +revise without",
			"waits for a reboot": "gone, since 2, stage reboot, PendingReboot, retracted, +revise without",
		}},
		{"withdrawn (JOB-5)", ledger.Withdrawn{}, map[string]string{
			"waiting": withdrawnHere, "not sealed": withdrawnHere, "queued": gone, "made again": goneStale,
			"begun":              "gone, since 2, stage download, retracted, +revise without",
			"deploying":          "gone, since 2, stage deploy, retracted, +revise without",
			"waits for a reboot": "gone, since 2, stage reboot, PendingReboot, retracted, +revise without",
		}},
		{"the agent's state is lost (JOB-24)", ledger.StateLost{}, map[string]string{
			"begun":              "ended, since 2, stage download, Failed, lost, at 20:00, +revise",
			"deploying":          "ended, since 2, stage deploy, Failed, lost, at 20:00, +revise",
			"waits for a reboot": "ended, since 2, stage reboot, Failed, lost, at 20:00, +revise",
			"marked, begun":      "ended, since 2, stage download, Failed, marked, lost, at 20:00, +revise",
			"marked, too late":   "ended, since 2, stage deploy, Failed, marked, too late: deploy, lost, at 20:00, +revise",
			"gone, begun":        "ended, since 2, stage download, Failed, retracted, lost, at 20:00",
			"gone, deploying":    "ended, since 2, stage deploy, Failed, retracted, lost, at 20:00",
		}},
		{"the server was put back (JOB-24)", ledger.ServerPutBack{}, map[string]string{
			"begun":              "open, since 2, stage download, doubtful, +revise",
			"deploying":          "open, since 2, stage deploy, doubtful, +revise",
			"waits for a reboot": "open, since 2, stage reboot, PendingReboot, doubtful, +revise",
			"marked, begun":      "open, since 2, stage download, marked, doubtful, +revise",
			"marked, too late":   "open, since 2, stage deploy, marked, too late: deploy, doubtful, +revise",
			"gone, begun":        "open, since 2, stage download, retracted, doubtful, +revise",
			"gone, deploying":    "open, since 2, stage deploy, retracted, doubtful, +revise",
		}},
		{"a cancel (JOB-3)", ledger.CancelAsked{}, map[string]string{
			"waiting": "ended, Cancelled, marked, at 20:00", "not sealed": "ended, Cancelled, marked, at 20:00",
			"queued": "open, since 2, marked, +revise", "made again": "open, since 2, marked, stale, +revise",
			"begun":       "open, since 2, stage download, marked, +revise",
			"gone":        "open, since 2, marked, retracted, +revise",
			"gone, begun": "open, since 2, stage download, marked, retracted, +revise",
		}},
		{"missed (JOB-12)", ledger.Missed{}, map[string]string{
			"not sealed": "ended, TimedOut, at 20:00",
		}},
		{"the asset never held it", ledger.NeverHeld{}, map[string]string{
			"gone": "ended, Withdrawn, retracted, at 20:00",
		}},
		{"the asset is removed (MAN-10)", ledger.AssetRemoved{Key: "k"}, map[string]string{
			"waiting": withdrawnHere, "not sealed": withdrawnHere,
			"queued":             "ended, since 2, Withdrawn, lost, of a former one, at 20:00, +revise without",
			"made again":         "ended, since 2, Withdrawn, lost, of a former one, at 20:00, +revise without",
			"begun":              "ended, since 2, stage download, Failed, lost, of a former one, at 20:00, +revise without",
			"deploying":          "ended, since 2, stage deploy, Failed, lost, of a former one, at 20:00, +revise without",
			"waits for a reboot": "ended, since 2, stage reboot, Failed, lost, of a former one, at 20:00, +revise without",
			"marked":             "ended, since 2, Withdrawn, marked, lost, of a former one, at 20:00, +revise without",
			"marked, begun":      "ended, since 2, stage download, Failed, marked, lost, of a former one, at 20:00, +revise without",
			"marked, too late":   "ended, since 2, stage deploy, Failed, marked, too late: deploy, lost, of a former one, at 20:00, +revise without",
			"withdrawn, marked":  "ended, since 2, Withdrawn, marked, retracted, lost, of a former one, at 20:00, +revise without",
			"gone":               "ended, since 2, Withdrawn, retracted, lost, of a former one, at 20:00",
			"gone, begun":        "ended, since 2, stage download, Failed, retracted, lost, of a former one, at 20:00",
			"gone, deploying":    "ended, since 2, stage deploy, Failed, retracted, lost, of a former one, at 20:00",
		}},
		{"no event", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name := range c.want {
				situation(t, name)
			}
			for _, s := range situations {
				want, changes := c.want[s.name]
				if !changes {
					want = "="
				}
				e, out := ledger.Step(rev, s.e, c.ev, t0.Add(time.Hour))
				require.Equal(t, want, say(s.e, e, out), s.name)
			}
		})
	}
}

// What a manifest has in it never changes under a number that the asset may
// hold: the first change of an order that is not sealed yet is not counted
// twice (MAN-4).
func TestSinceIsTheNextNumber_MAN4(t *testing.T) {
	for _, c := range []struct {
		r    ledger.Revisions
		want string
	}{
		{ledger.Revisions{}, "open, since 1, +revise"},
		{ledger.Revisions{Wanted: 3, Sealed: 3}, "open, since 4, +revise"},
		{ledger.Revisions{Wanted: 4, Sealed: 3}, "open, since 4, +revise"},
		{ledger.Revisions{Wanted: 41, Sealed: 3}, "open, since 41, +revise"},
	} {
		e, out := ledger.Step(c.r, none, ledger.Made{Start: t0}, t0)
		require.Equal(t, c.want, say(none, e, out))
	}
}

// full is an order of which everything is known.
func full(e *ledger.Entry) {
	e.Start, e.Dropped, e.Progress, e.Reboots, e.Text = t0.Add(time.Hour), 7, job.Received, 2, "said"
}

func reported(e *ledger.Entry) { e.At = t0 }

// A made order has its start, in UTC, and the number of patches over the limit,
// and nothing of what was known before but whether the asset may hold it
// (JOB-8).
func TestMadeIsANewOrder_JOB8(t *testing.T) {
	berlin := time.FixedZone("Berlin", 3600)
	for _, e := range []ledger.Entry{none, order(ledger.Open, held, full, reported), order(ledger.Gone, held, retracted, full, reported), order(ledger.Ended, result(job.Withdrawn), full)} {
		after, _ := ledger.Step(rev, e, ledger.Made{Start: t0.In(berlin), Dropped: 3}, t0)
		want := ledger.Entry{Run: run, Asset: asset, Phase: ledger.Open, Start: t0, Dropped: 3, Since: after.Since, Stale: e.Phase == ledger.Gone}
		require.True(t, want == after, "compared with ==, as a server does: %+v", after)
	}
	now := time.Now() // with a monotonic clock, which no record has
	after, _ := ledger.Step(rev, none, ledger.Made{Start: now}, t0)
	require.True(t, after.Start == now.UTC().Round(0))
}

func TestMadeEmptyIsANewOrder_JOB8(t *testing.T) {
	long := strings.Repeat("x", ledger.MaxText)
	for _, c := range []struct{ text, want string }{{"no zone", "no zone"}, {"", ""}, {long, long}, {long + "x", long[:ledger.MaxText-3] + "…"}} {
		e := order(ledger.Ended, result(job.Withdrawn), full)
		after, _ := ledger.Step(rev, e, ledger.MadeEmpty{Result: job.Failed, Text: c.text, Dropped: 3}, t0.Add(time.Hour))
		require.Equal(t, ledger.Entry{Run: run, Asset: asset, Phase: ledger.Ended, Dropped: 3, Result: job.Failed, Ended: t0.Add(time.Hour), Text: c.want}, after)
	}
}

// Of an order whose inventory is awaited nothing is known.
func TestAwaitedForgetsTheOrder(t *testing.T) {
	e := order(ledger.Open, fresh, full)
	after, out := ledger.Step(rev, e, ledger.Awaited{}, t0)
	require.Equal(t, ledger.Entry{Run: run, Asset: asset, Phase: ledger.Waiting}, after)
	require.Empty(t, out, "the number that the order got is not used up")
}

// An order that ends without the asset keeps what was said of it, unless there is a reason to give.
func TestTextsOfTheServersEndings(t *testing.T) {
	for _, c := range []struct {
		e    ledger.Entry
		ev   ledger.Event
		want string
	}{
		{order(ledger.Open, fresh, full), ledger.Withdrawn{}, "said"},
		{order(ledger.Open, fresh, full), ledger.Trimmed{Empty: true}, "said"},
		{order(ledger.Open, fresh, full), ledger.CancelAsked{}, "said"},
		{order(ledger.Open, fresh, full), ledger.Missed{}, "a newer run of the job is due"},
		{order(ledger.Gone, held, retracted, full), ledger.NeverHeld{}, "withdrawn before the asset received it"},
		{order(ledger.Open, held, full, stage(job.StageDeploy)), ledger.AssetRemoved{Key: "k"}, "the asset was removed before it reported how this ended"},
		{order(ledger.Gone, held, retracted, full, stage(job.StageDeploy)), ledger.AssetRemoved{Key: "k"}, "the asset was removed before it reported how this ended"},
		{order(ledger.Open, held, full), ledger.AssetRemoved{Key: "k"}, "the asset was removed before it reported that it began this"},
		{order(ledger.Open, fresh, full), ledger.AssetRemoved{Key: "k"}, "the asset was removed"},
	} {
		after, _ := ledger.Step(rev, c.e, c.ev, t0)
		require.Equal(t, c.want, after.Text, "%T on %v", c.ev, c.e.Phase)
	}
}

// The server was restored from a backup and does not know that it sealed the
// order. But the asset reports on it, so it has it, and the server ends nothing
// of it (JOB-3, JOB-5).
func TestAnAssetThatReportsHasTheOrder_JOB5(t *testing.T) {
	e, _ := ledger.Step(rev, situation(t, "not sealed"), ledger.Reported{Report: job.Report{Progress: job.Received}}, t0)
	require.True(t, e.Held(rev.Sealed))
	for name, c := range map[string]struct {
		ev   ledger.Event
		want string
	}{
		"withdrawn":     {ledger.Withdrawn{}, "gone, since 4, retracted, +revise without"},
		"a cancel":      {ledger.CancelAsked{}, "open, since 4, marked, +revise"},
		"missed":        {ledger.Missed{}, "="},
		"nothing to do": {ledger.MadeEmpty{Result: job.NotApplicable}, "gone, since 4, retracted, +revise without"},
		"made again":    {ledger.Made{Start: t0}, "open, since 4, +revise"},
		"awaited":       {ledger.Awaited{}, "gone, since 4, retracted, again, +revise without"},
	} {
		after, out := ledger.Step(rev, e, c.ev, t0)
		require.Equal(t, c.want, say(e, after, out), name)
	}
}

// An order that has begun is never made again, even if the asset then reports it as withdrawn.
func TestBegunIsNeverMadeAgain(t *testing.T) {
	e, _ := ledger.Step(rev, situation(t, "gone, begun"), ledger.Reported{Report: job.Report{Result: job.Withdrawn}}, t0)
	require.Equal(t, job.Withdrawn, e.Result)
	for _, ev := range []ledger.Event{ledger.Made{Start: t0}, ledger.MadeEmpty{Result: job.NotApplicable}, ledger.Awaited{}} {
		after, out := ledger.Step(rev, e, ev, t0)
		require.Equal(t, "=", say(e, after, out))
	}
}

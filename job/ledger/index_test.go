package ledger_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// The rows of an order in each situation. TestIndexOfEveryState says the same of every state.
func TestRowsOfAnOrder(t *testing.T) {
	start := func(e *ledger.Entry) { e.Start = t0 }
	live, unheard, cancels, reboots := ledger.Row{Index: ledger.Live}, ledger.Row{Index: ledger.Unheard}, ledger.Row{Index: ledger.Cancels}, ledger.Row{Index: ledger.Reboots}
	working := func(s job.Stage) ledger.Row {
		return ledger.Row{Index: ledger.Working, Stage: ledger.StageSince{Stage: s}}
	}
	queued := func(q ledger.Queued) ledger.Row { return ledger.Row{Index: ledger.Queue, Queued: q} }
	pending := result(job.PendingReboot)
	for _, c := range []struct {
		what string
		e    ledger.Entry
		want []ledger.Row
	}{
		{"never made", none, nil},
		{"waiting", order(ledger.Waiting), []ledger.Row{live, queued(ledger.Queued{Waiting: true})}},
		{"open", order(ledger.Open, fresh, start), []ledger.Row{live, queued(ledger.Queued{Start: t0})}},
		{"begun", order(ledger.Open, held, start, stage(job.StageDeploy)), []ledger.Row{live, queued(ledger.Queued{Start: t0}), working(job.StageDeploy)}},
		{"marked", order(ledger.Open, held, start, marked), []ledger.Row{live, queued(ledger.Queued{Start: t0, Cancelled: true}), cancels}},
		{"marked, and deploying by its own report", order(ledger.Open, held, start, marked, stage(job.StageDeploy)),
			[]ledger.Row{live, queued(ledger.Queued{Start: t0, Cancelled: true}), cancels, working(job.StageDeploy)}},
		{"marked, too late", order(ledger.Open, held, start, marked, stage(job.StageDeploy), tooLate(job.StageDeploy)),
			[]ledger.Row{live, queued(ledger.Queued{Start: t0, Cancelled: true}), working(job.StageDeploy)}},
		{"reboots", order(ledger.Open, held, start, stage(job.StageReboot), pending, func(e *ledger.Entry) { e.Progress = job.Rebooting }),
			[]ledger.Row{live, queued(ledger.Queued{Start: t0}), reboots, working(job.StageReboot)}},
		{"waits for a reboot", order(ledger.Open, held, start, stage(job.StageReboot), pending), []ledger.Row{live, queued(ledger.Queued{Start: t0}), reboots}},
		{"marked, and waits for a reboot", order(ledger.Open, held, start, marked, stage(job.StageReboot), pending),
			[]ledger.Row{live, queued(ledger.Queued{Start: t0, Cancelled: true}), cancels, reboots}},
		{"waits for its inventory", order(ledger.Open, held, start, stage(job.StageDeploy), result(job.PendingVerification)), []ledger.Row{live, queued(ledger.Queued{Start: t0})}},
		{"gone", order(ledger.Gone, held, start, retracted), []ledger.Row{unheard}},
		{"gone, begun", order(ledger.Gone, held, start, retracted, stage(job.StageDownload)), []ledger.Row{live, unheard, working(job.StageDownload)}},
		{"gone, and waits for a reboot", order(ledger.Gone, held, start, retracted, stage(job.StageReboot), pending), []ledger.Row{live, unheard, reboots}},
		{"ended", order(ledger.Ended, held, start, stage(job.StageDone), result(job.Completed)), nil},
		{"ended unheld", order(ledger.Ended, result(job.Withdrawn)), nil},
		{"cancelled", order(ledger.Ended, held, marked, result(job.Cancelled)), nil},
		{"removed", order(ledger.Ended, held, start, stage(job.StageReboot), result(job.Failed), lost, former, marked), nil},
	} {
		require.Equal(t, c.want, c.e.Index(), c.what)
		require.True(t, c.e.Phase == 0 || c.e.Validate() == nil, c.what)
	}
}

// cell is a row of a test's index.
type cell struct {
	key   string
	value int
}

func keyOf(c cell) string { return c.key }

func TestChanges(t *testing.T) {
	a, b, c := cell{"a", 1}, cell{"b", 1}, cell{"c", 1}
	for _, x := range []struct {
		what                       string
		before, after, put, remove []cell
	}{
		{"nothing", nil, nil, nil, nil},
		{"the same", []cell{a, b}, []cell{b, a}, nil, nil},
		{"all new", nil, []cell{a, b}, []cell{a, b}, nil},
		{"all gone", []cell{a, b}, nil, nil, []cell{a, b}},
		{"one new, one gone", []cell{a, b}, []cell{b, c}, []cell{c}, []cell{a}},
		{"another value", []cell{a, b}, []cell{{"a", 2}, b}, []cell{{"a", 2}}, nil},
		{"the zero value", []cell{a}, []cell{{"a", 0}}, []cell{{"a", 0}}, nil},
		{"a new row of the zero value", nil, []cell{{}}, []cell{{}}, nil},
		{"a row of the zero value is gone", []cell{{}}, nil, nil, []cell{{}}},
	} {
		put, remove := ledger.Changes(x.before, x.after, keyOf)
		require.Equal(t, x.put, put, x.what)
		require.Equal(t, x.remove, remove, x.what)
	}
}

// Whoever writes the changes to what was stored has what is to be stored.
func TestChangesLeadFromBeforeToAfter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() (list []cell) {
		for _, i := range random.Perm(6)[:random.IntN(6)] {
			list = append(list, cell{string(rune('a' + i)), random.IntN(3)})
		}
		return list
	}
	for range 2000 {
		before, after := draw(), draw()
		stored, want := map[string]int{}, map[string]int{}
		for _, c := range before {
			stored[c.key] = c.value
		}
		for _, c := range after {
			want[c.key] = c.value
		}
		put, remove := ledger.Changes(before, after, keyOf)
		for _, c := range put {
			require.True(t, stored[c.key] != c.value || c.value == 0, "%v is there already", c)
			stored[c.key] = c.value
		}
		for _, c := range remove {
			require.Contains(t, stored, c.key)
			delete(stored, c.key)
		}
		require.Equal(t, want, stored, "%v to %v", before, after)
	}
}

// Every order is counted where it stands, once.
func TestTally(t *testing.T) {
	dropped := func(n int) func(*ledger.Entry) { return func(e *ledger.Entry) { e.Dropped = n } }
	for _, c := range []struct {
		what string
		e    ledger.Entry
		want ledger.Tally
	}{
		{"waiting", order(ledger.Waiting), ledger.Tally{Assets: 1, Waiting: 1}},
		{"open", order(ledger.Open, fresh, dropped(2)), ledger.Tally{Assets: 1, NotBegun: 1, Dropped: 2}},
		{"begun", order(ledger.Open, held, stage(job.StageDownload), dropped(1)), ledger.Tally{Assets: 1, Executing: 1, Dropped: 1}},
		{"waits for a reboot", order(ledger.Open, held, stage(job.StageReboot), result(job.PendingReboot)), ledger.Tally{Assets: 1, Executing: 1, PendingReboots: 1}},
		{"waits for its inventory", order(ledger.Open, held, stage(job.StageDeploy), result(job.PendingVerification)), ledger.Tally{Assets: 1, Executing: 1}},
		{"marked", order(ledger.Open, held, marked), ledger.Tally{Assets: 1, NotBegun: 1, PendingCancels: 1}},
		{"marked, begun", order(ledger.Open, held, marked, stage(job.StageDownload)), ledger.Tally{Assets: 1, Executing: 1, PendingCancels: 1}},
		{"marked, too late", order(ledger.Open, held, marked, stage(job.StageDeploy), tooLate(job.StageDeploy)), ledger.Tally{Assets: 1, Executing: 1}},
		{"gone", order(ledger.Gone, held, retracted), ledger.Tally{Assets: 1, NotBegun: 1}},
		{"gone, and waits for a reboot", order(ledger.Gone, held, retracted, stage(job.StageReboot), result(job.PendingReboot)), ledger.Tally{Assets: 1, Executing: 1, PendingReboots: 1}},
		{"completed by a former asset", order(ledger.Ended, held, stage(job.StageDone), result(job.Completed), former), ledger.Tally{Assets: 1, Results: results(job.Completed)}},
		{"completed", order(ledger.Ended, held, stage(job.StageDone), result(job.Completed), dropped(3)),
			ledger.Tally{Assets: 1, Succeeded: 1, Dropped: 3, Results: results(job.Completed)}},
		{"nothing to do", order(ledger.Ended, result(job.NotApplicable)), ledger.Tally{Assets: 1, Succeeded: 1, Results: results(job.NotApplicable)}},
		{"failed", order(ledger.Ended, held, stage(job.StageDone), result(job.Failed)), ledger.Tally{Assets: 1, Results: results(job.Failed)}},
		{"cancelled", order(ledger.Ended, held, marked, result(job.Cancelled)), ledger.Tally{Assets: 1, Results: results(job.Cancelled)}},
	} {
		var tally ledger.Tally
		tally.Add(c.e)
		require.Equal(t, c.want, tally, c.what)
		tally.Add(c.e)
		require.Equal(t, 2*c.want.Dropped, tally.Dropped, c.what)
		require.Equal(t, 2, tally.Assets, c.what)
	}
	var tally ledger.Tally
	for _, s := range situations[1:] {
		tally.Add(s.e)
	}
	ended := 0
	for _, n := range tally.Results {
		ended += n
	}
	require.Equal(t, len(situations)-1, tally.Assets)
	require.Equal(t, tally.Assets, tally.Waiting+tally.NotBegun+tally.Executing+ended, "each in one of four places")
}

// Counts that follow each step are those of the orders as they are, also in
// parts.
func TestTallyFollowsSteps(t *testing.T) {
	for _, before := range situations {
		for _, after := range situations {
			var want, kept, one, other ledger.Tally
			if after.e.Phase != 0 {
				want.Add(after.e)
			}
			one.Replace(ledger.Entry{}, before.e)
			other.Replace(before.e, after.e)
			kept.Plus(one)
			kept.Plus(other)
			require.Equal(t, want, kept, "%v to %v", before.e, after.e)
		}
	}
}

func results(r job.Result) (list [job.PendingVerification + 1]int) {
	list[r]++
	return list
}

// A start is compared with ==, so it has no zone and no monotonic clock.
func TestStartsAreComparable(t *testing.T) {
	e, _ := ledger.Step(rev, none, ledger.Made{Start: t0.In(time.FixedZone("+1", 3600))}, t0)
	again, _ := ledger.Step(rev, e, ledger.Made{Start: t0}, t0)
	put, remove := ledger.Changes(e.Index(), again.Index(), func(r ledger.Row) ledger.Index { return r.Index })
	require.Empty(t, put)
	require.Empty(t, remove)
}

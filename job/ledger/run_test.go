package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

var drop = []ledger.Drop{{Patch: "editor-2", Rule: "CAT-9", Text: "The patch left the catalog."}}

// occurrenceRun is a run in a state, with passes that have come to asset m.
func occurrenceRun(s ledger.RunState, passes ...ledger.PassKind) ledger.Run {
	r := ledger.Run{ID: run, Start: t0, State: s}
	switch s {
	case ledger.RunPlanned:
		r.Due = t0
	case ledger.RunMade:
		r.Made = t0
	}
	for _, kind := range passes {
		p := ledger.Pass{Kind: kind, Cursor: "m"}
		if kind == ledger.TrimPass {
			p.Drop = drop
		}
		r.Passes = append(r.Passes, p)
	}
	return r
}

// sayRun writes down where a run stands and what its passes have still to do.
func sayRun(r ledger.Run) string {
	words := []string{r.State.String()}
	add := func(is bool, format string, args ...any) {
		if is {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(!r.Due.IsZero(), "due %s", r.Due.Format("15:04"))
	add(!r.Made.IsZero(), "at %s", r.Made.Format("15:04"))
	for _, p := range r.Passes {
		text := p.Kind.String()
		if p.Live {
			text += " live"
		}
		for _, d := range p.Drop {
			text += " " + string(d.Patch)
		}
		if p.Cursor != "" {
			text += " after " + string(p.Cursor)
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}

func TestRunEvents(t *testing.T) {
	const (
		planned   = ledger.RunPlanned
		making    = ledger.RunMaking
		made      = ledger.RunMade
		cancelled = ledger.RunCancelled
		withdrawn = ledger.RunWithdrawn
		missed    = ledger.RunMissed
	)
	hour := func(h int) time.Time { return time.Date(t0.Year(), t0.Month(), t0.Day(), h, 0, 0, 0, time.UTC) }
	dueAgain := func(passes ...ledger.PassKind) ledger.Run {
		r := occurrenceRun(making, passes...)
		r.Due = hour(21)
		return r
	}
	left := ledger.PatchesLeft{Drop: []ledger.Drop{{Patch: "editor-2"}, {Patch: "player-2"}}}
	again := ledger.RunPlan{ID: run, Occurrence: schedule.Occurrence{Start: t0}, Due: later.Add(time.Hour)}
	for _, c := range []struct {
		r    ledger.Run
		ev   ledger.RunEvent
		want string
	}{
		{occurrenceRun(planned), ledger.RunDue{}, "making, make"},
		{occurrenceRun(planned), ledger.RunDue{Missed: true}, "missed"},
		// Of a run that follows asset by asset, only the orders that wait are made (JOB-19).
		{ledger.StepRun(ledger.Run{}, ledger.RunPlan{ID: run, Occurrence: schedule.Occurrence{Start: t0}, Due: t0, After: "first@20260301T120000Z"}, t0), ledger.RunDue{}, "making, make live"},
		{occurrenceRun(making, ledger.MakePass), ledger.RunDue{}, "making, make after m"},
		{occurrenceRun(making, ledger.MakePass), ledger.RunDue{Missed: true}, "making, make after m"},
		{occurrenceRun(made), ledger.RunDue{}, "made, at 19:00"},
		{occurrenceRun(cancelled), ledger.RunDue{}, "cancelled"},
		{occurrenceRun(withdrawn), ledger.RunDue{}, "withdrawn"},
		{occurrenceRun(missed), ledger.RunDue{}, "missed"},

		// An edit makes the orders again, from the first on, by the newest
		// catalog: what was to be trimmed is not in them (MAN-2).
		{occurrenceRun(planned), ledger.JobChanged{}, "planned, due 19:00"},
		{occurrenceRun(planned), ledger.JobChanged{Started: true}, "planned, due 19:00"},
		{occurrenceRun(making, ledger.MakePass), ledger.JobChanged{}, "making, make"},
		{occurrenceRun(making, ledger.MakePass, ledger.TrimPass), ledger.JobChanged{Started: true}, "making, remake live"},
		{occurrenceRun(made), ledger.JobChanged{}, "making, at 19:00, remake"},
		{occurrenceRun(made), ledger.JobChanged{Started: true}, "making, at 19:00, remake live"},
		{occurrenceRun(made, ledger.TrimPass), ledger.JobChanged{}, "making, at 19:00, remake"},
		{occurrenceRun(making, ledger.RemakePass), ledger.JobChanged{}, "making, remake"},
		{occurrenceRun(making, ledger.MorePass), ledger.JobChanged{}, "making, make"},
		{occurrenceRun(cancelled, ledger.CancelPass), ledger.JobChanged{}, "cancelled, cancel after m"},
		{occurrenceRun(withdrawn, ledger.WithdrawPass), ledger.JobChanged{}, "withdrawn, withdraw after m"},
		{occurrenceRun(missed), ledger.JobChanged{}, "missed"},

		// Patches leave after what is being done, and the newest list counts (CAT-6, CAT-9).
		{occurrenceRun(made), left, "made, at 19:00, trim editor-2 player-2"},
		{occurrenceRun(made, ledger.TrimPass), left, "made, at 19:00, trim editor-2 player-2"},
		{occurrenceRun(making, ledger.MakePass), left, "making, make after m, trim editor-2 player-2"},
		{occurrenceRun(making, ledger.MakePass, ledger.TrimPass), left, "making, make after m, trim editor-2 player-2"},
		{occurrenceRun(cancelled, ledger.CancelPass), left, "cancelled, cancel after m, trim editor-2 player-2"},

		// Where each asset goes by its own zone, a run is taken up again for
		// each zone, and is being made until the last (MAN-1).
		{occurrenceRun(planned), ledger.RunDue{Last: later}, "making, make"},
		{occurrenceRun(planned), ledger.RunDue{Last: hour(21)}, "making, due 21:00, make"},
		{occurrenceRun(planned), ledger.RunDue{Missed: true, Last: hour(21)}, "missed"},
		{dueAgain(ledger.MakePass), ledger.Passed{Cursor: "q", Next: hour(20)}, "making, due 20:00, make after q"},
		{dueAgain(ledger.MakePass), ledger.Passed{Cursor: "q", Next: hour(22)}, "making, due 21:00, make after q"},
		{occurrenceRun(making, ledger.MakePass), ledger.Passed{Last: true, Next: hour(22)}, "making, due 22:00, at 20:00"},
		{dueAgain(ledger.MakePass), ledger.Passed{Last: true}, "making, due 21:00, at 20:00"},
		{dueAgain(), ledger.RunDue{Last: hour(22)}, "making, due 22:00, more"},
		{dueAgain(), ledger.RunDue{}, "making, more"},
		{dueAgain(ledger.MakePass), ledger.RunDue{}, "making, make after m, more"},
		{dueAgain(ledger.TrimPass, ledger.MorePass), ledger.RunDue{}, "making, trim editor-2 after m, more"},
		{occurrenceRun(making, ledger.MakePass, ledger.MorePass), ledger.Passed{Last: true}, "making, at 20:00, more after m"},
		{occurrenceRun(making, ledger.MorePass), ledger.Passed{Last: true}, "made, at 20:00"},
		{dueAgain(), ledger.OrderDue{Due: hour(20)}, "making, due 20:00"},
		{dueAgain(), ledger.OrderDue{Due: hour(22)}, "making, due 21:00"},
		{occurrenceRun(making, ledger.MorePass), ledger.OrderDue{Due: hour(22)}, "making, due 22:00, more after m"},
		{occurrenceRun(planned), ledger.OrderDue{Due: hour(18)}, "planned, due 19:00"},
		{occurrenceRun(made), ledger.OrderDue{Due: hour(22)}, "making, due 22:00, at 19:00"}, // what an order needs may still come (JOB-14)
		{dueAgain(), ledger.JobChanged{}, "making, due 21:00, remake"},
		{dueAgain(), left, "making, due 21:00, trim editor-2 player-2"},
		{dueAgain(), ledger.RunCancel{}, "cancelled, cancel"},
		{dueAgain(), ledger.RunWithdraw{}, "withdrawn, withdraw"},

		// A cancel comes before all, and after a withdrawal too: an asset may
		// have begun before that came. The run stays cancelled, whatever
		// becomes of its job (JOB-3).
		{occurrenceRun(planned), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(making, ledger.MakePass), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(making, ledger.MakePass, ledger.TrimPass), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(made), ledger.RunCancel{}, "cancelled, at 19:00, cancel"},
		{occurrenceRun(made, ledger.TrimPass), ledger.RunCancel{}, "cancelled, at 19:00, cancel"},
		{occurrenceRun(cancelled), ledger.RunCancel{}, "cancelled"},
		{occurrenceRun(cancelled, ledger.CancelPass), ledger.RunCancel{}, "cancelled, cancel after m"},
		{occurrenceRun(cancelled, ledger.CancelPass, ledger.TrimPass), ledger.RunCancel{}, "cancelled, cancel after m, trim editor-2 after m"},
		{occurrenceRun(withdrawn), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(withdrawn, ledger.WithdrawPass), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(planned, ledger.WithdrawPass), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(missed), ledger.RunCancel{}, "missed"},

		{occurrenceRun(planned), ledger.RunWithdraw{}, "withdrawn, withdraw"},
		{occurrenceRun(making, ledger.MakePass, ledger.TrimPass), ledger.RunWithdraw{}, "withdrawn, withdraw"},
		{occurrenceRun(made), ledger.RunWithdraw{}, "withdrawn, at 19:00, withdraw"},
		{occurrenceRun(made, ledger.TrimPass), ledger.RunWithdraw{}, "withdrawn, at 19:00, withdraw"},
		{occurrenceRun(cancelled), ledger.RunWithdraw{}, "cancelled"},
		{occurrenceRun(cancelled, ledger.CancelPass), ledger.RunWithdraw{}, "cancelled, cancel after m"},
		{occurrenceRun(withdrawn, ledger.WithdrawPass), ledger.RunWithdraw{}, "withdrawn, withdraw after m"},
		{occurrenceRun(withdrawn), ledger.RunWithdraw{}, "withdrawn"},
		{occurrenceRun(missed), ledger.RunWithdraw{}, "missed"},

		// A withdrawn run is planned again. What had to be withdrawn of it
		// still has to be, before anything is made (JOB-5).
		{ledger.Run{}, again, "planned, due 21:00"},
		{occurrenceRun(withdrawn), again, "planned, due 21:00"},
		{occurrenceRun(withdrawn, ledger.WithdrawPass), again, "planned, due 21:00, withdraw after m"},
		{occurrenceRun(withdrawn, ledger.WithdrawPass, ledger.TrimPass), again, "planned, due 21:00, withdraw after m"},
		{occurrenceRun(withdrawn, ledger.TrimPass), again, "planned, due 21:00"},
		{occurrenceRun(planned, ledger.WithdrawPass), ledger.RunDue{}, "making, withdraw after m, make"},
		{occurrenceRun(planned, ledger.WithdrawPass), ledger.RunDue{Missed: true}, "missed, withdraw after m"},
		{occurrenceRun(planned, ledger.WithdrawPass), ledger.JobChanged{}, "planned, due 19:00, withdraw after m"},
		{occurrenceRun(planned, ledger.WithdrawPass), ledger.RunWithdraw{}, "withdrawn, withdraw after m"},
		{occurrenceRun(planned, ledger.WithdrawPass), ledger.Passed{Last: true}, "planned, due 19:00"},
		{occurrenceRun(making, ledger.WithdrawPass, ledger.MakePass), ledger.JobChanged{}, "making, withdraw after m, make"},
		{occurrenceRun(making, ledger.WithdrawPass, ledger.MakePass), ledger.RunWithdraw{}, "withdrawn, withdraw after m"},
		{occurrenceRun(making, ledger.WithdrawPass, ledger.MakePass), ledger.RunCancel{}, "cancelled, cancel"},
		{occurrenceRun(making, ledger.WithdrawPass, ledger.MakePass), ledger.Passed{Last: true}, "making, make after m"},

		// The first pass goes on. Its cursor alone moves, until it is done.
		{occurrenceRun(making, ledger.MakePass, ledger.TrimPass), ledger.Passed{Cursor: "q"}, "making, make after q, trim editor-2 after m"},
		{occurrenceRun(making, ledger.MakePass, ledger.TrimPass), ledger.Passed{Cursor: "z", Last: true}, "made, at 20:00, trim editor-2 after m"},
		{occurrenceRun(making, ledger.MakePass), ledger.Passed{Last: true}, "made, at 20:00"},
		{occurrenceRun(made, ledger.TrimPass), ledger.Passed{Cursor: "q"}, "made, at 19:00, trim editor-2 after q"},
		{occurrenceRun(made, ledger.TrimPass), ledger.Passed{Last: true}, "made, at 19:00"},
		{occurrenceRun(cancelled, ledger.CancelPass), ledger.Passed{Cursor: "q"}, "cancelled, cancel after q"},
		{occurrenceRun(cancelled, ledger.CancelPass), ledger.Passed{Last: true}, "cancelled"},
		{occurrenceRun(withdrawn, ledger.WithdrawPass, ledger.TrimPass), ledger.Passed{Last: true}, "withdrawn, trim editor-2 after m"},
		{occurrenceRun(made), ledger.Passed{Cursor: "q"}, "made, at 19:00"},
		{occurrenceRun(made), ledger.Passed{Last: true}, "made, at 19:00"},
		{occurrenceRun(planned), ledger.Passed{Last: true}, "planned, due 19:00"},
		{occurrenceRun(made, ledger.TrimPass), nil, "made, at 19:00, trim editor-2 after m"},
	} {
		t.Run(fmt.Sprintf("%s: %T", sayRun(c.r), c.ev), func(t *testing.T) {
			before := sayRun(c.r)
			next := ledger.StepRun(c.r, c.ev, later)
			require.Equal(t, c.want, sayRun(next))
			require.Equal(t, before, sayRun(c.r), "a step does not change its argument")
			require.Equal(t, next, ledger.StepRun(c.r, c.ev, later), "and is a function of its arguments")
			require.Equal(t, []any{run, t0}, []any{next.ID, next.Start})
		})
	}
}

func TestNewRuns_JOB9_JOB19(t *testing.T) {
	local := schedule.Occurrence{Start: t0}
	local.Local++
	plan := ledger.RunPlan{ID: run, Occurrence: local, From: t0, Due: later}
	require.Equal(t, ledger.Run{ID: run, Start: t0, Local: local.Local, From: t0, State: ledger.RunPlanned, Due: later}, ledger.StepRun(ledger.Run{}, plan, t0))
	require.Equal(t, ledger.Run{ID: run, Start: t0, State: ledger.RunMade, Made: t0, After: "first@x"}, ledger.FollowRun(run, "first@x", t0))
}

func TestOver(t *testing.T) {
	for state, want := range map[ledger.RunState]bool{
		ledger.RunPlanned: false, ledger.RunMaking: false, ledger.RunMade: false,
		ledger.RunCancelled: true, ledger.RunWithdrawn: true, ledger.RunMissed: true,
	} {
		require.Equal(t, want, state.Over(), state)
	}
}

// The rows of a run, and what holds at once for an asset that calls before its turn (JOB-3, JOB-5).
func TestRowsOfARun_JOB3_JOB5(t *testing.T) {
	due, work, stopping := ledger.RunRow{Index: ledger.Due, Due: t0}, ledger.RunRow{Index: ledger.Work}, ledger.RunRow{Index: ledger.Stopping}
	for _, c := range []struct {
		r    ledger.Run
		rows []ledger.RunRow
		stop ledger.Event
	}{
		{ledger.Run{}, nil, nil},
		{occurrenceRun(ledger.RunPlanned), []ledger.RunRow{due}, nil},
		{occurrenceRun(ledger.RunMaking, ledger.MakePass), []ledger.RunRow{work}, nil},
		{occurrenceRun(ledger.RunMaking, ledger.MakePass, ledger.TrimPass), []ledger.RunRow{work}, nil},
		{occurrenceRun(ledger.RunMade), nil, nil},
		{occurrenceRun(ledger.RunMade, ledger.TrimPass), []ledger.RunRow{work}, nil},
		{occurrenceRun(ledger.RunMissed), nil, nil},
		{occurrenceRun(ledger.RunCancelled), nil, nil},
		{occurrenceRun(ledger.RunCancelled, ledger.CancelPass), []ledger.RunRow{work, stopping}, ledger.CancelAsked{}},
		{occurrenceRun(ledger.RunCancelled, ledger.CancelPass, ledger.TrimPass), []ledger.RunRow{work, stopping}, ledger.CancelAsked{}},
		{occurrenceRun(ledger.RunPlanned, ledger.WithdrawPass), []ledger.RunRow{due, work, stopping}, ledger.Withdrawn{}},
		{occurrenceRun(ledger.RunWithdrawn, ledger.WithdrawPass), []ledger.RunRow{work, stopping}, ledger.Withdrawn{}},
		{occurrenceRun(ledger.RunWithdrawn, ledger.TrimPass), []ledger.RunRow{work}, nil},
	} {
		require.Equal(t, c.rows, c.r.Index(), sayRun(c.r))
		require.Equal(t, c.stop, c.r.Stopping(), sayRun(c.r))
	}
}

// Whatever happens to a run, its state and its passes fit: at most one pass of
// each kind, a run that is being made is made first, what stops a run is done
// first, and no order of a run that is over is made.
func TestPassesFitTheState(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	plan := ledger.RunPlan{ID: run, Occurrence: schedule.Occurrence{Start: t0}, Due: t0}
	follow := plan
	follow.After = "first@x"
	events := []ledger.RunEvent{
		ledger.RunDue{}, ledger.RunDue{Missed: true}, ledger.JobChanged{}, ledger.JobChanged{Started: true}, ledger.PatchesLeft{Drop: drop},
		ledger.RunCancel{}, ledger.RunWithdraw{}, ledger.RunWithdraw{}, ledger.Passed{Cursor: "a"}, ledger.Passed{Last: true}, plan,
		ledger.RunDue{Last: later.Add(time.Hour)}, ledger.Passed{Last: true, Next: later.Add(time.Minute)}, ledger.OrderDue{Due: later},
	}
	seen := map[string]bool{}
	for range 500 {
		r := ledger.StepRun(ledger.Run{}, plan, t0)
		if random.IntN(4) == 0 {
			r = ledger.FollowRun(run, "first@x", t0)
		}
		if random.IntN(4) == 0 {
			r = ledger.StepRun(ledger.Run{}, follow, t0)
		}
		for range 20 {
			before := r
			ev := events[random.IntN(len(events))]
			if ev == ledger.RunEvent(plan) && r.State != ledger.RunWithdrawn {
				continue // no other run is planned again
			}
			r = ledger.StepRun(r, ev, later)
			about := fmt.Sprintf("%s, then %s", sayRun(before), sayRun(r))
			seen[sayRun(r)] = true
			at := map[ledger.PassKind]int{}
			for i, p := range r.Passes {
				require.Zero(t, at[p.Kind], about)
				at[p.Kind] = i + 1
				require.Equal(t, p.Kind == ledger.TrimPass, p.Drop != nil, about)
				require.True(t, !p.Live || p.Kind == ledger.RemakePass || r.After != "" && p.Kind != ledger.TrimPass, about)
			}
			require.True(t, r.State != ledger.RunPlanned || !r.Due.IsZero(), about)
			require.True(t, r.Due.IsZero() || r.State == ledger.RunPlanned || r.State == ledger.RunMaking, about)
			stops := min(at[ledger.CancelPass]+at[ledger.WithdrawPass], 1)
			require.LessOrEqual(t, at[ledger.CancelPass]+at[ledger.WithdrawPass], 1, about)
			makes := at[ledger.MakePass] + at[ledger.MorePass] + at[ledger.RemakePass]
			require.Equal(t, r.State == ledger.RunMaking, makes > 0 || r.State != ledger.RunPlanned && !r.Due.IsZero(), about)
			require.True(t, at[ledger.MakePass] == 0 || at[ledger.MakePass] == stops+1, about)
			require.True(t, at[ledger.CancelPass] == 0 || r.State == ledger.RunCancelled, about)
			open := before.State == ledger.RunWithdrawn && (r.State == ledger.RunCancelled || r.State == ledger.RunPlanned)
			require.True(t, !before.State.Over() || r.State == before.State || open, about)
			// What was to be withdrawn or cancelled still is, or was.
			_, passed := ev.(ledger.Passed)
			require.True(t, before.Stopping() == nil || passed || r.Stopping() != nil, about)
			require.True(t, r.State != ledger.RunMade || !r.Made.IsZero(), about)
		}
	}
	require.Greater(t, len(seen), 25, "the walks go everywhere")
}

// An asset that was not part of the run when its turn came does not join later,
// also when the next turn overtakes a pass.
func TestTurnsThatAreOver_JOB9(t *testing.T) {
	due := ledger.RunDue{Last: t0.Add(26 * time.Hour)}
	r := ledger.StepRun(occurrenceRun(ledger.RunPlanned), due, t0)
	require.Equal(t, []ledger.Pass{{Kind: ledger.MakePass}}, r.Passes)
	r = ledger.StepRun(r, ledger.Passed{Last: true}, t0)
	r = ledger.StepRun(r, due, t0.Add(time.Hour))
	require.Equal(t, []ledger.Pass{{Kind: ledger.MorePass, Since: t0}}, r.Passes)
	r = ledger.StepRun(r, ledger.Passed{Cursor: "m"}, t0.Add(time.Hour))
	r = ledger.StepRun(r, due, t0.Add(2*time.Hour))
	require.Equal(t, []ledger.Pass{{Kind: ledger.MorePass, Since: t0}}, r.Passes, "some had not had their turn")
	r = ledger.StepRun(r, ledger.Passed{Last: true}, t0.Add(2*time.Hour))
	r = ledger.StepRun(r, ledger.RunDue{}, t0.Add(26*time.Hour))
	require.Equal(t, []ledger.Pass{{Kind: ledger.MorePass, Since: t0.Add(2 * time.Hour)}}, r.Passes)
	require.Equal(t, ledger.RunMade, ledger.StepRun(r, ledger.Passed{Last: true}, t0.Add(26*time.Hour)).State)
}

// Whether the start is past, or a newer run is due, the clock of the asset's zone says.
func TestTooLate_JOB9_JOB12(t *testing.T) {
	local := func(s string) schedule.LocalTime {
		l, err := schedule.ParseLocalTime(s)
		require.NoError(t, err)
		return l
	}
	at := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return at
	}
	east, west := time.FixedZone("east", 9*60*60), time.FixedZone("west", -5*60*60)
	r := ledger.Run{ID: run, Local: local("2026-03-02T22:00"), From: at("2026-03-02T13:00:00Z")}
	newer := []schedule.LocalTime{local("2026-03-03T22:00"), local("2026-03-04T22:00")}
	require.Contains(t, r.TooLate(east, nil, r.From), "JOB-9", "13:00Z is the start, and that has passed")
	r.From = r.From.Add(-time.Second)
	require.Empty(t, r.TooLate(east, nil, at("2026-03-09T00:00:00Z")), "missed, and the newest")
	require.Empty(t, r.TooLate(east, newer, at("2026-03-03T12:59:59Z")))
	require.Contains(t, r.TooLate(east, newer, at("2026-03-03T13:00:00Z")), "JOB-12")
	require.Empty(t, r.TooLate(west, newer, at("2026-03-04T02:59:59Z")), "the same run, on another clock")
	require.Contains(t, r.TooLate(west, newer, at("2026-03-04T03:00:00Z")), "JOB-12")

	apia, err := time.LoadLocation("Pacific/Apia")
	require.NoError(t, err)
	skipped := ledger.Run{ID: run, Local: local("2011-12-30T00:00"), From: at("2011-12-01T00:00:00Z")}
	require.Contains(t, skipped.TooLate(apia, []schedule.LocalTime{local("2011-12-31T00:00")}, at("2011-12-30T09:00:00Z")), "JOB-12",
		"a day that is skipped: both would start at once, and the later is the one")
}

// A pass that is cut off anywhere carries on where it was, and visits every asset once.
func TestPassVisitsEveryAssetOnce(t *testing.T) {
	assets := []job.AssetID{"a", "b", "c", "d", "e"}
	for batch := 1; batch <= len(assets)+1; batch++ {
		r := ledger.StepRun(occurrenceRun(ledger.RunPlanned), ledger.RunDue{}, t0)
		var visited []job.AssetID
		for len(r.Passes) > 0 {
			n, cursor := 0, job.AssetID("")
			for _, a := range assets {
				if a > r.Passes[0].Cursor && n < batch {
					n, cursor, visited = n+1, a, append(visited, a)
				}
			}
			r = ledger.StepRun(r, ledger.Passed{Cursor: cursor, Last: n < batch}, t0.Add(time.Minute))
		}
		require.Equal(t, assets, visited, batch)
		require.Equal(t, ledger.RunMade, r.State)
	}
}

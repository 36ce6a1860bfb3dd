package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const (
	run   = job.RunID("nightly@20260302T220000Z")
	asset = job.AssetID("a-1")
)

var (
	t0   = time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)
	none = ledger.Entry{Run: run, Asset: asset} // never made
)

// standing is an order with the numbers of its asset's manifests.
type standing struct {
	e ledger.Entry
	r ledger.Revisions
}

// reports are a report of each kind that an asset can send.
func reports() (list []job.Report) {
	for _, p := range []job.Progress{job.Received, job.Blocked, job.Started, job.Downloading, job.Downloaded, job.Deploying, job.Rebooting, job.Resumed} {
		list = append(list, job.Report{Progress: p})
	}
	for r := job.Completed; r <= job.PendingVerification; r++ {
		list = append(list, job.Report{Result: r})
	}
	for s := job.StageDownload; s <= job.StageDone; s++ {
		list = append(list, job.Report{TooLate: s})
	}
	return append(list, job.Report{}, job.Report{Refused: "expired"}, job.Report{Progress: job.Started, Result: job.Completed},
		job.Report{Progress: 99}, job.Report{Result: 99}, job.Report{TooLate: 99})
}

func events() (list []ledger.Event) {
	list = []ledger.Event{
		ledger.Awaited{}, ledger.Made{Start: t0}, ledger.MadeEmpty{Result: job.NotApplicable}, ledger.MadeEmpty{Result: job.Failed, Text: "no zone"},
		ledger.Trimmed{}, ledger.Trimmed{Empty: true}, ledger.Withdrawn{}, ledger.CancelAsked{}, ledger.Missed{}, ledger.NeverHeld{}, ledger.StateLost{}, ledger.ServerPutBack{}, ledger.AssetRemoved{Key: "k"},
		ledger.Slotted{}, ledger.Slotted{Until: t0},
	}
	for _, r := range reports() {
		list = append(list, ledger.Reported{Report: r}, ledger.Reported{Report: r, Former: "k"})
	}
	return list
}

// next takes an event and renumbers: sealed is 1, and an order that was sealed
// is since 1, one that was not since 2.
func (s standing) next(t *testing.T, ev ledger.Event) (standing, ledger.Out) {
	e, out := ledger.Step(s.r, s.e, ev, t0)
	again, _ := ledger.Step(s.r, s.e, ev, t0)
	if e != again { // require.Equal is slow, and there are many
		require.Equal(t, e, again)
	}
	r := s.r
	if out.Revise {
		r = r.Revise(out.Without)
	}
	if e.Since > r.Wanted {
		require.Fail(t, "since a revision that is not wanted", "%+v", e)
	}
	return standing{e, r}.renumbered(), out
}

func (s standing) renumbered() standing {
	small := func(n *manifest.Revision) {
		switch {
		case *n == 0:
		case *n <= s.r.Sealed:
			*n = 1
		default:
			*n = 2
		}
	}
	small(&s.e.Since)
	small(&s.r.Wanted)
	small(&s.r.Without)
	s.r.Sealed = 1
	s.e.Progress, s.e.Text, s.e.Reboots, s.e.Dropped, s.e.Began = 0, "", 0, 0, time.Time{}
	return s
}

// reachable finds every standing that events and sealing lead to.
func reachable(t *testing.T, visit func(from standing, ev ledger.Event, to standing, out ledger.Out)) map[standing]bool {
	first := standing{none, ledger.Revisions{Wanted: 1, Sealed: 1}}
	seen, todo := map[standing]bool{first: true}, []standing{first}
	add := func(s standing) {
		if !seen[s] {
			seen[s] = true
			todo = append(todo, s)
		}
	}
	all := events()
	for len(todo) > 0 {
		s := todo[0]
		todo = todo[1:]
		sealed := s
		sealed.r.Sealed = s.r.Wanted
		add(sealed.renumbered())
		for _, ev := range all {
			to, out := s.next(t, ev)
			if visit != nil {
				visit(s, ev, to, out)
			}
			add(to)
		}
	}
	return seen
}

// Every state that Step returns is one of the table at Validate, and in each
// phase but Ended the table has no other.
func TestTheTableOfPhasesIsExact(t *testing.T) {
	seen := map[ledger.Entry]bool{}
	plain := func(e ledger.Entry) ledger.Entry { // what the table tells apart
		e.Since = min(e.Since, 1)
		e.Start, e.At, e.Stale = time.Time{}, time.Time{}, false
		return e
	}
	for s := range reachable(t, nil) {
		if s.e.Phase == 0 {
			continue
		}
		require.NoError(t, s.e.Validate(), "%+v", s.e)
		seen[plain(s.e)] = true
	}
	bools := []bool{false, true}
	count := 0
	for phase := ledger.Waiting; phase <= ledger.Ended; phase++ {
		for since := range manifest.Revision(2) {
			for stage := range job.StageDone + 1 {
				for result := range job.PendingVerification + 1 {
					for tooLate := range job.StageDone + 1 {
						for _, cancelled := range bools {
							for _, retracted := range bools {
								for _, ended := range []time.Time{{}, t0} {
									e := ledger.Entry{Run: run, Asset: asset, Phase: phase, Since: since, Stage: stage, Result: result,
										TooLate: tooLate, Cancelled: cancelled, Retracted: retracted, Ended: ended}
									valid := e.Validate() == nil
									if seen[e] {
										require.True(t, valid, "%+v", e)
									}
									if valid && !seen[e] && phase != ledger.Ended {
										t.Errorf("valid, and never reached: %+v", e)
									}
									if valid {
										count++
									}
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d states are valid, %d reached", count, len(seen))
}

// lazy is a message that is only made when it is shown.
type lazy func() string

func (l lazy) String() string { return l() }

// What holds for every order at every step.
func TestEveryStep(t *testing.T) {
	phases := map[[2]ledger.Phase]bool{}
	reachable(t, func(from standing, ev ledger.Event, to standing, out ledger.Out) {
		about := lazy(func() string { return fmt.Sprintf("%+v\n%T%+v\n%+v", from.e, ev, ev, to.e) })
		phases[[2]ledger.Phase{from.e.Phase, to.e.Phase}] = true
		rep, reported := ev.(ledger.Reported)
		_, removed := ev.(ledger.AssetRemoved)
		slotted, isSlotted := ev.(ledger.Slotted)

		// MAN-10: nothing is open when the asset is removed, and from then on
		// only what that asset reports of the end changes it.
		if removed {
			require.True(t, to.e.Phase == ledger.Ended || to.e.Phase == 0, about)
			require.True(t, from.e.Phase == ledger.Ended || to.e.Former != "" == from.e.Held(1), about)
		}
		if from.e.Former != "" && from != to {
			require.True(t, from.e.Lost && reported && rep.Former == from.e.Former && rep.Report.Result != 0, about)
			require.Equal(t, from.e.Former, to.e.Former, about)
		}

		// JOB-5, MAN-4: what an asset may hold changes only under a new number.
		in := func(e ledger.Entry) bool { return e.Phase == ledger.Open }
		if from.e.Held(1) && (in(from.e) != in(to.e) || from.e.Cancelled != to.e.Cancelled && in(to.e)) {
			require.True(t, out.Revise, about)
		}
		if !from.e.Held(1) && in(to.e) && !in(from.e) {
			require.True(t, out.Revise, about)
			require.False(t, to.e.Held(1), about)
		}
		// JOB-3: after a cancel nothing is withdrawn, made or missed, but by the asset's removal.
		lost := ev == ledger.Event(ledger.StateLost{})
		putBack := ev == ledger.Event(ledger.ServerPutBack{})
		if from.e.Cancelled && !reported && !lost && !putBack && !removed && !isSlotted && ev != (ledger.NeverHeld{}) {
			require.Equal(t, from, to, about)
		}
		// JOB-24: what had begun ends with its agent's state, and nothing else does.
		if lost {
			begun := from.e.Stage != 0 && (from.e.Phase == ledger.Open || from.e.Phase == ledger.Gone)
			require.Equal(t, begun, from != to, about)
			require.True(t, !begun || to.e.Lost && to.e.Result == job.Failed, about)
		}
		// And the manifest of a server that was put back says what had begun.
		if putBack {
			begun := (from.e.Phase == ledger.Open || from.e.Phase == ledger.Gone) && from.e.Stage != 0
			require.Equal(t, begun && !(from.e.Phase == ledger.Open && from.e.Doubtful), from != to, about)
			require.Equal(t, begun, to.e.Phase == ledger.Open && to.e.Doubtful, about)
			require.True(t, from == to || out.Revise, about)
		}
		// ROL-7: an order that waits for its reboot gets and returns a slot, and the manifest says so.
		if isSlotted && from != to {
			require.Equal(t, slotted.Until, to.e.Slot, about)
			require.True(t, from.e.Stage == job.StageReboot && to.e.Phase == ledger.Open && out.Revise, about)
			require.True(t, from.e.Phase == ledger.Open || to.e.Doubtful, about)
		}
		if !isSlotted && from.e.Slot != to.e.Slot { // it is returned with the end of the order alone
			require.True(t, to.e.Slot.IsZero() && to.e.Phase == ledger.Ended, about)
		}
		// Otherwise the server never ends an order that the asset may have begun.
		if from.e.Phase != ledger.Ended && to.e.Phase == ledger.Ended && !reported && !lost && to.e.Former == "" {
			never := ev == ledger.Event(ledger.NeverHeld{}) && from.e.Phase == ledger.Gone
			require.True(t, !from.e.Held(1) || never, about)
			require.Zero(t, to.e.Stage, about)
			require.Zero(t, to.e.Since, about)
		}
		// A stage is never taken back, unless the order is made again.
		if to.e.Phase != ledger.Waiting && from.e.Phase != ledger.Ended && to.e.Stage < from.e.Stage {
			t.Errorf("a stage is taken back: %s", about)
		}
		// What ended with a report stays as it is, unless it was withdrawn.
		if from.e.Phase == ledger.Ended && from.e.Since > 0 && from.e.Result != job.Withdrawn && !from.e.Lost {
			to := to
			to.e.Stale = from.e.Stale // a late report of an earlier withdrawal is no objection
			require.Equal(t, from, to, about)
		}
		// An objection changes nothing.
		if out.Objection != "" {
			require.Equal(t, ledger.Out{Objection: out.Objection}, out)
			require.Equal(t, from, to, about)
		}
		// JOB-19: followers start when an order succeeds, once.
		_, empty := ev.(ledger.MadeEmpty)
		require.Equal(t, to.e.Succeeded() && (!from.e.Succeeded() || empty && !from.e.Fixed()), out.Follow, about)
		// JOB-19: a share is reckoned again when it may have become enough: one
		// more success, or one that counted and left.
		require.Equal(t, to.e.Succeeded() && !from.e.Succeeded() || from.e.Counts() && (removed || !to.e.Counts()), out.Recount, about)
		// JOB-4: no cancel succeeds after the deploy stage began.
		if reported && rep.Report.Result == job.Cancelled && from.e.Stage >= job.StageDeploy {
			require.Equal(t, from, to, about)
		}
	})
	// The life of an order, as the package's documentation draws it.
	for from, to := range map[ledger.Phase][]ledger.Phase{
		0:              {ledger.Waiting, ledger.Open, ledger.Ended},
		ledger.Waiting: {ledger.Open, ledger.Ended},
		ledger.Open:    {ledger.Waiting, ledger.Gone, ledger.Ended},
		ledger.Gone:    {ledger.Waiting, ledger.Open, ledger.Ended},
		ledger.Ended:   {ledger.Waiting, ledger.Open},
	} {
		for phase := ledger.Waiting; phase <= ledger.Ended; phase++ {
			if phase != from {
				require.Equal(t, slices.Contains(to, phase), phases[[2]ledger.Phase{from, phase}], "%v to %v", from, phase)
			}
		}
	}
}

// The index says the same as these sentences.
func TestIndexOfEveryState(t *testing.T) {
	for s := range reachable(t, nil) {
		e := s.e
		want := []ledger.Row{}
		switch {
		case e.Phase == ledger.Waiting:
			want = append(want, ledger.Row{Index: ledger.Live}, ledger.Row{Index: ledger.Queue, Queued: ledger.Queued{Waiting: true}})
		case e.Phase == ledger.Open:
			want = append(want, ledger.Row{Index: ledger.Live}, ledger.Row{Index: ledger.Queue, Queued: ledger.Queued{Cancelled: e.Cancelled, Begun: e.Doubtful, Start: t0, Slot: e.Slot}})
		case e.Phase == ledger.Gone:
			if e.Stage != 0 {
				want = append(want, ledger.Row{Index: ledger.Live})
			}
			want = append(want, ledger.Row{Index: ledger.Unheard})
		}
		if e.Cancelled && e.TooLate == 0 && e.Phase == ledger.Open {
			want = append(want, ledger.Row{Index: ledger.Cancels})
		}
		if e.Result == job.PendingReboot {
			want = append(want, ledger.Row{Index: ledger.Reboots})
		}
		if e.Stage != 0 && (e.Phase == ledger.Open || e.Phase == ledger.Gone) && e.Stage < job.StageReboot && e.Result != job.PendingVerification {
			want = append(want, ledger.Row{Index: ledger.Working, Stage: ledger.StageSince{Stage: e.Stage}})
		}
		have := e.Index()
		if len(want) == 0 {
			require.Empty(t, have, "%+v", e)
		} else {
			require.Equal(t, want, have, "%+v", e)
		}
	}
}

// patches of a report.
func outcome(id string, status job.PatchStatus, code job.Code) job.PatchOutcome {
	return job.PatchOutcome{Patch: catalog.PatchID(id), Status: status, Code: code}
}

// codes are those of failures, and none.
func codes() (list []job.Code) {
	for c := range job.FailedAfterReboot + 1 {
		if c == 0 || c.Known() {
			list = append(list, c)
		}
	}
	return list
}

package rollout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// stage is a rollout and its members, stepped by hand.
type stage struct {
	*testing.T
	p   rollout.Policy
	s   rollout.State
	m   map[string]rollout.Member
	now time.Time
}

func newStage(t *testing.T, p rollout.Policy, assets ...rollout.Asset) *stage {
	require.NoError(t, p.Validate())
	st := &stage{t, p, rollout.Begin(p, "1.2.3", assets, t0), map[string]rollout.Member{}, t0}
	for _, a := range assets {
		st.m[a.ID] = st.s.Place(p, a)
	}
	return st
}

func (st *stage) do(ev rollout.Event) (out rollout.Out) {
	st.Helper()
	st.s, out = rollout.Step(st.p, st.s, ev, st.now)
	require.NoError(st, st.s.Validate())
	return out
}

func (st *stage) on(id string, ev rollout.MemberEvent) (out rollout.Out) {
	st.Helper()
	st.s, st.m[id], out = rollout.StepMember(st.p, st.s, st.m[id], ev, st.now)
	require.NoError(st, st.s.Validate())
	return out
}

func (st *stage) grant(ids ...string) {
	st.Helper()
	for _, id := range ids {
		require.True(st, st.on(id, rollout.Ask{}).Grant, id)
	}
}

func (st *stage) end(o rollout.Outcome, ids ...string) (out rollout.Out) {
	st.Helper()
	for _, id := range ids {
		out = st.on(id, rollout.Ended{Grant: st.m[id].Grant, Outcome: o})
	}
	return out
}

func tagged(tag string, ids ...string) (all []rollout.Asset) {
	for _, id := range ids {
		all = append(all, rollout.Asset{ID: id, Tags: []string{tag}})
	}
	return all
}

// two is a policy of canaries and the rest.
func two(budget int, gate rollout.Gate, soak time.Duration) rollout.Policy {
	return rollout.Policy{
		Rings:  []rollout.RingPolicy{{Name: "canary", Tag: "canary", Gate: gate, Soak: soak}, {Name: "rest", Gate: gate}},
		Budget: rollout.Amount{Count: budget},
	}
}

var ana = rollout.Act{By: "ana", Reason: "ticket 7"}

// One success of one granted asset is no reason to promote, and silent and
// pending assets stay in the denominator.
func TestGate_ROL2(t *testing.T) {
	st := newStage(t, two(10, rollout.Gate{Results: 3, Success: 60}, 24*time.Hour), append(tagged("canary", "a", "b", "c", "d", "e"), tagged("", "z")...)...)
	gate := func(answer rollout.Answer, rule, text string) {
		t.Helper()
		v := st.s.Gate(st.p, st.now)
		require.Equal(t, answer, v.Answer, v.Text)
		require.Equal(t, rule, v.Rule)
		require.Equal(t, text, v.Text)
	}
	gate(rollout.Hold, "ROL-2", `Ring "canary" has 0 results, and its gate wants 3.`)
	st.grant("a")
	st.end(rollout.Success, "a")
	gate(rollout.Hold, "ROL-2", `Ring "canary" has 1 result, and its gate wants 3.`)
	st.grant("b", "c", "d", "e")
	st.end(rollout.Success, "b")
	st.end(rollout.Failure, "c")
	gate(rollout.Hold, "ROL-2", `In ring "canary", 2 of 5 granted assets succeeded, 40 percent (1 failed, 2 pending, 0 silent); its gate wants 60 percent.`)
	st.now = st.now.Add(73 * time.Hour)
	st.on("d", rollout.Heard{At: t0})
	gate(rollout.Hold, "ROL-2", `In ring "canary", 2 of 5 granted assets succeeded, 40 percent (1 failed, 1 pending, 1 silent); its gate wants 60 percent.`)
	st.end(rollout.NotApplicable, "d") // it leaves numerator and denominator
	gate(rollout.Hold, "ROL-2", `In ring "canary", 2 of 4 granted assets succeeded, 50 percent (1 failed, 1 pending, 0 silent); its gate wants 60 percent.`)
	require.Zero(t, st.do(rollout.Tick{}).Wake, "no time makes it better")
	st.on("e", rollout.Removed{})
	require.Equal(t, []int{1}, st.do(rollout.Tick{}).Opened, "the ring has had its three results for 73 h")
}

// The soak time counts from when the ring has had its results, and a Tick at
// Wake promotes.
func TestSoak_ROL1_ROL2(t *testing.T) {
	st := newStage(t, two(10, rollout.Gate{Results: 1}, 24*time.Hour), append(tagged("canary", "a"), tagged("", "z")...)...)
	require.Zero(t, st.do(rollout.Tick{}).Wake)
	st.now = st.now.Add(100 * time.Hour)
	st.grant("a")
	out := st.on("z", rollout.Ask{})
	require.True(t, out.Refused)
	require.Equal(t, rollout.Reason{Rule: "ROL-1", Text: `Ring "rest" has not started: it waits for the gate of ring "canary".`}, out.Reason)
	require.Equal(t, 24*time.Hour, st.end(rollout.Success, "a").Wake)
	require.Equal(t, `In ring "canary", 1 of 1 granted assets succeeded, 100 percent (0 failed, 0 pending, 0 silent); it soaks until 2026-06-06T04:00:00Z.`,
		st.s.Gate(st.p, st.now).Text)
	st.now = st.now.Add(24*time.Hour - 1)
	require.Empty(t, st.do(rollout.Tick{}).Opened)
	st.now = st.now.Add(1)
	next := st.now.Add(5 * time.Hour)
	out = st.do(rollout.Tick{Next: next})
	require.Equal(t, []int{1}, out.Opened)
	require.Equal(t, "ROL-2", out.Reason.Rule)
	require.Equal(t, next, st.s.Rings[1].Start)
	require.Empty(t, st.do(rollout.Tick{}).Opened, "one promotion is enough")
	st.grant("z") // its order starts later, and only then can it be silent
	st.on("z", rollout.Ask{})
	st.s, st.m["z"], _ = rollout.StepMember(st.p, st.s, st.m["z"], rollout.Heard{At: t0}, st.now.Add(71*time.Hour))
	require.False(t, st.m["z"].Silent)
	require.Equal(t, time.Duration(1), st.end(rollout.Success, "z").Wake)
	require.True(t, st.s.Open())
	st.do(rollout.Tick{})
	require.Equal(t, rollout.Done, st.s.Phase)
	require.False(t, st.s.Open())
	require.Equal(t, rollout.Promote, st.s.Gate(st.p, st.now).Answer)
	require.True(t, st.on("y", rollout.Joined{Asset: rollout.Asset{ID: "y"}}).Refused)
	require.True(t, st.do(rollout.StopAsked{Act: ana}).Refused)
}

// A gate that is changed to want fewer results still wants the whole soak time.
func TestSoakAfterAnEdit_ROL2(t *testing.T) {
	st := newStage(t, two(10, rollout.Gate{Results: 2}, time.Hour), append(tagged("canary", "a", "b"), tagged("", "z")...)...)
	st.grant("a")
	st.end(rollout.Success, "a")
	st.p.Rings[0].Gate.Results = 1
	require.Equal(t, rollout.Hold, st.s.Gate(st.p, st.now).Answer)
	out := st.do(rollout.Tick{})
	require.Empty(t, out.Opened)
	require.Equal(t, time.Hour, out.Wake)
	st.now = st.now.Add(time.Hour)
	require.Equal(t, []int{1}, st.do(rollout.Tick{}).Opened)
}

// The last gate ends the rollout only if nobody waits for a grant any more.
func TestNobodyIsLeftBehind_ROL3(t *testing.T) {
	st := newStage(t, two(1, rollout.Gate{Results: 1}, 0), append(tagged("canary", "a"), tagged("", "y", "z")...)...)
	st.grant("a")
	st.end(rollout.Success, "a")
	require.Equal(t, 1, st.do(rollout.Tick{}).Room)
	st.grant("y")
	require.Equal(t, "The budget is full: 1 of at most 1 assets are at risk.", st.on("z", rollout.Ask{}).Reason.Text)
	require.Equal(t, 1, st.end(rollout.Success, "y").Room)
	st.do(rollout.Tick{})
	require.Equal(t, rollout.Running, st.s.Phase)
	require.Equal(t, "The last gate is passed, and not all have had a grant: 1 wait.", st.s.Gate(st.p, st.now).Text)
	st.end(rollout.NotApplicable, "z") // there is nothing to do
	require.Equal(t, rollout.Left, st.m["z"].Phase)
	st.do(rollout.Tick{})
	require.Equal(t, rollout.Done, st.s.Phase)
}

// A last ring that can have no more results ends the rollout: nothing would
// come after it, and the job's next run waits.
func TestLastRingWithoutResults_ROL1_ROL2(t *testing.T) {
	st := newStage(t, rollout.Policy{Rings: []rollout.RingPolicy{{Name: "all", Gate: rollout.Gate{Results: 5}, Soak: time.Hour}}, Budget: rollout.Amount{Count: 1}},
		tagged("", "a", "b")...)
	st.grant("a")
	st.end(rollout.Success, "a")
	require.Empty(t, st.do(rollout.Tick{}).Wake, "b has not been asked")
	require.NotZero(t, st.end(rollout.NotApplicable, "b").Wake)
	st.do(rollout.Tick{})
	require.Equal(t, rollout.Done, st.s.Phase)
	require.Equal(t, `Ring "all" has 1 result, and nothing is left to do in any ring.`, st.s.Why.Text)
}

// Ring by ring, the rule that stops a rollout, and the grants that are taken
// back.
func TestStops_ROL2_ROL3_ROL4(t *testing.T) {
	fleet := tagged("canary", "a", "b", "c", "d", "e", "f")
	p := two(3, rollout.Gate{Results: 1, Success: 50}, 0)
	st := newStage(t, p, fleet...)
	st.grant("a", "b", "c")
	st.on("a", rollout.Began{Grant: 1})
	st.end(rollout.Failure, "a")
	st.on("c", rollout.Removed{})
	require.Equal(t, rollout.Running, st.s.Phase)
	st.now = st.now.Add(72 * time.Hour)
	out := st.on("b", rollout.Heard{At: t0})
	require.True(t, out.Withdraw)
	require.Equal(t, rollout.Stopped, st.s.Phase)
	require.Equal(t, rollout.Reason{Rule: "ROL-3", Text: "The budget of 3 assets at risk is filled by 1 failed, 1 silent and 1 removed ones."}, out.Reason)
	require.Equal(t, out.Reason, st.s.Gate(p, st.now).Reason)
	require.True(t, st.s.Open())
	require.True(t, st.s.Recalls(st.m["b"]), "it is silent, and has not begun")
	require.False(t, st.s.Recalls(st.m["a"]))
	require.Equal(t, "The rollout is stopped: "+out.Reason.Text, st.on("d", rollout.Ask{}).Reason.Text)

	p.Rings[0].Limit = rollout.Amount{Percent: 34} // of six: two
	st = newStage(t, p, fleet...)
	st.grant("a", "b")
	require.Equal(t, `The limit of ring "canary" is full: 2 of at most 2 assets are at risk.`, st.on("c", rollout.Ask{}).Reason.Text)
	out = st.end(rollout.Failure, "a", "b")
	require.Equal(t, `The limit of ring "canary" of 2 assets at risk is filled by 2 failed, 0 silent and 0 removed ones.`, out.Reason.Text)

	st = newStage(t, two(6, rollout.Gate{Results: 6, Success: 80}, 0), fleet...)
	st.grant("a", "b", "c", "d")
	st.end(rollout.Failure, "a")
	require.Equal(t, rollout.Running, st.s.Phase)
	out = st.end(rollout.Failure, "b")
	require.Equal(t, rollout.Reason{Rule: "ROL-2", Text: `Ring "canary" can no longer reach 80 percent: 2 of its 6 assets failed.`}, out.Reason)
	require.Equal(t, rollout.Stop, st.s.Gate(st.p, st.now).Answer)
}

// A stop is final until a named act. Whoever resumes accepts what failed; it
// comes back into the counts when it succeeds.
func TestNamedActs_ROL4_ROL6(t *testing.T) {
	st := newStage(t, two(2, rollout.Gate{Results: 1}, time.Hour), append(tagged("canary", "a", "b", "c"), tagged("", "z")...)...)
	require.Equal(t, rollout.Reason{Rule: "ROL-4", Text: "Say who stops the rollout, and why."}, st.do(rollout.StopAsked{}).Reason)
	require.True(t, st.do(rollout.StopAsked{Act: rollout.Act{By: "ana\n", Reason: "x"}}).Refused)
	require.Equal(t, "The rollout is running; there is nothing to resume.", st.do(rollout.ResumeAsked{Act: ana}).Reason.Text)
	st.grant("a", "b")
	out := st.do(rollout.StopAsked{Act: ana})
	require.True(t, out.Withdraw)
	require.Equal(t, "ana stops the rollout: ticket 7", st.s.Why.Text)
	require.False(t, st.do(rollout.StopAsked{Act: ana}).Withdraw, "it is stopped already")
	require.Contains(t, st.do(rollout.ExpediteAsked{Act: ana, To: 1}).Reason.Text, "Resume it first")
	st.on("a", rollout.Began{Grant: 1}) // before the withdrawal reached it
	st.end(rollout.Failure, "a")
	st.end(rollout.Withdrawn, "b")
	require.Equal(t, rollout.Waiting, st.m["b"].Phase)
	require.Empty(t, st.do(rollout.Tick{}).Opened)
	require.False(t, st.do(rollout.ResumeAsked{Act: ana}).Refused)
	require.Equal(t, rollout.Counts{Waiting: 2, Accepted: 1}, st.s.Rings[0].Counts)
	require.Zero(t, st.s.Total().AtRisk())
	st.grant("b", "c")
	require.Equal(t, 2, st.m["b"].Grant)
	st.on("b", rollout.Ended{Grant: 1, Outcome: rollout.Withdrawn}) // late
	require.Equal(t, rollout.Granted, st.m["b"].Phase)
	st.end(rollout.Success, "a") // it was tried again
	require.Equal(t, rollout.Counts{Granted: 2, Verified: 1}, st.s.Rings[0].Counts)

	require.True(t, st.do(rollout.ExpediteAsked{Act: ana, To: 2}).Refused)
	require.True(t, st.do(rollout.ExpediteAsked{Act: ana, To: 0}).Refused)
	out = st.do(rollout.ExpediteAsked{Act: ana, To: 1})
	require.Equal(t, "ROL-6", out.Reason.Rule)
	require.NotZero(t, out.Wake)
	out = st.do(rollout.Tick{})
	require.Equal(t, []int{1}, out.Opened)
	require.Equal(t, rollout.Reason{Rule: "ROL-6", Text: `Soak and gate of ring "canary" are skipped by a named act.`}, out.Reason)
	require.Equal(t, "The budget is full: 2 of at most 2 assets are at risk.", st.on("z", rollout.Ask{}).Reason.Text, "the budget holds all the same")

	require.True(t, st.do(rollout.AbandonAsked{Act: ana}).Withdraw)
	require.False(t, st.s.Open())
	require.True(t, st.s.Recalls(st.m["c"]))
	require.Equal(t, "The rollout is abandoned; nobody resumes it.", st.do(rollout.ResumeAsked{Act: ana}).Reason.Text)
}

// A silent asset that calls again is pending again; one that was accepted stays
// out of the budget until it is verified.
func TestSilence_ROL3_ROL4(t *testing.T) {
	st := newStage(t, two(1, rollout.Gate{Results: 1}, 0), tagged("canary", "a", "b")...)
	st.grant("a")
	require.Equal(t, t0.Add(72*time.Hour), st.m["a"].Until)
	st.now = t0.Add(72 * time.Hour)
	st.on("a", rollout.Heard{At: t0.Add(time.Hour)})
	require.Equal(t, t0.Add(73*time.Hour), st.m["a"].Until, "it called after an hour")
	st.now = t0.Add(73 * time.Hour)
	require.True(t, st.on("a", rollout.Heard{At: t0.Add(time.Hour)}).Withdraw)
	require.Equal(t, 1, st.s.Rings[0].Silent)
	st.on("a", rollout.Heard{At: st.now.Add(time.Hour)}) // by a clock that is ahead
	require.Equal(t, st.now.Add(72*time.Hour), st.m["a"].Until)
	require.Equal(t, rollout.Counts{Waiting: 1, Granted: 1}, st.s.Rings[0].Counts)
	st.now = st.now.Add(72 * time.Hour)
	st.on("a", rollout.Heard{At: t0})
	st.do(rollout.ResumeAsked{Act: ana})
	st.grant("b")
	st.on("a", rollout.Heard{At: st.now})
	st.on("a", rollout.Began{Grant: 1})
	require.Equal(t, rollout.Counts{Granted: 1, Accepted: 1}, st.s.Rings[0].Counts)
	st.end(rollout.Success, "a")
	require.Equal(t, rollout.Counts{Granted: 1, Verified: 1}, st.s.Rings[0].Counts)
}

// A removed asset leaves the gate. If it may be hurt, it keeps its place in the
// budget, until it is known that it is not.
func TestRemoved_ROL2_ROL3(t *testing.T) {
	st := newStage(t, two(2, rollout.Gate{Results: 1}, 0), tagged("canary", "a", "b", "c")...)
	st.grant("a")
	st.end(rollout.Success, "a")
	st.on("a", rollout.Removed{})
	st.grant("b")
	st.on("b", rollout.Removed{})
	st.on("b", rollout.Removed{})
	require.Equal(t, rollout.Counts{Waiting: 1, Lost: 1, Left: 1}, st.s.Rings[0].Counts)
	require.Equal(t, 1, st.do(rollout.Tick{}).Room)
	st.end(rollout.Success, "b")
	st.on("c", rollout.Removed{})
	require.Equal(t, rollout.Counts{Left: 3}, st.s.Rings[0].Counts)
	require.Equal(t, `Ring "canary" has 0 results, and nothing is left to do in any ring.`, st.s.Gate(st.p, st.now).Text)
}

// A rollout in which nobody has anything to do is over, and the next run can
// start. A ring with nothing to do holds up those after it that have (ROL-2).
func TestNothingToDo_ROL1_ROL2(t *testing.T) {
	for _, c := range []struct {
		name  string
		rest  rollout.Outcome // of the asset in the last ring; zero: it waits
		phase rollout.Phase
		text  string
	}{
		{"nowhere", rollout.NotApplicable, rollout.Done, `Ring "canary" has 0 results, and nothing is left to do in any ring.`},
		{"in the first ring", 0, rollout.Running, `Ring "canary" has 0 results, and its gate wants 1. It has only 0 assets that can have one; expedite or abandon the rollout.`},
	} {
		st := newStage(t, two(2, rollout.Gate{Results: 1}, time.Hour), append(tagged("canary", "a", "b"), rollout.Asset{ID: "z"})...)
		for _, id := range []string{"a", "b"} {
			st.on(id, rollout.Ended{Outcome: rollout.NotApplicable})
		}
		if c.rest != 0 {
			st.on("z", rollout.Ended{Outcome: c.rest})
		}
		out := st.do(rollout.Tick{})
		require.Empty(t, out.Opened, c.name)
		require.Equal(t, c.phase, st.s.Phase, c.name)
		require.Equal(t, c.text, st.s.Gate(st.p, st.now).Text, c.name)
	}
}

// A policy with other rings decides nothing.
func TestAnotherPolicy_ROL1(t *testing.T) {
	st := newStage(t, two(2, rollout.Gate{Results: 1}, 0), tagged("canary", "a")...)
	st.p = three(2)
	before := st.s
	out := st.on("a", rollout.Ask{})
	require.True(t, out.Refused)
	require.Equal(t, "The policy has 3 rings, and the rollout was made with 2; use the policy that it was made with.", out.Reason.Text)
	st.do(rollout.Tick{})
	require.Equal(t, before, st.s)
	require.Equal(t, rollout.Hold, st.s.Gate(st.p, st.now).Answer)
	st.p = two(2, rollout.Gate{Results: 1}, 0)
	for _, m := range []rollout.Member{{ID: "x", Ring: 7, Phase: rollout.Waiting}, {ID: "x", Ring: -1, Phase: rollout.Waiting}, {Phase: rollout.Waiting}} {
		_, after, out := rollout.StepMember(st.p, st.s, m, rollout.Ask{}, t0)
		require.Equal(t, m, after)
		require.Contains(t, out.Reason.Text, "is damaged or of another rollout")
	}
	st.do(nil)
	st.on("a", nil)
	require.Equal(t, before, st.s)
}

// Time is UTC, without a monotonic clock, whatever comes in.
func TestTimes(t *testing.T) {
	st := newStage(t, two(2, rollout.Gate{Results: 1}, 0), tagged("canary", "a")...)
	st.now = time.Now()
	st.on("a", rollout.Ask{Start: time.Now().In(time.FixedZone("east", 3600)).Add(time.Hour)})
	require.True(t, st.m["a"].Since == st.m["a"].Since.UTC().Round(0), "compared with ==, as a server does")
	require.True(t, st.m["a"].Until == st.m["a"].Until.UTC().Round(0))
}

// A rollout of a good patch reaches its end, whatever the order in which assets
// ask and report, with a budget and limits far below the number of assets.
func TestGoodPatchReachesEverybody_ROL1_ROL3(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gate := rollout.Gate{Results: 1, Success: rapid.IntRange(1, 100).Draw(t, "success")}
		p := rollout.Policy{Budget: rollout.Amount{Count: rapid.IntRange(1, 4).Draw(t, "budget")}, Rings: []rollout.RingPolicy{
			{Name: "lab", Tag: "lab", Gate: gate, Soak: time.Hour, Limit: rollout.Amount{Count: 1}},
			{Name: "some", Take: rollout.Amount{Percent: 20}, Gate: gate},
			{Name: "rest", Gate: gate},
		}}
		assets := fleet(20)
		s, now := rollout.Begin(p, "r", assets, t0), t0
		members := make([]rollout.Member, len(assets))
		for i, a := range assets {
			members[i] = s.Place(p, a)
		}
		for range 200 {
			for _, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}).Draw(t, "order") {
				ev := rollout.MemberEvent(rollout.Ask{})
				if members[i].Phase == rollout.Granted {
					ev = rollout.Ended{Grant: 1, Outcome: rollout.Success}
				}
				s, members[i], _ = rollout.StepMember(p, s, members[i], ev, now)
				require.LessOrEqual(t, s.Total().AtRisk(), s.Budget)
			}
			now = now.Add(time.Hour)
			if s, _ = rollout.Step(p, s, rollout.Tick{}, now); s.Phase == rollout.Done {
				break
			}
		}
		require.Equal(t, rollout.Done, s.Phase, s.Gate(p, now).Text)
		require.Equal(t, len(assets), s.Total().Verified+s.Total().Granted, "all were granted")
	})
}

package rollout_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// A check that cannot fail proves nothing: each of these bugs is planted into
// the machine or the store, and the search finds it. The history that it finds
// is shrunk, and is in testdata/histories.
func TestPlantedBugsAreFound_ROL2_ROL3_ROL4(t *testing.T) {
	small := setting{policy: three(1), tags: []string{"canary", "canary", ""}, hours: 1, grants: 1, budget: acts{stops: 1}}
	for _, c := range []struct {
		bug, breaks string
		plant       func(s *setting)
	}{
		{"over-grant by one", "invariant 14", func(s *setting) {
			s.stepMember = func(p rollout.Policy, st rollout.State, m rollout.Member, ev rollout.MemberEvent, at time.Time) (
				rollout.State, rollout.Member, rollout.Out) {
				if _, asks := ev.(rollout.Ask); !asks {
					return rollout.StepMember(p, st, m, ev, at)
				}
				st.Budget++
				st, m, out := rollout.StepMember(p, st, m, ev, at)
				st.Budget--
				return st, m, out
			}
		}},
		{"the gate divides by successes and failures only", "ROL-2", func(s *setting) {
			s.policy.Budget.Count, s.policy.Rings[0].Gate.Success = 3, 100
			s.step = func(p rollout.Policy, st rollout.State, ev rollout.Event, at time.Time) (rollout.State, rollout.Out) {
				blind := st
				blind.Rings = slices.Clone(st.Rings)
				for i := range blind.Rings {
					c := &blind.Rings[i].Counts
					c.Granted, c.Begun, c.Silent = 0, 0, 0
				}
				after, out := rollout.Step(p, blind, ev, at)
				for i := range after.Rings {
					c := &after.Rings[i].Counts
					c.Granted, c.Begun, c.Silent = st.Rings[i].Granted, st.Rings[i].Begun, st.Rings[i].Silent
				}
				return after, out
			}
		}},
		{"promotion on too few results", "ROL-2", func(s *setting) {
			s.policy.Budget.Count, s.policy.Rings[0].Gate.Results = 2, 2
			s.step = func(p rollout.Policy, st rollout.State, ev rollout.Event, at time.Time) (rollout.State, rollout.Out) {
				p.Rings = slices.Clone(p.Rings)
				p.Rings[0].Gate.Results, p.Rings[0].Soak = 1, 0
				return rollout.Step(p, st, ev, at)
			}
		}},
		{"promotion before the soak time is over", "ROL-2", func(s *setting) {
			s.step = func(p rollout.Policy, st rollout.State, ev rollout.Event, at time.Time) (rollout.State, rollout.Out) {
				p.Rings = slices.Clone(p.Rings)
				p.Rings[0].Soak = 0
				return rollout.Step(p, st, ev, at)
			}
		}},
		{"a stop that loses a race", "ROL-4: a grant was made after the stop", func(s *setting) {
			s.overlaps, s.early = true, true
		}},
		{"two servers grant from what both have read", "invariant 14", func(s *setting) {
			s.overlaps, s.unchecked, s.budget = true, true, acts{}
		}},
		{"a late withdrawal frees a later grant", "invariant 14", func(s *setting) {
			s.grants, s.budget = 2, acts{stops: 1, resumes: 1}
			s.stepMember = func(p rollout.Policy, st rollout.State, m rollout.Member, ev rollout.MemberEvent, at time.Time) (
				rollout.State, rollout.Member, rollout.Out) {
				if ended, is := ev.(rollout.Ended); is {
					ended.Grant = m.Grant
					ev = ended
				}
				return rollout.StepMember(p, st, m, ev, at)
			}
		}},
		{"a removed asset gives its place back", "ROL-3", func(s *setting) {
			s.budget = acts{removals: 1}
			s.stepMember = func(p rollout.Policy, st rollout.State, m rollout.Member, ev rollout.MemberEvent, at time.Time) (
				rollout.State, rollout.Member, rollout.Out) {
				if _, is := ev.(rollout.Removed); is {
					ev = rollout.Ended{Grant: m.Grant, Outcome: rollout.NotApplicable}
				}
				return rollout.StepMember(p, st, m, ev, at)
			}
		}},
	} {
		t.Run(c.bug, func(t *testing.T) {
			s := small
			s.policy = three(1)
			c.plant(&s)
			r := s.search(200_000, false)
			require.Contains(t, r.broken, c.breaks)
			short := parsed(t, kept(t, c.bug, "Bug: "+c.bug+". Breaks: "+r.broken, printed(s.shrink(r.history))))
			n, err := s.play(short)
			require.NoError(t, err)
			require.Contains(t, n.broken, c.breaks)
			for i := range short { // each step is needed
				if n, err := s.play(slices.Delete(slices.Clone(short), i, i+1)); err == nil {
					require.Empty(t, n.broken)
				}
			}
			right := s // the same history without the bug breaks nothing
			right.step, right.stepMember, right.unchecked, right.early = rollout.Step, rollout.StepMember, false, false
			n = right.start()
			for _, m := range short {
				if right.possible(n, m) {
					n = right.apply(n, m)
				}
			}
			require.Empty(t, n.broken)
			t.Logf("%d states, %d moves: %s\n%s", r.states, len(short), r.broken, printed(short))
		})
	}
}

package rollout_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// Every problem is found at once.
func TestValidate_ROL1_ROL2_ROL3(t *testing.T) {
	gate := rollout.Gate{Results: 1}
	ring := func(change func(r *rollout.RingPolicy)) rollout.RingPolicy {
		r := rollout.RingPolicy{Name: "x", Gate: gate}
		change(&r)
		return r
	}
	for _, c := range []struct {
		p    rollout.Policy
		want []string // fields
	}{
		{three(2), nil},
		{rollout.Policy{}, []string{"rings", "budget"}},
		{rollout.Policy{
			Rings: []rollout.RingPolicy{
				{Tag: "lab", Take: rollout.Amount{Count: 1, Percent: 1}, Soak: -1, Gate: rollout.Gate{Success: 101}},
				{Name: "x", Gate: gate},
				{Name: "x", Tag: "lab", Limit: rollout.Amount{Percent: 101}, Soak: rollout.MaxSoak + 1, Gate: gate},
			},
			Budget:  rollout.Amount{Count: -1},
			Silence: time.Minute,
		}, []string{"budget.count", "silence", "rings[0].name", "rings[0].take", "rings[0].take", "rings[0].soak", "rings[0].gate.results", "rings[0].gate.success",
			"rings[1]", "rings[2].limit.percent", "rings[2]", "rings[2].soak", "rings[2].name", "rings[2].tag"}},
		{rollout.Policy{
			Rings: []rollout.RingPolicy{
				ring(func(r *rollout.RingPolicy) { r.Take.Percent = 60 }), ring(func(r *rollout.RingPolicy) { r.Name = "y"; r.Take.Percent = 40 }),
				ring(func(r *rollout.RingPolicy) { r.Name = "z" }),
			},
			Budget: rollout.Amount{Percent: 100},
		}, []string{"rings[1].take.percent"}},
		{rollout.Policy{
			Rings:  []rollout.RingPolicy{ring(func(r *rollout.RingPolicy) { r.Tag = strings.Repeat("t", rollout.MaxText+1) })},
			Budget: rollout.Amount{Count: rollout.MaxCount},
		}, []string{"rings[0].tag", "rings[0]"}},
	} {
		err := c.p.Validate()
		var fields []string
		if bad, is := errors.AsType[*rollout.Invalid](err); is {
			for _, problem := range bad.Problems {
				fields = append(fields, problem.Field)
			}
		}
		require.Equal(t, c.want, fields, "%v", err)
	}
	many := three(1)
	for i := range rollout.MaxRings - 2 {
		many.Rings = slices.Insert(many.Rings, 0, ring(func(r *rollout.RingPolicy) { r.Name, r.Tag = fmt.Sprint(i), fmt.Sprint(i) }))
	}
	require.ErrorContains(t, many.Validate(), "must be 1 to 20")
	many.Rings = many.Rings[1:]
	require.NoError(t, many.Validate())
	require.Equal(t, 72*time.Hour, rollout.Policy{}.WithDefaults().Silence)
	require.Equal(t, 100, many.WithDefaults().Rings[0].Gate.Success)
}

func fleet(n int) (all []rollout.Asset) {
	for i := range n {
		a := rollout.Asset{ID: fmt.Sprintf("asset-%d", i)}
		if i%50 == 0 {
			a.Tags = []string{"lab"}
		}
		all = append(all, a)
	}
	return all
}

// Who is in which ring: by tag, by count, by share of all that are selected,
// and the rest. It does not depend on the order of the assets, differs between
// releases, and stays the same for everybody when another asset joins.
func TestRings_ROL1(t *testing.T) {
	gate := rollout.Gate{Results: 1}
	p := rollout.Policy{Budget: rollout.Amount{Percent: 3}, Rings: []rollout.RingPolicy{
		{Name: "lab", Tag: "lab", Gate: gate},
		{Name: "seven", Take: rollout.Amount{Count: 7}, Gate: gate, Limit: rollout.Amount{Percent: 1}},
		{Name: "tenth", Take: rollout.Amount{Percent: 10}, Gate: gate},
		{Name: "rest", Gate: gate},
	}}
	require.NoError(t, p.Validate())
	assets := fleet(250)
	s := rollout.Begin(p, "1.0", assets, t0)
	require.Equal(t, 7, s.Budget, "3 % of 250, rounded down (ROL-3)")
	require.Equal(t, 2, s.Rings[1].Limit)
	sizes := make([]int, 4)
	rings := map[string]int{}
	for _, a := range assets {
		m := s.Place(p, a)
		require.Equal(t, rollout.Waiting, m.Phase)
		rings[a.ID] = m.Ring
		sizes[m.Ring]++
	}
	require.Equal(t, []int{5, 7, 25, 213}, sizes)
	for i, r := range s.Rings {
		require.Equal(t, rollout.Counts{Waiting: sizes[i]}, r.Counts)
	}
	turned := slices.Clone(assets)
	slices.Reverse(turned)
	require.Equal(t, s, rollout.Begin(p, "1.0", turned, t0))
	next := rollout.Begin(p, "1.1", assets, t0)
	same := 0
	for _, a := range assets {
		if ring := next.Place(p, a).Ring; ring == 2 && rings[a.ID] == 2 {
			same++
		}
	}
	require.Less(t, same, 10, "another release takes other assets first")

	for _, a := range []rollout.Asset{{ID: "new", Tags: []string{"lab"}}, {ID: "newer"}} {
		before := s
		var m rollout.Member
		s, m, _ = rollout.StepMember(p, s, m, rollout.Joined{Asset: a}, t0)
		require.Equal(t, before.Place(p, a), m)
		require.Equal(t, before.Rings[m.Ring].Waiting+1, s.Rings[m.Ring].Waiting)
		require.Equal(t, before.Budget, s.Budget, "a share does not change")
		again, m2, _ := rollout.StepMember(p, s, m, rollout.Joined{Asset: a}, t0)
		require.Equal(t, s, again)
		require.Equal(t, m, m2)
	}
	for _, a := range assets {
		require.Equal(t, rings[a.ID], s.Place(p, a).Ring)
	}
	require.Equal(t, 1, rollout.Begin(p, "", assets[:3], t0).Budget, "at least one")
	require.Equal(t, 1, rollout.Begin(p, "", nil, t0).Budget)
}

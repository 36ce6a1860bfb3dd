package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// radii are rollouts whose blast radius is searched.
func radii() []setting {
	canaries := []string{"canary", "canary", "", "", ""}
	ring := func(name, tag string, results, success int) rollout.RingPolicy {
		return rollout.RingPolicy{Name: name, Tag: tag, Gate: rollout.Gate{Results: results, Success: success}}
	}
	limited := ring("canary", "canary", 1, 50)
	limited.Limit = rollout.Amount{Count: 1}
	chosen := ring("chosen", "", 2, 50)
	chosen.Take = rollout.Amount{Percent: 40}
	count := func(n int) rollout.Amount { return rollout.Amount{Count: n} }
	return []setting{
		{name: "the budget", tags: canaries, policy: rollout.Policy{
			Rings: []rollout.RingPolicy{ring("canary", "canary", 1, 100), ring("rest", "", 1, 100)}, Budget: count(2)}},
		{name: "the canaries are never enough", tags: canaries, policy: rollout.Policy{
			Rings: []rollout.RingPolicy{ring("canary", "canary", 3, 100), ring("rest", "", 1, 100)}, Budget: count(5)}},
		{name: "one ring by share", tags: canaries[:4], policy: rollout.Policy{
			Rings: []rollout.RingPolicy{ring("all", "", 1, 90)}, Budget: rollout.Amount{Percent: 79}}},
		{name: "a limit of the first ring", tags: canaries[:4], policy: rollout.Policy{
			Rings: []rollout.RingPolicy{limited, ring("rest", "", 1, 100)}, Budget: count(5)}},
		{name: "a strict gate between two rings", tags: []string{"canary", "canary", "canary", ""}, policy: rollout.Policy{
			Rings: []rollout.RingPolicy{ring("canary", "canary", 3, 100), ring("rest", "", 1, 100)}, Budget: count(4)}},
		{name: "three rings and weak gates", tags: []string{"canary", "canary", "", "", ""}, policy: rollout.Policy{
			Rings: []rollout.RingPolicy{ring("canary", "canary", 2, 50), chosen, ring("rest", "", 1, 50)}, Budget: count(4)}},
	}
}

// The number that a rollout prints is the greatest that an exhaustive search
// finds, and the history of testdata/histories attains it.
func TestBlastRadius_ROL5(t *testing.T) {
	for _, s := range radii() {
		t.Run(s.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("SKIPPED ALOUD: an exhaustive search takes a while; run without -short")
			}
			s.grants, s.policy.Silence = 1, time.Hour
			require.NoError(t, s.policy.Validate())
			radius := s.policy.BlastRadius(s.assets())
			r := s.search(5_000_000, true)
			require.True(t, r.complete)
			require.Empty(t, r.broken)
			fmt.Printf("%s %d distinct states: the worst hurts %d.\n", radius, r.states, r.worst)
			require.Equal(t, r.worst, radius.Hurt, radius)
			worst := parsed(t, kept(t, "worst of "+s.name, radius.String(), printed(r.history)))
			n, err := s.play(worst)
			require.NoError(t, err)
			require.Equal(t, radius.Hurt, n.hurt(&s))
		})
	}
}

// So it is for any rollout.
func TestBlastRadiusOfRandomRollouts_ROL5(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: exhaustive searches take a while; run without -short")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	amount := func(most int) rollout.Amount { return rollout.Amount{Count: rng.IntN(most + 1)} }
	for range 25 {
		s := setting{grants: 1, tags: []string{"canary", "canary", "", ""}[rng.IntN(2):]}
		for i, tag := range []string{"canary", "take", ""}[rng.IntN(3):] {
			r := rollout.RingPolicy{Name: fmt.Sprint(i), Tag: tag, Limit: amount(2), Gate: rollout.Gate{Results: 1 + rng.IntN(3), Success: 1 + rng.IntN(100)}}
			if tag == "take" {
				r.Tag, r.Take = "", rollout.Amount{Count: 1 + rng.IntN(2)}
			}
			s.policy.Rings = append(s.policy.Rings, r)
		}
		s.policy.Budget.Count = 1 + rng.IntN(4)
		require.NoError(t, s.policy.Validate())
		r := s.search(1_000_000, true)
		require.True(t, r.complete)
		require.Empty(t, r.broken)
		require.Equal(t, r.worst, s.policy.BlastRadius(s.assets()).Hurt, "%+v\n%s", s.policy, printed(r.history))
	}
}

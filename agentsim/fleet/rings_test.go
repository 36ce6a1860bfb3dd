package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

func threeRings() *rollout.Policy {
	gate := rollout.Gate{Results: 5, Success: 80}
	return &rollout.Policy{Budget: rollout.Amount{Percent: 30}, Rings: []rollout.RingPolicy{
		{Name: "first", Take: rollout.Amount{Percent: 2}, Soak: 6 * time.Hour, Gate: gate},
		{Name: "early", Take: rollout.Amount{Percent: 10}, Soak: 12 * time.Hour, Gate: gate},
		{Name: "rest", Gate: gate},
	}}
}

// Rings start one after the other, each after its predecessor has soaked, and no
// more assets are at risk than the budget, of each server, allows (ROL-1 to 3,
// invariant 14).
func TestFleetInRings_ROL1_ROL2_ROL3(t *testing.T) {
	cfg := Config{Agents: 1500, Days: 7, Seed: 3, Cancel: -1, Rollout: threeRings(), shard: 500}
	r, err := Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Len(t, r.Rings, 3)
	require.GreaterOrEqual(t, r.Rings[1].First, 6*time.Hour)
	require.GreaterOrEqual(t, r.Rings[2].First, r.Rings[1].First+12*time.Hour)
	require.Less(t, r.Rings[2].First, 5*day)
	for at := range r.Rings[0].Counts {
		all, risk := 0, 0
		for _, ring := range r.Rings {
			c := ring.Counts[at]
			all += c.Waiting + c.AtRisk + c.Verified + c.Left
			risk += c.AtRisk
		}
		require.LessOrEqual(t, risk, 3*150)
		require.Equal(t, 1500, all, "every asset is in one ring")
	}
	last := r.Rings[2].Counts[len(r.Rings[2].Counts)-1]
	require.Greater(t, last.Verified, 1000)
	for _, o := range r.Exposure.Overdue {
		if o.Cause == deadline.HeldBack {
			require.Less(t, o.Assets, 600)
		}
	}

	all, err := Run(context.Background(), Config{Agents: 1500, Days: 7, Seed: 3, Cancel: -1})
	require.NoError(t, err)
	require.Nil(t, all.Rings)
	require.Less(t, all.Exposure.Days, r.Exposure.Days, "caution costs exposure")
	again, err := Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Equal(t, r, again)
}

// A patch that fails everywhere stops in the first ring, and hurts no more
// assets than its blast radius says (ROL-4, ROL-5).
func TestBadPatchStopsInTheFirstRing_ROL4_ROL5(t *testing.T) {
	p := threeRings()
	p.Budget = rollout.Amount{Count: 10}
	r, err := Run(context.Background(), Config{Agents: 500, Days: 7, Seed: 3, Cancel: -1, Failing: 1000, Rollout: p, shard: 500})
	require.NoError(t, err)
	last := r.Rings[0].Counts[len(r.Rings[0].Counts)-1]
	require.Positive(t, last.AtRisk)
	require.LessOrEqual(t, last.AtRisk, 10)
	require.Zero(t, r.Rings[1].First)
	require.NotZero(t, r.Rings[2].Counts[len(r.Rings[2].Counts)-1].Waiting)

	bad := *p
	bad.Rings = nil
	require.ErrorContains(t, Config{Agents: 1, Rollout: &bad}.Validate(), "rings")
}

// A cancel ends the rollout: no ring that has not started gets an order (JOB-3).
func TestCancelledRings_ROL4_JOB3(t *testing.T) {
	r, err := Run(context.Background(), Config{Agents: 500, Days: 3, Seed: 3, Rollout: threeRings(), shard: 500})
	require.NoError(t, err)
	require.Greater(t, r.Cancel.AtOnce, 300)
	require.Zero(t, r.Rings[1].First)
}

package explore

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// threeRings is a rollout with one asset in each ring. Its budget lets a ring
// start while one asset of an earlier ring is silent.
func threeRings() *rollout.Policy {
	one := rollout.Gate{Results: 1}
	return &rollout.Policy{Budget: rollout.Amount{Count: 2}, Silence: time.Hour, Rings: []rollout.RingPolicy{
		{Name: "first", Take: rollout.Amount{Count: 1}, Soak: 10 * time.Minute, Gate: one},
		{Name: "second", Take: rollout.Amount{Count: 1}, Gate: one},
		{Name: "rest", Gate: one},
	}}
}

// seeRollout shows the rollout to package watch, as it is committed (invariant
// 14). What was seen follows from what the store has, except at which instant a
// gate had its results, which the store has too. So the hash leaves it out.
func (s *scene) seeRollout(st *state) {
	if !s.Rollout || st.broken != nil {
		return
	}
	status, err := s.view(st).Rollout(context.Background(), s.tasks[0].run, st.now)
	if err != nil {
		if !missing(err) {
			st.broke(14, "the server cannot show the rollout: %v", err)
		}
		return
	}
	now := watch.Rolled{Policy: *threeRings(), Budget: status.Budget, At: st.now}
	for _, r := range status.Rings {
		now.Rings = append(now.Rings, r.Ring)
	}
	for _, h := range st.hosts[:s.Assets] {
		if h != nil && h.watch.orders[0].AtRisk() {
			now.AtRisk++
		}
	}
	seen, broken := st.rolled.See(now)
	if st.rolled = seen; broken != nil {
		st.note(broken)
	}
}

package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// Assets of a ring whose limit is full keep their turn, although another ring
// that has started has room (ROL-1, ROL-3).
func TestFullRingKeepsItsTurns_ROL1_ROL3(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		f.enrol("a6", "all", "lab")
		d := ringed("j")
		d.Rollout.Budget.Count = 4
		lab := &d.Rollout.Rings[0]
		lab.Limit, lab.Gate, lab.Soak = rollout.Amount{Count: 1}, rollout.Gate{Results: 1, Success: 33}, 0
		run := f.enable(d)
		f.tickAll()
		list := f.holders()
		require.Len(f, list, 1, "the limit of the ring")
		f.finish(list[0], job.Completed)
		f.tickAll() // the next in the lab
		s := f.rollout(run)
		require.Equal(f, 1, s.Rings[0].AtRisk())
		require.Equal(f, 1, s.Rings[0].Waiting)
		for range 10 {
			f.pass(time.Minute)
			f.tickAll()
			s = f.rollout(run)
			require.LessOrEqual(f, s.Rings[0].AtRisk(), 1)
			for _, a := range f.holders() {
				if s.Rings[1].Start.IsZero() || a.id != "a0" && a.id != "a1" && a.id != "a6" {
					f.finish(a, job.Completed)
				}
			}
		}
		require.False(f, f.rollout(run).Rings[1].Start.IsZero())
		for range 10 {
			f.pass(time.Minute)
			f.tickAll()
			for _, a := range f.holders() {
				f.finish(a, job.Completed)
			}
		}
		s = f.rollout(run)
		require.Equal(f, rollout.Done, s.Phase, "%s: %+v", s.Why.Text, s.Rings)
	})
}

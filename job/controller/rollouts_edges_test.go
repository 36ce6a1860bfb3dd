package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
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

// When a rollout is done its policy may change, although an asset still has its
// order: its run is still shown, and Tick comes to an end.
func TestPolicyChangesAfterRollout_ROL1(t *testing.T) {
	for _, rings := range []int{0, 1, 2} {
		stores(t, func(f *fixture) {
			ringedFleet(f)
			d := ringed("j")
			d.Rollout.Rings[2].Gate = rollout.Gate{Results: 1, Success: 50}
			run := f.enable(d)
			for range 8 {
				f.pass(time.Hour)
				f.tickAll()
				for _, a := range f.holders() {
					if s := f.rollout(run); s.Phase == rollout.Running && !(s.Rings[2].Verified > 0 && s.Rings[2].Waiting == 0) {
						f.finish(a, job.Completed)
					}
				}
			}
			s := f.rollout(run)
			require.Equal(f, rollout.Done, s.Phase, s.Why.Text)
			require.Positive(f, s.AtRisk)
			changed := d
			if changed.Rollout = nil; rings > 0 {
				p := *d.Rollout
				p.Rings = p.Rings[3-rings:]
				changed.Rollout = &p
			}
			_, err := f.SaveJob(ctx, changed, f.now)
			require.NoError(f, err)
			again, err := f.Rollout(ctx, run, f.now)
			require.NoError(f, err)
			require.Equal(f, s.Phase, again.Phase)
			f.pass(25 * time.Hour) // silence
			_, err = f.Tick(ctx, f.now)
			require.NoError(f, err)
			for _, a := range f.holders() {
				f.finish(a, job.Completed)
			}
			f.tickAll()
		})
	}
}

// A job that gets a rollout when its run has begun uses it in its next run.
func TestRolloutComesWithTheNextRun_ROL1(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		d := ringed("j")
		d.Rollout = nil
		f.enable(d)
		f.tickAll()
		require.Len(f, f.holders(), 6)
		_, err := f.SaveJob(ctx, ringed("j"), f.now)
		require.NoError(f, err)
		f.tickAll()
		require.Len(f, f.holders(), 6)
		for _, a := range f.holders()[:5] {
			f.finish(a, job.Completed)
		}
		f.sync(patch("editor", "2.0.0"))
		run := f.enable2("j")
		f.tickAll()
		require.Len(f, f.rollout(run).Rings, 3)
	})
}

// A run whose rollout was abandoned and that is planned again is missed, since
// no asset would ever get its order. Another time makes another run.
func TestAbandonedRolloutPlannedAgain_ROL4(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		d := ringed("j")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
		run := f.enable(d)
		f.tickAll()
		require.NoError(f, f.DisableJob(actor, "j", f.now))
		f.tickAll()
		require.NoError(f, f.AbandonRollout(actor, run, "another budget", f.now))
		d.Rollout.Budget.Count = 1
		again := f.enable(d)
		require.Equal(f, run, again)
		f.tickAll()
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunMissed, status.State)
		require.Zero(f, status.Waiting)
		require.NoError(f, f.DisableJob(actor, "j", f.now))
		d.Schedule.At = start.Add(2 * time.Hour)
		again = f.enable(d)
		require.NotEqual(f, run, again)
		f.tickAll()
		require.Len(f, f.holders(), 1, "the new budget")
	})
}

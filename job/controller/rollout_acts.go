package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// RolloutRefused is the error of an act that a rollout refuses.
type RolloutRefused struct {
	Run job.RunID
	rollout.Reason
}

func (e *RolloutRefused) Error() string {
	return fmt.Sprintf("rollout of run %s: %s (%s)", e.Run, e.Text, e.Rule)
}

// StopRollout stops the rollout of a run: no further order is made, and orders
// that have not begun are withdrawn. Whoever does it, see [As], and why must be
// stated, as for the other acts (ROL-4).
//
// Errors: a *RolloutRefused; a *NotFoundError for a run without a rollout; an
// *UnfinishedError when it is stopped and some orders are still to follow.
func (c *Controller) StopRollout(ctx context.Context, run job.RunID, reason string, now time.Time) error {
	return c.actOnRollout(ctx, run, RolloutStopped, reason, now, func(a rollout.Act) rollout.Event { return rollout.StopAsked{Act: a} })
}

// ResumeRollout lets a stopped rollout go on. What is failed, silent or removed
// by then is accepted: it no longer counts in gates and budget (ROL-4). Errors
// are those of StopRollout.
func (c *Controller) ResumeRollout(ctx context.Context, run job.RunID, reason string, now time.Time) error {
	return c.actOnRollout(ctx, run, RolloutResumed, reason, now, func(a rollout.Act) rollout.Event { return rollout.ResumeAsked{Act: a} })
}

// ExpediteRollout starts the rings up to the one named early, without soak time
// and gates. The budget holds all the same (ROL-6). Errors are those of
// StopRollout, and a *NotFoundError for an unknown ring.
func (c *Controller) ExpediteRollout(ctx context.Context, run job.RunID, ring, reason string, now time.Time) error {
	found, err := view(ctx, c, func(r *reader) int {
		d := r.run(run).Definition
		if d.Rollout == nil {
			return 0
		}
		i := slices.IndexFunc(d.Rollout.Rings, func(p rollout.RingPolicy) bool { return p.Name == ring })
		if i < 0 {
			r.fail(&NotFoundError{"ring", ring})
		}
		return i
	})
	if err != nil {
		return err
	}
	return c.actOnRollout(ctx, run, RolloutExpedited, reason, now, func(a rollout.Act) rollout.Event { return rollout.ExpediteAsked{Act: a, To: found} })
}

// AbandonRollout ends a rollout for good: as StopRollout, and assets that wait
// get no order of this run any more. Errors are those of StopRollout.
func (c *Controller) AbandonRollout(ctx context.Context, run job.RunID, reason string, now time.Time) error {
	return c.actOnRollout(ctx, run, RolloutAbandoned, reason, now, func(a rollout.Act) rollout.Event { return rollout.AbandonAsked{Act: a} })
}

func (c *Controller) actOnRollout(ctx context.Context, id job.RunID, action Action, reason string, now time.Time, event func(rollout.Act) rollout.Event) error {
	err := c.update(ctx, now, func(t *tx) {
		run := t.run(id)
		x := t.rollout(run)
		if x == nil {
			t.fail(&NotFoundError{"rollout of run", string(id)})
			return
		}
		actor, _ := t.ctx.Value(actorKey{}).(string)
		if out := t.act(x, event(rollout.Act{By: actor, Reason: reason})); out.Refused {
			t.fail(&RolloutRefused{id, out.Reason})
			return
		}
		if action == RolloutResumed {
			t.stepRun(run, ledger.RunResume{})
		}
		x.wake = true
		t.acted(action, string(id), reason)
	})
	if err != nil {
		return err
	}
	return unfinished(c.finish(ctx, []job.RunID{id}, now))
}

// RolloutStatus is where the rollout of a run is.
type RolloutStatus struct {
	Run    job.RunID      `json:"run"`
	Phase  rollout.Phase  `json:"phase"`
	Begun  time.Time      `json:"begun"`  // patches that were listed later are not for this run (ROL-6)
	Budget int            `json:"budget"` // assets that may be at risk at once (ROL-3)
	AtRisk int            `json:"atRisk"`
	Gate   rollout.Answer `json:"gate"` // of the last ring that started (ROL-2)
	Why    rollout.Reason `json:"why"`  // of the gate's answer
	Rings  []RingStatus   `json:"rings"`
}

// RingStatus is one ring of a RolloutStatus.
type RingStatus struct {
	Name string `json:"name"`
	rollout.Ring
}

// Rollout returns where the rollout of a run is. The error is a *NotFoundError
// for a run without one.
func (c *Controller) Rollout(ctx context.Context, id job.RunID, now time.Time) (RolloutStatus, error) {
	return view(ctx, c, func(r *reader) RolloutStatus {
		d := r.run(id).Definition
		rec, found := r.findRollout(id)
		if !found || d.Rollout == nil {
			r.fail(&NotFoundError{"rollout of run", string(id)})
			return RolloutStatus{}
		}
		gate := rec.State.Gate(d.Rollout.WithDefaults(), now)
		s := RolloutStatus{
			Run: id, Phase: rec.State.Phase, Begun: rec.Begun, Budget: rec.State.Budget, AtRisk: rec.State.Total().AtRisk(),
			Gate: gate.Answer, Why: gate.Reason,
		}
		for i, ring := range rec.State.Rings {
			ring.UpTo = 0 // a hash, which nobody reads
			s.Rings = append(s.Rings, RingStatus{d.Rollout.Rings[i].Name, ring})
		}
		return s
	})
}

// heldBack says why the rollout of a run keeps an asset's order back; without a
// rule: it does not.
func (r *reader) heldBack(run runRecord, asset job.AssetID) (why rollout.Reason) {
	if run.Definition.Rollout == nil {
		return why
	}
	rec, found := r.findRollout(run.ID)
	m := r.member(run.ID, asset)
	if !found || m.Phase != rollout.Waiting {
		return why
	}
	_, _, out := rollout.StepMember(run.Definition.Rollout.WithDefaults(), rec.State, m.Member, rollout.Ask{}, rec.Begun)
	if out.Grant {
		return rollout.Reason{Rule: "ROL-3", Text: "Its ring has started, and its turn comes within a minute."}
	}
	return out.Reason
}

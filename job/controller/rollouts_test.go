package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

var actor = controller.As(ctx, "ann")

// ringed is a job with three rings: the assets tagged lab, one more, the rest.
func ringed(id job.ID) job.Definition {
	d := definition(id, "editor-2.0.0")
	d.Rollout = &rollout.Policy{
		Budget: rollout.Amount{Count: 2}, Silence: 24 * time.Hour,
		Rings: []rollout.RingPolicy{
			{Name: "lab", Tag: "lab", Gate: rollout.Gate{Results: 1}, Soak: time.Hour},
			{Name: "early", Take: rollout.Amount{Count: 1}, Gate: rollout.Gate{Results: 1}},
			{Name: "rest", Gate: rollout.Gate{Results: 1}},
		},
	}
	return d
}

// ringedFleet has two assets in the lab and four others.
func ringedFleet(f *fixture) {
	f.Helper()
	f.sync(patch("editor", "2.0.0"))
	for i := range 6 {
		tags := []string{"all"}
		if i < 2 {
			tags = append(tags, "lab")
		}
		f.enrol(job.AssetID(fmt.Sprintf("a%d", i)), tags...)
	}
}

// tick lets the server go on, and every agent call.
func (f *fixture) tickAll() {
	f.Helper()
	_, err := f.Tick(ctx, f.now)
	require.NoError(f, err)
	for _, a := range f.agents {
		f.call(a)
	}
}

func (f *fixture) rollout(run job.RunID) controller.RolloutStatus {
	f.Helper()
	s, err := f.Rollout(ctx, run, f.now)
	require.NoError(f, err)
	return s
}

// holders lists the agents that hold an order.
func (f *fixture) holders() (list []*agent) {
	for i := range 10 {
		if a := f.agents[job.AssetID(fmt.Sprintf("a%d", i))]; a != nil && len(a.orders) > 0 {
			list = append(list, a)
		}
	}
	return list
}

// finish has an agent report how its order ended.
func (f *fixture) finish(a *agent, result job.Result) {
	f.Helper()
	require.NotEmpty(f, a.orders)
	a.report(job.Report{Order: a.orders[0].ID, Progress: job.Started, At: f.now})
	a.report(job.Report{Order: a.orders[0].ID, Progress: job.Deploying, At: f.now})
	status, code := job.Succeeded, job.Code(0)
	if result == job.Failed {
		status, code = job.PatchFailed, job.InstallerFailed
	}
	if result == job.Completed {
		a.install("editor", "2.0.0", "player", "1.0.0", "reader", "1.0.0")
	}
	a.report(job.Report{Order: a.orders[0].ID, Result: result, At: f.now, Patches: []job.PatchOutcome{outcome("editor-2.0.0", status, code)}})
	f.call(a)
	require.Empty(f, a.orders)
}

// Rings start in order, each after the gate before it, and the budget holds
// (ROL-1, ROL-2, ROL-3).
func TestRolloutGoesRingByRing_ROL1_ROL2_ROL3(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		run := f.enable(ringed("j"))
		f.tickAll()
		s := f.rollout(run)
		require.Equal(f, rollout.Running, s.Phase)
		require.Equal(f, 2, s.Rings[0].Granted)
		require.Equal(f, rollout.Hold, s.Gate)
		list := f.holders()
		require.Len(f, list, 2)
		require.Equal(f, []job.AssetID{"a0", "a1"}, []job.AssetID{list[0].id, list[1].id})
		f.finish(list[0], job.Completed)
		f.finish(list[1], job.Completed)
		f.pass(59 * time.Minute)
		f.tickAll()
		require.Empty(f, f.holders(), "it soaks for an hour")
		f.pass(time.Minute)
		f.tickAll()
		list = f.holders()
		require.Len(f, list, 1, "the second ring is one asset")
		early := list[0].id
		f.finish(list[0], job.Completed)
		f.tickAll()
		list = f.holders()
		require.Len(f, list, 2, "the budget")
		require.Equal(f, 2, f.rollout(run).AtRisk)
		f.finish(list[0], job.Completed)
		f.tickAll()
		require.Len(f, f.holders(), 2)
		for len(f.holders()) > 0 {
			f.finish(f.holders()[0], job.Completed)
			f.tickAll()
		}
		s = f.rollout(run)
		require.Equal(f, rollout.Done, s.Phase, s.Why.Text)
		require.Equal(f, []int{2, 1, 3}, []int{s.Rings[0].Verified, s.Rings[1].Verified, s.Rings[2].Verified})
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.True(f, status.Settled)
		require.NotContains(f, []job.AssetID{"a0", "a1"}, early)

		removed, err := f.Prune(ctx, f.now.Add(-controller.PruneAge), f.now)
		require.NoError(f, err)
		require.Zero(f, removed.Runs)
		f.enable2("j") // another run, so that the first can go
		f.pass(controller.PruneAge + 48*time.Hour)
		f.tickAll()
		removed, err = f.Prune(ctx, f.now.Add(-controller.PruneAge-time.Hour), f.now)
		require.NoError(f, err)
		require.Equal(f, 1, removed.Runs)
	})
}

// enable2 runs an enabled job again.
func (f *fixture) enable2(id job.ID) job.RunID {
	f.Helper()
	run, err := f.RunJob(ctx, id, f.now)
	require.NoError(f, err)
	return run
}

// A failed ring stops the rollout: what has not begun is withdrawn, and nobody
// gets an order until somebody resumes it (ROL-4).
func TestStoppedRollout_ROL3_ROL4(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		var stopped []string
		run := f.enable(ringed("j"))
		f.tickAll()
		list := f.holders()
		f.finish(list[0], job.Failed)
		f.tickAll()
		s := f.rollout(run)
		require.Equal(f, rollout.Stopped, s.Phase)
		require.Equal(f, rollout.Stop, s.Gate)
		require.Equal(f, "ROL-2", s.Why.Rule)
		require.Empty(f, list[1].orders, "it had not begun")
		f.tickAll()
		require.Equal(f, 1, f.rollout(run).AtRisk, "the failed one")
		events, err := f.Events(ctx, time.Time{}, 10)
		require.NoError(f, err)
		for _, e := range events {
			stopped = append(stopped, e.Action.String())
		}
		require.Contains(f, stopped, "rollout stopped")

		_, err = f.RunJob(ctx, "j", f.now)
		require.ErrorContains(f, err, "has an open rollout, of run "+string(run))
		refused := new(controller.RolloutRefused)
		require.ErrorAs(f, f.ResumeRollout(ctx, run, "why not", f.now), &refused, "nobody says who")
		require.ErrorAs(f, f.ExpediteRollout(actor, run, "rest", "hurry", f.now), &refused)
		require.NoError(f, f.ResumeRollout(actor, run, "the disk was full", f.now))
		f.tickAll()
		require.Len(f, f.holders(), 1, "the one that was withdrawn")
		require.Equal(f, rollout.Running, f.rollout(run).Phase)
		f.finish(list[1], job.Completed)
		f.pass(time.Hour)
		f.tickAll()
		require.Len(f, f.holders(), 1)
		require.NoError(f, f.StopRollout(actor, run, "vendor says so", f.now))
		f.tickAll()
		require.Empty(f, f.holders())
		require.NoError(f, f.AbandonRollout(actor, run, "vendor says so", f.now))
		f.tickAll()
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.True(f, status.Settled)
		require.Zero(f, status.Waiting)
		require.ErrorAs(f, f.ResumeRollout(actor, run, "no", f.now), &refused)
		f.enable2("j")
		f.tickAll()
		require.Len(f, f.holders(), 1, "the other one has it")
	})
}

// An order that began before the stop reached the asset goes on, and counts
// (ROL-4).
func TestStopRacesBegin_ROL4(t *testing.T) {
	once(t, func(f *fixture) {
		ringedFleet(f)
		run := f.enable(ringed("j"))
		f.tickAll()
		list := f.holders()
		order := list[0].orders[0]
		list[0].report(job.Report{Order: order.ID, Progress: job.Started, At: f.now}) // and the call fails
		require.NoError(f, f.StopRollout(actor, run, "wait", f.now))
		f.call(list[1])
		require.Equal(f, 2, f.rollout(run).AtRisk, "nobody knows yet")
		f.call(list[1])
		f.call(list[0])
		require.Equal(f, 1, f.rollout(run).AtRisk)
		require.NoError(f, f.ResumeRollout(actor, run, "go on", f.now))
		f.tickAll()
		require.Equal(f, 2, f.rollout(run).AtRisk)
		require.Len(f, list[1].orders, 1)
	})
}

// A silent asset counts against the budget, and in the gate (ROL-2, ROL-3).
func TestSilentMembers_ROL2_ROL3(t *testing.T) {
	once(t, func(f *fixture) {
		ringedFleet(f)
		run := f.enable(ringed("j"))
		f.tickAll()
		a0, a1 := f.agents["a0"], f.agents["a1"]
		delete(f.agents, "a1")
		f.finish(a0, job.Completed)
		f.pass(25 * time.Hour)
		f.tickAll()
		s := f.rollout(run)
		require.Equal(f, 1, s.Rings[0].Silent)
		require.Equal(f, rollout.Hold, s.Gate)
		require.Contains(f, s.Why.Text, "1 of 2 granted assets succeeded, 50 percent")
		f.agents["a1"] = a1
		f.tickAll()
		f.pass(15 * time.Minute)
		f.tickAll()
		require.Zero(f, f.rollout(run).Rings[0].Silent)
		f.finish(a1, job.Completed)
		f.pass(time.Hour)
		f.tickAll()
		require.Len(f, f.holders(), 1)
	})
}

// Assets for which there is nothing to do, that are removed or join later
// (ROL-1, ROL-2).
func TestMembersComeAndGo_ROL1_ROL2(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		f.agents["a0"].install("editor", "2.0.0")
		f.call(f.agents["a0"])
		d := ringed("j")
		d.LateJoiners = true
		run := f.enable(d)
		f.tickAll()
		s := f.rollout(run)
		require.Equal(f, 1, s.Rings[0].Left, "nothing to do")
		require.Len(f, f.holders(), 1)
		f.enrol("a7", "all", "lab")
		f.tickAll()
		require.Len(f, f.holders(), 2, "it joined an open ring")
		require.NoError(f, f.RemoveAsset(ctx, "a7", f.now))
		delete(f.agents, "a7")
		require.NoError(f, f.RemoveAsset(ctx, "a4", f.now))
		delete(f.agents, "a4")
		s = f.rollout(run)
		require.Equal(f, []int{1, 1, 1}, []int{s.Rings[0].Lost, s.Rings[0].Left, s.Rings[2].Left + s.Rings[1].Left})
		require.Equal(f, 2, s.AtRisk, "what a removed asset did is not known (ROL-3)")
		f.finish(f.agents["a1"], job.Completed)
		f.pass(time.Hour)
		f.tickAll()
		require.Equal(f, 2, f.rollout(run).AtRisk, "one in the next ring")
		_, err := f.CancelRun(actor, run, f.now)
		require.NoError(f, err)
		f.tickAll()
		require.Equal(f, rollout.Abandoned, f.rollout(run).Phase)
		require.Equal(f, ledger.CancelDone, f.asset(run, "a3").Cancel, "it waited")
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Zero(f, status.Waiting)
	})
}

// A ring of a recurring job starts at the next time of its schedule, with a
// window of its own, and no other run starts meanwhile (ROL-1). A version that
// is listed meanwhile never skips a ring (ROL-6).
func TestRingsOfARecurringJob_ROL1_ROL6(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		d := ringed("j")
		d.Patches = job.Patches{Query: &job.Query{}}
		d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(3, 0), Zone: "UTC"}
		d.Window = 2 * time.Hour
		run := f.enable(d)
		f.now = start.Add(15 * time.Hour)
		f.tickAll()
		list := f.holders()
		require.Len(f, list, 2)
		first := list[0].orders[0]
		require.Equal(f, start.Add(15*time.Hour), first.Start)
		f.finish(list[0], job.Completed)
		f.finish(list[1], job.Completed)
		f.pass(time.Minute)
		f.sync(patch("editor", "2.0.0"), patch("editor", "3.0.0"))
		for _, a := range list { // which the two miss now
			f.call(a)
		}
		f.pass(2 * time.Hour)
		f.tickAll()
		list = f.holders()
		require.Empty(f, list, "the version that the first ring tried is superseded")
		s := f.rollout(run)
		require.Equal(f, start.Add(39*time.Hour), s.Rings[1].Start)
		_, steps := f.whyOn("a4", "editor-3.0.0")
		require.Contains(f, steps, "ROL-")
		for range 6 {
			f.pass(day)
			f.tickAll()
		}
		runs, err := f.Runs(ctx, "j", "", 100)
		require.NoError(f, err)
		var states []string
		for _, r := range runs {
			states = append(states, r.State.String())
		}
		require.Contains(f, states, "missed")
	})
}

// While a rollout is open its policy stays, and a disabled job's rollout goes on
// when the same run is planned again.
func TestRolloutKeepsItsPolicy_ROL3(t *testing.T) {
	once(t, func(f *fixture) {
		ringedFleet(f)
		d := ringed("j")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
		run := f.enable(d)
		f.tickAll()
		require.Len(f, f.holders(), 2)
		changed := d
		changed.Rollout = nil
		_, err := f.SaveJob(ctx, changed, f.now)
		require.ErrorContains(f, err, "cannot change while the rollout of run")
		require.NoError(f, f.DisableJob(actor, "j", f.now))
		f.tickAll()
		require.Empty(f, f.holders())
		require.Equal(f, rollout.Stopped, f.rollout(run).Phase)
		again, err := f.EnableJob(actor, "j", f.now)
		require.NoError(f, err)
		require.Equal(f, run, again)
		f.tickAll()
		require.Len(f, f.holders(), 2)
		require.Equal(f, rollout.Running, f.rollout(run).Phase)

		d.After = &job.After{Job: "x"}
		d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(3, 0), Zone: schedule.AssetZone}
		bad := d.Validate()
		require.ErrorContains(f, bad, "does not go together with after")
		require.ErrorContains(f, bad, "each asset's own zone")
	})
}

// The blast radius is said before the job is enabled, and why an asset waits
// after (ROL-5, DUE-5).
func TestRolloutIsExplained_ROL5_DUE5(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	ringedFleet(f)
	_, err := f.SaveJob(ctx, ringed("j"), f.now)
	require.NoError(t, err)
	o, err := f.Outlook(ctx, "j", f.now)
	require.NoError(t, err)
	require.Equal(t, "A bad patch can hurt at most 2 of 6 assets before the rollout stops (budget 2, rings 2 1 3).", o.Rollout)
	f.enable(ringed("j"))
	f.tickAll()
	_, steps := f.whyOn("a4", "editor-2.0.0")
	require.Contains(t, steps, `waits for its turn in the rollout. Ring "rest" has not started: it waits for the gate of ring "lab".`)
	_, err = f.Rollout(ctx, f.enable(definition("k", "editor-2.0.0")), f.now)
	require.ErrorAs(t, err, new(*controller.NotFoundError))
}

// An asset that comes when the rollout is over has no part in the run, and does
// not keep it open (ROL-1).
func TestAssetThatComesAfterTheRollout_ROL1(t *testing.T) {
	stores(t, func(f *fixture) {
		ringedFleet(f)
		d := ringed("j")
		d.LateJoiners = true
		d.Rollout.Rings[0].Soak = 0
		run := f.enable(d)
		for f.rollout(run).Phase != rollout.Done {
			f.tickAll()
			for _, a := range f.holders() {
				f.finish(a, job.Completed)
			}
		}
		f.enrol("a8", "all")
		f.tickAll()
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.True(f, status.Settled)
		require.Equal(f, job.TimedOut, f.asset(run, "a8").Result)
		next := f.enable2("j")
		f.tickAll()
		require.Contains(f, f.rollout(next).Why.Text, "It has only 0 assets that can have one", "nothing is missing in the first ring")
		require.NoError(f, f.ExpediteRollout(actor, next, "rest", "the lab has it", f.now))
		f.tickAll()
		require.Len(f, f.holders(), 1)
	})
}

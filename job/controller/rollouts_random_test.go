package controller_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// rolled is an asset as it is in truth.
type rolled struct {
	*agent
	began, failed, gone, accepted bool
	order                         job.OrderID
}

// atRisk reports whether a bad patch may be at work there: it holds its order or
// carries it out, and it has not said that all is well.
func (a *rolled) atRisk() bool {
	return !a.accepted && (a.failed || a.began || !a.gone && len(a.orders) > 0)
}

// Whatever two servers, agents and administrators do, and in whatever order, no
// more assets are at risk than the budget says, as the assets themselves see it,
// and no ring starts before its turn (invariant 14). If all answer at last,
// nobody waits for ever.
func TestBudgetHoldsInEveryInterleaving_ROL3(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 15
	}
	var stops, resumed, done int
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 14))
		store := memstore.New(memstore.Options{Seed: uint64(seed)})
		c := config()
		c.Batch = 1 + rng.IntN(4)
		f := fixtureOf(t, store, c)
		f.sync(patch("editor", "2.0.0"))
		assets := map[job.AssetID]*rolled{}
		enrol := func() {
			id := job.AssetID(fmt.Sprintf("a%02d", len(assets)))
			tags := []string{"all"}
			if rng.IntN(3) == 0 {
				tags = append(tags, "lab")
			}
			assets[id] = &rolled{agent: f.enrol(id, tags...)}
		}
		for range 3 + rng.IntN(9) {
			enrol()
		}
		d := ringed("j")
		d.LateJoiners = true
		d.Rollout.Budget.Count = 1 + rng.IntN(4)
		for i := range d.Rollout.Rings {
			d.Rollout.Rings[i].Soak = time.Duration(rng.IntN(3)) * time.Hour
			d.Rollout.Rings[i].Gate = rollout.Gate{Results: 1 + rng.IntN(2), Success: 50 + rng.IntN(51)}
			d.Rollout.Rings[i].Limit.Count = rng.IntN(3)
		}
		run := f.enable(d)
		servers := []*controller.Controller{f.Controller, nil}
		for range 120 {
			f.pass(time.Duration(rng.IntN(30)) * time.Minute)
			if rng.IntN(10) == 0 || servers[1] == nil { // another server, or one that was killed
				s, err := controller.New(store, c)
				require.NoError(t, err)
				servers[rng.IntN(2)] = s
				servers[1] = s
			}
			f.Controller = servers[rng.IntN(2)]
			a := assets[job.AssetID(fmt.Sprintf("a%02d", rng.IntN(len(assets))))]
			switch n := rng.IntN(40); {
			case n < 10:
				_, err := f.Tick(ctx, f.now)
				require.NoError(t, err)
			case n == 10:
				_ = f.StopRollout(actor, run, "stop", f.now)
			case n < 14:
				if f.rollout(run).Phase == rollout.Stopped && f.ResumeRollout(actor, run, "go on", f.now) == nil {
					resumed++
					for _, a := range assets {
						a.accepted = a.accepted || a.failed || a.gone && a.atRisk()
					}
				}
			case n == 14 && len(assets) < 14:
				enrol()
			case n == 15 && !a.gone && rng.IntN(4) == 0:
				require.NoError(t, f.RemoveAsset(ctx, a.id, f.now))
				a.gone = true
			case n == 16:
				_ = f.ExpediteRollout(actor, run, "rest", "hurry", f.now)
			case a.gone:
			default:
				a.step(f, rng)
			}
			f.Controller = servers[0]
			s, risk := f.rollout(run), 0
			for _, a := range assets {
				if a.atRisk() {
					risk++
				}
			}
			require.LessOrEqual(t, risk, s.Budget, "seed %d", seed)
			require.LessOrEqual(t, s.AtRisk, s.Budget, "seed %d", seed)
			for i, ring := range s.Rings {
				require.True(t, ring.Limit == 0 || ring.AtRisk() <= ring.Limit, "seed %d: ring %d", seed, i)
				if ring.Start.IsZero() {
					require.Zero(t, ring.AtRisk()+ring.Verified, "seed %d: ring %d", seed, i)
				}
			}
		}
		_ = f.ExpediteRollout(actor, run, "rest", "hurry", f.now)
		wait := func() bool {
			s := f.rollout(run)
			return s.Phase == rollout.Running && slices.ContainsFunc(s.Rings, func(r controller.RingStatus) bool { return r.Waiting > 0 })
		}
		for range 200 {
			if !wait() {
				break
			}
			f.pass(16 * time.Minute)
			_, err := f.Tick(ctx, f.now)
			require.NoError(t, err)
			for _, id := range slices.Sorted(maps.Keys(assets)) {
				if !assets[id].gone {
					assets[id].step(f, rng)
				}
			}
		}
		require.False(t, wait(), "seed %d: %+v", seed, f.rollout(run).Rings)
		switch f.rollout(run).Phase {
		case rollout.Done:
			done++
		case rollout.Stopped:
			stops++
		}
	}
	t.Logf("%d of %d rollouts were done, %d were stopped at the end, %d resumes", done, seeds, stops, resumed)
	require.Positive(t, stops)
	require.Positive(t, resumed)
	require.Positive(t, done)
}

// step lets an agent call, or go on with its order and call later.
func (a *rolled) step(f *fixture, rng *rand.Rand) {
	switch {
	case len(a.orders) > 0 && !a.began && !a.failed && rng.IntN(2) == 0:
		a.began, a.order = true, a.orders[0].ID
		a.report(job.Report{Order: a.order, Progress: job.Started, At: f.now})
		return
	case a.began && rng.IntN(2) == 0:
		r := job.Report{Order: a.order, Result: job.Completed, At: f.now, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}}
		if rng.IntN(6) == 0 {
			a.failed = true
			r.Result, r.Patches = job.Failed, []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}
		} else {
			a.install("editor", "2.0.0", "player", "1.0.0", "reader", "1.0.0")
		}
		a.began, a.orders = false, nil
		a.report(job.Report{Order: a.order, Progress: job.Deploying, At: f.now})
		a.report(r)
		return
	case rng.IntN(8) == 0: // the answer is lost
		in := a.request(f.now)
		_, err := f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		return
	}
	held := a.orders
	if f.call(a.agent); !a.began && len(held) > 0 && len(a.orders) == 0 && !a.failed { // it was withdrawn
		a.report(job.Report{Order: held[0].ID, Result: job.Withdrawn, At: f.now})
	}
}

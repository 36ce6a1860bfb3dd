package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
	"github.com/stretchr/testify/require"
)

// Each wrong act breaks its invariant; the right act breaks none.
func TestObserver(t *testing.T) {
	sc := newScene()
	fresh := func() *asset {
		s := newShard(sc, Config{Agents: 1}.WithDefaults(), 0, 1)
		s.now = Enabled
		return &s.assets[0]
	}
	order := job.OrderID("monthly-update@20260302T100000Z/a0000000")
	report := func(a *asset, r job.Report) {
		r.Order = order
		a.watch.reported(a, r)
	}
	started := func(a *asset) {
		report(a, job.Report{Progress: job.Received})
		report(a, job.Report{Progress: job.Started})
	}
	deploying := func(a *asset) {
		started(a)
		report(a, job.Report{Progress: job.Deploying})
	}
	deploy := execution.Install{Patches: []execution.Staged{{Patch: job.OrderPatch{Product: sc.products[1].id}}}}
	rebooting := func(a *asset) {
		deploying(a)
		a.install(deploy)
		report(a, job.Report{Result: job.PendingReboot})
	}
	for name, c := range map[string]struct {
		invariant int
		right     func(*asset)
		wrong     func(*asset)
	}{
		"installs what did not pass": {1, func(a *asset) { deploying(a); a.staged = 2; a.watch.deploys(a, deploy) }, func(a *asset) { deploying(a); a.watch.deploys(a, deploy) }},
		"deploys after Cancelled": {2, func(a *asset) { deploying(a); a.staged = 2; a.watch.deploys(a, deploy) }, func(a *asset) {
			started(a)
			report(a, job.Report{Result: job.Cancelled})
			a.staged = 2
			a.watch.deploys(a, deploy)
		}},
		"Cancelled after deploy": {2, func(a *asset) { started(a); report(a, job.Report{Result: job.Cancelled}) },
			func(a *asset) { deploying(a); report(a, job.Report{Result: job.Cancelled}) }},
		"TooLate before deploy": {2, func(a *asset) { deploying(a); report(a, job.Report{TooLate: job.StageDeploy}) },
			func(a *asset) { started(a); report(a, job.Report{TooLate: job.StageDeploy}) }},
		"goes on after its end": {2, deploying, func(a *asset) {
			started(a)
			report(a, job.Report{Result: job.Failed})
			report(a, job.Report{Progress: job.Deploying})
		}},
		"another order": {3, started, func(a *asset) {
			a.watch.reported(a, job.Report{Order: "other@20260302T100000Z/a0000000", Progress: job.Received})
		}},
		"another asset's order": {3, started, func(a *asset) {
			a.watch.reported(a, job.Report{Order: order[:len(order)-1] + "1", Progress: job.Received})
		}},
		"reboots twice": {4, func(a *asset) { rebooting(a); a.watch.reboots(a, order) },
			func(a *asset) {
				rebooting(a)
				a.watch.reboots(a, order)
				a.boots++
				a.watch.reboots(a, order)
			}},
		"reboots without need": {4, func(a *asset) { rebooting(a); a.watch.reboots(a, order) }, func(a *asset) {
			deploying(a)
			report(a, job.Report{Result: job.PendingReboot})
			a.watch.reboots(a, order)
		}},
		"reboots and never said so": {4, func(a *asset) { rebooting(a); a.watch.reboots(a, order) }, func(a *asset) {
			deploying(a)
			a.install(deploy)
			a.watch.reboots(a, order)
		}},
		"reboots too late": {5, func(a *asset) {
			rebooting(a)
			a.watch.Offered(since(a.s.now))
			a.s.now += reboot.MaxDeferral
			a.watch.reboots(a, order)
		},
			func(a *asset) {
				rebooting(a)
				a.watch.Offered(since(a.s.now))
				a.s.now += reboot.MaxDeferral + 1
				a.watch.reboots(a, order)
			}},
		"installs once more": {8, func(a *asset) { deploying(a); a.staged = 2; a.watch.deploys(a, deploy) },
			func(a *asset) { deploying(a); a.staged, a.has = 2, 2; a.watch.deploys(a, deploy) }},
		"revision falls":        {9, func(a *asset) { commit(a, 4, 5) }, func(a *asset) { commit(a, 5, 4) }},
		"refuses a manifest":    {9, started, func(a *asset) { report(a, job.Report{Refused: "it is forged"}) }},
		"cancel comes too late": {10, func(a *asset) { reach(a, bound) }, func(a *asset) { reach(a, bound+1) }},
	} {
		a := fresh()
		a.has = 0
		c.right(a)
		require.NoError(t, a.s.err, name)
		a = fresh()
		a.has = 0
		c.wrong(a)
		var broken *watch.Broken
		require.ErrorAs(t, a.s.err, &broken, name)
		require.Equal(t, c.invariant, broken.Invariant, name)
		require.Contains(t, broken.Error(), fmt.Sprintf("invariant %d broken at 2026-03-", c.invariant))
	}
}

func commit(a *asset, from, to manifest.Revision) {
	a.watch.committed(a, &agent.State{Revision: from}, &agent.State{Revision: to})
}

// reach delivers the mark of a cancel this long after the cancel.
func reach(a *asset, took time.Duration) {
	a.away = away{}
	a.s.cancelled, a.watch.pending = a.s.now, true
	a.s.now += took
	a.watch.delivered(a, manifest.Answer{At: since(a.s.now), Manifest: []byte("{}")})
}

// The check at the end finds an order without an end, and a server that differs
// from the journals.
func TestSettle_JOB3(t *testing.T) {
	world := func() *shard { return lived(t, Config{Agents: 40, Offline: -1, Seed: 9}) }
	broken := func(s *shard, invariant int, text string) {
		t.Helper()
		s.err = nil
		var b *watch.Broken
		require.ErrorAs(t, s.settle(), &b)
		require.Equal(t, invariant, b.Invariant)
		require.Contains(t, b.Text, text)
	}
	find := func(s *shard, result job.Result) int {
		for i := range s.assets {
			if s.assets[i].watch.Result == result && !s.assets[i].watch.local {
				return i
			}
		}
		t.Fatalf("no asset is %v", result)
		return 0
	}
	s := world()
	require.NoError(t, s.settle(), "the check can be repeated")
	s.assets[find(s, job.Completed)].watch.Result = 0
	broken(s, 10, "no end")
	s = world()
	s.server.(*lean).assets[find(s, job.Cancelled)].entry.Result = job.Failed
	broken(s, 12, "shows the cancel as Ended; the journal says Cancelled")
	s = world()
	r := &s.server.(*lean).assets[find(s, job.Completed)]
	r.failed = append(r.failed, ledger.Failed{})
	broken(s, 12, "the server counts")
	s = world()
	s.server.(*lean).assets[find(s, job.Completed)].entry.Phase = ledger.Open
	broken(s, 12, "the server")
}

// The lean server refuses what the controller would report as an anomaly.
func TestLeanServerRefusesNonsense(t *testing.T) {
	const asset = job.AssetID("a0000000")
	open := ledger.Entry{Run: "monthly-update@20260302T100000Z", Asset: asset, Phase: ledger.Open, Since: 1}
	for name, c := range map[string]struct {
		entry  ledger.Entry
		report job.Report
	}{
		"no order":      {ledger.Entry{Run: open.Run, Asset: asset}, job.Report{Order: open.ID(), Progress: job.Started}},
		"another order": {open, job.Report{Order: "x", Progress: job.Started}},
		"not cancelled": {open, job.Report{Order: open.ID(), Result: job.Cancelled}},
	} {
		l := &lean{assets: []record{{entry: c.entry}}}
		c.report.Sequence = 1
		_, err := l.checkIn(0, manifest.CheckIn{Asset: asset, Reports: []job.Report{c.report}}, began)
		var b *watch.Broken
		require.ErrorAs(t, err, &b, name)
		require.Equal(t, 12, b.Invariant)
	}
	l := &lean{assets: []record{{}}}
	_, err := l.checkIn(0, manifest.CheckIn{Asset: asset, Held: 1}, began)
	require.ErrorContains(t, err, "holds revision 1")
}

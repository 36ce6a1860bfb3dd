package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// smallSteps is a controller that handles one asset per transaction.
func smallSteps(t tester, store controller.Store) *controller.Controller {
	c := config()
	c.Batch = 1
	small, err := controller.New(store, c)
	require.NoError(t, err)
	return small
}

// standing makes a run over assets in all kinds of states: the order of one is
// not handed out, of one queued, of one begun, deploying, waiting for a reboot,
// ended, withdrawn before, and waiting for an inventory.
func standing(t *testing.T, store controller.Store) (f *fixture, d job.Definition, run job.RunID) {
	f = &fixture{tester: t, Controller: smallSteps(t, store), store: store, now: start, agents: map[job.AssetID]*agent{}}
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	progress := []job.Progress{job.Received, job.Started, job.Downloaded, job.Deploying}
	names := []job.AssetID{"a-fresh", "b-queued", "c-begun", "d-deploying", "e-rebooting", "f-done", "g-idle", "h-left"}
	steps := map[job.AssetID]int{"b-queued": 1, "c-begun": 3, "d-deploying": 4, "e-rebooting": 4, "f-done": 4, "h-left": 1}
	for _, id := range names {
		f.enrol(id, "all")
	}
	f.enrolOnly("i-waiting", "all")
	f.agents["g-idle"].install("editor", "2.0.0", "player", "2.0.0")
	f.call(f.agents["g-idle"])
	d = definition("job", "editor-2.0.0", "player-2.0.0")
	run = f.enable(d)
	for _, id := range names[1:] {
		a := f.agents[id]
		f.call(a)
		for _, p := range progress[:steps[id]] {
			a.report(job.Report{Order: job.MakeOrderID(run, id), At: f.now, Progress: p})
		}
		switch id {
		case "e-rebooting":
			a.report(job.Report{Order: job.MakeOrderID(run, id), At: f.now, Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
		case "f-done":
			a.report(job.Report{Order: job.MakeOrderID(run, id), At: f.now, Result: job.CompletedWithFailures, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, 9)}})
		}
		f.call(a)
	}
	f.pass(time.Minute)
	d.Assets.Exclude = []job.AssetID{"h-left"} // its order is withdrawn, and it has not said so
	_, err := f.SaveJob(ctx, d, f.now)
	require.NoError(t, err)
	require.True(t, f.asset(run, "h-left").Withdrawn)
	f.pass(time.Minute)
	return f, d, run
}

// A pass is cut off after every one of its transactions and carried on by Tick.
// It comes to the same end as one that was not: byte for byte, whatever was
// handled when (MAN-2, JOB-3, JOB-5, CAT-9).
func TestPassesThatAreCutOffComeToTheSameEnd_MAN2_JOB3_JOB5_CAT9(t *testing.T) {
	base := memstore.New(memstore.Options{})
	f, d, run := standing(t, base)
	batch := func(patches ...catalog.Patch) []catalog.Batch {
		b := catalog.Batch{Feed: "feed", At: f.now, Patches: patches}
		for _, name := range []string{"editor", "player", "reader"} {
			b.Products = append(b.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: version.Semver})
		}
		return []catalog.Batch{b}
	}
	edited := d
	edited.Patches.List = []catalog.PatchID{"player-2.0.0"}
	edited.Assets.Exclude = []job.AssetID{"a-fresh", "b-queued"} // and h-left takes part again
	moved := d
	moved.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(time.Hour)}
	second := definition("second", "editor-2.0.0")
	_, err := f.SaveJob(ctx, second, f.now)
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		do   func(*controller.Controller) error
	}{
		{"make", func(c *controller.Controller) error { _, err := c.EnableJob(ctx, "second", f.now); return err }},
		{"edit", func(c *controller.Controller) error { _, err := c.SaveJob(ctx, edited, f.now); return err }},
		{"move", func(c *controller.Controller) error { _, err := c.SaveJob(ctx, moved, f.now); return err }},
		{"trim", func(c *controller.Controller) error {
			_, err := c.Sync(ctx, batch(patch("editor", "2.0.0", withdrawn), patch("player", "2.0.0")), f.now)
			return err
		}},
		{"trim all", func(c *controller.Controller) error { _, err := c.Sync(ctx, batch(), f.now); return err }},
		{"cancel", func(c *controller.Controller) error { _, err := c.CancelRun(ctx, run, f.now); return err }},
		{"withdraw", func(c *controller.Controller) error { return c.DisableJob(ctx, "job", f.now) }},
		{"delete", func(c *controller.Controller) error { return c.DeleteJob(ctx, "job", false, f.now) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := dumpOf(t, base)
			uncut := base.Clone()
			require.NoError(t, c.do(smallSteps(t, uncut)))
			want := dumpOf(t, uncut)
			require.Empty(t, want["work"])
			require.Empty(t, audit(t, uncut))
			transactions := 0
			for n := 0; ; n++ {
				s := base.Clone()
				err := c.do(smallSteps(t, &failing{Store: s, after: n}))
				if err == nil {
					transactions = n
					break
				}
				require.ErrorIs(t, err, errDied)
				cut := new(controller.UnfinishedError)
				if n == 0 {
					require.NotErrorAs(t, err, &cut)
					require.Equal(t, before, dumpOf(t, s), "nothing is stored")
					require.NoError(t, c.do(smallSteps(t, s)))
				} else {
					require.ErrorAs(t, err, &cut)
					require.Empty(t, audit(t, s), "also in the middle")
				}
				_, err = smallSteps(t, s).Tick(ctx, f.now)
				require.NoError(t, err)
				require.Equal(t, want, dumpOf(t, s), "cut off after %d transactions", n)
			}
			require.Greater(t, transactions, 8, "one asset per transaction")

			s := base.Clone() // the server dies after each
			err := c.do(smallSteps(t, &failing{Store: s, after: 1}))
			for err != nil {
				require.ErrorIs(t, err, errDied)
				_, err = smallSteps(t, &failing{Store: s, after: 1}).Tick(ctx, f.now)
			}
			require.Equal(t, want, dumpOf(t, s), "cut off after each transaction")
		})
	}
}

// What each pass does to assets in different states (JOB-3, JOB-5, MAN-2,
// CAT-9). A trimmed order keeps what is cancelled or begun as it is.
func TestWhatAPassDoes_JOB3_JOB5_MAN2_CAT9(t *testing.T) {
	base := memstore.New(memstore.Options{})
	f, d, run := standing(t, base)
	for _, c := range []struct {
		name string
		do   func(f *fixture) error
		want map[job.AssetID]string
	}{
		{"nothing", func(*fixture) error { return nil }, map[job.AssetID]string{
			"a-fresh": "open: editor-2.0.0 player-2.0.0", "b-queued": "open: editor-2.0.0 player-2.0.0", "c-begun": "open: editor-2.0.0 player-2.0.0",
			"d-deploying": "open: editor-2.0.0 player-2.0.0", "e-rebooting": "open: editor-2.0.0 player-2.0.0", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "gone", "i-waiting": "waiting",
		}},
		{"cancel", func(f *fixture) error { _, err := f.CancelRun(ctx, run, f.now); return err }, map[job.AssetID]string{
			"a-fresh": "ended Cancelled", "b-queued": "marked: editor-2.0.0 player-2.0.0", "c-begun": "marked: editor-2.0.0 player-2.0.0",
			"d-deploying": "open: editor-2.0.0 player-2.0.0", "e-rebooting": "open: editor-2.0.0 player-2.0.0", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "marked: editor-2.0.0 player-2.0.0", "i-waiting": "ended Cancelled",
		}},
		{"withdraw", func(f *fixture) error { return f.DisableJob(ctx, "job", f.now) }, map[job.AssetID]string{
			"a-fresh": "ended Withdrawn", "b-queued": "gone", "c-begun": "gone",
			"d-deploying": "gone", "e-rebooting": "gone", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "gone", "i-waiting": "ended Withdrawn",
		}},
		{"edit", func(f *fixture) error {
			edited := d
			edited.Patches.List, edited.Assets.Exclude = []catalog.PatchID{"player-2.0.0"}, nil
			_, err := f.SaveJob(ctx, edited, f.now)
			return err
		}, map[job.AssetID]string{
			"a-fresh": "open: player-2.0.0", "b-queued": "open: player-2.0.0", "c-begun": "open: editor-2.0.0 player-2.0.0",
			"d-deploying": "open: editor-2.0.0 player-2.0.0", "e-rebooting": "open: editor-2.0.0 player-2.0.0", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "open: player-2.0.0", "i-waiting": "waiting",
		}},
		{"trim", func(f *fixture) error {
			f.sync(patch("editor", "2.0.0", withdrawn), patch("player", "2.0.0"))
			return nil
		}, map[job.AssetID]string{
			"a-fresh": "open: player-2.0.0", "b-queued": "open: player-2.0.0", "c-begun": "open: player-2.0.0",
			"d-deploying": "open: player-2.0.0", "e-rebooting": "open: editor-2.0.0 player-2.0.0", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "gone", "i-waiting": "waiting",
		}},
		{"trim all", func(f *fixture) error { f.sync(); return nil }, map[job.AssetID]string{
			"a-fresh": "ended Withdrawn", "b-queued": "gone", "c-begun": "gone",
			"d-deploying": "gone", "e-rebooting": "gone", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "gone", "i-waiting": "waiting",
		}},
		{"cancel, then trim", func(f *fixture) error {
			_, err := f.CancelRun(ctx, run, f.now)
			f.sync()
			return err
		}, map[job.AssetID]string{
			"a-fresh": "ended Cancelled", "b-queued": "marked: editor-2.0.0 player-2.0.0", "c-begun": "marked: editor-2.0.0 player-2.0.0",
			"d-deploying": "gone", "e-rebooting": "gone", "f-done": "ended CompletedWithFailures",
			"g-idle": "ended NotApplicable", "h-left": "marked: editor-2.0.0 player-2.0.0", "i-waiting": "ended Cancelled",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newFixture(t, base.Clone())
			g.now = f.now
			require.NoError(t, c.do(g))
			list, err := g.RunAssets(ctx, run, "", 100)
			require.NoError(t, err)
			have := map[job.AssetID]string{}
			for _, a := range list {
				have[a.Asset] = stands(a)
			}
			require.Equal(t, c.want, have)

			// What the manifests say is the same.
			for id, before := range f.agents {
				a := &agent{id: id, held: before.held, sequence: before.sequence, inventory: before.inventory, orders: before.orders, calls: before.calls}
				if g.call(a); id == "i-waiting" {
					continue // its inventory comes now
				}
				want := c.want[id]
				if c.name == "trim" && id == "e-rebooting" {
					want = "open: player-2.0.0" // the other it installed, and reported
				}
				require.Equal(t, want[:min(len(want), 4)] == "open" || want[:min(len(want), 4)] == "mark", len(a.orders) == 1, "%s: %s", id, want)
				for _, o := range a.orders {
					text := "open:"
					if o.Cancelled {
						text = "marked:"
					}
					for _, p := range o.Patches {
						text += " " + string(p.Patch)
					}
					require.Equal(t, want, text, id)
				}
			}
		})
	}
}

// stands returns the state of an order, and which patches wait in it.
func stands(a controller.RunAsset) (text string) {
	switch {
	case a.Waiting:
		return "waiting"
	case !a.Ended.IsZero():
		return "ended " + a.Result.String()
	case a.Withdrawn:
		return "gone"
	case a.Cancel == ledger.CancelPending:
		text = "marked:"
	default:
		text = "open:"
	}
	if a.Result == job.PendingReboot {
		return text + " editor-2.0.0 player-2.0.0"
	}
	for _, p := range a.Patches {
		if p.Status == job.Pending {
			text += " " + string(p.Patch)
		}
	}
	return text
}

// A cancel or a withdrawal that was cut off half-way holds at once for every
// asset that calls (JOB-3, JOB-5): what it holds is marked or withdrawn, what
// it does not hold it never gets, and it never starts. The pass does the rest
// later.
func TestWhoCallsBeforeItsTurnIsStoppedAtOnce_JOB3_JOB5(t *testing.T) {
	const n = 12
	for name, c := range map[string]struct {
		stop   func(*controller.Controller, job.RunID, time.Time) error
		orders []string // in the manifest of an asset that holds the order
		result job.Result
	}{
		"cancel": {func(c *controller.Controller, run job.RunID, now time.Time) error {
			_, err := c.CancelRun(ctx, run, now)
			return err
		}, []string{"editor-2.0.0 (cancelled)"}, job.Cancelled},
		"withdraw": {func(c *controller.Controller, _ job.RunID, now time.Time) error {
			return c.DisableJob(ctx, "many", now)
		}, nil, job.Withdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, memstore.New(memstore.Options{Seed: 3}))
			f.sync(patch("editor", "2.0.0"))
			enrolMany(f, n)
			f.enrolOnly("m9999", "all") // whose inventory is not known yet
			run := f.enable(definition("many", "editor-2.0.0"))
			agents := map[job.AssetID]*agent{}
			for i := range n {
				id := job.AssetID(fmt.Sprintf("m%04d", i))
				agents[id] = &agent{id: id, inventory: catalog.Inventory{Platform: catalog.Linux}}
				agents[id].install("editor", "1.0.0")
				if i%2 == 0 {
					f.call(agents[id])
				}
			}
			holds, never, late := agents["m0010"], agents["m0011"], f.agents["m9999"]
			late.install("editor", "1.0.0")
			begun := agents["m0008"]
			begun.report(job.Report{Order: job.MakeOrderID(run, "m0008"), Progress: job.Started})
			begun.report(job.Report{Order: job.MakeOrderID(run, "m0008"), Progress: job.Deploying})

			err := c.stop(smallSteps(f, &failing{Store: f.store, after: 3}), run, f.now)
			cut := new(controller.UnfinishedError)
			require.ErrorAs(f, err, &cut)
			require.Len(f, dump(f)["stopping"], 1)
			require.Zero(f, f.asset(run, "m0010").Cancel, "its turn has not come")
			require.False(f, f.asset(run, "m0010").Withdrawn, "its turn has not come")

			f.call(holds)
			require.Equal(f, c.orders, holds.patches())
			f.call(never)
			require.Empty(f, never.patches())
			require.Equal(f, c.result, f.asset(run, "m0011").Result, "it never held the order: this is its end")
			f.call(late)
			require.Empty(f, late.patches(), "nor is an order made for whom it stops")
			f.call(begun)
			require.Equal(f, job.StageDeploy, f.asset(run, "m0008").Stage)
			require.Zero(f, f.asset(run, "m0008").Result, "what has begun reports its own end")

			before := dump(f)
			_, err = f.Tick(ctx, f.now)
			require.NoError(f, err)
			require.Empty(f, dump(f)["stopping"])
			require.Equal(f, "0", dump(f)["meta"]["stopping\x00\x01"])
			for _, id := range []string{"m0008", "m0010", "m0011", "m9999"} {
				k := string(run) + "\x00\x01" + id + "\x00\x01"
				require.Equal(f, before["orders"][k], dump(f)["orders"][k], "its turn comes, and it has been stopped already")
			}
			held := holds.held
			f.call(holds)
			require.Equal(f, held, holds.held, "once")
			holds.report(job.Report{Order: job.MakeOrderID(run, "m0010"), Result: c.result})
			f.call(holds)
			require.Equal(f, c.result, f.asset(run, "m0010").Result)
		})
	}
}

// While runs are being stopped, calls look for them; otherwise they need not.
// The number of such runs is kept with them.
func TestRunsThatAreBeingStoppedAreCounted_JOB3(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	enrolMany(f, 4)
	count := func() string { return dump(f)["meta"]["stopping\x00\x01"] }
	var runs []job.RunID
	for _, id := range []job.ID{"one", "two"} {
		runs = append(runs, f.enable(definition(id, "editor-2.0.0")))
	}
	require.Empty(f, count())
	for i, run := range runs {
		cut := new(controller.UnfinishedError)
		// The last Update of a cancel goes on with whatever is stopping, so it
		// is one transaction per asset that is over.
		_, err := smallSteps(f, &failing{Store: f.store, after: 1}).CancelRun(ctx, run, f.now)
		require.ErrorAs(f, err, &cut)
		require.Equal(f, fmt.Sprint(i+1), count())
	}
	_, err := smallSteps(f, &failing{Store: f.store, after: 1}).CancelRun(ctx, runs[0], f.now)
	require.Error(f, err)
	require.Equal(f, "2", count(), "cancelled again, and counted once")
	_, err = f.Tick(ctx, f.now)
	require.NoError(f, err)
	require.Equal(f, "0", count())

	// A withdrawal that was cut off, and the same start planned again: nothing
	// is being stopped any more.
	d := definition("three", "editor-2.0.0")
	d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
	f.enable(d)
	require.Error(f, smallSteps(f, &failing{Store: f.store, after: 2}).DisableJob(ctx, "three", f.now))
	require.Equal(f, "1", count())
	_, err = f.EnableJob(ctx, "three", f.now)
	require.NoError(f, err)
	require.Equal(f, "0", count())
	for i := range 4 {
		require.Equal(f, "open: editor-2.0.0", stands(f.asset("three@20260301T130000Z", job.AssetID(fmt.Sprintf("m%04d", i)))))
	}
}

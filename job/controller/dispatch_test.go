package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestOrderIsHandedOutThreeHoursAhead_MAN1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(5 * time.Hour)}
		run := f.enable(d)

		next, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Equal(f, start.Add(2*time.Hour), next)
		f.now = next.Add(-time.Second)
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		f.call(a)
		require.Empty(f, a.orders, "a second too early")
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunPlanned, status.State)

		f.now = next
		for range 3 { // a tick that is repeated makes nothing twice
			after, err := f.Tick(ctx, f.now)
			require.NoError(f, err)
			require.Zero(f, after)
		}
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
		require.Equal(f, manifest.Revision(1), a.held)
		require.Equal(f, start.Add(5*time.Hour), a.orders[0].Start)
		require.True(f, f.asset(run, "a").HandedOut)
	})
}

func TestJobEnabledLateGoesOutAtTheNextCheckIn_MAN1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("soon", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(10 * time.Minute)}
		f.enable(d)
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
	})
}

// Without a lead, orders are made at their start and not before, and calls are kept as they come.
func TestNoLead_MAN1(t *testing.T) {
	c := config()
	c.Lead, c.SeenEvery = -time.Hour, -time.Hour
	f := fixtureOf(t, memstore.New(memstore.Options{}), c)
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	d := definition("once", "editor-2.0.0")
	d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
	f.enable(d)
	next, err := f.Tick(ctx, f.now)
	require.NoError(t, err)
	require.Equal(t, start.Add(time.Hour), next)
	for _, wait := range []time.Duration{time.Hour - time.Second, time.Second} {
		f.pass(wait)
		_, err = f.Tick(ctx, f.now)
		require.NoError(t, err)
		require.Equal(t, f.now == start.Add(time.Hour), f.call(a).Manifest != nil)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(t, err)
		require.Equal(t, f.now, status.LastSeen)
	}
}

func TestCheckInWithNothingNewWritesNothing(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		f.enable(definition("now", "editor-2.0.0"))
		f.call(a)
		f.call(a) // it says what it holds now
		before := dump(f)
		f.pass(30 * time.Second)
		require.Nil(f, f.call(a).Manifest)
		f.reads(a.request(f.now))
		require.Equal(f, before, dump(f))
		f.pass(30 * time.Second)
		f.call(a)
		require.Equal(f, before, dump(f), "the calls of a second are written together")
		f.pass(time.Second)
		f.call(a)
		after := dump(f)
		require.NotEqual(f, before["seen"], after["seen"], "last calls are kept to the minute")
		require.Len(f, after["heard"], 1, "the list of when each last called follows it")
		for _, table := range []controller.Table{"seen", "heard"} {
			delete(before, table)
			delete(after, table)
		}
		require.Equal(f, before, after)
	})
}

// reads lets an asset call a server that cannot write: a call that brings
// nothing new waits for nobody.
func (f *fixture) reads(in manifest.CheckIn) {
	f.Helper()
	c, err := controller.New(&failing{Store: f.store}, config())
	require.NoError(f, err)
	_, err = c.CheckIn(ctx, in, f.now)
	require.NoError(f, err)
}

func TestLostAnswerIsRepeatedToTheByte_MAN4(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		f.enable(definition("now", "editor-2.0.0"))
		first, err := f.CheckIn(ctx, a.request(f.now), f.now)
		require.NoError(f, err)
		f.pass(10 * time.Minute)
		second, err := f.CheckIn(ctx, a.request(f.now), f.now)
		require.NoError(f, err)
		require.NotEmpty(f, first.Manifest)
		require.Equal(f, first.Manifest, second.Manifest)
	})
}

func TestManifestIsRenewedBeforeItExpires_MAN5(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("later", "editor-2.0.0")
		f.enable(d)
		f.call(a)
		held := a.held
		f.pass(manifest.Lifetime - manifest.RenewBefore - time.Second)
		require.Nil(f, f.call(a).Manifest)
		f.pass(time.Second)
		require.NotNil(f, f.call(a).Manifest)
		require.Equal(f, held+1, a.held, "the same content under the next revision")
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
	})
}

func TestRevisionNeverFallsAfterARestore_MAN5(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		a.held = 40 // the server's data is older than the agent
		f.call(a)
		require.Equal(f, manifest.Revision(41), a.held)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, 1, status.AnomalyCount)
		a.held = controller.MaxRevision + 1
		answer, err := f.CheckIn(ctx, a.request(f.now), f.now)
		require.NoError(f, err)
		require.NotEmpty(f, answer.Manifest, "who signed what it holds may be believed no more (MAN-13)")
		status, err = f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, manifest.Revision(41), status.Newest, "an impossible claim changes nothing")
	})
}

func TestOrderWaitsForTheFirstInventory(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrolOnly("a", "all")
		run := f.enable(definition("now", "editor-2.0.0"))
		require.True(f, f.asset(run, "a").Waiting)
		a.install("editor", "1.0.0")
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches(), "made in the very call that brought the inventory")
		require.False(f, f.asset(run, "a").Waiting)
	})
}

func TestNothingAppliesIsNotHandedOut_CAT3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrolOnly("a", "all")
		a.install("editor", "3.0.0") // newer, and no player
		f.call(a)
		run := f.enable(definition("now", "editor-2.0.0", "player-2.0.0"))
		f.call(a)
		require.Empty(f, a.orders)
		got := f.asset(run, "a")
		require.Equal(f, job.NotApplicable, got.Result)
		require.Len(f, got.Patches, 2)
		for _, p := range got.Patches {
			require.Equal(f, job.LeftOut, p.Status)
			require.Equal(f, "CAT-3", p.Rule)
			require.NotEmpty(f, p.Text)
		}
	})
}

func TestAssetsOfARun_JOB7(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		for id, tags := range map[job.AssetID][]string{"in": {"all"}, "out": {"all", "not"}, "named": {"not"}, "other": {"some"}, "barred": {"all"}} {
			f.enrol(id, tags...)
		}
		d := definition("now", "editor-2.0.0")
		d.Assets = job.Assets{IncludeTags: []string{"all"}, ExcludeTags: []string{"not"}, Include: []job.AssetID{"named", "unheard-of"}, Exclude: []job.AssetID{"barred"}}
		run := f.enable(d)
		list, err := f.RunAssets(ctx, run, "", 100)
		require.NoError(f, err)
		var ids []job.AssetID
		for _, a := range list {
			ids = append(ids, a.Asset)
		}
		require.Equal(f, []job.AssetID{"in", "named"}, ids)
		require.NoError(f, f.TagAsset(ctx, "other", []string{"all"}, f.now))
		f.pass(time.Minute)
		require.NoError(f, f.DisableJob(ctx, "now", f.now))
		run, err = f.EnableJob(ctx, "now", f.now)
		require.NoError(f, err)
		require.Equal(f, job.AssetID("other"), f.asset(run, "other").Asset, "later runs use the new tags")
	})
}

func TestQueryIsFrozenWhenTheOrderIsMade_JOB8(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("all-missing")
		d.Patches = job.Patches{Query: &job.Query{}}
		f.enable(d)
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0"}, a.patches())
	})
}

func TestPassesOverManyAssetsAreCutOffAndCarriedOn(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		const n = 210 // three transactions
		enrolMany(f, n)
		d := definition("many", "editor-2.0.0")
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		flaky := &failing{Store: f.store, after: 3} // the server dies in the middle
		c, err := controller.New(flaky, config())
		require.NoError(f, err)
		run, err := c.EnableJob(ctx, "many", f.now)
		var cut *controller.UnfinishedError
		require.ErrorAs(f, err, &cut)
		require.ErrorIs(f, err, errDied)
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunMaking, status.State)
		require.Less(f, status.Assets, n)
		require.Positive(f, status.Assets)
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		status, err = f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunMade, status.State)
		require.Equal(f, n, status.Assets)
		for _, id := range []job.AssetID{"m0000", "m0150", "m0209"} {
			a := &agent{id: id, inventory: catalog.Inventory{Platform: catalog.Linux}}
			a.install("editor", "1.0.0")
			f.call(a)
			require.Equal(f, manifest.Revision(1), a.held)
			require.Len(f, a.orders, 1)
		}
	})
}

// A manifest names so many orders: those that start first, and of one start
// those with the lower names. Another comes when one has ended (MAN-4).
func TestManifestNamesTheFirstOrders_MAN4(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	var want []job.ID
	for i := range manifest.MaxOrders + 2 {
		d := definition(job.ID(fmt.Sprintf("job-%03d", i)), "editor-2.0.0")
		at := start.Add(time.Hour)
		if i < 3 { // the last three by start, the first by name
			at = start.Add(time.Duration(4-i) * time.Hour / 2)
		} else {
			want = append(want, d.ID)
		}
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: at}
		f.enable(d)
	}
	jobs := func() (list []job.ID) {
		f.call(a)
		for _, o := range a.orders {
			list = append(list, o.Job)
		}
		slices.Sort(list)
		return list
	}
	with := func(id job.ID) []job.ID { return append([]job.ID{id}, want...) }
	require.Equal(t, with("job-002"), jobs())
	require.Equal(t, "open: editor-2.0.0", stands(f.asset("job-000@20260301T140000Z", "a")))
	_, err := f.CancelRun(ctx, "job-001@20260301T133000Z", f.now)
	require.NoError(t, err)
	require.Equal(t, with("job-002"), jobs(), "one that has no room yet is marked like the others")
	a.report(job.Report{Order: job.MakeOrderID("job-002@20260301T130000Z", "a"), Result: job.Failed})
	require.Equal(t, with("job-001"), jobs())
	a.report(job.Report{Order: job.MakeOrderID("job-001@20260301T133000Z", "a"), Result: job.Cancelled})
	require.Equal(t, with("job-000"), jobs())
}

// TestManifestHoldsWhatFits_MAN4 orders far more than one manifest takes: the
// first order is cut and says so, the later one follows when the first has
// ended.
func TestManifestHoldsWhatFits_MAN4_JOB8(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a manifest of megabytes takes a while; run without -short")
	}
	f := newFixture(t, memstore.New(memstore.Options{})) // megabytes: once is enough
	const n = 2000
	b := catalog.Batch{Feed: "feed", At: f.now}
	a := f.enrolOnly("a", "all")
	var pairs []string
	for i := range n {
		name := fmt.Sprintf("p%04d", i)
		p := patch(name, "2.0.0")
		p.Artifacts[0].URL += strings.Repeat("u", 2000)
		b.Products = append(b.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: p.Version.Scheme()})
		b.Patches = append(b.Patches, p)
		pairs = append(pairs, name, "1.0.0")
	}
	_, err := f.Sync(ctx, []catalog.Batch{b}, f.now)
	require.NoError(f, err)
	a.install(pairs...)
	f.call(a)
	d := definition("big")
	d.Patches = job.Patches{Query: &job.Query{}}
	first := f.enable(d)
	f.pass(time.Second)
	d.ID = "second"
	second := f.enable(d)
	f.call(a)
	require.Len(f, a.orders, 1)
	require.Equal(f, first, a.orders[0].Run)
	held := len(a.orders[0].Patches)
	require.Greater(f, held, n/2)
	require.Equal(f, n, held+f.asset(first, "a").Dropped, "what the cap dropped is counted")
	a.report(job.Report{Order: a.orders[0].ID, Result: job.Failed})
	f.call(a)
	require.Len(f, a.orders, 1)
	require.Equal(f, second, a.orders[0].Run)
}

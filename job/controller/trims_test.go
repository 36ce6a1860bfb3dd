package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A patch leaves while the orders are being made: those that are made lose it,
// the others never have it (CAT-9).
func TestPatchThatLeavesWhileOrdersAreMade_CAT9(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	for i := range 6 {
		f.enrol(job.AssetID(fmt.Sprint("m", i)), "all")
	}
	_, err := f.SaveJob(ctx, definition("many", "editor-2.0.0", "player-2.0.0"), f.now)
	require.NoError(f, err)
	run, err := smallSteps(f, &failing{Store: f.store, after: 4}).EnableJob(ctx, "many", f.now)
	require.ErrorIs(f, err, errDied)
	f.call(f.agents["m0"])
	require.Equal(f, []string{"editor-2.0.0", "player-2.0.0"}, f.agents["m0"].patches())
	f.sync(patch("editor", "2.0.0", withdrawn), patch("player", "2.0.0"))
	for id, a := range f.agents {
		f.call(a)
		require.Equal(f, []string{"player-2.0.0"}, a.patches(), id)
	}
	status, err := f.Run(ctx, run)
	require.NoError(f, err)
	require.Equal(f, ledger.RunMade, status.State)
}

// The job changes while patches are being taken out of its orders: they are
// made again by the newest catalog (MAN-2, CAT-9).
func TestEditWhileOrdersAreTrimmed_MAN2_CAT9(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"), patch("reader", "2.0.0"))
	for i := range 6 {
		f.enrol(job.AssetID(fmt.Sprint("m", i)), "all")
	}
	d := definition("many", "editor-2.0.0", "player-2.0.0")
	run := f.enable(d)
	for _, a := range f.agents {
		f.call(a)
	}
	f.pass(time.Minute)
	b := catalog.Batch{Feed: "feed", At: f.now, Patches: []catalog.Patch{patch("editor", "2.0.0", withdrawn), patch("player", "2.0.0"), patch("reader", "2.0.0")}}
	for _, name := range []string{"editor", "player", "reader"} {
		b.Products = append(b.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: version.Semver})
	}
	_, err := smallSteps(f, &failing{Store: f.store, after: 3}).Sync(ctx, []catalog.Batch{b}, f.now)
	require.ErrorIs(f, err, errDied)
	require.Len(f, dump(f)["work"], 1)
	d.Patches.List = append(d.Patches.List, "reader-2.0.0")
	_, err = f.SaveJob(ctx, d, f.now)
	require.NoError(f, err)
	for id, a := range f.agents {
		f.call(a)
		require.Equal(f, []string{"player-2.0.0", "reader-2.0.0"}, a.patches(), id)
		require.Equal(f, job.Pending, f.asset(run, id).Patches[0].Status)
	}
	require.Empty(f, dump(f)["work"])
}

// The manifest revision of an asset grows once for all that a pass and the
// calls in between did to it (MAN-2).
func TestOneRevisionForChangesThatAreNotSealed_MAN2(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	f.enable(definition("one", "editor-2.0.0"))
	f.enable(definition("two", "editor-2.0.0"))
	f.call(a)
	require.Equal(f, manifest.Revision(1), a.held)
	require.NoError(f, f.DisableJob(ctx, "one", f.now))
	require.NoError(f, f.DisableJob(ctx, "two", f.now))
	f.enable(definition("three", "editor-2.0.0"))
	f.call(a)
	require.Equal(f, manifest.Revision(2), a.held)
	require.Len(f, a.orders, 1)
}

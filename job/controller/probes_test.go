package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

func ending(p *catalog.Patch) {
	p.EOLMarked, p.Artifacts[0].SignatureURL = true, p.Artifacts[0].URL+".sig"
}

func TestUnreachableWhenTheOrderIsMade_CAT10(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0", ending), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		const url = "http://vendor.example/editor/2.0.0"
		urls, err := f.ProbeURLs(ctx)
		require.NoError(f, err)
		require.Equal(f, []string{url, url + ".sig"}, urls, "of marked patches, and of no others")
		d := definition("now", "editor-2.0.0", "player-2.0.0")
		before := f.enable(d)
		f.call(a)
		require.Len(f, a.patches(), 2, "nobody probed yet: honoured")

		other := "http://vendor.example/player/2.0.0"
		require.NoError(f, f.Probed(ctx, []controller.Probe{{URL: url, Err: "404 Not Found"}, {URL: other, Err: "not asked for"}}, f.now))
		list, err := f.Unreachable(ctx)
		require.NoError(f, err)
		require.Equal(f, []controller.Unreachable{{URL: url, Since: start, Err: "404 Not Found"}}, list)
		missing, err := f.Missing(ctx, "a", f.now)
		require.NoError(f, err)
		require.False(f, missing[0].Deployable)
		require.Equal(f, catalog.ArtifactUnreachable, missing[0].Reasons[0].Code)
		plan, _, err := f.Preview(ctx, d, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, "CAT-10", plan.LeftOut[0].Rule)
		f.call(a)
		require.Len(f, f.asset(before, "a").Patches, 2, "what is made stays")
		d.ID = "next"
		run := f.enable(d)
		f.call(a)
		patches := f.asset(run, "a").Patches
		require.Equal(f, catalog.PatchID("player-2.0.0"), patches[0].Patch)
		require.Equal(f, job.LeftOut, patches[1].Status)
		require.Equal(f, "CAT-10", patches[1].Rule)

		f.pass(time.Hour)
		again := dump(f)
		require.NoError(f, f.Probed(ctx, []controller.Probe{{URL: url, Err: "404 Not Found"}}, f.now))
		require.Equal(f, again, dump(f), "since the first time")
		require.NoError(f, f.Probed(ctx, []controller.Probe{{URL: url}}, f.now))
		missing, err = f.Missing(ctx, "a", f.now)
		require.NoError(f, err)
		require.True(f, missing[0].Deployable, "it is back")

		require.NoError(f, f.Probed(ctx, []controller.Probe{{URL: url, Err: "404 Not Found"}}, f.now))
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		require.NoError(f, f.Probed(ctx, nil, f.now))
		list, err = f.Unreachable(ctx)
		require.NoError(f, err)
		require.Empty(f, list, "no marked patch names it any more")
	})
}

func TestUnreachableBound_CAT10(t *testing.T) {
	stores(t, func(f *fixture) {
		var patches []catalog.Patch
		var probes []controller.Probe
		for i := range controller.MaxUnreachable/2 + 1 {
			p := patch("editor", fmt.Sprintf("2.0.%d", i), ending)
			patches = append(patches, p)
			probes = append(probes, controller.Probe{URL: p.Artifacts[0].URL, Err: "x"}, controller.Probe{URL: p.Artifacts[0].SignatureURL, Err: "x"})
		}
		f.sync(patches...)
		require.NoError(f, f.Probed(ctx, probes, f.now))
		list, err := f.Unreachable(ctx)
		require.NoError(f, err)
		require.Len(f, list, controller.MaxUnreachable)
	})
}

func TestCustomURLs_CAT5(t *testing.T) {
	stores(t, func(f *fixture) {
		vendor := func(p *catalog.Patch) { p.Artifacts[0].Availability, p.Artifacts[0].URL = catalog.Vendor, "" }
		f.sync(patch("editor", "2.0.0", vendor))
		a := f.enrol("a", "all")
		d := definition("now", "editor-2.0.0")
		run := f.enable(d)
		require.Equal(f, "CAT-5", f.asset(run, "a").Patches[0].Rule)
		own := catalog.CustomURL{Patch: "editor-2.0.0", Artifact: "editor.bin", URL: "https://files.example/editor.bin"}
		require.NoError(f, f.SetCustomURLs(ctx, []catalog.CustomURL{own}, f.now))
		f.sync(patch("editor", "2.0.0", vendor), patch("player", "2.0.0"))
		list, err := f.CustomURLs(ctx)
		require.NoError(f, err)
		require.Equal(f, []catalog.CustomURL{own}, list, "a sync carries it over")
		second, err := controller.New(f.store, config())
		require.NoError(f, err)
		list, err = second.CustomURLs(ctx)
		require.NoError(f, err)
		require.Equal(f, []catalog.CustomURL{own}, list, "another server knows it")
		d.ID = "next"
		f.enable(d)
		f.call(a)
		require.Equal(f, own.URL, a.orders[0].Patches[0].Files[0].URL)

		before := dump(f)
		require.NoError(f, f.SetCustomURLs(ctx, []catalog.CustomURL{own}, f.now))
		require.Equal(f, before, dump(f), "the same again")
		var refused *catalog.Invalid
		require.ErrorAs(f, f.SetCustomURLs(ctx, []catalog.CustomURL{{Patch: "player-2.0.0", Artifact: "player.bin", URL: own.URL}}, f.now), &refused)
		own.URL = ""
		require.NoError(f, f.SetCustomURLs(ctx, []catalog.CustomURL{own}, f.now))
		list, err = f.CustomURLs(ctx)
		require.NoError(f, err)
		require.Empty(f, list)
	})
}

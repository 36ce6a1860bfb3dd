package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// brief writes verdicts as "patch[codes]".
func brief(verdicts []Verdict) (all []string) {
	for _, v := range verdicts {
		all = append(all, fmt.Sprint(v.Patch, codes(v)))
	}
	return all
}

func without(p *Patch) { p.Artifacts = nil }

func of(product ProductID) func(*Patch) {
	return func(p *Patch) { p.ID, p.Product = PatchID(string(product)+"-"+p.Version.String()), product }
}

func in(channel string) Product {
	p := editor()
	p.ID, p.Channel = ProductID("editor/"+channel), channel
	return p
}

// The newest that cannot be had is explained, and hides no older one that can.
func TestMissing_CAT19(t *testing.T) {
	tools := editor()
	tools.ID = "tools"
	b := batch(edit("1.0.0"), edit("2.0.0"), edit("2.5.0"), edit("3.0.0", without), edit("4.0.0", withdrawn), edit("2.5.0", without, func(p *Patch) { p.ID = "z" }),
		edit("1.0.0", of("tools"), func(p *Patch) { p.ID = "tools-a" }), edit("1.0.0", of("tools"), without, func(p *Patch) { p.ID = "tools-b" }))
	b.Products = append(b.Products, tools)
	s := synced(t, b)
	inv, err := NewInventory(Linux, []Installed{
		{Product: "tools", Version: ver("0.9.0")}, {Product: "editor", Version: ver("1.0.0")}, {Product: "unknown", Version: ver("1.0.0")},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"editor-3.0.0[NotDownloadable]", "editor-2.5.0[Upgrade]", "tools-a[Upgrade]"}, brief(s.Missing(inv, Options{}, noon)))

	require.Empty(t, s.Missing(has("3.0.0"), Options{}, noon))
	require.Empty(t, s.Missing(has("4.0.0"), Options{}, noon))
	dotted, err := version.Parse(version.Dotted, "1")
	require.NoError(t, err)
	require.Empty(t, s.Missing(inventoryOf(Linux, []Installed{{Product: "editor", Version: dotted}}), Options{}, noon))
}

// Whatever keeps the newest from the asset, the older update that is allowed is offered.
func TestNothingHidesAnOlderUpdate_CAT19(t *testing.T) {
	b := batch(edit("2.0.0"), edit("2.1.0"), edit("3.0.0"))
	b.Products[0].Lines = []Line{{Prefix: "3", Over: true}, {Prefix: "2"}}
	offered := "editor-2.1.0[Upgrade]"
	for name, c := range map[string]struct {
		spoil func(*Batch, *Installed, *Options)
		want  []string
	}{
		"the end of a line": {func(*Batch, *Installed, *Options) {}, []string{"editor-3.0.0[EOLVersion]", offered}},
		"a pin": {func(b *Batch, in *Installed, _ *Options) { b.Products[0].Lines, in.PinnedTo = nil, "2.5.0" },
			[]string{"editor-3.0.0[PinnedElsewhere]", offered}},
		"a pin below all": {func(b *Batch, in *Installed, _ *Options) { b.Products[0].Lines, in.PinnedTo = nil, "1.0.0" },
			[]string{"editor-3.0.0[PinnedElsewhere]", "editor-2.1.0[PinnedElsewhere]", "editor-2.0.0[PinnedElsewhere]"}},
		"a hold": {func(b *Batch, in *Installed, _ *Options) { b.Products[0].Lines, in.Held = nil, true },
			[]string{"editor-3.0.0[Held]", "editor-2.1.0[Held]", "editor-2.0.0[Held]"}},
		"an unknown line": {func(b *Batch, _ *Installed, o *Options) {
			b.Products[0].Lines, o.KnownLines = []Line{{Prefix: "2"}}, true
		},
			[]string{"editor-3.0.0[LineNotKnown NoLine]", offered}},
		"the caller's own ground": {func(b *Batch, _ *Installed, o *Options) {
			b.Products[0].Lines = nil
			o.Refuse = func(v Verdict, of Product) (Reason, bool) {
				return Reason{Code: "Baseline", Rule: "APR-2", Text: "It is not approved for " + of.Name + "."}, v.To != ver("3.0.0")
			}
		}, []string{"editor-3.0.0[Baseline]", offered}},
	} {
		b, in, o := b, Installed{Product: "editor", Version: ver("1.0.0")}, Options{}
		b.Products = slices.Clone(b.Products)
		c.spoil(&b, &in, &o)
		require.Equal(t, c.want, brief(synced(t, b).Missing(inventoryOf(Linux, []Installed{in}), o, noon)), name)
	}
}

// Software is offered the newest of all channels that the asset uses for it, and nothing of any
// other channel (CAT-17).
func TestChannelsOfOneAsset_CAT17_CAT19(t *testing.T) {
	b := Batch{Feed: "acme", At: noon, Products: []Product{in("stable"), in("vendor"), in("beta")}, Patches: []Patch{
		edit("2.0.0", of("editor/stable")), edit("3.0.0", of("editor/vendor")), edit("2.0.0", of("editor/vendor")), edit("9.0.0", of("editor/beta")),
	}}
	s := synced(t, b)
	one := Installed{Product: "editor/stable", Version: ver("1.0.0")}
	plain, err := NewInventory(Linux, []Installed{one})
	require.NoError(t, err)
	one.Also = []ProductID{"editor/vendor"}
	both, err := NewInventory(Linux, []Installed{one})
	require.NoError(t, err)

	require.Equal(t, []string{"editor/stable-2.0.0[Upgrade]"}, brief(s.Missing(plain, Options{}, noon)))
	require.Equal(t, []string{"editor/vendor-3.0.0[Upgrade]"}, brief(s.Missing(both, Options{}, noon)))
	down := Options{Refuse: func(v Verdict, _ Product) (Reason, bool) { return Reason{Code: "x"}, v.Patch != "editor/vendor-3.0.0" }}
	require.Equal(t, []string{"editor/vendor-3.0.0[x]", "editor/stable-2.0.0[Upgrade]"}, brief(s.Missing(both, down, noon)), "its own channel first")

	all := []PatchID{"editor/beta-9.0.0", "editor/stable-2.0.0", "editor/vendor-2.0.0", "editor/vendor-3.0.0"}
	require.Equal(t, []string{"editor/beta-9.0.0[NotInstalled]", "editor/stable-2.0.0[Superseded]", "editor/vendor-2.0.0[Superseded]", "editor/vendor-3.0.0[Upgrade]"},
		brief(s.EvaluateList(all, both, Options{}, noon)), "one installed product gets one patch")
	require.Equal(t, []string{"editor/stable-2.0.0[Upgrade]", "editor/vendor-2.0.0[Superseded]"}, brief(s.EvaluateList(all[1:3], both, Options{}, noon)))

	v := s.Evaluate("editor/vendor-3.0.0", plain, Options{}, noon)
	require.Equal(t, []Reason{NewReason(NotInstalled, "stable", "vendor", "Acme Editor is installed, and the asset does not use its channel \"vendor\"; it uses \"stable\".")}, v.Reasons)
	require.Equal(t, "Acme Editor is not installed, and nothing is installed for the first time.",
		s.Evaluate("editor/vendor-3.0.0", Inventory{Platform: Linux}, Options{}, noon).Reasons[0].Text)
}

// A hold and a pin are the installed software's, whatever channel a patch comes from.
func TestHoldsReachOtherChannels_CAT17(t *testing.T) {
	s := synced(t, Batch{Feed: "acme", At: noon, Products: []Product{in("stable"), in("vendor")}, Patches: []Patch{edit("3.0.0", of("editor/vendor"))}})
	inv, err := NewInventory(Linux, []Installed{{Product: "editor/stable", Version: ver("1.0.0"), Held: true, PinnedTo: "2.0.0", Also: []ProductID{"editor/vendor"}}})
	require.NoError(t, err)
	v := s.Evaluate("editor/vendor-3.0.0", inv, Options{}, noon)
	require.Equal(t, []ReasonCode{Held, PinnedElsewhere}, codes(v))
	require.Equal(t, ver("1.0.0"), v.From)
}

// The installed line is that of the product that is installed.
func TestLeavesTheLineOfTheOwnChannel_CAT11(t *testing.T) {
	stable := in("stable")
	stable.Lines = []Line{{Prefix: "1", Over: true}}
	s := synced(t, Batch{Feed: "acme", At: noon, Products: []Product{stable, in("vendor")}, Patches: []Patch{edit("3.0.0", of("editor/vendor"))}})
	inv, err := NewInventory(Linux, []Installed{{Product: "editor/stable", Version: ver("1.0.0"), Also: []ProductID{"editor/vendor"}}})
	require.NoError(t, err)
	v := s.Evaluate("editor/vendor-3.0.0", inv, Options{}, noon)
	require.Equal(t, []ReasonCode{Upgrade, LeavesEOL}, codes(v))
	require.Equal(t, "The upgrade leaves line 1 of Acme Editor, which reached its end of life, on an unknown date.", v.Reasons[1].Text)
	require.Equal(t, []ReasonCode{EOLVersion}, codes(s.Evaluate("editor/vendor-3.0.0", inv, Options{StrictLines: true}, noon)))
}

// A patch is superseded on an asset only by one that this asset may get.
func TestSupersededOnThisAsset_CAT14(t *testing.T) {
	tools := editor()
	tools.ID = "tools"
	b := batch(edit("2.0.0"), edit("1.0.0", of("tools"), supersedes("link")), edit("1.1.0", without, supersedes("editor-2.0.0")),
		named("link", supersedes("editor-2.0.0"), withdrawn))
	b.Products = append(b.Products, tools)
	s := synced(t, b)
	require.Equal(t, []string{"editor-2.0.0[Upgrade]"}, brief(s.Missing(has("1.0.0"), Options{}, noon)), "tools is not installed, 1.1.0 has no file")
	with := func(tools string) []string {
		return brief(s.Missing(inventoryOf(Linux, []Installed{{Product: "editor", Version: ver("1.0.0")}, {Product: "tools", Version: ver(tools)}}), Options{}, noon))
	}
	require.Equal(t, []string{"editor-2.0.0[Upgrade]"}, with("1.0.0"), "what supersedes is installed already")
	require.Equal(t, []string{"editor-2.0.0[Superseded]", "editor-1.1.0[NotDownloadable]", "tools-1.0.0[Upgrade]"}, with("0.9.0"), "through a patch that is gone")
}

// A newer patch that an older one supersedes makes way for it.
func TestSupersededByAnOlderOne_CAT14(t *testing.T) {
	s := synced(t, batch(edit("2.0.0", supersedes("editor-3.0.0")), edit("3.0.0")))
	require.Equal(t, []string{"editor-3.0.0[Superseded]", "editor-2.0.0[Upgrade]"}, brief(s.Missing(has("1.0.0"), Options{}, noon)))
}

// Of very many newer patches that the asset may not get, so many are explained
// and the rest is counted.
func TestMissingIsBounded_CAT19(t *testing.T) {
	var patches []Patch
	for i := range MaxNewer + 5 {
		patches = append(patches, edit(fmt.Sprintf("2.%d.0", i), without))
	}
	for _, c := range []struct{ offered, rest int }{{0, 5}, {1, 5}} {
		list := patches
		if c.offered == 1 {
			list = append(slices.Clone(patches), edit("1.5.0"))
		}
		missing := synced(t, batch(list...)).Missing(has("1.0.0"), Options{}, noon)
		require.Len(t, missing, MaxNewer+c.offered)
		require.Equal(t, []ReasonCode{NotDownloadable, MoreNewer}, codes(missing[MaxNewer-1]))
		require.Equal(t, "5 more newer patches cannot be deployed here. Evaluate them one by one for their reasons.", missing[MaxNewer-1].Reasons[1].Text)
		require.Equal(t, c.offered == 1, missing[len(missing)-1].Deployable)
	}
	missing := synced(t, batch(patches[:MaxNewer]...)).Missing(has("1.0.0"), Options{}, noon)
	require.Len(t, missing, MaxNewer)
	require.Equal(t, []ReasonCode{NotDownloadable}, codes(missing[MaxNewer-1]))
}

// assetCase is a drawn snapshot and inventory: a few products, each installed one with a few others
// as its other channels.
type assetCase struct {
	snapshot  *Snapshot
	installed []Installed
	options   Options
}

var genAsset = rapid.Custom(func(t *rapid.T) (c assetCase) {
	ids := []ProductID{"p", "q", "r", "s", "t"}
	b := Batch{Feed: "acme", At: noon}
	for _, id := range ids {
		p := editor()
		p.ID, p.Channel = id, rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "channel")
		p.Lines = rapid.SampledFrom([][]Line{nil, nil, {{Prefix: "3", Over: true}, {Prefix: "2"}, {Prefix: "1"}}, {{Prefix: "1", Over: true}}}).Draw(t, "lines")
		if rapid.IntRange(0, 9).Draw(t, "platform") == 0 {
			p.Platform = Windows
		}
		b.Products = append(b.Products, p)
	}
	for i := range rapid.IntRange(0, 24).Draw(t, "patches") {
		p := edit(fmt.Sprintf("%d.%d.0", rapid.IntRange(1, 3).Draw(t, "major"), rapid.IntRange(0, 2).Draw(t, "minor")))
		p.ID, p.Product = PatchID(fmt.Sprintf("%02d", i)), rapid.SampledFrom(ids).Draw(t, "product")
		p.Artifacts[0].Availability = rapid.SampledFrom([]Availability{Pinned, Pinned, Pinned, LatestOnly}).Draw(t, "availability")
		if rapid.IntRange(0, 3).Draw(t, "bare") == 0 {
			p.Artifacts = nil
		}
		p.Withdrawn = rapid.IntRange(0, 7).Draw(t, "withdrawn") == 0
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "supersedes") == 0 {
			p.Supersedes = []PatchID{PatchID(fmt.Sprintf("%02d", rapid.IntRange(0, i-1).Draw(t, "superseded")))}
		}
		b.Patches = append(b.Patches, p)
	}
	c.snapshot = synced(t, b)
	c.options.KnownLines, c.options.StrictLines = rapid.Bool().Draw(t, "known lines"), rapid.Bool().Draw(t, "strict lines")
	all := rapid.Permutation(append(ids, "nobody's")).Draw(t, "order")
	for len(all) > 0 {
		n := rapid.IntRange(1, len(all)).Draw(t, "channels")
		if rapid.IntRange(0, 3).Draw(t, "installed") > 0 {
			c.installed = append(c.installed, Installed{
				Product: all[0], Also: all[1:n], Version: ver(rapid.SampledFrom([]string{"1.0.0", "1.1.0", "2.0.0"}).Draw(t, "have")),
				Held: rapid.IntRange(0, 9).Draw(t, "held") == 0, PinnedTo: rapid.SampledFrom([]string{"", "", "2.0.0", "odd"}).Draw(t, "pinned"),
			})
		}
		all = all[n:]
	}
	return c
})

// naive is CAT-19 and CAT-14 read once more, over all patches of the snapshot for each installed
// product.
func (c assetCase) naive(inv Inventory) (all []string) {
	verdicts, replaced := map[PatchID]Verdict{}, map[PatchID]bool{}
	for p := range c.snapshot.Patches() {
		verdicts[p.ID] = c.snapshot.Evaluate(p.ID, inv, c.options, noon)
	}
	for grown := true; grown; {
		grown = false
		for _, p := range c.snapshot.patches { // withdrawn ones pass it on
			for _, id := range p.Supersedes {
				if (verdicts[p.ID].Deployable || replaced[p.ID]) && !replaced[id] {
					replaced[id], grown = true, true
				}
			}
		}
	}
	installed := slices.Clone(c.installed)
	slices.SortFunc(installed, func(a, b Installed) int { return cmp.Compare(a.Product, b.Product) })
	for _, in := range installed {
		var list []Patch
		for p := range c.snapshot.Patches() {
			if (p.Product == in.Product || slices.Contains(in.Also, p.Product)) && newer(p.Version, in.Version) {
				list = append(list, p)
			}
		}
		better := func(p, q Patch) bool {
			switch {
			case newer(p.Version, q.Version) || newer(q.Version, p.Version):
				return newer(p.Version, q.Version)
			case (p.Product == in.Product) != (q.Product == in.Product):
				return p.Product == in.Product
			}
			return p.ID > q.ID
		}
		var best *Patch
		for _, p := range list {
			if verdicts[p.ID].Deployable && !replaced[p.ID] && (best == nil || better(p, *best)) {
				best = &p
			}
		}
		list = slices.DeleteFunc(list, func(p Patch) bool { return best != nil && !newer(p.Version, best.Version) })
		slices.SortFunc(list, func(p, q Patch) int {
			if better(p, q) {
				return -1
			}
			return 1
		})
		if best != nil {
			list = append(list, *best)
		}
		for _, p := range list {
			v := verdicts[p.ID]
			if replaced[p.ID] {
				v = v.With(NewReason(Superseded, "", "", ""))
			}
			all = append(all, fmt.Sprint(p.ID, codes(v)))
		}
	}
	return all
}

func TestMissingAgainstOracle_CAT19_CAT14(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genAsset.Draw(t, "asset")
		inv, err := NewInventory(Linux, c.installed)
		require.NoError(t, err)
		missing := c.snapshot.Missing(inv, c.options, noon)
		require.Equal(t, c.naive(inv), brief(missing))
		offered := map[ProductID]bool{}
		for _, v := range missing {
			explained(t, v)
			in, _ := inv.Find(v.Product)
			require.Equal(t, in.Version, v.From)
			if v.Deployable {
				require.False(t, offered[in.Product], "two for one installed product")
				offered[in.Product] = true
			}
		}
	})
}

// A patch of another channel is judged just as if its product was the one installed (CAT-17).
func TestAlsoIsLikeInstalled_CAT17(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genAsset.Draw(t, "asset")
		for i := range c.snapshot.products {
			c.snapshot.products[i].Lines = nil // the installed line is that of the own product
		}
		inv, err := NewInventory(Linux, c.installed)
		require.NoError(t, err)
		for p := range c.snapshot.Patches() {
			want := Inventory{Platform: Linux}
			for _, in := range c.installed {
				if in.Product == p.Product || slices.Contains(in.Also, p.Product) {
					in.Product, in.Also = p.Product, nil
					want = inventoryOf(Linux, []Installed{in})
				}
			}
			got := c.snapshot.Evaluate(p.ID, inv, c.options, noon)
			if want.Len() == 0 {
				require.Contains(t, codes(got), NotInstalled)
				continue
			}
			require.Equal(t, c.snapshot.Evaluate(p.ID, want, c.options, noon), got)
		}
	})
}

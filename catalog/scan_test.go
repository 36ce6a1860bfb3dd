package catalog

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// drawn draws one of several values.
func drawn[T any](t *rapid.T, name string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, name)
}

// oneOf reports true once in n.
func oneOf(t *rapid.T, name string, n int) bool { return rapid.IntRange(1, n).Draw(t, name) == 1 }

var drawnProducts = []ProductID{"p", "q", "r", "s", "t", "u"}

// genCatalog draws a catalog with everything that a verdict depends on.
var genCatalog = rapid.Custom(func(t *rapid.T) *Snapshot {
	feeds := []Batch{{Feed: "acme", Authority: "one", At: noon}, {Feed: "beta", Authority: "one", At: noon}}
	feeds[1].At = drawn(t, "fetched", noon, noon.Add(-StaleAfter))
	if oneOf(t, "dated", 3) {
		feeds[0].MaxAge, feeds[0].Dated = time.Hour, noon.Add(drawn(t, "age", 0, -time.Hour))
	}
	for _, id := range drawnProducts {
		p := editor()
		p.ID, p.Channel = id, drawn(t, "channel", "", "x", "y")
		p.Name = drawn(t, "name", "Acme Editor", "Acme Tools")
		p.Platform = drawn(t, "platform", Linux, Linux, Linux, Windows)
		p.Lines = drawn(t, "lines", nil, nil, []Line{{Prefix: "3", Over: true}, {Prefix: "2"}, {Prefix: "1", EOL: noon}},
			[]Line{{Prefix: "1", Over: true}, {Prefix: "2", EOL: noon.Add(time.Hour)}})
		feeds[0].Products = append(feeds[0].Products, p)
	}
	for i := range rapid.IntRange(0, 30).Draw(t, "patches") {
		p := edit(fmt.Sprintf("%d.%d.0", rapid.IntRange(1, 3).Draw(t, "major"), rapid.IntRange(0, 2).Draw(t, "minor")))
		p.ID, p.Product = PatchID(fmt.Sprintf("%02d", i)), rapid.SampledFrom(drawnProducts).Draw(t, "product")
		p.Artifacts = nil
		for range rapid.IntRange(0, 2).Draw(t, "artifacts") {
			f := file(drawn(t, "availability", Pinned, Pinned, Pinned, LatestOnly, Repository, Vendor))
			f.Name = fmt.Sprint("file-", len(p.Artifacts))
			f.SignatureURL = drawn(t, "signature", "", "https://acme.example/signature")
			p.Artifacts = append(p.Artifacts, f)
		}
		p.Withdrawn, p.EOLMarked = oneOf(t, "withdrawn", 8), oneOf(t, "marked", 6)
		p.EOL = drawn(t, "end", time.Time{}, time.Time{}, time.Time{}, noon, noon.Add(time.Hour))
		if i > 0 && oneOf(t, "supersedes", 4) {
			p.Supersedes = []PatchID{PatchID(fmt.Sprintf("%02d", rapid.IntRange(0, i-1).Draw(t, "superseded")))}
		}
		feed := &feeds[rapid.IntRange(0, 1).Draw(t, "feed")]
		feed.Patches = append(feed.Patches, p)
	}
	s := synced(t, feeds...)
	if oneOf(t, "down", 3) {
		s, _ = Sync(s, []Batch{{Feed: "acme", Authority: "one", Err: "down"}}, noon)
	}
	for p := range s.Patches() {
		for _, a := range p.Artifacts {
			if a.Availability == Vendor && rapid.Bool().Draw(t, "supplied") {
				var err error
				s, err = s.WithCustomURLs([]CustomURL{{Patch: p.ID, Artifact: a.Name, URL: "https://customer.example/" + a.Name}})
				require.NoError(t, err)
			}
		}
	}
	return s
})

// genInventory draws an inventory. It may name products twice, as one that was
// read and not checked.
var genInventory = rapid.Custom(func(t *rapid.T) Inventory {
	var installed []Installed
	ids := append(slices.Clone(drawnProducts), "nobody's")
	some := func() []ProductID { return rapid.SliceOfN(rapid.SampledFrom(ids), 0, 2).Draw(t, "also") }
	if oneOf(t, "unchecked", 4) {
		for range rapid.IntRange(0, 5).Draw(t, "installed") {
			installed = append(installed, Installed{Product: rapid.SampledFrom(ids).Draw(t, "product"), Also: some()})
		}
	} else {
		for all := rapid.Permutation(ids).Draw(t, "order"); len(all) > 0; {
			n := rapid.IntRange(1, min(3, len(all))).Draw(t, "channels")
			installed = append(installed, Installed{Product: all[0], Also: all[1:n]})
			all = all[n:]
		}
	}
	for i := range installed {
		in := &installed[i]
		in.Version = ver(drawn(t, "have", "1.0.0", "1.1.0", "2.0.0"))
		if oneOf(t, "other scheme", 12) {
			in.Version = version.MustParse(version.Dotted, "1")
		}
		in.Held, in.PinnedTo = oneOf(t, "held", 10), drawn(t, "pinned", "", "", "", "2.0.0", "odd")
	}
	return inventoryOf(drawn(t, "platform", Linux, Linux, Linux, Windows), installed)
})

var genOptions = rapid.Custom(func(t *rapid.T) (o Options) {
	o.KnownLines, o.StrictLines = rapid.Bool().Draw(t, "known lines"), rapid.Bool().Draw(t, "strict lines")
	if oneOf(t, "unreachable", 3) {
		o.Unreachable = map[string]bool{drawn(t, "url", "https://acme.example/editor.run", "https://acme.example/signature"): true}
	}
	if oneOf(t, "refuse", 3) {
		o.Refuse = func(v Verdict, of Product) (Reason, bool) {
			return Reason{Code: "Baseline", Rule: "APR-2", Text: fmt.Sprint(v, of.Name)}, len(v.Reasons)%2 == 0
		}
	}
	return o
})

// Every verdict equals, in all its texts, what the slow code says.
func TestScanEqualsSlowScan_CAT15_CAT19(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, inv, o := genCatalog.Draw(t, "catalog"), genInventory.Draw(t, "inventory"), genOptions.Draw(t, "options")
		require.Equal(t, slowly{s}.missing(inv, o, noon), s.Missing(inv, o, noon))
		ids := []PatchID{"nobody's"}
		for _, p := range s.patches {
			require.Equal(t, slowly{s}.evaluateID(p.ID, inv, o, noon), s.Evaluate(p.ID, inv, o, noon))
			ids = append(ids, p.ID)
		}
		list := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 12).Draw(t, "list")
		require.Equal(t, slowly{s}.evaluateList(list, inv, o, noon), s.EvaluateList(list, inv, o, noon))
	})
}

// A Scanner says of each asset what Missing says, whatever the assets before.
func TestScanner_CAT19(t *testing.T) {
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		s, o := genCatalog.Draw(t, "catalog"), genOptions.Draw(t, "options")
		if rapid.Bool().Draw(t, "plain") {
			s.replaces = false
		}
		scanner := s.Scanner(o, noon)
		inv := genInventory.Draw(t, "inventory")
		for range rapid.IntRange(1, 5).Draw(t, "assets") {
			want, got := s.Missing(inv, o, noon), scanner.Missing(inv)
			require.Equal(t, len(want), len(got))
			for i := range want {
				require.Equal(t, want[i], got[i])
			}
			kept += len(got)
			installed := slices.Clone(inv.installed)
			for i := range installed {
				if oneOf(t, "upgraded", 3) {
					installed[i].Version = ver(drawn(t, "to", "1.1.0", "2.0.0", "3.0.0"))
				}
				if oneOf(t, "held now", 6) {
					installed[i].Held = !installed[i].Held
				}
				if oneOf(t, "pinned now", 6) {
					installed[i].PinnedTo = drawn(t, "pin", "", "1.1.0")
				}
				if oneOf(t, "channels now", 6) {
					installed[i].Also = nil
				}
			}
			if len(installed) > 0 && oneOf(t, "gone", 2) {
				installed = slices.Delete(installed, 0, 1)
			}
			if inv = inventoryOf(inv.Platform, installed); oneOf(t, "another", 4) {
				inv = genInventory.Draw(t, "other")
			}
		}
	})
	require.Positive(t, kept)
}

// Many more patches of a product than Missing explains.
func TestLongScanEqualsSlowScan_CAT19(t *testing.T) {
	for _, n := range []int{MaxNewer - 1, MaxNewer, MaxNewer + 1, MaxNewer + 7} {
		var patches []Patch
		for i := range n {
			patches = append(patches, edit(fmt.Sprintf("3.%d.0", i/2), without, func(p *Patch) { p.ID = PatchID(fmt.Sprint(i)) }))
		}
		for _, more := range []Patch{edit("2.0.0"), edit("3.0.0"), edit("0.1.0")} {
			s := synced(t, batch(append(slices.Clone(patches), more)...))
			require.Equal(t, slowly{s}.missing(has("1.0.0"), Options{}, noon), s.Missing(has("1.0.0"), Options{}, noon))
		}
	}
}

// Every id is found, and no other one, before and after the finders are made.
func TestFind(t *testing.T) {
	s := synced(t, many(t, 1000))
	for _, s := range []*Snapshot{s, {products: s.products, patches: s.patches}} {
		for i := range s.patches {
			at, found := s.patchIndex(s.patches[i].ID)
			require.True(t, found)
			require.Equal(t, i, at)
			_, found = s.patchIndex(s.patches[i].ID + "x")
			require.False(t, found)
			at, found = s.productIndex(s.products[i].ID)
			require.True(t, found)
			require.Equal(t, i, at)
			_, found = s.productIndex(s.products[i].ID + "x")
			require.False(t, found)
		}
	}
	for _, s := range []*Snapshot{nil, {}, synced(t)} {
		_, found := s.patchIndex("")
		require.False(t, found)
	}
}

// alike returns two ids that have one home in a small finder, and equal hashes.
func alike(t *testing.T) (a, b ProductID) {
	seen := map[uint64]ProductID{}
	for i := range 2_000_000 {
		id := ProductID(fmt.Sprint("alike-", i))
		h := maphash.String(seed, string(id)) &^ (1<<32 - 8)
		if other, has := seen[h]; has {
			return other, id
		}
		seen[h] = id
	}
	t.Fatal("no two ids are alike")
	return "", ""
}

// Products with equal hashes in the finder are kept apart,
// whichever of them is listed, and has a newer version.
func TestScanOfProductsThatLookAlike_CAT19(t *testing.T) {
	a, b := alike(t)
	list := batch(edit("1.0.0"))
	for _, id := range []ProductID{a, b} {
		p := editor()
		p.ID = id
		list.Products = append(list.Products, p)
	}
	for _, newest := range [][]Patch{{}, {edit("2.0.0", of(a))}, {edit("2.0.0", of(b))}, {edit("2.0.0", of(a)), edit("1.0.0", of(b))}, {edit("1.0.0", of(a)), edit("2.0.0", of(b))}} {
		with := list
		with.Patches = append(slices.Clone(list.Patches), newest...)
		s := synced(t, with)
		for _, installed := range [][]ProductID{{a}, {b}, {a, b}} {
			var all []Installed
			for _, id := range installed {
				all = append(all, Installed{Product: id, Version: ver("1.0.0")})
			}
			inv := inventoryOf(Linux, all)
			require.Equal(t, slowly{s}.missing(inv, Options{}, noon), s.Missing(inv, Options{}, noon))
		}
	}
}

// A head says no only if it is certain, at every length of the key.
func TestHead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := version.Own{Name: "x-key", Key: func(text string) ([]byte, error) { return []byte(text), nil }}
		parse := func(name string) version.Version {
			v, err := own.Parse(strings.Repeat("k", rapid.IntRange(0, 26).Draw(t, name)) + rapid.StringMatching("[jkl]{1,2}").Draw(t, name))
			require.NoError(t, err)
			return v
		}
		newest, v := parse("newest"), parse("installed")
		h := headOf(newest)
		if h.sure() {
			require.Equal(t, newer(newest, v), h.newer(v))
		}
		require.True(t, h.newer(v) || !newer(newest, v))
	})
	none := headOf(version.Version{})
	require.False(t, none.newer(ver("1.0.0")) || none.newer(version.Version{}))
}

// Any number of readers use one snapshot (CAT-1).
func TestScanConcurrently_CAT1(t *testing.T) {
	b := many(t, 200)
	s := synced(t, b)
	var installed []Installed
	for _, p := range b.Products {
		installed = append(installed, Installed{Product: p.ID, Version: version.MustParse(version.Debian, "0:0.1-1")})
	}
	inv, err := NewInventory(Linux, installed)
	require.NoError(t, err)
	want := s.Missing(inv, Options{}, noon)
	require.Len(t, want, 200)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				same := func(a, b Verdict) bool { return a.Patch == b.Patch && a.Deployable == b.Deployable }
				if !slices.EqualFunc(want, s.Missing(inv, Options{}, noon), same) {
					t.Error("another verdict")
				}
			}
		})
	}
	all.Wait()
}

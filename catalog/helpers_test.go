package catalog

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// noon is when most tests happen.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func ver(text string) version.Version {
	v, err := version.Parse(version.Semver, text)
	if err != nil {
		panic(err) // in a test's own table
	}
	return v
}

func editor() Product {
	return Product{ID: "editor", Name: "Acme Editor", Platform: Linux, Architecture: "amd64", Scheme: version.Semver}
}

func file(a Availability) Artifact {
	f := Artifact{
		Name: "editor.run", Availability: a, Size: 4,
		Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
	}
	if a == Pinned || a == LatestOnly {
		f.URL = "https://acme.example/editor.run"
	}
	return f
}

// edit makes the patch of the editor to a version, with id "editor-VERSION".
func edit(text string, changes ...func(*Patch)) Patch {
	p := Patch{
		ID: PatchID("editor-" + text), Product: "editor", Version: ver(text), Published: noon.Add(-time.Hour),
		Artifacts: []Artifact{file(Pinned)},
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func latestOnly(p *Patch) { p.Artifacts = []Artifact{file(LatestOnly)} }
func marked(p *Patch)     { p.EOLMarked = true }
func withdrawn(p *Patch)  { p.Withdrawn = true }

func ends(at time.Time) func(*Patch) { return func(p *Patch) { p.EOL = at } }

func supersedes(ids ...PatchID) func(*Patch) { return func(p *Patch) { p.Supersedes = ids } }

func batch(patches ...Patch) Batch {
	return Batch{Feed: "acme", At: noon, Products: []Product{editor()}, Patches: patches}
}

func (b Batch) from(feed FeedID) Batch {
	b.Feed = feed
	return b
}

func (b Batch) of(authority string) Batch {
	b.Authority = authority
	return b
}

func (b Batch) at(t time.Time) Batch {
	b.At = t
	return b
}

// synced syncs good batches at noon and expects that nothing is rejected.
func synced(t require.TestingT, batches ...Batch) *Snapshot {
	s, changes := Sync(nil, batches, noon)
	require.Empty(t, changes.Rejected)
	require.Empty(t, changes.Failed)
	return s
}

// has is an inventory with the editor at one version.
func has(text string) Inventory {
	return inventoryOf(Linux, []Installed{{Product: "editor", Version: ver(text)}})
}

func codes(v Verdict) []ReasonCode {
	var all []ReasonCode
	for _, r := range v.Reasons {
		all = append(all, r.Code)
	}
	return all
}

// ofProduct lists a product's patches by rising version.
func ofProduct(s *Snapshot, id ProductID) (ids []PatchID) {
	if i, found := s.productIndex(id); found {
		for _, p := range s.products[i].versions {
			ids = append(ids, s.patches[p].ID)
		}
	}
	return ids
}

// explained checks that a verdict explains itself (CAT-15).
func explained(t require.TestingT, v Verdict) {
	require.NotEmpty(t, v.Reasons, v.Patch)
	blocked, noted := false, false
	for _, r := range v.Reasons {
		require.Equal(t, r.Code.Rule(), r.Rule)
		require.NotEmpty(t, r.Rule, r.Code)
		require.NotEmpty(t, r.Text, r.Code)
		require.NotContains(t, r.Text, "%!", "a sentence with a broken format")
		blocked = blocked || r.Code.Blocks()
		noted = noted || !r.Code.Blocks()
		require.False(t, r.Code.Blocks() && noted, "a blocking reason stands behind a note: %v", v.Reasons)
	}
	require.Equal(t, !blocked, v.Deployable)
	require.Equal(t, v.Deployable, slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Code == Upgrade }))
}

// many makes n products with one patch each and a feed's worth of variety.
func many(tb testing.TB, n int) Batch {
	tb.Helper()
	b := Batch{Feed: "many", At: noon}
	for i := range n {
		id := ProductID(fmt.Sprintf("debian/amd64/package-%d", i))
		v, err := version.Parse(version.Debian, fmt.Sprintf("1:%d.%d-%d+deb12u%d", i%50, i%7, i%3, i%5))
		require.NoError(tb, err)
		name := fmt.Sprintf("package-%d_%s_amd64.deb", i, v.Upstream())
		b.Products = append(b.Products, Product{ID: id, Name: fmt.Sprintf("package-%d", i), Platform: Linux, Architecture: "amd64", Scheme: version.Debian})
		b.Patches = append(b.Patches, Patch{
			ID: PatchID(string(id) + "@" + v.String()), Product: id, Version: v, Title: "A package of many", Published: noon.Add(-time.Hour),
			Artifacts: []Artifact{{
				Name: name, Availability: Pinned, URL: "https://mirror.example/pool/main/p/" + name, Size: int64(1000 + i),
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", i)}},
			}},
			Transaction: "dpkg",
		})
	}
	return b
}

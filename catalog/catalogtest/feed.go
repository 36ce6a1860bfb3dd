// Package catalogtest is the conformance suite for [catalog.Feed]. Every
// adapter runs it, in this module and elsewhere:
//
//	func TestConformance(t *testing.T) {
//		catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed { return newFeed(t) })
//	}
//
// [TestSources] spoils the source of a feed that fetches over HTTP.
package catalogtest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFeed checks that feeds keep the contract of [catalog.Feed]. Make returns
// a new feed that has fetched nothing yet. Its source must stay the same during
// the test, be reachable, and have at least one record (a patch, an advisory, a
// fact or a version line) and no bad one. Every call must return a feed with the
// same id over the same source.
func TestFeed(t *testing.T, make func(t *testing.T) catalog.Feed) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, make func(t *testing.T) catalog.Feed)
	}{
		{"the id is stable", testID},
		{"the first batch is whole", testFirst},
		{"the second batch is equal or unchanged", testSecond},
		{"a new feed brings the same", testAnew},
		{"the catalog takes all of it, CAT-16", testSync},
		{"the batch belongs to the caller", testOwnership},
		{"a cancelled fetch fails and is forgotten, CAT-1", testCancel},
		{"fetches at the same time", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, make) })
	}
}

func fetch(t *testing.T, f catalog.Feed) catalog.Batch {
	t.Helper()
	b, err := f.Fetch(t.Context())
	require.NoError(t, err, "Fetch")
	return b
}

func testID(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	id := f.ID()
	require.NotEmpty(t, id)
	require.LessOrEqual(t, len(id), catalog.MaxID)
	fetch(t, f)
	require.Equal(t, id, f.ID(), "the id changed with a fetch")
	require.Equal(t, id, make(t).ID(), "a second feed has another id: is make's source the same?")
}

func testFirst(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	b := fetch(t, f)
	require.Equal(t, f.ID(), b.Feed, "the batch names feed %s", b.Feed)
	require.False(t, b.Unchanged, "the first batch of a feed says Unchanged")
	require.Empty(t, b.Err, "Fetch returned no error, and the batch says so")
	require.Zero(t, b.Grant, "only the administrator grants, never a feed (CAT-17)")
	require.Positive(t, records(b), "the source has no record: the suite would test nothing")
	for what, at := range map[string]time.Time{"was fetched at": b.At, "is dated": b.Dated} {
		_, offset := at.Zone()
		require.True(t, at.IsZero() || offset == 0, "the batch %s %v, want an instant in UTC or none", what, at)
	}
	for _, name := range b.Names {
		require.NotEmpty(t, name, "the batch claims every id, by an empty name (CAT-17)")
	}
	for _, p := range b.Patches {
		require.Zero(t, p.Listed, "patch %s has Listed, which only Sync sets", p.ID)
	}
	text(t, b)
	require.Empty(t, b.Rejected, "the feed rejected records of a source that has no bad one")
}

func records(b catalog.Batch) int {
	return len(b.Products) + len(b.Patches) + len(b.Vulnerabilities) + len(b.Advisories) + len(b.Lines)
}

// text returns a batch's content in a comparable form. Order does not count.
func text(t *testing.T, b catalog.Batch) string {
	t.Helper()
	products, patches := slices.Clone(b.Products), slices.Clone(b.Patches)
	slices.SortFunc(products, func(a, b catalog.Product) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(patches, func(a, b catalog.Patch) int { return cmp.Compare(a.ID, b.ID) })
	vulnerabilities, advisories, lines := slices.Clone(b.Vulnerabilities), slices.Clone(b.Advisories), slices.Clone(b.Lines)
	slices.SortFunc(vulnerabilities, func(a, b catalog.Vulnerability) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(advisories, func(a, b catalog.Advisory) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(lines, func(a, b catalog.LineSet) int { return cmp.Compare(a.Product, b.Product) })
	data, err := json.Marshal([]any{b.Feed, b.Authority, b.Names, products, patches, vulnerabilities, b.AllExploited, advisories, lines})
	require.NoError(t, err, "the batch cannot be written down")
	return string(data)
}

func testSecond(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	first, second := fetch(t, f), fetch(t, f)
	// The authority of a feed does not change by itself (CAT-17), and the date of
	// its source does not go back (CAT-2). A batch that says Unchanged may leave
	// both out.
	if !second.Unchanged || second.Authority != "" {
		require.Equal(t, first.Authority, second.Authority, "the feed's authority changed")
	}
	if !second.Unchanged || len(second.Names) > 0 {
		require.ElementsMatch(t, first.Names, second.Names, "the names that the feed claims changed")
	}
	if !second.Unchanged || !second.Dated.IsZero() {
		require.Equal(t, first.Dated, second.Dated, "the date of an unchanged source changed")
	}
	if !second.Unchanged {
		require.Equal(t, text(t, first), text(t, second), "two batches of an unchanged source differ")
		return
	}
	require.Zero(t, records(second)+len(second.Rejected), "a batch that says Unchanged holds records")
	require.Equal(t, first.Feed, second.Feed)
	require.False(t, second.At.Before(first.At), "the unchanged batch is of %v, the first was of %v", second.At, first.At)
}

func testAnew(t *testing.T, make func(t *testing.T) catalog.Feed) {
	require.Equal(t, text(t, fetch(t, make(t))), text(t, fetch(t, make(t))), "two feeds over one source differ")
}

func testSync(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	first := fetch(t, f)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{first.At, first.Dated} {
		if at.After(now) {
			now = at.Add(time.Second)
		}
	}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{first}, now)
	require.Empty(t, changes.Rejected, "the catalog rejected records")
	require.Len(t, changes.Added, len(first.Patches))
	next, changes := catalog.Sync(snapshot, []catalog.Batch{fetch(t, f)}, now)
	require.Zero(t, changes, "a sync of the unchanged source changed the catalog")
	require.Equal(t, snapshot.ID(), next.ID())
}

func testOwnership(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	b := fetch(t, f)
	want := text(t, b)
	for i := range b.Patches {
		for k := range b.Patches[i].Artifacts {
			b.Patches[i].Artifacts[k].URL = "scribbled"
		}
		b.Patches[i].ID = "scribbled"
	}
	for i := range b.Products {
		b.Products[i].ID = "scribbled"
	}
	for i := range b.Vulnerabilities {
		b.Vulnerabilities[i].ID = "scribbled"
	}
	for i := range b.Advisories {
		for k := range b.Advisories[i].Fixes {
			b.Advisories[i].Fixes[k].Package.Name = "scribbled"
		}
		b.Advisories[i].ID = "scribbled"
	}
	for i := range b.Lines {
		for k := range b.Lines[i].Lines {
			b.Lines[i].Lines[k].Prefix = "scribbled"
		}
	}
	again := fetch(t, f)
	require.True(t, again.Unchanged || text(t, again) == want, "what the caller wrote into a batch is in the next one")
}

func testCancel(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Fetch(ctx)
	require.ErrorIs(t, err, context.Canceled, "Fetch with a cancelled context")
	b := fetch(t, f)
	require.True(t, !b.Unchanged && records(b) > 0, "the first good batch after a cancelled fetch is not whole")
}

func testConcurrent(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	want := text(t, fetch(t, f))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			b, err := f.Fetch(context.WithoutCancel(t.Context()))
			assert.NoError(t, err, "Fetch beside others")
			assert.True(t, b.Unchanged || text(t, b) == want, "a batch fetched beside others differs")
		})
	}
	wg.Wait()
}

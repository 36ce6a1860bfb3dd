package catalog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSyncListsPatches_CAT1(t *testing.T) {
	s, changes := Sync(nil, []Batch{batch(edit("2.0.0"), edit("1.10.0"), edit("1.9.0"))}, noon)
	require.Equal(t, Changes{Added: []PatchID{"editor-1.10.0", "editor-1.9.0", "editor-2.0.0"}}, changes)
	require.EqualValues(t, 1, s.ID())
	require.Equal(t, noon, s.at)
	require.Equal(t, []PatchID{"editor-1.9.0", "editor-1.10.0", "editor-2.0.0"}, ofProduct(s, "editor"))
	newest, has := s.Newest("editor")
	require.True(t, has)
	require.Equal(t, PatchID("editor-2.0.0"), newest.ID)
	var ids []PatchID
	for p := range s.Patches() {
		ids = append(ids, p.ID)
	}
	require.Equal(t, changes.Added, ids)

	// Whoever has seen enough stops.
	seen := 0
	for range s.Patches() {
		seen++
		break
	}
	for range s.Products() {
		seen++
		break
	}
	require.Equal(t, 2, seen)
}

func TestNilSnapshotIsEmpty(t *testing.T) {
	var s *Snapshot
	require.Zero(t, s.ID())
	_, found := s.Patch("x")
	require.False(t, found)
	_, found = s.Product("x")
	require.False(t, found)
	_, found = s.Newest("x")
	require.False(t, found)
	_, found = s.FeedOf("x")
	require.False(t, found)
	require.Zero(t, s.Lifecycle("x"))
	require.Empty(t, ofProduct(s, "x"))
	require.Empty(t, s.Feeds())
	require.Empty(t, slices.Collect(s.Patches()))
	require.Empty(t, slices.Collect(s.Products()))
	require.Equal(t, []ReasonCode{UnknownPatch}, codes(s.Evaluate("x", Inventory{}, Options{}, noon)))
	require.Empty(t, s.Missing(has("1.0.0"), Options{}, noon))
}

// CAT-1: nothing that a sync does shows in the snapshot it starts from.
func TestSyncLeavesPreviousSnapshot_CAT1(t *testing.T) {
	first := synced(t, batch(edit("1.0.0"), edit("2.0.0", ends(noon.Add(time.Hour)))))
	before := encoded(t, first)
	second, _ := Sync(first, []Batch{batch(edit("3.0.0"))}, noon.Add(2*time.Hour))
	require.Equal(t, before, encoded(t, first))
	require.NotEqual(t, before, encoded(t, second))
}

func TestFailedFeedKeepsItsPatches_CAT1(t *testing.T) {
	s := synced(t, batch(edit("1.0.0")), Batch{Feed: "other", At: noon})
	later := noon.Add(30 * time.Minute)
	s2, changes := Sync(s, []Batch{Failed("acme", later, errors.New("connection refused"))}, later)
	require.Equal(t, Changes{Failed: []FeedID{"acme"}}, changes)
	require.EqualValues(t, 2, s2.ID(), "that a feed fails is a change")
	require.Equal(t, []PatchID{"editor-1.0.0"}, ofProduct(s2, "editor"))
	health := s2.Feeds()[0]
	require.Equal(t, FeedHealth{Feed: "acme", Authority: "acme", FirstGood: noon, LastGood: noon, Err: "connection refused", Since: later, Patches: 1}, health)
	require.True(t, s2.Feeds()[1].Healthy)

	// It goes on failing: since the first time.
	again := later.Add(30 * time.Minute)
	s3, _ := Sync(s2, []Batch{Failed("acme", again, errors.New("connection refused"))}, again)
	require.Equal(t, s2.ID(), s3.ID())
	require.Equal(t, later, s3.Feeds()[0].Since)
	v := s3.Evaluate("editor-1.0.0", has("0.9.0"), Options{}, again)
	require.True(t, v.Deployable)
	require.Equal(t, []ReasonCode{Upgrade, FeedFailing}, codes(v))

	// It recovers.
	good := again.Add(30 * time.Minute)
	s4, changes := Sync(s3, []Batch{batch(edit("1.0.0")).at(good)}, good)
	require.Equal(t, Changes{}, changes)
	require.Greater(t, s4.ID(), s3.ID())
	require.Equal(t, FeedHealth{Feed: "acme", Healthy: true, Authority: "acme", FirstGood: noon, LastGood: good, Patches: 1}, s4.Feeds()[0])
}

func TestFailedFromTheStart_CAT1(t *testing.T) {
	s, changes := Sync(nil, []Batch{{Feed: "acme", Unchanged: true}, Failed("b", noon, nil)}, noon)
	require.Equal(t, []FeedID{"acme", "b"}, changes.Failed)
	require.Contains(t, s.Feeds()[0].Err, "has nothing of it")
	require.Equal(t, "the fetch failed", s.Feeds()[1].Err)
	require.False(t, s.Feeds()[0].Stale(noon.Add(StaleAfter-1)))
	require.True(t, s.Feeds()[0].Stale(noon.Add(StaleAfter)))
}

func TestAbsentAndUnchangedFeedsKeep_CAT1(t *testing.T) {
	s := synced(t, batch(edit("1.0.0")))
	later := noon.Add(time.Hour)
	absent, changes := Sync(s, nil, later)
	require.Equal(t, Changes{}, changes)
	require.Equal(t, s.ID(), absent.ID())
	require.Equal(t, noon, absent.Feeds()[0].LastGood)
	require.Equal(t, later, absent.at)

	unchanged, changes := Sync(s, []Batch{{Feed: "acme", At: later, Unchanged: true}}, later)
	require.Equal(t, Changes{}, changes)
	require.Equal(t, s.ID(), unchanged.ID(), "a good fetch alone is no change")
	require.Equal(t, later, unchanged.Feeds()[0].LastGood)
	require.Equal(t, 1, unchanged.Feeds()[0].Patches)
}

func TestPatchGoneFromItsFeedIsRemoved(t *testing.T) {
	s := synced(t, batch(edit("1.0.0"), edit("2.0.0")))
	s, changes := Sync(s, []Batch{batch(edit("2.0.0", marked), edit("3.0.0"))}, noon.Add(time.Hour))
	require.Equal(t, Changes{
		Added: []PatchID{"editor-3.0.0"}, Changed: []PatchID{"editor-2.0.0"}, Removed: []PatchID{"editor-1.0.0"},
		NoLongerNewest: []PatchID{"editor-2.0.0"},
	}, changes)
	require.Equal(t, Changes{Removed: []PatchID{"editor-2.0.0", "editor-3.0.0"}}, second(Sync(s, []Batch{batch()}, noon)))
}

func second(_ *Snapshot, c Changes) Changes { return c }

func TestListedIsTheFirstSight_CAT2(t *testing.T) {
	p := edit("1.0.0", func(p *Patch) { p.Listed = noon.Add(-99 * time.Hour) })
	s := synced(t, batch(p))
	s, changes := Sync(s, []Batch{batch(edit("1.0.0", marked))}, noon.Add(time.Hour))
	require.Equal(t, []PatchID{"editor-1.0.0"}, changes.Changed)
	got, _ := s.Patch("editor-1.0.0")
	require.Equal(t, noon, got.Listed)
	latency, ok := got.Latency()
	require.True(t, ok)
	require.Equal(t, time.Hour, latency)
}

func TestLatency_CAT2(t *testing.T) {
	_, ok := Patch{Listed: noon}.Latency()
	require.False(t, ok)
	_, ok = Patch{Published: noon}.Latency()
	require.False(t, ok)
	latency, ok := Patch{Published: noon.Add(time.Hour), Listed: noon}.Latency()
	require.True(t, ok)
	require.Zero(t, latency)

	// A patch that was published before the feed was first read does not count against it.
	s := synced(t, batch(edit("1.0.0", func(p *Patch) { p.Published = noon.Add(-1000 * time.Hour) })))
	require.Zero(t, s.Feeds()[0].MaxLatency)
	s, _ = Sync(s, []Batch{batch(edit("1.0.0"), edit("2.0.0", func(p *Patch) { p.Published = noon.Add(time.Hour) }))}, noon.Add(4*time.Hour))
	require.Equal(t, 3*time.Hour, s.Feeds()[0].MaxLatency)
}

func TestStaleFeed_CAT2(t *testing.T) {
	s := synced(t, batch(edit("1.0.0")))
	for _, c := range []struct {
		after time.Duration
		want  []ReasonCode
	}{{StaleAfter - 1, []ReasonCode{Upgrade}}, {StaleAfter, []ReasonCode{Upgrade, FeedStale}}} {
		v := s.Evaluate("editor-1.0.0", has("0.9.0"), Options{}, noon.Add(c.after))
		require.Equal(t, c.want, codes(v))
		require.True(t, v.Deployable, "a note does not block")
	}
}

// CAT-2: a batch that was fetched long ago does not make its feed fresh, and
// one from the future does not either.
func TestBatchTime_CAT2(t *testing.T) {
	for _, c := range []struct{ at, want time.Time }{
		{noon.Add(-50 * time.Hour), noon.Add(-50 * time.Hour)}, {noon.Add(time.Hour), noon}, {time.Time{}, noon},
	} {
		s := synced(t, batch(edit("1.0.0")).at(c.at))
		require.Equal(t, c.want, s.Feeds()[0].LastGood)
	}
	s := synced(t, batch(edit("1.0.0")))
	s, _ = Sync(s, []Batch{batch(edit("1.0.0")).at(noon.Add(-time.Hour))}, noon.Add(time.Hour))
	require.Equal(t, noon, s.Feeds()[0].LastGood, "it never goes back")
}

func TestNewerListedIsNamed_CAT6(t *testing.T) {
	other := edit("2.0.0", latestOnly, func(p *Patch) { p.ID = "editor-2.0.0-again" })
	s := synced(t, batch(edit("1.0.0", latestOnly), edit("2.0.0", latestOnly), other))
	s, changes := Sync(s, []Batch{batch(edit("1.0.0", latestOnly), edit("2.0.0", latestOnly), other, edit("3.0.0", latestOnly))}, noon)
	require.Equal(t, []PatchID{"editor-2.0.0", "editor-2.0.0-again"}, changes.NoLongerNewest)
	for _, id := range changes.NoLongerNewest {
		require.Equal(t, []ReasonCode{VersionNotDownloadable}, codes(s.Evaluate(id, has("0.9.0"), Options{}, noon)))
	}
	// The newest is withdrawn, and the one before it is newest again.
	s, changes = Sync(s, []Batch{batch(edit("2.0.0", latestOnly), edit("3.0.0", latestOnly, withdrawn))}, noon)
	require.Empty(t, changes.NoLongerNewest)
	require.True(t, s.Evaluate("editor-2.0.0", has("0.9.0"), Options{}, noon).Deployable)
}

func TestLifecycle_CAT8_CAT10_CAT13(t *testing.T) {
	eol := noon.Add(24 * time.Hour)
	all := batch(edit("1.0.0"), edit("2.0.0", marked), edit("3.0.0", ends(eol)), edit("4.0.0", withdrawn))
	s, changes := Sync(nil, []Batch{all}, noon)
	require.Equal(t, []PatchID{"editor-4.0.0"}, changes.Deprecated)
	for id, want := range map[PatchID]Lifecycle{
		"editor-1.0.0": LifecycleActive, "editor-2.0.0": LifecycleEOLMarked, "editor-3.0.0": LifecycleEOLMarked, "editor-4.0.0": LifecycleDeprecated,
	} {
		require.Equal(t, want, s.Lifecycle(id), id)
	}
	p, _ := s.Patch("editor-3.0.0")
	require.True(t, p.EOLMarked, "a date is a mark")

	// Between syncs a date may pass: the sync decides.
	require.True(t, s.Evaluate("editor-3.0.0", has("0.9.0"), Options{}, eol.Add(time.Hour)).Deployable)

	just, changes := Sync(s, nil, eol.Add(-1))
	require.Empty(t, changes.Deprecated)
	require.Equal(t, LifecycleEOLMarked, just.Lifecycle("editor-3.0.0"))
	at, changes := Sync(s, nil, eol)
	require.Equal(t, Changes{Deprecated: []PatchID{"editor-3.0.0"}}, changes)
	require.Equal(t, s.ID()+1, at.ID())
	require.Equal(t, LifecycleDeprecated, at.Lifecycle("editor-3.0.0"))

	// A hundred years later a mark without a date is still only a mark.
	far, _ := Sync(at, nil, noon.AddDate(100, 0, 0))
	require.Equal(t, LifecycleEOLMarked, far.Lifecycle("editor-2.0.0"))
}

// CAT-8: the feed may take back what it said; a deprecated patch stays
// deprecated until its feed drops it.
func TestDeprecatedIsRemembered_CAT8(t *testing.T) {
	s := synced(t, batch(edit("1.0.0", withdrawn)))
	s, changes := Sync(s, []Batch{batch(edit("1.0.0"))}, noon.Add(time.Hour))
	require.Equal(t, Changes{Changed: []PatchID{"editor-1.0.0"}}, changes)
	require.Equal(t, LifecycleDeprecated, s.Lifecycle("editor-1.0.0"))
	s, _ = Sync(s, []Batch{batch()}, noon.Add(2*time.Hour))
	require.Zero(t, s.Lifecycle("editor-1.0.0"))
	s, changes = Sync(s, []Batch{batch(edit("1.0.0"))}, noon.Add(3*time.Hour))
	require.Equal(t, []PatchID{"editor-1.0.0"}, changes.Added)
	require.Equal(t, LifecycleActive, s.Lifecycle("editor-1.0.0"))
}

func TestDeprecatedLeavesTheCatalog_CAT9(t *testing.T) {
	s := synced(t, batch(edit("1.0.0"), edit("2.0.0", withdrawn)))
	require.Equal(t, []PatchID{"editor-1.0.0"}, ofProduct(s, "editor"))
	require.Len(t, slices.Collect(s.Patches()), 1)
	newest, _ := s.Newest("editor")
	require.Equal(t, PatchID("editor-1.0.0"), newest.ID)
	missing := s.Missing(has("0.9.0"), Options{}, noon)
	require.Len(t, missing, 1)
	require.Equal(t, PatchID("editor-1.0.0"), missing[0].Patch)

	_, known := s.Patch("editor-2.0.0")
	require.True(t, known, "histories still name it")
	require.Equal(t, []ReasonCode{Deprecated}, codes(s.Evaluate("editor-2.0.0", has("0.9.0"), Options{}, noon)))
	require.Equal(t, []ReasonCode{UnknownPatch}, codes(s.Evaluate("editor-9.0.0", has("0.9.0"), Options{}, noon)))
}

func TestEOLInstant_CAT13(t *testing.T) {
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), EOLInstant(2025, time.December, 31))
	day, err := ParseEOL("2024-02-29")
	require.NoError(t, err)
	require.Equal(t, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), day)
	instant, err := ParseEOL("2024-02-29T10:00:00+02:00")
	require.NoError(t, err)
	require.Equal(t, time.Date(2024, 2, 29, 8, 0, 0, 0, time.UTC), instant)
	for _, bad := range []string{"", "2023-02-29", "soon", "2024-02-29 10:00", "true"} {
		_, err := ParseEOL(bad)
		require.ErrorContains(t, err, "neither a date")
	}
	require.False(t, past(time.Time{}, noon))
	require.False(t, past(noon, noon.Add(-1)))
	require.True(t, past(noon, noon))
}

func encoded(t require.TestingT, s *Snapshot) string {
	var b bytes.Buffer
	require.NoError(t, s.Encode(&b))
	return unzipped(t, b.Bytes())
}

func unzipped(t require.TestingT, data []byte) string {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	text, err := io.ReadAll(zip)
	require.NoError(t, err)
	return string(text)
}

// A sync that has nothing new takes a short way. It ends where the long one
// does.
func TestIdleSyncIsASync_CAT1(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := Sync(nil, genBatches.Draw(t, "batches"), noon)
		s, _ = Sync(s, genBatches.Draw(t, "more"), noon.Add(time.Minute))
		at := noon.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, StaleAfter, KeepHistory, KeepHistory + time.Hour}).Draw(t, "after"))
		var quiet []Batch
		for _, f := range s.Feeds() {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				quiet = append(quiet, Failed(f.Feed, at, io.ErrClosedPipe))
			case 1:
				quiet = append(quiet, Batch{Feed: f.Feed, Unchanged: true, Authority: "ab"})
			default:
				quiet = append(quiet, Batch{Feed: f.Feed, Unchanged: true, At: at, Authority: f.Authority, Names: f.Names, Grant: f.Grant})
			}
		}
		short, changes := Sync(s, quiet, at)
		long, changesLong := begin(s, quiet, at).sync()
		require.Equal(t, encoded(t, long), encoded(t, short))
		require.Equal(t, changesLong, changes)
	})
}

// Whatever order records come in, the snapshot is the same, and syncing the same again changes
// nothing. (The order of the batches is the administrator's and decides, CAT-17.)
func TestSyncIsDeterministicAndIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batches := genBatches.Draw(t, "batches")
		a, changesA := Sync(nil, batches, noon)
		shuffled := slices.Clone(batches)
		for i := range shuffled {
			shuffled[i].Patches = rapid.Permutation(shuffled[i].Patches).Draw(t, "patches")
		}
		b, changesB := Sync(nil, shuffled, noon)
		require.Equal(t, encoded(t, a), encoded(t, b))
		require.Equal(t, changesA, changesB)

		// Who owns an id is known from the first sync on. So a record that was refused for itself
		// there, as one of a cycle, may be refused as another's the next time, and from then on.
		again, changes := Sync(a, batches, noon)
		require.Equal(t, a.patches, again.patches)
		require.Equal(t, a.products, again.products)
		require.Equal(t, a.owners, again.owners)
		require.Empty(t, slices.Concat(changes.Added, changes.Changed, changes.Removed, changes.Deprecated, changes.NoLongerNewest))
		require.Len(t, changes.Rejected, len(changesA.Rejected))
		third, changesThird := Sync(again, batches, noon)
		require.Equal(t, encoded(t, again), encoded(t, third))
		require.Equal(t, changes, changesThird)
	})
}

// genBatches makes the batches of three feeds over a few ids, so that
// everything that can collide does.
var genBatches = rapid.Custom(func(t *rapid.T) []Batch {
	var batches []Batch
	for _, feed := range []FeedID{"a", "b", "c"} {
		b := Batch{Feed: feed, At: noon, Authority: rapid.SampledFrom([]string{"", "ab", "ab"}).Draw(t, "authority")}
		if rapid.IntRange(0, 4).Draw(t, "granted") == 0 {
			b.Grant = Grant{Products: []string{"q"}, Patches: []string{"w*"}}
		}
		if rapid.IntRange(0, 5).Draw(t, "fails") == 0 {
			b.Err = "down"
		}
		for _, id := range []ProductID{"p", "q"} {
			p := editor()
			p.ID = id
			p.Name = rapid.SampledFrom([]string{"same", "same", "same", "other", ""}).Draw(t, "name")
			b.Products = append(b.Products, p)
		}
		seen := map[PatchID]bool{}
		for range rapid.IntRange(0, 5).Draw(t, "patches") {
			p := edit(rapid.SampledFrom([]string{"1.0.0", "2.0.0", "3.0.0"}).Draw(t, "version"))
			p.ID = rapid.SampledFrom([]PatchID{"u", "v", "w", "x", "y", "z"}).Draw(t, "id")
			if seen[p.ID] {
				continue // which of two equal ids in one batch counts depends on their order
			}
			seen[p.ID] = true
			p.Product = rapid.SampledFrom([]ProductID{"p", "q", "r"}).Draw(t, "product")
			p.Withdrawn = rapid.IntRange(0, 4).Draw(t, "withdrawn") == 0
			p.Supersedes = rapid.SliceOfN(rapid.SampledFrom([]PatchID{"u", "v", "w", "x", "y", "z"}), 0, 2).Draw(t, "supersedes")
			b.Patches = append(b.Patches, p)
		}
		batches = append(batches, b)
	}
	return batches
})

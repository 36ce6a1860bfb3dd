package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const own = "https://files.example/editor.run"

func vendor(p *Patch) { p.Artifacts = []Artifact{file(Vendor)} }

func custom(id PatchID, url string) CustomURL {
	return CustomURL{Patch: id, Artifact: "editor.run", URL: url}
}

func with(t require.TestingT, s *Snapshot, urls ...CustomURL) *Snapshot {
	next, err := s.WithCustomURLs(urls)
	require.NoError(t, err)
	return next
}

// source is the URL of the first artifact of a patch as every reader sees it.
func source(t require.TestingT, s *Snapshot, id PatchID) string {
	p, found := s.Patch(id)
	require.True(t, found)
	for listed := range s.Patches() {
		if listed.ID == id {
			require.Equal(t, p, listed)
		}
	}
	if newest, has := s.Newest(p.Product); has && newest.ID == id {
		require.Equal(t, p, newest)
	}
	return p.Artifacts[0].Source()
}

// CAT-5: a Vendor patch is deployable from the moment its custom URL is set,
// over every kind of sync, until it is taken back.
func TestCustomURLOutlivesSyncs_CAT5(t *testing.T) {
	both := batch(edit("2.0.0", vendor), edit("3.0.0", vendor))
	s := synced(t, both)
	verdict := func() Verdict { return s.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon) }
	require.Equal(t, []ReasonCode{NotDownloadable}, codes(verdict()))

	before := encoded(t, s)
	first := s
	s = with(t, s, custom("editor-2.0.0", own))
	require.Equal(t, before, encoded(t, first), "the snapshot it starts from stays as it was")
	require.Equal(t, first.ID()+1, s.ID())
	require.Equal(t, first.at, s.at)
	for i, batches := range [][]Batch{nil, {both}, {{Feed: "acme", Unchanged: true}}, {{Feed: "acme", Err: "down"}}, {both}, {batch(edit("1.0.0")).from("other")}} {
		id := s.ID()
		var changes Changes
		s, changes = Sync(s, batches, noon)
		require.Empty(t, changes.Changed, "the feed's record is what it was")
		require.True(t, verdict().Deployable, "sync %d", i)
		require.Equal(t, own, source(t, s, "editor-2.0.0"))
		require.Empty(t, source(t, s, "editor-3.0.0"), "another patch is not concerned")
		require.Equal(t, []CustomURL{custom("editor-2.0.0", own)}, s.CustomURLs())
		if i < 3 {
			require.Equal(t, id, s.ID())
		}
		back := roundTrip(t, s)
		same(t, s, back)
		require.Equal(t, s.CustomURLs(), back.CustomURLs())
		s = back
	}
	down := Options{Unreachable: map[string]bool{own: true}}
	require.Equal(t, []ReasonCode{ArtifactUnreachable}, codes(s.Evaluate("editor-2.0.0", has("1.0.0"), down, noon)), "it is probed like any other, CAT-10")

	s = with(t, s, custom("editor-2.0.0", ""))
	require.Equal(t, []ReasonCode{NotDownloadable}, codes(verdict()))
	require.Empty(t, s.CustomURLs())
}

// CAT-5: the customer's URL stands before what a feed says, and what the feed
// says shows again once it is taken back.
func TestCustomURLBeforeTheFeeds_CAT5(t *testing.T) {
	fed := "https://feed.example/editor.run"
	p := edit("2.0.0", vendor, func(p *Patch) {
		p.Artifacts[0].CustomURL = fed
		more := file(Vendor)
		more.Name = "data.run"
		p.Artifacts = append(p.Artifacts, more)
	})
	s := with(t, synced(t, batch(p)), custom(p.ID, own), CustomURL{Patch: p.ID, Artifact: "data.run", URL: "file:///srv/data.run"})
	got, _ := s.Patch(p.ID)
	require.Equal(t, []string{own, "file:///srv/data.run"}, []string{got.Artifacts[0].Source(), got.Artifacts[1].Source()})
	require.Equal(t, fed, p.Artifacts[0].CustomURL, "the batch is not written to")
	s = with(t, s, custom(p.ID, ""))
	s, changes := Sync(s, nil, noon)
	require.Equal(t, Changes{}, changes)
	require.Equal(t, fed, source(t, s, p.ID), "though the feed brought nothing since")
	got, _ = s.Patch(p.ID)
	require.Equal(t, "file:///srv/data.run", got.Artifacts[1].Source())
}

// CAT-5: it waits while the patch is gone, and while its artifact is not
// Vendor, and can be taken back then.
func TestCustomURLWaits_CAT5(t *testing.T) {
	s := with(t, synced(t, batch(edit("2.0.0", vendor))), custom("editor-2.0.0", own))
	gone, _ := Sync(s, []Batch{batch()}, noon)
	_, found := gone.Patch("editor-2.0.0")
	require.False(t, found)
	require.Equal(t, s.CustomURLs(), gone.CustomURLs())
	require.Empty(t, with(t, gone, custom("editor-2.0.0", "")).CustomURLs())
	back, _ := Sync(gone, []Batch{batch(edit("2.0.0", vendor))}, noon.Add(time.Hour))
	require.Equal(t, own, source(t, back, "editor-2.0.0"))

	pinned, _ := Sync(s, []Batch{batch(edit("2.0.0"))}, noon)
	require.Equal(t, "https://acme.example/editor.run", source(t, pinned, "editor-2.0.0"))
	p, _ := pinned.Patch("editor-2.0.0")
	require.Empty(t, p.Artifacts[0].CustomURL)
	require.Empty(t, with(t, pinned, custom("editor-2.0.0", "")).CustomURLs())
}

func TestCustomURLThatChangesNothing_CAT5(t *testing.T) {
	s := synced(t, batch(edit("2.0.0", vendor)))
	require.Same(t, s, with(t, s))
	require.Same(t, s, with(t, s, custom("editor-2.0.0", "")), "it was not set")
	s = with(t, s, custom("editor-2.0.0", own))
	require.Same(t, s, with(t, s, custom("editor-2.0.0", own)))
	moved := with(t, s, custom("editor-2.0.0", own+"?2"))
	require.Equal(t, s.ID()+1, moved.ID())
	require.Equal(t, own+"?2", source(t, moved, "editor-2.0.0"))
	require.Empty(t, (*Snapshot)(nil).CustomURLs())
	require.Zero(t, with(t, nil).ID())
}

// CAT-5, CAT-16: all or none, and every one that is refused is named.
func TestCustomURLRefused_CAT5(t *testing.T) {
	s := synced(t, batch(edit("1.0.0"), edit("2.0.0", vendor), edit("3.0.0", vendor)))
	good := custom("editor-3.0.0", own)
	urls := []CustomURL{good}
	var bad []Problem
	for _, r := range []struct {
		url CustomURL
		why string
	}{
		{custom("editor-9.0.0", own), "the catalog has no such patch"},
		{custom("editor-9.0.0-again", ""), "the catalog has no such patch"},
		{CustomURL{"editor-2.0.0", "other.run", own}, "the patch has no such artifact"},
		{custom("editor-1.0.0", own), "only a Vendor artifact takes a custom URL, and this one is Pinned"},
		{custom("editor-2.0.0", "ftp://files.example/x"), `URL "ftp://files.example/x" is not http, https or file`},
		{good, "it is given twice: give each artifact once"},
	} {
		urls = append(urls, r.url)
		bad = append(bad, Problem{Field: fmt.Sprintf("artifact %q of patch %q", r.url.Artifact, r.url.Patch), Text: r.why})
	}
	next, err := s.WithCustomURLs(urls)
	require.Nil(t, next)
	var refused *Invalid
	require.ErrorAs(t, err, &refused)
	require.Equal(t, bad, refused.Problems)
	require.ErrorContains(t, err, `artifact "editor.run" of patch "editor-9.0.0": the catalog has no such patch; artifact`)
	require.Empty(t, s.CustomURLs())

	_, err = s.WithCustomURLs(repeat(custom("editor-2.0.0", strings.Repeat("x", MaxURL+1)), 1000))
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Problems, 1000)
	require.Less(t, len(err.Error()), 20_000, "a message stays readable")
	_, err = (*Snapshot)(nil).WithCustomURLs([]CustomURL{good})
	require.ErrorAs(t, err, &refused)
}

func TestMaxCustomURLs_CAT5(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: as many custom URLs as are allowed take a while; run without -short")
	}
	s := synced(t, batch(edit("2.0.0", vendor), edit("3.0.0", vendor)))
	for i := range MaxCustomURLs - 1 {
		s.custom = append(s.custom, custom(PatchID(fmt.Sprintf("gone-%06d", i)), own))
	}
	slices.SortFunc(s.custom, compareCustom)
	full := with(t, s, custom("editor-2.0.0", own))
	require.Len(t, full.CustomURLs(), MaxCustomURLs)
	require.Len(t, roundTrip(t, full).CustomURLs(), MaxCustomURLs)
	_, err := full.WithCustomURLs([]CustomURL{custom("editor-3.0.0", own)})
	require.ErrorContains(t, err, "over the limit of 65536 custom URLs: remove those without effect")
	require.Equal(t, own+"?2", source(t, with(t, full, custom("editor-2.0.0", own+"?2")), "editor-2.0.0"), "one that is set can still be changed")
	require.Equal(t, own, source(t, with(t, full, custom("gone-000000", ""), custom("editor-3.0.0", own)), "editor-3.0.0"))
}

func TestDecodeRefusesCustomURLs(t *testing.T) {
	s := with(t, synced(t, batch(edit("2.0.0", vendor), edit("3.0.0", vendor))), custom("editor-2.0.0", own), custom("editor-3.0.0", own))
	good := encoded(t, s)
	for _, c := range []struct{ old, with, want string }{
		{`"customUrls":2`, `"customUrls":3`, "unexpected EOF"},
		{`"customUrls":2`, `"customUrls":1`, "text after the last record"},
		{`"customUrls":2`, `"customUrls":65537`, "65537 custom URLs, want 0 to 65536"},
		{`{"patch":"editor-2.0.0"`, `{"patch":"editor-3.0.0"`, "out of order"},
		{`{"patch":"editor-2.0.0"`, `{"patch":"editor-4.0.0"`, "out of order"},
		{`{"patch":"editor-2.0.0"`, `{"patch":""`, "the patch is empty"},
		{`"artifact":"editor.run"`, `"artifact":""`, "the artifact's name is empty"},
		{own, "files.example", "is not http, https or file"},
		{`"url":"` + own + `"}`, `"url":""}`, "is not http, https or file"},
	} {
		require.Contains(t, good, c.old)
		_, err := Decode(zipped(t, strings.Replace(good, c.old, c.with, 1)))
		require.ErrorContains(t, err, "stored catalog: line ")
		require.ErrorContains(t, err, c.want)
	}
}

// CAT-5, against the obvious: a map of what is set, and what the last good batch said.
func TestCustomURLAgainstOracle_CAT5(t *testing.T) {
	ids := []PatchID{"editor-1.0.0", "editor-2.0.0", "editor-3.0.0"}
	rapid.Check(t, func(t *rapid.T) {
		var s *Snapshot
		set, said := map[PatchID]string{}, map[PatchID]Artifact{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "sync") {
				b := batch()
				clear(said)
				for _, id := range ids {
					if a := rapid.SampledFrom([]Availability{0, Pinned, Repository, Vendor, Vendor}).Draw(t, "availability"); a != 0 {
						said[id] = file(a)
						b.Patches = append(b.Patches, edit(string(id[len("editor-"):]), func(p *Patch) { p.Artifacts = []Artifact{said[id]} }))
					}
				}
				s, _ = Sync(s, []Batch{b}, noon)
			} else {
				u := custom(rapid.SampledFrom(ids).Draw(t, "id"), rapid.SampledFrom([]string{"", own, own + "?2"}).Draw(t, "url"))
				_, isSet := set[u.Patch]
				next, err := s.WithCustomURLs([]CustomURL{u})
				require.Equal(t, said[u.Patch].Availability == Vendor || u.URL == "" && isSet, err == nil, "%v: %v", u, err)
				if err == nil {
					s = next
					set[u.Patch] = u.URL
					if u.URL == "" {
						delete(set, u.Patch)
					}
				}
			}
			s = roundTrip(t, s)
			require.Len(t, s.CustomURLs(), len(set))
			for id, a := range said {
				want := a.URL
				if a.Availability == Vendor {
					want = set[id]
				}
				require.Equal(t, want, source(t, s, id))
			}
		}
	})
}

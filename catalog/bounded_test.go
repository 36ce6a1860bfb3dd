package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A hostile batch has so many bad records as it likes: each feed's first are reported, the rest is
// counted.
func TestRejectionsAreBounded_CAT16(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a catalog of that size takes a while; run without -short")
	}
	const bad = 50_000
	b := batch(edit("1.0.0"))
	for i := range bad {
		b.Patches = append(b.Patches, edit("2.0.0", func(p *Patch) { p.ID, p.Product = PatchID(fmt.Sprint(i)), ProductID(strings.Repeat("x", 1000)) }))
	}
	other := Batch{Feed: "other", At: noon, Patches: []Patch{edit("1.0.0")}}
	s, changes := Sync(nil, []Batch{b, other}, noon)
	require.Len(t, changes.Rejected, MaxRejected+1+1)
	require.Equal(t, Rejected{Feed: "acme", Record: "further records", Reasons: []string{"49000 more are rejected"}}, changes.Rejected[MaxRejected])
	require.Equal(t, FeedID("other"), changes.Rejected[MaxRejected+1].Feed)
	require.Equal(t, bad, s.Feeds()[0].Rejected)
	require.Equal(t, 1, s.Feeds()[1].Outside)
	require.Equal(t, []PatchID{"editor-1.0.0"}, changes.Added)
}

// What a feed refused itself is bounded alike, in number, in reasons and in length.
func TestRejectionsOfTheFeedAreBounded_CAT16(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	b := batch()
	b.Rejected = append(b.Rejected, Rejected{Record: long, Reasons: []string{long}})
	for range MaxRejected {
		b.Rejected = append(b.Rejected, Rejected{Record: "zz", Reasons: make([]string, 100)})
	}
	s, changes := Sync(nil, []Batch{b}, noon)
	require.Len(t, changes.Rejected, MaxRejected+1)
	require.Len(t, changes.Rejected[0].Record, maxErr)
	require.Len(t, changes.Rejected[0].Reasons[0], maxErr)
	require.Len(t, changes.Rejected[1].Reasons, maxProblems+1)
	require.Equal(t, "and 80 more", changes.Rejected[1].Reasons[maxProblems])
	require.Equal(t, Rejected{Feed: "acme", Record: "further records", Reasons: []string{"1 more are rejected"}}, changes.Rejected[MaxRejected])
	require.Equal(t, MaxRejected+1, s.Feeds()[0].Rejected)
}

// One record with more wrong than anybody would read says so much and no more.
func TestReasonsOfOneRecordAreBounded_CAT16(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	p := edit("1.0.0", func(p *Patch) {
		p.Artifacts = nil
		for range 1000 {
			p.Artifacts = append(p.Artifacts, Artifact{Name: long, URL: "file:///x"})
		}
	})
	product := editor()
	product.ID, product.Lines = "lines", []Line{{Prefix: long}, {Prefix: long}}
	b := batch(p)
	b.Products = append(b.Products, product)
	_, changes := Sync(nil, []Batch{b}, noon)
	require.Len(t, changes.Rejected, 2)
	for _, r := range changes.Rejected {
		require.LessOrEqual(t, len(r.Reasons), maxProblems+1)
		for _, text := range r.Reasons {
			require.LessOrEqual(t, len(text), maxErr)
		}
	}
}

package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

func TestBadPatchIsRejectedAlone_CAT16(t *testing.T) {
	artifact := func(change func(*Artifact)) func(*Patch) {
		return func(p *Patch) { change(&p.Artifacts[0]) }
	}
	url := func(text string) func(*Patch) { return artifact(func(a *Artifact) { a.URL = text }) }
	name := func(text string) func(*Patch) { return artifact(func(a *Artifact) { a.Name = text }) }
	sum := func(algorithm integrity.Algorithm, hex string) func(*Patch) {
		return artifact(func(a *Artifact) { a.Digests = []integrity.Digest{{Algorithm: algorithm, Sum: hex}} })
	}
	dotted, err := version.Parse(version.Dotted, "1.2")
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		change func(*Patch)
		want   string // a reason contains it; empty: the patch is fit
	}{
		{"fit", func(*Patch) {}, ""},
		{"no id", func(p *Patch) { p.ID = "" }, "the id is empty"},
		{"longest id", func(p *Patch) { p.ID = PatchID(strings.Repeat("i", MaxID)) }, ""},
		{"id too long", func(p *Patch) { p.ID = PatchID(strings.Repeat("i", MaxID+1)) }, "the id has 257 bytes, at most 256 are allowed"},
		{"control character", func(p *Patch) { p.Title = "a\nb" }, "control characters"},
		{"C1 control character", func(p *Patch) { p.Title = "a\u0085b" }, "control characters"},
		{"not UTF-8", func(p *Patch) { p.Title = "a\xff" }, "not UTF-8"},
		{"other languages", func(p *Patch) { p.Title = "Éditeur 編集" }, ""},
		{"title too long", func(p *Patch) { p.Title = strings.Repeat("t", MaxText+1) }, "the title has 513 bytes"},
		{"no product", func(p *Patch) { p.Product = "" }, "the product is empty"},
		{"unknown product", func(p *Patch) { p.Product = "nobody" }, `unknown product "nobody"`},
		{"no version", func(p *Patch) { p.Version = version.Version{} }, "it has no version"},
		{"version of another scheme", func(p *Patch) { p.Version = dotted }, "version 1.2 is of scheme dotted, the product's is semver"},
		{"unknown class", func(p *Patch) { p.Class = 99 }, "unknown class 99"},
		{"unknown severity", func(p *Patch) { p.Severity = 99 }, "unknown severity 99"},
		{"impossible time", func(p *Patch) { p.Published = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year 10000"},
		{"impossible end", ends(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)), "year -1"},
		{"most CVEs", func(p *Patch) { p.CVEs = repeat("CVE-2026-0001", MaxCVEs) }, ""},
		{"too many CVEs", func(p *Patch) { p.CVEs = repeat("CVE-2026-0001", MaxCVEs+1) }, "it has 2049 CVE ids"},
		{"longest CVE", func(p *Patch) { p.CVEs = []string{strings.Repeat("c", MaxCVE)} }, ""},
		{"CVE too long", func(p *Patch) { p.CVEs = []string{strings.Repeat("c", MaxCVE+1)} }, "a CVE id has 65 bytes"},
		{"empty CVE", func(p *Patch) { p.CVEs = []string{""} }, "a CVE id is empty"},
		{"too many edges", func(p *Patch) { p.Supersedes = repeat(PatchID("x"), MaxEdges+1) }, "it has 1025 superseded patches"},
		{"too many requirements", func(p *Patch) { p.Requires = repeat(Requirement{Patch: "x"}, MaxEdges+1) }, "it has 1025 requirements"},
		{"empty edge", supersedes(""), "a superseded patch's id is empty"},
		{"empty requirement", func(p *Patch) { p.Requires = []Requirement{{}} }, "a required patch's id is empty"},
		{"edge to nobody", supersedes("nobody"), ""},
		{"too many artifacts", func(p *Patch) { p.Artifacts = repeat(p.Artifacts[0], MaxArtifacts+1) }, "it has 65 artifacts"},
		{"artifact twice", func(p *Patch) { p.Artifacts = repeat(p.Artifacts[0], 2) }, `artifact "editor.run" occurs twice`},
		{"no artifact", func(p *Patch) { p.Artifacts = nil }, ""},
		{"path as name", name("../editor"), "not a plain file name"},
		{"Windows path as name", name(`a\b`), "not a plain file name"},
		{"parent as name", name(".."), "not a plain file name"},
		{"no name", name(""), "an artifact's name is empty"},
		{"NUL in name", name("a\x00b"), "control characters"},
		{"longest name", name(strings.Repeat("n", MaxFileName)), ""},
		{"name too long", name(strings.Repeat("n", MaxFileName+1)), "an artifact's name has 256 bytes"},
		{"unknown availability", artifact(func(a *Artifact) { a.Availability = 9 }), "unknown availability 9"},
		{"Pinned without URL", url(""), "Pinned needs a URL"},
		{"http", url("http://acme.example/x?y=%20"), ""},
		{"file", url("file:///srv/x"), "its URL is a local file"},
		{"ftp", url("ftp://acme.example/x"), "is not http, https or file"},
		{"no scheme", url("//acme.example/x"), "is not http, https or file"},
		{"path", url("/srv/x"), "is not http, https or file"},
		{"javascript", url("javascript:alert(1)"), "is not http, https or file"},
		{"no host", url("https:///x"), "names no host"},
		{"file on a host", url("file://host/x"), "is not file:///"},
		{"relative file", url("file:x"), "is not file:///"},
		{"blank in URL", url("https://acme.example/a b"), "must escape"},
		{"line break in URL", url("https://acme.example/a\r\nX: y"), "must escape"},
		{"broken URL", url("https://acme.example/%zz"), "cannot be parsed"},
		{"longest URL", url("https://acme.example/" + strings.Repeat("u", MaxURL-21)), ""},
		{"URL too long", url("https://acme.example/" + strings.Repeat("u", MaxURL-20)), "has 4097 bytes"},
		{"bad signature URL", artifact(func(a *Artifact) { a.SignatureURL = "x" }), "signature URL \"x\" is not"},
		{"custom URL of Pinned", artifact(func(a *Artifact) { a.CustomURL = "https://acme.example/x" }), "only a Vendor artifact takes a custom URL, and this one is Pinned"},
		{"negative size", artifact(func(a *Artifact) { a.Size = -1 }), "negative size -1"},
		{"largest size", artifact(func(a *Artifact) { a.Size = MaxSize }), ""},
		{"size too large", artifact(func(a *Artifact) { a.Size = MaxSize + 1 }), "is over the limit of 1099511627776 bytes"},
		{"short digest", sum(integrity.SHA256, "abc"), "malformed digest: 3 characters, want 64"},
		{"upper-case digest", sum(integrity.MD5, strings.Repeat("A", 32)), "not lower-case hex"},
		{"digest that is no hex", sum(integrity.SHA1, strings.Repeat("g", 40)), "not lower-case hex"},
		{"unknown digest", sum(0, ""), "unknown digest algorithm 0"},
		{"every digest", artifact(func(a *Artifact) {
			a.Digests = nil
			for _, algorithm := range integrity.Algorithms() {
				a.Digests = append(a.Digests, integrity.Digest{Algorithm: algorithm, Sum: strings.Repeat("0", 2*algorithm.Size())})
			}
		}), ""},
		{"too many digests", artifact(func(a *Artifact) { a.Digests = repeat(a.Digests[0], MaxDigests+1) }), "it has 9 digests"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, changes := Sync(nil, []Batch{batch(edit("1.0.0"), edit("2.0.0", c.change), edit("3.0.0"))}, noon)
			if c.want == "" {
				require.Empty(t, changes.Rejected)
				return
			}
			require.Equal(t, []PatchID{"editor-1.0.0", "editor-3.0.0"}, ofProduct(s, "editor"), "the rest is kept")
			require.Len(t, changes.Rejected, 1)
			require.Equal(t, FeedID("acme"), changes.Rejected[0].Feed)
			require.Contains(t, strings.Join(changes.Rejected[0].Reasons, "; "), c.want)
			require.ErrorContains(t, &changes.Rejected[0], c.want)
			require.Equal(t, 1, s.Feeds()[0].Rejected, "it is counted")
		})
	}
}

func repeat[T any](v T, n int) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}

// A record with several faults names each of them, up to a bound.
func TestEveryFaultIsNamed_CAT16(t *testing.T) {
	bad := edit("1.0.0", func(p *Patch) {
		p.Artifacts[0].Size = -5
		p.Artifacts[0].URL = "gopher://x"
		p.Product = "nobody"
	})
	_, changes := Sync(nil, []Batch{batch(bad)}, noon)
	require.Len(t, changes.Rejected, 1)
	require.Len(t, changes.Rejected[0].Reasons, 3)
	require.Equal(t, "patch editor-1.0.0", changes.Rejected[0].Record)

	worst := edit("1.0.0", func(p *Patch) { p.CVEs = repeat("", MaxCVEs) })
	require.Len(t, worst.Check(), maxProblems)
}

func TestBadProductIsRejectedWithItsPatches_CAT16(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Product)
		want   string
	}{
		{"unknown scheme", func(p *Product) { p.Scheme = "semvr" }, `unknown version scheme "semvr": want one of semver, debian,`},
		{"no scheme", func(p *Product) { p.Scheme = "" }, `unknown version scheme "": want one of`},
		{"unknown platform", func(p *Product) { p.Platform = 0 }, "unknown platform 0"},
		{"no name", func(p *Product) { p.Name = "" }, "the name is empty"},
		{"control character", func(p *Product) { p.Vendor = "\x1b[2J" }, "control characters"},
		{"line twice", func(p *Product) { p.Lines = []Line{{Prefix: "1"}, {Prefix: "1"}} }, `line "1" occurs twice`},
		{"line without prefix", func(p *Product) { p.Lines = []Line{{}} }, "a line's prefix is empty"},
		{"too many lines", func(p *Product) { p.Lines = repeat(Line{Prefix: "1"}, MaxLines+1) }, "it has 513 version lines"},
		{"impossible extended end", func(p *Product) {
			p.Lines = []Line{{Prefix: "1", Extended: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}
		}, "a line's extended support is in the year 10000"},
		{"impossible end", func(p *Product) { p.Lines = []Line{{Prefix: "1", EOL: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}} }, "year 10000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad, good := editor(), editor()
			c.change(&bad)
			good.ID = "good"
			b := batch(edit("1.0.0"), edit("2.0.0", func(p *Patch) { p.Product = "good" }))
			b.Products = []Product{bad, good}
			s, changes := Sync(nil, []Batch{b}, noon)
			require.Equal(t, []PatchID{"editor-2.0.0"}, changes.Added)
			require.Len(t, changes.Rejected, 2)
			require.Equal(t, []string{`unknown product "editor"`}, changes.Rejected[0].Reasons)
			require.Contains(t, changes.Rejected[1].Reasons[0], c.want)
			require.Equal(t, 2, s.Feeds()[0].Rejected)
		})
	}
}

func TestDuplicateIDs_CAT16(t *testing.T) {
	b := batch(edit("1.0.0"), edit("1.0.0", marked))
	b.Products = append(b.Products, editor())
	s, changes := Sync(nil, []Batch{b}, noon)
	require.Equal(t, []Rejected{
		{Feed: "acme", Record: "patch editor-1.0.0", Reasons: []string{"duplicate id: the batch has it more than once"}},
		{Feed: "acme", Record: "product editor", Reasons: []string{"duplicate id: the batch has it more than once"}},
	}, changes.Rejected)
	require.Equal(t, LifecycleActive, s.Lifecycle("editor-1.0.0"), "the first counts")

	// Between feeds of one authority: the first in order.
	one, two := batch(edit("1.0.0")).from("one").of("acme"), batch(edit("1.0.0")).from("two").of("acme")
	s, changes = Sync(nil, []Batch{two, one}, noon)
	require.Equal(t, []Rejected{{Feed: "one", Record: "patch editor-1.0.0", Reasons: []string{"duplicate id: feed two has a patch with this id"}}}, changes.Rejected)
	feed, _ := s.FeedOf("editor-1.0.0")
	require.Equal(t, FeedID("two"), feed.Feed)
	s, changes = Sync(s, []Batch{one, two}, noon)
	require.Len(t, changes.Rejected, 1)
	require.Equal(t, FeedID("two"), changes.Rejected[0].Feed, "the administrator put it second now")
	require.Equal(t, []PatchID{"editor-1.0.0"}, changes.Changed)
	require.Equal(t, 1, s.Feeds()[1].Rejected, "not a conflict: its own authority has the patch")
}

// CAT-17: feeds of one authority speak for each other: the first in order that lists a product says
// what it is.
func TestProductOfSeveralFeeds_CAT17(t *testing.T) {
	one, two := batch(edit("1.0.0")).from("one").of("acme"), batch(edit("2.0.0")).from("two").of("acme")
	one.Products[0].Lines = []Line{{Prefix: "2", EOL: noon}, {Prefix: "1", EOL: noon.Add(-time.Hour)}}
	two.Products[0].Name = "Editor of the second"
	for _, batches := range [][]Batch{{one, two}, {two, one}} {
		s := synced(t, batches...)
		p, _ := s.Product("editor")
		require.Equal(t, batches[0].Products[0].Name, p.Name)
		require.Len(t, p.Lines, len(batches[0].Products[0].Lines))
		require.Equal(t, []PatchID{"editor-1.0.0", "editor-2.0.0"}, ofProduct(s, "editor"))

		// When that feed does not list it any more, the other one says.
		gone := batches[0]
		gone.Products, gone.Patches = nil, nil
		s, changes := Sync(s, []Batch{gone, batches[1]}, noon)
		require.Empty(t, changes.Rejected)
		p, _ = s.Product("editor")
		require.Equal(t, batches[1].Products[0].Name, p.Name)
	}
}

func collectProducts(s *Snapshot) (all []Product) {
	for p := range s.Products() {
		all = append(all, p)
	}
	return all
}

// A patch that moves to another feed stays listed, and the move is a change:
// its verdicts note the other feed's health.
func TestPatchMovesToAnotherFeed_CAT1(t *testing.T) {
	s := synced(t, batch(edit("1.0.0")).from("one").of("acme"))
	s, changes := Sync(s, []Batch{batch().from("one").of("acme"), batch(edit("1.0.0")).from("two").of("acme")}, noon.Add(time.Hour))
	require.Equal(t, Changes{Changed: []PatchID{"editor-1.0.0"}}, changes)
	feed, _ := s.FeedOf("editor-1.0.0")
	require.Equal(t, FeedID("two"), feed.Feed)
	p, _ := s.Patch("editor-1.0.0")
	require.Equal(t, noon, p.Listed)
}

// CAT-1: a feed that keeps its patches keeps their product as well, though another feed listed it.
func TestProductLivesWithItsPatches_CAT1(t *testing.T) {
	owner := Batch{Feed: "owner", At: noon, Products: []Product{editor()}, Authority: "acme"}
	user := batch(edit("1.0.0"))
	user.Products = nil
	s := synced(t, owner, user)
	// While it is listed, its owner may change it.
	renamed := Batch{Feed: "owner", At: noon, Products: []Product{editor()}, Authority: "acme"}
	renamed.Products[0].Name = "Acme Editor Pro"
	next, changes := Sync(s, []Batch{renamed}, noon)
	require.Equal(t, Changes{}, changes)
	require.Equal(t, renamed.Products, collectProducts(next))

	s, changes = Sync(s, []Batch{{Feed: "owner", At: noon, Authority: "acme"}, {Feed: "acme", Err: "down"}}, noon)
	require.Empty(t, changes.Removed)
	require.Equal(t, []PatchID{"editor-1.0.0"}, ofProduct(s, "editor"))
	s, changes = Sync(s, nil, noon)
	require.Equal(t, Changes{}, changes)
	// Its own next batch must find the product listed somewhere.
	s, changes = Sync(s, []Batch{user}, noon)
	require.Equal(t, []PatchID{"editor-1.0.0"}, changes.Removed)
	require.Len(t, changes.Rejected, 1)
	require.Empty(t, collectProducts(s))
}

// What a feed adapter refused itself is passed on under the feed's name, and counted (CAT-16).
func TestRejectedByTheFeed_CAT16(t *testing.T) {
	b := batch(edit("1.0.0"))
	b.Rejected = []Rejected{{Record: "stanza\t7", Reasons: []string{"no\nversion"}}}
	s, changes := Sync(nil, []Batch{b}, noon)
	require.Equal(t, []Rejected{{Feed: "acme", Record: `stanza\x097`, Reasons: []string{`no\x0aversion`}}}, changes.Rejected)
	require.Equal(t, 1, s.Feeds()[0].Rejected)
	s, _ = Sync(s, []Batch{{Feed: "acme", Unchanged: true}}, noon)
	require.Equal(t, 1, s.Feeds()[0].Rejected, "the last good batch still has it")
	s, _ = Sync(s, []Batch{batch(edit("1.0.0"))}, noon)
	require.Zero(t, s.Feeds()[0].Rejected)
}

func TestBadBatches_CAT16(t *testing.T) {
	s, changes := Sync(nil, []Batch{
		batch(edit("1.0.0")), batch(edit("2.0.0")).from(""), batch(edit("3.0.0")).from("a\x00b"), batch(edit("4.0.0")),
	}, noon)
	require.Equal(t, []PatchID{"editor-4.0.0"}, changes.Added, "the last of a feed's batches counts")
	require.Len(t, changes.Rejected, 3)
	require.Len(t, s.Feeds(), 1)

	var many []Batch
	for i := range MaxFeeds + 1 {
		many = append(many, Batch{Feed: FeedID(fmt.Sprintf("feed-%03d", i))})
	}
	s, changes = Sync(nil, many, noon)
	require.Len(t, s.Feeds(), MaxFeeds)
	require.Len(t, changes.Rejected, 1)
	require.Contains(t, changes.Rejected[0].Reasons[0], "257 feeds")
}

// An error that a feed reports is kept in bounds and fit to show.
func TestErrIsClipped_CAT1(t *testing.T) {
	s, _ := Sync(nil, []Batch{{Feed: "acme", Err: "a\nb\xff" + strings.Repeat("x", 1<<20)}}, noon)
	err := s.Feeds()[0].Err
	require.LessOrEqual(t, len(err), maxErr)
	require.True(t, strings.HasPrefix(err, `a\x0ab\xffx`))
}

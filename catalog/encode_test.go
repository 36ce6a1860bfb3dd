package catalog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func roundTrip(t require.TestingT, s *Snapshot) *Snapshot {
	var b bytes.Buffer
	require.NoError(t, s.Encode(&b))
	back, err := Decode(&b)
	require.NoError(t, err)
	return back
}

// same expects two snapshots to be equal: what is stored, and what is derived from it.
func same(t require.TestingT, a, b *Snapshot) {
	require.Equal(t, encoded(t, a), encoded(t, b))
	require.Equal(t, fmt.Sprint(a.states, a.versions), fmt.Sprint(b.states, b.versions))
	require.Equal(t, fmt.Sprint(a.products), fmt.Sprint(b.products), "the merged lines")
}

// eventful has a bit of everything: a failing feed, deprecation that the feed took back, lines of two feeds, an implied offer.
func eventful(t require.TestingT) *Snapshot {
	lines := Batch{Feed: "eol", At: noon, Products: []Product{editor()}}
	lines.Products[0].Lines = []Line{{Prefix: "1", EOL: noon, Extended: noon.Add(1)}}
	third := batch(edit("9.0.0")).from("third")
	third.Products = nil
	s, _ := Sync(nil, []Batch{lines, batch(edit("1.0.0", withdrawn), edit("2.0.0", ends(noon.Add(time.Hour)), supersedes("editor-1.0.0"))), third, {Feed: "down", Err: "no route <&> to host"}}, noon)
	s, changes := Sync(s, []Batch{batch(edit("1.0.0"), edit("2.0.0", ends(noon.Add(time.Hour)), supersedes("editor-1.0.0")))}, noon.Add(time.Minute+1))
	require.Empty(t, changes.Failed)
	return s
}

func TestEncodeRoundTrip_CAT1(t *testing.T) {
	s := eventful(t)
	back := roundTrip(t, s)
	same(t, s, back)
	require.Equal(t, LifecycleDeprecated, back.Lifecycle("editor-1.0.0"), "it is remembered, CAT-8")
	require.True(t, back.replaces)
	require.Equal(t, s.Feeds(), back.Feeds())

	// Going on from what was stored is going on from what was there.
	for _, batches := range [][]Batch{nil, {batch(edit("3.0.0"))}, {{Feed: "eol", At: noon}}, {{Feed: "third", Unchanged: true}}} {
		a, changesA := Sync(s, batches, noon.Add(2*time.Hour))
		b, changesB := Sync(back, batches, noon.Add(2*time.Hour))
		require.Equal(t, changesA, changesB)
		same(t, a, b)
	}
}

func TestEncodeRoundTripOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := Sync(nil, genBatches.Draw(t, "first"), noon)
		s, _ = Sync(s, genBatches.Draw(t, "second"), noon.Add(time.Hour))
		same(t, s, roundTrip(t, s))
	})
}

func TestEncodeEmpty(t *testing.T) {
	back := roundTrip(t, nil)
	require.Zero(t, back.ID())
	require.Empty(t, back.Feeds())
}

func TestEncodeReportsWriteErrors(t *testing.T) {
	full := errors.New("disk full")
	for _, room := range []int{0, 100} {
		require.ErrorIs(t, eventful(t).Encode(&narrow{left: room, err: full}), full)
	}
	// Whichever line it is that does not fit any more.
	s := with(t, synced(t, batch(edit("1.0.0", vendor))), custom("editor-1.0.0", own))
	lines := strings.SplitAfter(encoded(t, s), "\n")
	require.Len(t, lines, 6, "one of each kind, and nothing after the last")
	room := -1
	for _, line := range lines[:5] {
		room += len(line)
		require.ErrorIs(t, s.encodeLines(&narrow{left: room, err: full}), full)
	}
	require.NoError(t, s.encodeLines(&narrow{left: room + 1, err: full}))
}

// narrow takes a number of bytes and then fails.
type narrow struct {
	left int
	err  error
}

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) > n.left {
		return 0, n.err
	}
	n.left -= len(p)
	return len(p), nil
}

func zipped(t require.TestingT, text string) io.Reader {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &b
}

func TestDecodeRefuses(t *testing.T) {
	good := encoded(t, eventful(t))
	_, err := Decode(zipped(t, good))
	require.NoError(t, err)
	replaced := func(old, with string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, with, 1)
	}
	lines := strings.SplitAfter(good, "\n")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "unexpected EOF"},
		{"no JSON", "hello\n", "invalid character"},
		{"another format", replaced(`"format":1`, `"format":2`), "format 2 is not known"},
		{"negative count", replaced(`"feeds":4`, `"feeds":-4`), "-4 feeds"},
		{"too many feeds", replaced(`"feeds":4`, `"feeds":257`), "257 feeds, want 0 to 256"},
		{"too many patches", replaced(`"patches":3`, `"patches":1048577`), "1048577 patches"},
		{"line cut off", replaced("}\n", "\n"), "unexpected EOF"},
		{"no record", replaced(lines[1], "null\n"), "unexpected EOF"},
		{"products out of order", replaced(`"products":1`, `"products":2`)[:strings.Index(good, `{"product"`)] + strings.Repeat(lines[5], 2), "out of order"},
		{"lines of nobody", replaced(`"scheme":"semver"`, `"lines":[{"prefix":"1"}],"scheme":"semver"`), "its lines belong into at least one offer"},
		{"no offers", strings.Join(append(append([]string{}, lines[:5]...), lines[5][:strings.Index(lines[5], `,"offers"`)]+",\"offers\":[]}\n"), ""), "its lines belong into at least one offer"},
		{"unfit lines", replaced(`{"prefix":"1"`, `{"prefix":""`), "a line's prefix is empty"},
		{"offers out of order", replaced(`{"feed":"acme"},{"feed":"eol"`, `{"feed":"eol"},{"feed":"eol"`), "unknown or out of order"},
		{"cycle of requirements", replaced(`"supersedes":["editor-1.0.0"]`, `"requires":[{"patch":"editor-2.0.0"}]`), "requirement cycle with patch editor-2.0.0"},
		{"cut off", strings.Join(lines[:len(lines)-2], ""), "unexpected EOF"},
		{"something after", good + "{}\n", "text after the last record"},
		{"two values in a line", replaced("}\n", "}{}\n"), "more than one value"},
		{"feed without id", replaced(`{"feed":"acme","healthy"`, `{"feed":"","healthy"`), "the feed id is empty"},
		{"feeds out of order", replaced(`{"feed":"acme","healthy"`, `{"feed":"zzz","healthy"`), "out of order"},
		{"first feeds out of order", replaced(`{"feed":"acme","healthy"`, `{"feed":"dzz","healthy"`), "feed down is out of order"},
		{"unknown offering feed", replaced(`{"feed":"acme"}`, `{"feed":"who"}`), "unknown or out of order"},
		{"unfit product", replaced(`"platform":"linux"`, `"platform":""`), "unknown platform"},
		{"unfit patch", replaced(`"size":4`, `"size":-4`), "negative size"},
		{"patches out of order", replaced(`"id":"editor-1.0.0"`, `"id":"zzz"`), "out of order"},
		{"unknown feed of patch", replaced(`{"feed":"third","patch"`, `{"feed":"who","patch"`), "unknown feed"},
		{"feed without the product", replaced(`{"feed":"third","patch"`, `{"feed":"down","patch"`), "does not offer its product"},
		{"another scheme", replaced(`"version":"semver:2.0.0"`, `"version":"dotted:2.0.0"`), "not of its product's scheme"},
		{"unknown product", replaced(`"product":"editor","version":"semver:2.0.0"`, `"product":"who","version":"semver:2.0.0"`), "unknown product"},
		{"cycle", replaced(`"supersedes":["editor-1.0.0"]`, `"supersedes":["editor-2.0.0"]`), "supersedence cycle with patch editor-2.0.0"},
		{"endless line", `{"format":1,"id":` + strings.Repeat("1", maxEncodedLine), "token too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(zipped(t, c.text))
			require.Regexp(t, `^stored catalog: line [1-9]`, err)
			require.ErrorContains(t, err, c.want)
		})
	}
	// A later release had more to say (MAN-11).
	for _, c := range []struct {
		name, text string
		patches    int
	}{
		{"unknown field", replaced(`"healthy"`, `"happy"`), 3},
		{"unknown platform", replaced(`"platform":"linux"`, `"platform":"amiga"`), 0},
		{"unknown scheme", replaced(`"version":"semver:2.0.0"`, `"version":"zap:2.0.0"`), 2},
		{"unknown availability", replaced(`"availability":"Pinned"`, `"availability":"Flying"`), 2},
	} {
		s, err := Decode(zipped(t, c.text))
		require.NoError(t, err, c.name)
		require.Equal(t, c.patches, len(s.patches), c.name)
	}

	_, err = Decode(strings.NewReader("not gzip at all"))
	require.ErrorIs(t, err, gzip.ErrHeader)
	var b bytes.Buffer
	require.NoError(t, eventful(t).Encode(&b))
	_, err = Decode(bytes.NewReader(b.Bytes()[:b.Len()-6]))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	b.Bytes()[b.Len()-6] ^= 1 // in the checksum, behind every record
	_, err = Decode(&b)
	require.ErrorIs(t, err, gzip.ErrChecksum)
	require.ErrorContains(t, err, fmt.Sprintf("line %d: ", len(lines)), "behind the last")
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, eventful(f)))
	f.Add(encoded(f, &Snapshot{}))
	f.Add(encoded(f, with(f, synced(f, batch(edit("2.0.0", vendor))), custom("editor-2.0.0", own))))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Decode(zipped(t, text))
		if err != nil {
			return
		}
		back := roundTrip(t, s)
		if diff := cmp.Diff(encoded(t, s), encoded(t, back)); diff != "" {
			t.Fatal(diff)
		}
		// What was read can be used.
		next, _ := Sync(s, []Batch{batch(edit("1.0.0"))}, noon)
		next.Missing(has("0.1.0"), Options{}, noon)
		for p := range next.Patches() {
			next.Evaluate(p.ID, has("0.1.0"), Options{}, noon)
		}
	})
}

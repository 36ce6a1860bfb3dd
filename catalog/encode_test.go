package catalog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
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
	require.Equal(t, fmt.Sprint(a.products, a.patches), fmt.Sprint(b.products, b.patches))
}

// eventful has a bit of everything: a failing feed, deprecation that the feed took back, lines, a
// patch of a product that another feed of the authority lists, names, a grant, conflicts.
func eventful(t require.TestingT) *Snapshot {
	lines := Batch{Feed: "eol", At: noon, Products: []Product{editor()}, Authority: "acme", Names: []string{"acme/"}, Grant: Grant{Vendors: []string{"Acme"}}}
	lines.Products[0].Lines = []Line{{Prefix: "1", EOL: noon, Extended: noon.Add(1)}}
	third := batch(edit("9.0.0")).from("third").of("acme")
	third.Products = nil
	enemy := batch(edit("9.0.1"), named("mine", supersedes("editor-1.0.0"), func(p *Patch) { p.Product = "other" })).from("zenemy")
	enemy.Products = append(enemy.Products, editor())
	enemy.Products[1].ID = "other"
	s, _ := Sync(nil, []Batch{lines, batch(edit("1.0.0", withdrawn), edit("2.0.0", ends(noon.Add(time.Hour)), supersedes("editor-1.0.0"))).of("acme"), third, {Feed: "down", Err: "no route <&> to host"}, enemy}, noon)
	s, changes := Sync(s, []Batch{{Feed: "eol", Unchanged: true}, batch(edit("1.0.0"), edit("2.0.0", ends(noon.Add(time.Hour)), supersedes("editor-1.0.0"))).of("acme")}, noon.Add(time.Minute+1))
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
	for _, batches := range [][]Batch{nil, {batch(edit("3.0.0")).of("acme")}, {{Feed: "eol", At: noon, Authority: "acme"}}, {{Feed: "third", Unchanged: true}}} {
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
	// Whichever piece it is that does not fit any more.
	s := synced(t, many(t, 1000))
	pieces, err := s.Pieces(nil)
	require.NoError(t, err)
	require.Greater(t, len(pieces), 5)
	room := 0
	for _, p := range pieces {
		room += len(p.Data)
		require.ErrorIs(t, s.Encode(&narrow{left: room - 1, err: full}), full)
	}
	require.NoError(t, s.Encode(&narrow{left: room}))
}

// A change of few records changes few pieces, and pieces that the store has are
// neither made nor written again.
func TestPieces_CAT1(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a catalog of that size takes a while; run without -short")
	}
	batch := many(t, 5000)
	first, _ := Sync(nil, []Batch{batch}, noon)
	store := map[string][]byte{}
	save := func(s *Snapshot) (all []Piece, written int) {
		all, err := s.Pieces(func(name string) bool { return store[name] != nil })
		require.NoError(t, err)
		for _, p := range all {
			if p.Data != nil {
				require.Nil(t, store[p.Name])
				store[p.Name] = p.Data
				written++
			}
			require.NotNil(t, store[p.Name])
		}
		return all, written
	}
	load := func(all []Piece) *Snapshot {
		var data []byte
		for _, p := range all {
			data = append(data, store[p.Name]...)
		}
		s, err := Decode(bytes.NewReader(data))
		require.NoError(t, err)
		return s
	}
	all, written := save(first)
	require.Len(t, all, written)
	require.Greater(t, written, 30)
	same(t, first, load(all))

	quiet, _ := Sync(first, []Batch{{Feed: "many", Unchanged: true}}, noon.Add(time.Hour))
	all, written = save(quiet)
	require.Equal(t, 1, written, "the feed's times")
	same(t, quiet, load(all))

	batch.Patches = slices.Clone(batch.Patches)
	batch.Patches[17].Severity = High
	batch.Patches = slices.Delete(batch.Patches, 3000, 3001)
	changed, _ := Sync(load(all), []Batch{batch}, noon.Add(2*time.Hour))
	all, written = save(changed)
	require.LessOrEqual(t, written, 5, "the header, and what each of two patches is in: itself, and its owner")
	same(t, changed, load(all))
}

// However ids are chosen, no piece is large.
func TestPiecesAreBounded_CAT1(t *testing.T) {
	s := &Snapshot{feeds: []FeedHealth{{Feed: "f"}}}
	long := strings.Repeat("x", 2*MaxText)
	for n := 0; len(s.owners) < 20*pieceRecords; n++ {
		if name := fmt.Sprintf("%s%d", long, n); crc32.ChecksumIEEE([]byte(name))%pieceRecords != 0 {
			s.owners = append(s.owners, owned{claim{ownsVendor, name}, owner{Authority: "f"}})
		}
	}
	pieces, err := s.Pieces(nil)
	require.NoError(t, err)
	for _, p := range pieces {
		require.LessOrEqual(t, len(unzipped(t, p.Data)), maxPiece+3*MaxText)
	}
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
		{"another format", replaced(`"format":1`, `"format":2`), "format 2 is unknown"},
		{"negative count", replaced(`"feeds":5`, `"feeds":-5`), "-5 feeds"},
		{"too many feeds", replaced(`"feeds":5`, `"feeds":257`), "257 feeds, want 0 to 256"},
		{"too many patches", replaced(`"patches":4`, `"patches":1048577`), "1048577 patches"},
		{"line cut off", replaced("}\n", "\n"), "unexpected end of JSON input"},
		{"no record", replaced(lines[1], "null\n"), "the feed id is empty"},
		{"too many owners", replaced(`"owners":4`, `"owners":-1`), "-1 owners"},
		{"owners out of order", replaced(`"name":"editor"`, `"name":"zzz"`), "out of order"},
		{"owner of nothing", replaced(`{"kind":"names","name":"acme/"`, `{"kind":"names","name":""`), "the name is empty"},
		{"nobody's", replaced(`"name":"acme/","authority":"acme"`, `"name":"acme/","authority":""`), "the authority is empty"},
		{"products out of order", replaced(`"id":"editor","name"`, `"id":"zzz","name"`), "out of order"},
		{"unfit lines", replaced(`{"prefix":"1"`, `{"prefix":""`), "a line's prefix is empty"},
		{"cycle of requirements", replaced(`"supersedes":["editor-1.0.0"]`, `"requires":[{"patch":"editor-2.0.0"}]`), "requirement cycle with patch editor-2.0.0"},
		{"cut off", strings.Join(lines[:len(lines)-2], ""), "unexpected EOF"},
		{"something after", good + "{}\n", "text after the last record"},
		{"two values in a line", replaced("}\n", "}{}\n"), "after top-level value"},
		{"feed without id", replaced(`{"feed":"acme","healthy"`, `{"feed":"","healthy"`), "the feed id is empty"},
		{"feeds out of order", replaced(`{"feed":"acme","healthy"`, `{"feed":"zzz","healthy"`), "out of order"},
		{"first feeds out of order", replaced(`{"feed":"acme","healthy"`, `{"feed":"dzz","healthy"`), `feed "down": it is out of order`},
		{"unknown feed of product", replaced(`{"feed":"eol","product"`, `{"feed":"who","product"`), "unknown feed"},
		{"unfit product", replaced(`"platform":"linux"`, `"platform":""`), "unknown platform"},
		{"unfit patch", replaced(`"size":4`, `"size":-4`), "negative size"},
		{"patches out of order", replaced(`"id":"editor-1.0.0"`, `"id":"zzz"`), "out of order"},
		{"unknown feed of patch", replaced(`{"feed":"third","patch"`, `{"feed":"who","patch"`), "unknown feed"},
		{"feed without the product", replaced(`{"feed":"third","patch"`, `{"feed":"down","patch"`), "no authority over its product"},
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
		{"unknown field", replaced(`"healthy"`, `"happy"`), 4},
		{"unknown platform", replaced(`"platform":"linux"`, `"platform":"amiga"`), 1},
		{"unknown scheme", replaced(`"version":"semver:2.0.0"`, `"version":"zap:2.0.0"`), 3},
		{"unknown availability", replaced(`"availability":"Pinned"`, `"availability":"Flying"`), 3},
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
	f.Add(encoded(f, informed(f)))
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
			next.Risk(next.Evaluate(p.ID, has("0.1.0"), Options{}, noon), noon)
			next.History(p.Product)
		}
	})
}

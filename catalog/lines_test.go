package catalog

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func sets(feed FeedID, list ...LineSet) Batch { return Batch{Feed: feed, At: noon, Lines: list} }

func set(product ProductID, lines ...Line) LineSet { return LineSet{product, lines} }

func linesOf(s *Snapshot, id ProductID) []Line {
	p, _ := s.Product(id)
	return p.Lines
}

// A line set gives a product lines, in look-ups and in verdicts; what goes with
// its feed gives back the product's own.
func TestLineSetIsMerged_CAT11(t *testing.T) {
	b := batch(edit("1.1.0"), edit("2.1.0"))
	b.Products[0].Lines = []Line{{Prefix: "1"}, {Prefix: "2"}}
	eol := sets("eol", set("editor", Line{Prefix: "3", Over: true}, Line{Prefix: "1", EOL: noon, Extended: noon})).of("acme")
	s := synced(t, b.of("acme"), eol)
	merged := []Line{{Prefix: "1", EOL: noon, Extended: noon}, {Prefix: "2"}, {Prefix: "3", Over: true}}
	for name, s := range map[string]*Snapshot{
		"new": s, "read": roundTrip(t, s), "kept": next(s), "kept twice": next(roundTrip(t, next(s))), "failing": next(s, Failed("eol", noon, nil)),
		"unchanged": next(s, Batch{Feed: "eol", Unchanged: true}, Batch{Feed: "acme", Unchanged: true}),
		"granted":   synced(t, b, sets("eol", eol.Lines...).granted(Grant{Lines: []string{"ed*"}})),
	} {
		require.Equal(t, merged, linesOf(s, "editor"), name)
		for p := range s.Products() {
			require.Equal(t, merged, p.Lines, name)
		}
		require.Equal(t, []ReasonCode{EOLVersion}, codes(s.Evaluate("editor-1.1.0", has("1.0.0"), Options{}, noon)), name)
		require.True(t, s.Evaluate("editor-1.1.0", has("1.0.0"), Options{}, noon.Add(-1)).Deployable, name)
	}
	for name, s := range map[string]*Snapshot{
		"gone": next(s, Batch{Feed: "eol", Gone: true}), "emptied": next(s, sets("eol").of("acme")), "of another authority": next(s, sets("eol", eol.Lines...)),
	} {
		require.Equal(t, b.Products[0].Lines, linesOf(s, "editor"), name)
		require.True(t, s.Evaluate("editor-1.1.0", has("1.0.0"), Options{}, noon).Deployable, name)
	}
	changed, _ := Sync(s, []Batch{sets("eol", set("editor")).of("acme")}, noon)
	require.Equal(t, s.ID()+1, changed.ID())
}

// Of several sets, the first feed by id comes first, and in one feed the
// closest.
func TestLineSetsOverlap_CAT11(t *testing.T) {
	line := func(day int) Line { return Line{Prefix: "1", EOL: noon.AddDate(0, 0, day)} }
	b := batch(edit("1.1.0"))
	for want, of := range map[int][]Batch{
		1: {sets("a", set("editor", line(1)), set("editor*", line(2)), set("*", line(3))), sets("b", set("editor", line(4)))},
		2: {sets("b", set("editor", line(4))), sets("a", set("*", line(3)), set("e*", line(2)))},
	} {
		batches := []Batch{b.of("acme")}
		for _, o := range of {
			batches = append(batches, o.of("acme"))
		}
		require.Equal(t, []Line{line(want)}, linesOf(synced(t, batches...), "editor"))
	}
}

// A feed may only give lines of products that are its own or granted to it.
func TestLineSetOfAnothersProduct_CAT17(t *testing.T) {
	b := batch(edit("1.1.0"))
	evil := sets("evil", set("editor", Line{Prefix: "1", Over: true}), set("ed*", Line{Prefix: "1", Over: true}), set("editor-x"), set("mine"), set("x*"))
	s, changes := Sync(nil, []Batch{b, evil}, noon)
	require.Len(t, changes.Rejected, 3)
	for i, record := range []string{"lines of product ed*", "lines of product editor", "lines of product editor-x"} {
		require.Equal(t, record, changes.Rejected[i].Record)
		require.Equal(t, "acme", changes.Rejected[i].Owner)
		require.Contains(t, changes.Rejected[i].Reasons[0], "belongs to authority \"acme\"")
	}
	require.Empty(t, linesOf(s, "editor"))
	h := s.Feeds()[1]
	require.Equal(t, 3, h.Outside)
	require.Len(t, h.Conflicts, 3)
	require.Zero(t, h.Rejected)

	granted, changes := Sync(s, []Batch{{Feed: "evil", Unchanged: true, Grant: Grant{Lines: []string{"editor", "editor-x"}}}}, noon)
	require.Empty(t, changes.Rejected)
	require.Equal(t, []Line{{Prefix: "1", Over: true}}, linesOf(granted, "editor"), "a grant gives effect to what the feed keeps")
	require.Equal(t, s.ID()+1, granted.ID())
	_, changes = Sync(granted, []Batch{sets("evil", set("editor")).granted(Grant{Lines: []string{"editor"}}), {Feed: "evil2", At: noon, Products: []Product{editor()}}}, noon)
	require.Len(t, changes.Rejected, 1, "it grants lines, not the product: %v", changes.Rejected)
	require.NotEmpty(t, Grant{Lines: []string{"a*b"}}.Check())
}

func TestLineSetsAreBounded_CAT16(t *testing.T) {
	b := batch()
	var lines []Line
	for i := range MaxLines {
		lines = append(lines, Line{Prefix: fmt.Sprint(i)})
	}
	b.Products[0].Lines = []Line{{Prefix: "x"}}
	other := editor()
	other.ID = "other"
	b.Products = append(b.Products, other)
	s, changes := Sync(nil, []Batch{b.of("acme"), sets("eol", set("*", lines...)).of("acme")}, noon)
	require.Equal(t, []Rejected{{Feed: "eol", Record: "lines of product *", Reasons: []string{`it has no effect on product "editor": the product would have 513 lines, at most 512 are allowed`}}}, changes.Rejected)
	require.Equal(t, b.Products[0].Lines, linesOf(s, "editor"))
	require.Len(t, linesOf(s, "other"), MaxLines)

	many := Batch{Feed: "acme", At: noon}
	for i := range maxMerged/MaxLines + 2 {
		p := editor()
		p.ID, p.Lines = ProductID(fmt.Sprintf("p%06d", i)), []Line{{Prefix: "0", EOL: noon}}
		many.Products = append(many.Products, p)
	}
	s, changes = Sync(nil, []Batch{many, sets("eol", set("p*", lines...)).of("acme")}, noon)
	require.Len(t, changes.Rejected, 2)
	require.Contains(t, changes.Rejected[0].Reasons[0], "over the limit of 1048576 lines that are merged in all")
	require.Len(t, linesOf(s, "p000000"), MaxLines)
	require.Len(t, linesOf(s, many.Products[len(many.Products)-1].ID), 1)
}

// CAT-16: facts over the limit are refused; who has less than an equal share
// loses none.
func TestFactsAreBounded_CAT16_CAT17(t *testing.T) {
	s := newSyncer("a", "b")
	r := newRoom(4)
	r.asked = map[string]int{"a": 5, "b": 1}
	s.fresh = []*Batch{{}, {}}
	list := []Vulnerability{{ID: "1"}, {ID: "2"}, {ID: "3"}, {ID: "4"}, {ID: "5"}}
	require.Len(t, admit(s, 0, r, "vulnerability", list, stampVulnerability), 3)
	require.Len(t, admit(s, 1, r, "vulnerability", list[:1], stampVulnerability), 1)
	require.Equal(t, []string{"vulnerability 4", "vulnerability 5"}, []string{s.changes.Rejected[0].Record, s.changes.Rejected[1].Record})
	require.Equal(t, []string{"over the limit of 4 in all"}, s.changes.Rejected[0].Reasons)
	require.Len(t, admit(s, 1, r, "vulnerability", list, stampVulnerability), 2, "what two feeds of an authority have counts together")
}

// A prefix is not an id: the products that it means may be anywhere.
func TestPrefixMeansProductsAnywhere_CAT11(t *testing.T) {
	all := many(t, 100)
	all.Products = append(all.Products, product("a-first"))
	s := synced(t, all.of("acme"), sets("eol", set("debian/amd64/package-*", Line{Prefix: "1", Over: true})).of("acme"))
	for p := range s.Products() {
		require.Equal(t, p.ID != "a-first", len(p.Lines) > 0, p.ID)
	}
}

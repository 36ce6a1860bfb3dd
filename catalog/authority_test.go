package catalog

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func (b Batch) vendor(name string) Batch {
	b.Products = slices.Clone(b.Products)
	for i := range b.Products {
		b.Products[i].Vendor = name
	}
	return b
}

func (b Batch) granted(g Grant) Batch {
	b.Grant = g
	return b
}

// product makes a product of the given id like the editor.
func product(id ProductID, changes ...func(*Product)) Product {
	p := editor()
	p.ID, p.Name = id, string(id)
	for _, change := range changes {
		change(&p)
	}
	return p
}

// patch makes a patch of a product.
func patch(product ProductID, id PatchID, text string, changes ...func(*Patch)) Patch {
	return edit(text, append([]func(*Patch){func(p *Patch) { p.ID, p.Product = id, product }}, changes...)...)
}

// evil is what an attacker lists beside its own honest product.
func evil(products []Product, patches ...Patch) Batch {
	return Batch{
		Feed: "evil", At: noon, Products: append([]Product{product("tool")}, products...),
		Patches: append([]Patch{patch("tool", "tool-1.0.0", "1.0.0")}, patches...),
	}
}

// victim has two patches of its editor, the newer of which supersedes the older one, and one of a
// patch id without the product's. What it will list one day is in later.
func victim() Batch {
	b := batch(edit("1.0.0", latestOnly), edit("2.0.0", latestOnly, supersedes("editor-1.0.0", "old-1"), requires("gone-1")),
		patch("editor", "KB1", "1.5.0"))
	b.Products = append(b.Products, product("acme/viewer"))
	return b.vendor("Acme")
}

func later() Batch {
	b := victim()
	b.Patches = append(b.Patches, edit("3.0.0", supersedes("editor-2.0.0")), patch("acme/viewer", "acme/viewer-1", "1.0.0"))
	b.Products = append(b.Products, product("acme/player"))
	b.Patches = append(b.Patches, patch("acme/player", "acme/player-1", "1.0.0"))
	return b.vendor("Acme")
}

// attacks are what a feed may try. Each costs the attacker records, counted as outside, and nobody
// else anything.
var attacks = []struct {
	name    string
	batch   Batch
	outside int
}{
	{"hijack: a higher version", evil(nil, edit("9.0.0")), 1},
	{"hijack: with the product, equal in every field", evil([]Product{victim().Products[0]}, edit("9.0.0")), 2},
	{"hijack: with the product, changed", evil([]Product{product("editor", func(p *Product) { p.Scheme = "dotted" })}), 1},
	{"hijack: the very patch", evil(nil, edit("2.0.0"), patch("tool", "KB1", "3.0.0")), 2},
	{"hijack: of a patch that is gone", evil(nil, patch("tool", "KB0", "3.0.0")), 1},
	{"hide: supersedes", evil(nil, patch("tool", "t2", "2.0.0", supersedes("editor-2.0.0", "KB1"))), 1},
	{"hide: supersedes through a patch of its own", evil(nil, patch("tool", "t2", "2.0.0", supersedes("t1")), patch("tool", "t1", "1.1.0", supersedes("editor-2.0.0"))), 1},
	{"hide: the end of what others point to", evil([]Product{product("old"), product("gone")}, patch("old", "old-1", "1.0.0", supersedes("editor-2.0.0")), patch("gone", "gone-1", "1.0.0")), 1},
	{"block: requires", evil(nil, patch("tool", "t2", "2.0.0", requires("editor-2.0.0", "KB1"))), 1},
	{"block: cycles", evil(nil, patch("tool", "old-1", "2.0.0", supersedes("editor-2.0.0")), patch("tool", "gone-1", "3.0.0", requires("editor-2.0.0"))), 2},
	{"squat: a patch id", evil(nil, patch("tool", "editor-3.0.0", "3.0.0"), patch("tool", "editor=4", "4.0.0"), patch("tool", "editor", "5.0.0")), 3},
	{"squat: a product id below a product", evil([]Product{product("editor-3"), product("editor/3.0.0")}, patch("editor-3", "editor-3.0.0", "3.0.0")), 3},
	{"squat: a product id above others", evil([]Product{product("acme")}, patch("acme", "acme/viewer-1", "1.0.0"), patch("acme", "acme-1", "1.0.0")), 1},
	{"squat: names", func() Batch { b := evil(nil); b.Names = []string{"deb/acme/amd64/", "deb/acme/"}; return b }(), 2},
	{"squat: below names", evil([]Product{product("deb/acme/amd64/tool")}, patch("tool", "deb/acme/x", "2.0.0")), 2},
	{"end of life: lines", evil([]Product{product("editor", func(p *Product) { p.Lines = []Line{{Prefix: "2", EOL: noon.Add(-1)}, {Prefix: "1", EOL: noon.Add(-1)}} })}), 1},
	{"end of life: withdrawn", evil(nil, edit("2.0.0", withdrawn), patch("tool", "KB1", "1.0.0", withdrawn), edit("1.0.0", ends(noon))), 3},
	{"vendor", evil([]Product{product("other", vendorOf("Acme"))}), 1},
	{"vendor: other case and blanks", evil([]Product{product("other", vendorOf(" ACME  ")), product("third", vendorOf("A.c.m.e"))}), 2},
	{"vendor: drawn alike", evil([]Product{product("other", vendorOf("Αcmе")), product("third", vendorOf("Ácme")), product("fourth", vendorOf("Ａｃｍｅ")), product("fifth", vendorOf("Acrne")), product("sixth", vendorOf("Ac\u200bme"))}), 5},
}

func vendorOf(name string) func(*Product) { return func(p *Product) { p.Vendor = name } }

// superseded reports whether any patch supersedes this one.
func superseded(s *Snapshot, id PatchID) bool {
	var all []int32
	for i := range s.patches {
		if !s.patches[i].deprecated {
			all = append(all, int32(i))
		}
	}
	return s.supersededBy(all)[id] != ""
}

// seen is all that the catalog says about patches of the victim's, with an asset that has its
// products.
func seen(t require.TestingT, s *Snapshot) string {
	inv, err := NewInventory(Linux, []Installed{
		{Product: "editor", Version: ver("0.9.0")}, {Product: "acme/viewer", Version: ver("0.1.0")}, {Product: "acme/player", Version: ver("0.1.0")},
	})
	require.NoError(t, err)
	var text string
	var ids []PatchID
	for i, p := range s.patches {
		if s.authority(i) != "acme" {
			continue
		}
		ids = append(ids, p.ID)
		newest, _ := s.Newest(p.Product)
		text += fmt.Sprintf("%+v %v %v %v %v\n", p.Patch, s.Lifecycle(p.ID), superseded(s, p.ID), newest.ID, verdict(s.Evaluate(p.ID, inv, Options{}, noon)))
		for _, r := range p.Requires {
			needed, has := s.Reaches(p.ID, r.Patch)
			text += fmt.Sprintln(needed.ID, has)
		}
	}
	for _, p := range s.products {
		if s.feeds[p.feed].Authority == "acme" {
			text += fmt.Sprintf("%+v\n", p.Product)
		}
	}
	for _, v := range s.EvaluateList(append([]PatchID{"t2", "tool-1.0.0", "old-1"}, ids...), inv, Options{}, noon) {
		if slices.Contains(ids, v.Patch) {
			text += fmt.Sprintln(verdict(v))
		}
	}
	for _, v := range s.Missing(inv, Options{}, noon) {
		text += fmt.Sprintln(verdict(v))
	}
	return text
}

// verdict leaves out the number of the snapshot.
func verdict(v Verdict) Verdict {
	v.Snapshot = 0
	return v
}

// CAT-17: whatever a feed lists, the catalog says of an authority that was there first what it says
// without that feed: in one sync and in several, while the victim's feed fails, when it lists more,
// after the snapshot was stored, with the attacker configured first or last.
func TestAttacks_CAT17(t *testing.T) {
	home := victim()
	home.Names = []string{"deb/acme/"}
	gone := victim()
	gone.Names, gone.Patches = home.Names, append(gone.Patches, patch("editor", "KB0", "0.9.5"))
	next := later()
	next.Names = home.Names
	down := Batch{Feed: "acme", Err: "down"}
	for _, a := range attacks {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, first %v", a.name, first), func(t *testing.T) {
				with, without := synced(t, gone), synced(t, gone)
				for i, own := range []Batch{home, {Feed: "acme", Unchanged: true}, down, next, next} {
					both := []Batch{own, a.batch}
					if first {
						both = []Batch{a.batch, own}
					}
					var changes Changes
					without, _ = Sync(without, []Batch{own}, noon)
					with, changes = Sync(with, both, noon)
					require.Equal(t, seen(t, without), seen(t, with), "sync %d", i)
					for _, r := range changes.Rejected {
						if r.Feed == "acme" { // what it points to is not its own
							require.Regexp(t, "^(supersedence|requirement) of patch editor-2.0.0$", r.Record)
							continue
						}
						require.Equal(t, Rejected{"evil", r.Record, r.Reasons, "acme"}, r)
						require.Contains(t, r.Reasons[0], "CAT-17")
						require.Contains(t, r.Reasons[0], `authority "acme"`)
					}
					health := with.Feeds()[1]
					require.Equal(t, [3]any{FeedID("evil"), a.outside, 0}, [3]any{health.Feed, health.Outside, health.Rejected}, "%v", changes.Rejected)
					require.Len(t, health.Conflicts, a.outside)
					require.Zero(t, with.Feeds()[0].Rejected)
					_, lives := with.Patch("tool-1.0.0")
					require.True(t, lives, "what is its own stays")
					with = roundTrip(t, with)
				}
			})
		}
		t.Run(a.name+", together", func(t *testing.T) {
			without := synced(t, home)
			with, _ := Sync(nil, []Batch{home, a.batch}, noon)
			with, _ = Sync(with, []Batch{home, a.batch}, noon)
			if a.name != "hijack: of a patch that is gone" { // which nobody has had
				require.Equal(t, seen(t, without), seen(t, with))
			}
		})
	}
}

// CAT-17: who comes first owns; a grant outranks it, at the next sync, and ends with its word.
func TestGrant_CAT17(t *testing.T) {
	thief := evil([]Product{product("editor", vendorOf("Acme"))}, edit("9.0.0"), patch("tool", "KB1", "9.0.0", withdrawn))
	all := Grant{Vendors: []string{"Acme"}, Products: []string{"editor", "acme/*"}, Patches: []string{"KB*"}}
	s, _ := Sync(nil, []Batch{thief}, noon)
	s, changes := Sync(s, []Batch{thief, victim()}, noon)
	require.Equal(t, 5, s.Feeds()[0].Outside, "%v", changes.Rejected)
	require.Len(t, ofProduct(s, "editor"), 1)

	own := victim().granted(all)
	for _, failing := range []bool{false, true} {
		next, changes := Sync(s, []Batch{thief, own}, noon)
		require.Equal(t, 3, next.Feeds()[1].Outside, "%v", changes.Rejected)
		require.Equal(t, []PatchID{"editor-1.0.0", "KB1", "editor-2.0.0"}, ofProduct(next, "editor"))
		require.Equal(t, LifecycleActive, next.Lifecycle("KB1"), "that the thief withdrew its own says nothing about it")
		require.Contains(t, changes.Removed, PatchID("editor-9.0.0"))
		if failing { // the grant is the administrator's and stays while the feed fails
			next, changes = Sync(next, []Batch{{Feed: "acme", Err: "down"}, thief}, noon)
			require.Empty(t, changes.Removed)
			require.Len(t, ofProduct(next, "editor"), 3)
			next, changes = Sync(next, []Batch{{Feed: "acme", Err: "down", Grant: Grant{Vendors: []string{}}}, thief}, noon)
			require.Equal(t, []PatchID{"editor-1.0.0", "editor-2.0.0"}, changes.Removed, "taken back, though it fails")
			require.Equal(t, []PatchID{"editor-9.0.0"}, ofProduct(next, "editor"))
		}
	}

	// It is exact, and the closest counts.
	for _, c := range []struct {
		name    string
		a, b    Grant
		outside [2]int // of a, which is first, and of b
	}{
		{"nobody", Grant{}, Grant{}, [2]int{0, 2}},
		{"another case", Grant{}, Grant{Products: []string{"Editor"}}, [2]int{0, 2}},
		{"the product", Grant{}, Grant{Products: []string{"editor"}}, [2]int{2, 0}},
		{"a beginning", Grant{}, Grant{Products: []string{"edi*"}}, [2]int{2, 0}},
		{"everything", Grant{}, Grant{Products: []string{"*"}}, [2]int{2, 0}},
		{"the closest", Grant{Products: []string{"editor"}}, Grant{Products: []string{"edi*"}}, [2]int{0, 2}},
		{"the closest, the other way", Grant{Products: []string{"e*"}}, Grant{Products: []string{"edi*"}}, [2]int{2, 0}},
		{"both", Grant{Products: []string{"editor"}}, Grant{Products: []string{"editor"}}, [2]int{0, 3}},
		{"the patch alone", Grant{}, Grant{Patches: []string{"editor-1.0.0"}}, [2]int{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := batch(edit("1.0.0")).from("a").granted(c.a), batch(edit("1.0.0")).from("b").granted(c.b)
			for range 2 {
				s, changes := Sync(nil, []Batch{a, b}, noon)
				s, _ = Sync(roundTrip(t, s), []Batch{a, b}, noon)
				require.Equal(t, c.outside, [2]int{s.Feeds()[0].Outside, s.Feeds()[1].Outside}, "%v", changes.Rejected)
			}
		})
	}
	names := batch(edit("1.0.0"))
	names.Names = repeat("x/", MaxNames+1)
	_, changes = Sync(nil, []Batch{names}, noon)
	require.Equal(t, []string{"it has 65 names, at most 64 are allowed"}, changes.Rejected[0].Reasons)
	for _, g := range []Grant{{Products: []string{"a*b"}}, {Patches: []string{""}}, {Vendors: []string{"\x00"}}, {Products: repeat("x", MaxGrants+1)}} {
		require.Len(t, g.Check(), 1)
		_, changes := Sync(nil, []Batch{batch(edit("1.0.0")).granted(g)}, noon)
		require.Equal(t, []Rejected{{Feed: "acme", Record: "batch", Reasons: g.Check()}}, changes.Rejected)
	}
}

// CAT-17: a vendor is granted by its exact name; no other may use one that reads like it.
func TestGrantedVendor_CAT17(t *testing.T) {
	for _, c := range []struct {
		first, second string
		grant         []string
		outside       [2]int
	}{
		{"Acme", "Acme", nil, [2]int{0, 1}},
		{"Acme", "Acme", []string{"Acme"}, [2]int{1, 0}},
		{"Acme", "ACME", []string{"Acme"}, [2]int{1, 0}},
		{"ACME", "Acme", []string{"Acme"}, [2]int{1, 0}},
		{"Acme", "Acme", []string{"acme"}, [2]int{1, 0}},
		{"Acme", "Apex", []string{"Apex"}, [2]int{0, 0}},
		{"", "", nil, [2]int{0, 0}},
	} {
		a := Batch{Feed: "a", At: noon, Products: []Product{product("one", vendorOf(c.first))}}
		b := Batch{Feed: "b", At: noon, Products: []Product{product("two", vendorOf(c.second))}, Grant: Grant{Vendors: c.grant}}
		s, changes := Sync(nil, []Batch{a, b}, noon)
		require.Equal(t, c.outside, [2]int{s.Feeds()[0].Outside, s.Feeds()[1].Outside}, "%+v: %v", c, changes.Rejected)
	}
}

// CAT-17: a record that is rejected takes nothing, in this sync or the next.
func TestRejectedTakesNothing_CAT17(t *testing.T) {
	for name, bad := range map[string]Batch{
		"product":           {Products: []Product{product("editor", vendorOf("Acme"), func(p *Product) { p.Platform = 9 })}},
		"vendor of another": {Products: []Product{product("editor", vendorOf("Owner"))}},
		"second of an id":   {Products: []Product{product("x"), product("x", vendorOf("Acme"))}},
		"patch":             {Products: []Product{product("x")}, Patches: []Patch{patch("x", "KB1", "1.0.0", func(p *Patch) { p.Artifacts[0].Size = -1 })}},
		"cycle":             {Products: []Product{product("x")}, Patches: []Patch{patch("x", "KB1", "1.0.0", supersedes("KB1"))}},
		"unknown product":   {Patches: []Patch{patch("x", "KB1", "1.0.0")}},
	} {
		t.Run(name, func(t *testing.T) {
			bad.Feed = "bad"
			owner := Batch{Feed: "owner", Products: []Product{product("mine", vendorOf("Owner"))}}
			for _, batches := range [][]Batch{{owner, bad, victim()}, {owner, bad}} {
				s, _ := Sync(nil, batches, noon)
				s, changes := Sync(s, []Batch{owner, bad, victim()}, noon)
				health := s.Feeds()[0]
				require.Zero(t, health.Outside, "%v", changes.Rejected)
				require.Equal(t, 3, health.Patches)
			}
		})
	}
}

// CAT-17: what an authority owns it owns for as long as one of its feeds is in the catalog.
func TestOwnershipLasts_CAT17(t *testing.T) {
	thief := evil([]Product{product("editor")}, edit("9.0.0"), patch("tool", "KB1", "3.0.0"))
	empty := Batch{Feed: "acme", At: noon}
	s := synced(t, victim())
	s, changes := Sync(s, []Batch{thief, empty}, noon)
	require.Len(t, changes.Rejected, 3, "%v", changes.Rejected)
	s, changes = Sync(s, []Batch{thief}, noon.AddDate(1, 0, 0))
	require.Len(t, changes.Rejected, 3, "nor while it is not read")

	// A second feed of the authority keeps it, until that is gone too.
	second := Batch{Feed: "second", At: noon, Authority: "acme"}
	s, _ = Sync(s, []Batch{second, {Feed: "acme", Gone: true}}, noon)
	require.Len(t, s.Feeds(), 2)
	s, changes = Sync(s, []Batch{thief}, noon)
	require.Len(t, changes.Rejected, 3)
	s, changes = Sync(s, []Batch{thief, {Feed: "second", Gone: true}, {Feed: "nobody", Gone: true}}, noon)
	require.Empty(t, changes.Rejected)
	require.Equal(t, []PatchID{"editor-9.0.0"}, ofProduct(s, "editor"))
	require.Len(t, s.Feeds(), 1)

	s = synced(t, victim())
	s, changes = Sync(s, []Batch{{Feed: "acme", Gone: true}}, noon)
	require.Len(t, changes.Removed, 3)
	require.Empty(t, collectProducts(s))
	require.Empty(t, s.owners)
}

// CAT-17: when a keyring is replaced the authority has another name and keeps what it owns, once no
// feed speaks for the former.
func TestAuthorityIsRenamed_CAT17(t *testing.T) {
	main, security := victim().of("old"), Batch{Feed: "security", At: noon, Authority: "old", Products: victim().Products, Patches: []Patch{edit("2.5.0")}}.vendor("Acme")
	s := synced(t, main, security)
	s, changes := Sync(s, []Batch{main.of("new"), security.of("new"), evil(nil, edit("9.0.0"))}, noon)
	require.Len(t, changes.Rejected, 1)
	require.Empty(t, changes.Removed)
	require.Equal(t, "new", changes.Rejected[0].Owner)

	// While another feed speaks for it, it stays there.
	s, changes = Sync(s, []Batch{main.of("third"), {Feed: "security", Err: "down"}}, noon)
	require.Equal(t, []PatchID{"editor-2.5.0"}, ofProduct(s, "editor"))
	require.Contains(t, changes.Rejected[0].Reasons[0], `authority "new"`)
	s, _ = Sync(roundTrip(t, s), []Batch{main.of("third"), security.of("third")}, noon)
	require.Len(t, ofProduct(s, "editor"), 4)
}

// CAT-17: an edge to an id that nobody has is the authority's own for ever.
func TestEdgeToWhatComesLater_CAT17(t *testing.T) {
	trap := evil(nil, patch("tool", "t2", "2.0.0", supersedes("z-1"), requires("z-1")))
	own := Batch{Feed: "acme", At: noon, Products: []Product{product("z")}, Patches: []Patch{patch("z", "z-1", "1.0.0", supersedes("t2"), requires("t2"))}}
	for _, batches := range [][]Batch{{{Feed: "evil", Unchanged: true}, own}, {trap, own}, {own}} {
		s := synced(t, trap)
		s, _ = Sync(s, batches, noon)
		require.False(t, superseded(s, "z-1"))
		require.False(t, superseded(s, "t2"))
		_, reaches := s.Reaches("t2", "z-1")
		require.False(t, reaches)
		same(t, s, roundTrip(t, s))
	}
	s := synced(t, batch(named("a", requires("b")), named("b")))
	needed, reaches := s.Reaches("a", "b")
	require.True(t, reaches)
	require.Equal(t, PatchID("b"), needed.ID)
}

// CAT-15, CAT-17: a verdict names the feed.
func TestVerdictNamesTheFeed_CAT17(t *testing.T) {
	s := synced(t, batch(edit("1.0.0")))
	require.Equal(t, FeedID("acme"), s.Evaluate("editor-1.0.0", has("0.9.0"), Options{}, noon).Feed)
	require.Empty(t, s.Evaluate("who", has("0.9.0"), Options{}, noon).Feed)
}

// CAT-17: of what an authority no longer lists, what it has not listed for the
// longest is forgotten first. Nothing of another authority is.
func TestUnlistedIsForgottenOldestFirst_CAT17(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a hundred thousand names take a while; run without -short")
	}
	const first = 7
	s := synced(t, victim(), evil(nil))
	s.id = first
	for i := range maxUnlisted + 2 {
		since := uint64(1)
		if i == 0 {
			since = first // delisted last, though its name sorts first
		}
		s.owners = append(s.owners, owned{claim{ownsPatch, fmt.Sprintf("x%07d", i)}, owner{Authority: "evil", Unlisted: since}})
	}
	slices.SortFunc(s.owners, compareOwned)
	before := len(s.owners)
	s, _ = Sync(s, []Batch{victim()}, noon)
	require.Equal(t, before-2, len(s.owners))
	owns := func(kind, name string) bool {
		return slices.ContainsFunc(s.owners, func(o owned) bool { return o.claim == claim{kind, name} })
	}
	for name, kept := range map[string]bool{"x0000000": true, "x0000001": false, "x0000002": false, "x0000003": true} {
		require.Equal(t, kept, owns(ownsPatch, name), name)
	}
	_, changes := Sync(s, []Batch{evil(nil, edit("9.0.0"), patch("tool", "KB1", "1.0.0"))}, noon)
	require.Len(t, changes.Rejected, 2)

	// A feed that claims another name at every sync pushes out its own oldest ones.
	listed := before - maxUnlisted - 2
	for i := range 3 {
		next := evil(nil)
		next.Names = []string{fmt.Sprintf("names%d/", i)}
		s, _ = Sync(s, []Batch{next}, noon)
		require.Equal(t, listed+1+maxUnlisted, len(s.owners))
		require.True(t, owns(ownsNames, next.Names[0]))
	}
	require.True(t, owns(ownsNames, "names0/"), "it is among the last that were delisted")
	require.False(t, owns(ownsPatch, "x0000003"))
}

// CAT-17: a name that is listed again counts as listed, and its age is kept across restarts.
func TestUnlistedSince_CAT17(t *testing.T) {
	since := func(s *Snapshot) uint64 {
		i := slices.IndexFunc(s.owners, func(o owned) bool { return o.claim == claim{ownsProduct, "editor"} })
		require.GreaterOrEqual(t, i, 0)
		return s.owners[i].Unlisted
	}
	s := synced(t, batch(edit("1.0.0")))
	require.Zero(t, since(s))
	empty := Batch{Feed: "acme", At: noon}
	s, _ = Sync(s, []Batch{empty}, noon)
	at := s.ID()
	require.Equal(t, at, since(s))
	s, _ = Sync(roundTrip(t, s), []Batch{empty}, noon)
	require.Equal(t, at, since(s), "the age is that of the first sync without it")
	require.Equal(t, at, s.ID(), "nothing changed")
	s, _ = Sync(s, []Batch{batch(edit("1.0.0"))}, noon)
	require.Zero(t, since(s))
}

func TestVendorKey_CAT17(t *testing.T) {
	for _, names := range [][]string{
		{"Microsoft", "MICROSOFT", "micro soft", "Micrοsοft", "Мiсrоsоft", "M1crosoft", "Microsoft\u200d", "𝐌icrosoft", "ⓜicrosoft", "ＭＩＣＲＯＳＯＦＴ", "Rnicrosoft", "Míçröšőft"},
		{"VMware", "νmware", "V-Mware"},
		{"Debian", "DЕВІАΝ"},
		{"---", "---"},
		{"編集", " 編集"},
	} {
		for _, name := range names {
			require.Equal(t, vendorKey(names[0]), vendorKey(name), "%q and %q", names[0], name)
		}
	}
	require.NotEqual(t, vendorKey("Acme"), vendorKey("Apex"))
	require.NotEqual(t, vendorKey("---"), vendorKey("+++"))
}

// CAT-17: random feeds beside one that was there first change nothing of what is said about it.
func TestNobodyElseMatters_CAT17(t *testing.T) {
	ids := rapid.SampledFrom([]string{"u", "u-1", "u/x", "v", "v-2", "own", "own-1", "ns/a", "ns/a=1", "tool"})
	vendors := rapid.SampledFrom([]string{"", "Acme", "acme ", "Evil"})
	gen := func(t *rapid.T, feed FeedID) Batch {
		b := Batch{Feed: feed, At: noon, Err: rapid.SampledFrom([]string{"", "", "", "down"}).Draw(t, "err")}
		for range rapid.IntRange(0, 4).Draw(t, "products") {
			b.Products = append(b.Products, product(ProductID(ids.Draw(t, "product")), vendorOf(vendors.Draw(t, "vendor"))))
		}
		for range rapid.IntRange(0, 5).Draw(t, "patches") {
			version := rapid.SampledFrom([]string{"1.0.0", "2.0.0", "3.0.0"}).Draw(t, "version")
			b.Patches = append(b.Patches, patch(ProductID(ids.Draw(t, "of")), PatchID(ids.Draw(t, "id")), version, func(p *Patch) {
				p.Withdrawn = rapid.IntRange(0, 5).Draw(t, "withdrawn") == 0
				p.Supersedes = []PatchID{PatchID(ids.Draw(t, "supersedes"))}
				p.Requires = []Requirement{{Patch: PatchID(ids.Draw(t, "requires"))}}
				p.Artifacts[0].Availability = rapid.SampledFrom([]Availability{Pinned, LatestOnly}).Draw(t, "availability")
			}))
		}
		return b
	}
	rapid.Check(t, func(t *rapid.T) {
		// The victim introduces what it will ever list at first; what it points to need not exist.
		all := gen(t, "acme")
		all.Err, all.Names = "", []string{"ns/"}
		without, _ := Sync(nil, []Batch{all}, noon)
		all.Patches = slices.DeleteFunc(all.Patches, func(p Patch) bool { // what is rejected introduces nothing
			_, taken := without.Patch(p.ID)
			return !taken
		})
		with := roundTrip(t, without)
		for i := range 3 {
			own := all
			own.Patches = all.Patches[:rapid.IntRange(0, len(all.Patches)).Draw(t, "listed")]
			if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
				own.Err = "down"
			}
			batches := []Batch{own, gen(t, "evil"), gen(t, "fiend")}
			without, _ = Sync(without, []Batch{own}, noon.Add(time.Duration(i)))
			with, _ = Sync(with, rapid.Permutation(batches).Draw(t, "order"), noon.Add(time.Duration(i)))
			require.Equal(t, seen(t, without), seen(t, with))
			var installed []Installed
			for _, id := range []ProductID{"ns/a", "own", "tool", "u", "u-1", "v"} {
				if k, has := without.productIndex(id); has {
					installed = append(installed, Installed{Product: without.products[k].ID, Version: ver("1.0.0")})
				}
			}
			inv := inventoryOf(Linux, installed)
			for k := range without.patches {
				id := without.patches[k].ID
				require.Equal(t, verdict(without.Evaluate(id, inv, Options{}, noon)), verdict(with.Evaluate(id, inv, Options{}, noon)))
			}
		}
	})
}

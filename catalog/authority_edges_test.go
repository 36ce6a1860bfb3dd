package catalog

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// CAT-17: a feed's names take nothing that is another's: no product, no patch, and nothing that
// comes below a product.
func TestNamesTakeNothing_CAT17(t *testing.T) {
	for _, name := range []string{"editor-", "editor", "editor-2", "KB", "acme/", "e"} {
		e := evil(nil)
		e.Names = []string{name}
		s, changes := Sync(synced(t, victim()), []Batch{e, victim()}, noon)
		require.Equal(t, []PatchID{"editor-1.0.0", "KB1", "editor-2.0.0"}, ofProduct(s, "editor"), name)
		require.Equal(t, "acme", changes.Rejected[0].Owner, name)
		s, changes = Sync(roundTrip(t, s), []Batch{e, later()}, noon)
		for _, r := range changes.Rejected {
			require.Equal(t, FeedID("evil"), r.Feed, name)
		}
		same(t, s, roundTrip(t, s))
	}
}

// CAT-17: what lies below a product that only shares its id with another's patch, or lies above
// another's names, is not that product's.
func TestProductAboveAnothers_CAT17(t *testing.T) {
	s, _ := Sync(synced(t, victim()), []Batch{victim(), evil([]Product{product("KB1")})}, noon)
	v := victim()
	v.Patches = append(v.Patches, patch("editor", "KB1-v3", "1.7.0"))
	_, changes := Sync(s, []Batch{v, {Feed: "evil", Unchanged: true}}, noon)
	require.Empty(t, changes.Rejected)

	v = victim()
	v.Names, v.Products = []string{"deb/acme/"}, append(v.Products, product("deb/acme/x"))
	s, _ = Sync(synced(t, v), []Batch{v, evil([]Product{product("deb")})}, noon)
	v.Products = append(v.Products, product("deb/other/x"))
	_, changes = Sync(s, []Batch{v, {Feed: "evil", Unchanged: true}}, noon)
	require.Empty(t, changes.Rejected)
}

// CAT-17: a record that is rejected leaves nothing behind, and what somebody held below another's
// product ends with it.
func TestNothingStaysBelowAProduct_CAT17(t *testing.T) {
	squat := evil(nil, patch("tool", "editor-3.0.0", "3.0.0"))
	for _, trap := range []Batch{
		{Feed: "evil", At: noon, Patches: []Patch{patch("nonesuch", "editor-x", "1.0.0")}},
		evil(nil, patch("tool", "editor-x", "1.0.0"), func() Patch { p := patch("tool", "editor-y", "1.0.0"); p.Artifacts[0].Size = -1; return p }()),
	} {
		s, _ := Sync(nil, []Batch{trap, victim()}, noon)
		s, _ = Sync(roundTrip(t, s), []Batch{victim(), {Feed: "evil", Gone: true}}, noon)
		s, _ = Sync(roundTrip(t, s), []Batch{victim()}, noon)
		s, _ = Sync(s, []Batch{squat, victim()}, noon)
		s, _ = Sync(s, []Batch{squat, later()}, noon)
		p, _ := s.Patch("editor-3.0.0")
		require.Equal(t, ProductID("editor"), p.Product)
	}
	s, _ := Sync(nil, []Batch{{Feed: "evil", At: noon, Patches: []Patch{patch("nonesuch", "editor-x", "1.0.0")}}, victim()}, noon)
	s, _ = Sync(s, []Batch{squat, victim()}, noon)
	s, _ = Sync(s, []Batch{squat, later()}, noon)
	p, _ := s.Patch("editor-3.0.0")
	require.Equal(t, ProductID("editor"), p.Product)
}

// CAT-14: two authorities that become one may have made a circle together; its patches go.
func TestAuthoritiesThatBecomeOne_CAT14(t *testing.T) {
	a := Batch{Feed: "a", At: noon, Products: []Product{product("pa")}, Patches: []Patch{patch("pa", "pa-1", "1.0.0", supersedes("pb-1")), patch("pa", "pa-2", "2.0.0")}}
	b := Batch{Feed: "b", At: noon, Products: []Product{product("pb")}, Patches: []Patch{patch("pb", "pb-1", "1.0.0", supersedes("pa-1"))}}
	s, _ := Sync(nil, []Batch{a, b}, noon)
	s, changes := Sync(s, []Batch{{Feed: "a", Unchanged: true, Authority: "x"}, {Feed: "b", Unchanged: true, Authority: "x"}}, noon)
	require.Len(t, changes.Rejected, 2)
	require.Contains(t, changes.Rejected[0].Reasons[0], "supersedence cycle")
	require.Equal(t, []PatchID{"pa-2"}, ofProduct(s, "pa"))
	same(t, s, roundTrip(t, s))
}

// CAT-16: a vendor's name that grows in lower case is stored and read again.
func TestVendorThatGrows_CAT16(t *testing.T) {
	s, changes := Sync(nil, []Batch{evil([]Product{product("x", vendorOf(strings.Repeat("Ⱥ", MaxText/2)))})}, noon)
	require.Empty(t, changes.Rejected)
	var b bytes.Buffer
	require.NoError(t, s.Encode(&b))
	_, err := Decode(&b)
	require.NoError(t, err)
}

func TestMoreNamesThatReadAlike_CAT17(t *testing.T) {
	for _, name := range []string{"Ạcme", "Acmẹ", "Acⅿe", "Aⅽme", "AⅭme", "Aᴄme", "Acmℯ", "Ȧcme", "🄰cme", "Ꭺcme"} {
		require.Equal(t, vendorKey("Acme"), vendorKey(name), name)
	}
}

// A snapshot whose data is dated otherwise is another one (CAT-2).
func TestDateChangesTheSnapshot_CAT2(t *testing.T) {
	b := victim()
	b.Dated = noon.Add(-time.Hour)
	s := synced(t, b)
	b.Dated, b.MaxAge = noon, time.Minute
	next, _ := Sync(s, []Batch{b}, noon)
	require.Greater(t, next.ID(), s.ID())
}

// CAT-16: ids of any length and content cost no more than their bytes.
func TestHostileIDsAreClipped_CAT16(t *testing.T) {
	b := evil(nil)
	for range 2000 {
		b.Patches = append(b.Patches, patch("tool", PatchID(strings.Repeat("\x00", 4096)), "1.0.0"))
	}
	_, changes := Sync(nil, []Batch{b}, noon)
	require.Len(t, changes.Rejected, MaxRejected+1)
}

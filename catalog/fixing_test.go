package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Which patches fix a vulnerability, and by which advisories, does not depend
// on what is installed.
func TestFixing_CAT18(t *testing.T) {
	b := Batch{Feed: "acme", At: noon, Products: []Product{packaged()}, Patches: []Patch{
		edit("1.0.0"), edit("2.0.0", func(p *Patch) { p.CVEs = []string{"CVE-2026-9"} }), edit("3.0.0", func(p *Patch) { p.Source = ver("2.4.0") }),
		edit("4.0.0", func(p *Patch) { p.Withdrawn = true }),
	}}
	facts := Batch{Feed: "osv", At: noon, Advisories: []Advisory{
		fixed("1", "", "2.0.0"), fixed("2", "", "2.5.0"), fixed("3", "1.5.0", "2.0.0", withdrawnAdvisory), fixed("4", "", "1.0.0", func(a *Advisory) {
			a.Fixes = append(a.Fixes, Fix{Package: distro, Introduced: ver("1.5.0"), Fixed: ver("2.1.0")})
		}),
	}}
	s := synced(t, b, facts)
	id := func(v string) PatchID { return edit(v).ID }
	require.Equal(t, []PatchID{id("2.0.0"), id("3.0.0")}, s.Fixing("CVE-2026-1"), "not what is deprecated")
	require.Empty(t, s.Fixing("CVE-2026-2"), "its source is older")
	require.Empty(t, s.Fixing("CVE-2026-3"), "withdrawn")
	require.Equal(t, []PatchID{id("1.0.0"), id("3.0.0")}, s.Fixing("CVE-2026-4"), "2.0.0 has it again")
	require.Equal(t, []PatchID{id("2.0.0")}, s.Fixing("CVE-2026-9"), "it names it")
	require.Empty(t, s.Fixing("CVE-2026-8"))
	require.Empty(t, (*Snapshot)(nil).Fixing("CVE-2026-1"))

	var ids []string
	for _, a := range s.Advisories(id("3.0.0")) {
		ids = append(ids, a.ids()...)
	}
	require.Equal(t, []string{"CVE-2026-1", "CVE-2026-4"}, ids)
	require.Empty(t, s.Advisories("unknown"))
	require.Empty(t, (*Snapshot)(nil).Advisories("unknown"))
}

func TestLeft_APR2(t *testing.T) {
	b := Batch{Feed: "acme", At: noon, Products: []Product{packaged()}, Patches: []Patch{edit("1.0.0"), edit("2.0.0")}}
	s := synced(t, b)
	for range s.Left(time.Time{}) {
		require.Fail(t, "nothing left")
	}
	b.Patches = b.Patches[1:]
	s = next(s, b)
	n := 0
	for product, f := range s.Left(noon) {
		require.Equal(t, []any{packaged().ID, edit("1.0.0").ID}, []any{product, f.Patch})
		n++
	}
	require.Equal(t, 1, n)
	for range s.Left(noon.Add(time.Hour)) {
		require.Fail(t, "it left before")
	}
}

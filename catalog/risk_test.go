package catalog

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func withdrawnAdvisory(a *Advisory) { a.Withdrawn = true }

func TestFixed_JOB8(t *testing.T) {
	b := Batch{Feed: "acme", At: noon, Products: []Product{packaged()}, Patches: []Patch{
		edit("1.0.0", func(p *Patch) { p.Source = ver("0.9.0") }),
		edit("2.0.0", func(p *Patch) { p.CVEs, p.Source = []string{"CVE-2026-99", "CVE-2026-3"}, ver("1.9.0") }),
		edit("3.0.0"),
	}}
	facts := Batch{Feed: "osv", At: noon, Advisories: []Advisory{
		fixed("1", "", "0.9.0"), fixed("2", "", "0.9.1"), fixed("3", "", "1.9.0"), fixed("4", "", "1.9.1"), fixed("5", "0.9.0", "1.0.0"), fixed("6", "0.9.1", "1.0.0"),
		fixed("7", "", "1.5.0", withdrawnAdvisory), fixed("8", "", "1.5.0", func(a *Advisory) { a.CVEs = nil; a.ID = "ASA-8" }),
		fixed("9", "", "1.5.0", func(a *Advisory) { a.Fixes[0].Package.Ecosystem = "Acme:2" }),
		fixed("A", "", "1.5.0", func(a *Advisory) { a.Fixes[0].Fixed = version.MustParse(version.Dotted, "1.5.0") }),
		fixed("B", "1.0.0", "1.5.0", func(a *Advisory) {
			a.Fixes[0].Fixed = version.Version{}
			a.Fixes = append(a.Fixes, Fix{Package: distro, Introduced: ver("0.1.0"), Fixed: ver("1.2.0")}, Fix{Package: distro, Fixed: ver("1.3.0")})
		}),
	}}
	s := synced(t, b, facts)
	for _, s := range []*Snapshot{s, roundTrip(t, s)} {
		require.Equal(t, []string{"ASA-8", "CVE-2026-2", "CVE-2026-3", "CVE-2026-5", "CVE-2026-99", "CVE-2026-B"}, s.Fixed(toVerdict("1.0.0", "2.0.0")), "by source versions")
		require.Equal(t, []string{"CVE-2026-4"}, s.Fixed(toVerdict("1.9.0", "3.0.0")), "the source of 1.9.0 is not known")
		require.Equal(t, []string{"CVE-2026-3", "CVE-2026-99"}, s.Fixed(toVerdict("", "2.0.0")), "not installed: the patch's own")
		require.Empty(t, s.Fixed(toVerdict("2.0.0", "9.0.0"))[1:], "of a patch that the catalog does not have")
		require.Empty(t, s.Fixed(Verdict{Patch: "x", Product: "y", From: ver("1.0.0"), To: ver("2.0.0")}))
	}
	require.Empty(t, (*Snapshot)(nil).Fixed(toVerdict("1.0.0", "2.0.0")))
	gone, _ := Sync(s, []Batch{{Feed: "acme", At: noon, Products: []Product{packaged()}, Patches: []Patch{b.Patches[1]}}}, noon)
	require.Equal(t, s.Fixed(toVerdict("1.0.0", "2.0.0")), gone.Fixed(toVerdict("1.0.0", "2.0.0")), "the history knows the source of what left (APR-2)")
	dropped, _ := Sync(s, []Batch{{Feed: "osv", Gone: true}}, noon)
	require.Equal(t, []string{"CVE-2026-3", "CVE-2026-99"}, dropped.Fixed(toVerdict("1.0.0", "2.0.0")))
	failing, _ := Sync(s, []Batch{Failed("osv", noon, nil)}, noon)
	require.Equal(t, s.Fixed(toVerdict("1.0.0", "2.0.0")), failing.Fixed(toVerdict("1.0.0", "2.0.0")), "it keeps what it had")
}

func TestRisk_CAT18(t *testing.T) {
	b := Batch{Feed: "acme", At: noon, Products: []Product{packaged()}, Patches: []Patch{
		edit("1.0.0"), edit("2.0.0", func(p *Patch) { p.Severity = Low }), edit("3.0.0", func(p *Patch) { p.Exploited, p.CVEs = true, []string{"CVE-2026-7"} }),
	}}
	osv := Batch{Feed: "osv", At: noon, Advisories: []Advisory{fixed("1", "", "1.5.0", func(a *Advisory) { a.Severity = Medium }), fixed("2", "", "2.0.0")}}
	kev := knows("kev", Vulnerability{ID: "CVE-2026-1", Severity: High}).all()
	at := func(s *Snapshot, from, to string) string {
		r := s.Risk(toVerdict(from, to), noon)
		return fmt.Sprint(len(r.Fixed), " ", r.Severity, " ", r.Exploited)
	}
	for want, s := range map[string]*Snapshot{
		"2 high answer(0)":   synced(t, b, osv, kev), // listed, and not said whether
		"2 medium no":        synced(t, b, osv, knows("kev").all()),
		"2 medium answer(0)": synced(t, b, osv),
		"2 low answer(0)":    next(synced(t, b, osv, kev), Failed("osv", noon, nil), Failed("kev", noon, nil)),
		"2 critical yes":     synced(t, b, osv, knows("kev", Vulnerability{ID: "CVE-2026-2", Exploited: Yes, Severity: Critical}).all()),
		"2 medium yes":       synced(t, b, osv, knows("kev", Vulnerability{ID: "CVE-2026-2", Exploited: Yes}, Vulnerability{ID: "CVE-2026-1"}).all()),
		"0 low answer(0)":    synced(t, b, knows("kev").all()),
	} {
		require.Equal(t, want, at(s, "1.0.0", "2.0.0"))
	}
	gone := knows("kev", Vulnerability{ID: "CVE-2026-2", Exploited: Yes, Severity: Critical, Withdrawn: true})
	require.Equal(t, "2 medium answer(0)", at(synced(t, b, osv, gone), "1.0.0", "2.0.0"), "it was withdrawn")

	require.Equal(t, "1 severity(0) yes", at(synced(t, b), "2.0.0", "3.0.0"), "the patch's own mark")
	require.Equal(t, "1 severity(0) yes", at(synced(t, b, knows("kev").all()), "2.0.0", "3.0.0"))
	require.Equal(t, "1 severity(0) answer(0)", at(next(synced(t, b, knows("kev").all()), Failed("acme", noon, nil)), "2.0.0", "3.0.0"), "a stale yes")
}

// Fixed against its sentence read once more, on small random worlds.
func TestFixedAgainstOracle_JOB8(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) version.Version {
		return ver(fmt.Sprintf("%d.0.0", rapid.IntRange(1, 6).Draw(t, "version")))
	})
	maybe := rapid.Custom(func(t *rapid.T) version.Version {
		if rapid.Bool().Draw(t, "none") {
			return version.Version{}
		}
		return number.Draw(t, "some")
	})
	rapid.Check(t, func(t *rapid.T) {
		p := packaged()
		b := Batch{Feed: "acme", At: noon, Products: []Product{p}}
		for i := 1; i <= 6; i++ {
			if rapid.Bool().Draw(t, "listed") {
				b.Patches = append(b.Patches, edit(fmt.Sprintf("%d.0.0", i), func(p *Patch) {
					p.Source, p.CVEs, p.Withdrawn = maybe.Draw(t, "source"), []string{fmt.Sprintf("CVE-1-%d", i)}, rapid.Bool().Draw(t, "withdrawn")
				}))
			}
		}
		batches := []Batch{b, {Feed: "one", At: noon}, {Feed: "two", At: noon}}
		for i := range rapid.IntRange(0, 8).Draw(t, "advisories") {
			a := Advisory{ID: fmt.Sprint("A", i), Withdrawn: rapid.IntRange(0, 3).Draw(t, "withdrawn") == 0}
			for k := range rapid.IntRange(0, 2).Draw(t, "cves") {
				a.CVEs = append(a.CVEs, fmt.Sprintf("CVE-2-%d", 2*i+k))
			}
			for range rapid.IntRange(0, 3).Draw(t, "fixes") {
				f := Fix{Package: rapid.SampledFrom([]Package{distro, {"Acme:1", "other"}}).Draw(t, "package"), Introduced: maybe.Draw(t, "introduced"), Fixed: maybe.Draw(t, "fixed")}
				if f.Fixed.IsZero() || f.Introduced.IsZero() || newer(f.Fixed, f.Introduced) {
					a.Fixes = append(a.Fixes, f)
				}
			}
			to := &batches[rapid.IntRange(1, 2).Draw(t, "feed")]
			to.Advisories = append(to.Advisories, a)
		}
		s := synced(t, batches...)
		if rapid.Bool().Draw(t, "leave") { // the history remembers their sources
			keep := b
			keep.Patches = b.Patches[len(b.Patches)/2:]
			s = next(s, keep)
		}
		v := Verdict{Product: "editor", From: number.Draw(t, "from"), To: number.Draw(t, "to")}
		v.Patch = PatchID("editor-" + v.To.String())
		want := map[string]bool{}
		sourceOf := func(v version.Version) version.Version {
			for _, p := range b.Patches {
				if p.Version == v && !p.Source.IsZero() {
					return p.Source
				}
			}
			return v
		}
		if p, found := s.Patch(v.Patch); found {
			for _, id := range p.CVEs {
				want[id] = true
			}
		}
		less := func(a, b version.Version) bool { return a.String() < b.String() } // one digit each
		from, to := sourceOf(v.From), sourceOf(v.To)
		for _, b := range batches {
			for _, a := range b.Advisories {
				for _, f := range a.Fixes {
					if a.Withdrawn || f.Package != distro || f.Fixed.IsZero() || !less(from, f.Fixed) || less(to, f.Fixed) || !f.Introduced.IsZero() && less(from, f.Introduced) {
						continue
					}
					for _, id := range a.CVEs {
						want[id] = true
					}
					if a.CVEs == nil {
						want[a.ID] = true
					}
				}
			}
		}
		require.Equal(t, slices.Sorted(maps.Keys(want)), s.Fixed(v))
		require.Equal(t, s.Fixed(v), roundTrip(t, s).Fixed(v))
	})
}

// BenchmarkFixed asks what one upgrade fixes, against 60,000 advisories of
// 6,000 packages and 300,000 vulnerabilities.
func BenchmarkFixed(b *testing.B) {
	patches := many(b, 6000)
	for i := range patches.Products {
		patches.Products[i].Package = Package{"Debian:12", fmt.Sprint("package-", i)}
	}
	osv, epss := Batch{Feed: "osv", At: noon}, knows("epss").all()
	for i := range 60_000 {
		in, err := version.Parse(version.Debian, fmt.Sprintf("1:%d.1", i%50))
		require.NoError(b, err)
		osv.Advisories = append(osv.Advisories, Advisory{ID: fmt.Sprint("DSA-", i), CVEs: []string{fmt.Sprintf("CVE-2026-%d", i)},
			Fixes: []Fix{{Package: Package{"Debian:12", fmt.Sprint("package-", i%6000)}, Fixed: in}}})
	}
	for i := range 300_000 {
		epss.Vulnerabilities = append(epss.Vulnerabilities, Vulnerability{ID: fmt.Sprintf("CVE-2026-%d", i), Probability: 100_000, Severity: Low})
	}
	s := synced(b, patches, osv, epss)
	p := patches.Patches[49]
	from, err := version.Parse(version.Debian, "1:0.1")
	require.NoError(b, err)
	v := Verdict{Patch: p.ID, Product: p.Product, From: from, To: p.Version}
	require.NotEmpty(b, s.Fixed(v))
	b.Run("Fixed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Fixed(v)
		}
	})
	b.Run("Risk", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Risk(v, noon)
		}
	})
	b.Run("Vulnerability", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Vulnerability("CVE-2026-777", noon)
		}
	})
	b.Run("Sync/unchanged", func(b *testing.B) {
		for b.Loop() {
			Sync(s, []Batch{{Feed: "osv", Unchanged: true}, {Feed: "epss", Unchanged: true}}, noon)
		}
	})
	b.Run("Sync/equal", func(b *testing.B) {
		for b.Loop() {
			Sync(s, []Batch{osv, epss}, noon.Add(time.Minute))
		}
	})
}

package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// informed has facts of two feeds, a line set that is merged, and former
// patches of a product that is there and one that is not.
func informed(t require.TestingT) *Snapshot {
	first := Batch{Feed: "acme", At: noon, Products: []Product{packaged(), product("viewer")}, Patches: []Patch{
		edit("1.0.0", func(p *Patch) { p.Severity, p.Class, p.Source = High, Driver, ver("0.9.0") }), edit("2.0.0"), patch("viewer", "viewer-1", "1.0.0"),
	}}
	s := synced(t, first)
	osv := Batch{Feed: "osv", At: noon, Advisories: []Advisory{fixed("1", "0.1.0", "2.0.0", func(a *Advisory) { a.Severity, a.Published, a.Modified = Low, noon, noon }), fixed("2", "", "3.0.0", withdrawnAdvisory)}}
	osv.Lines = []LineSet{set("editor", Line{Prefix: "1", EOL: noon})}
	osv.Grant.Lines = []string{"editor"}
	kev := knows("kev", Vulnerability{ID: "CVE-2026-1", Exploited: Yes, Severity: Critical, Due: noon, Probability: 250_000}, Vulnerability{ID: "CVE-2026-2", Exploited: No}).all()
	s, changes := Sync(s, []Batch{{Feed: "acme", At: noon, Products: []Product{packaged()}, Patches: []Patch{edit("3.0.0")}}, osv, kev}, noon.Add(time.Hour))
	require.Empty(t, changes.Rejected)
	return s
}

func TestEncodeFacts_CAT18(t *testing.T) {
	s := informed(t)
	back := roundTrip(t, s)
	same(t, s, back)
	a, _ := Sync(s, nil, noon.Add(2*time.Hour))
	b, _ := Sync(back, nil, noon.Add(2*time.Hour))
	require.Equal(t, s.ID(), b.ID())
	same(t, a, b)
	require.Len(t, back.former, 2)
	require.Equal(t, 2, back.Feeds()[2].Advisories)
	require.Equal(t, 2, back.Feeds()[1].Known)
	require.Equal(t, []string{"CVE-2026-1"}, back.Fixed(toVerdict("1.0.0", "3.0.0")))
}

func TestDecodeRefusesFacts_CAT16(t *testing.T) {
	good := encoded(t, informed(t))
	replaced := func(old, with string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, with, 1)
	}
	for want, text := range map[string]string{
		"1048577 vulnerabilities, want 0 to 1048576":                        replaced(`"vulnerabilities":2`, `"vulnerabilities":1048577`),
		"524289 advisories":                                                 replaced(`"advisories":2,"lineSets"`, `"advisories":524289,"lineSets"`),
		"131073 line sets":                                                  replaced(`"lineSets":1`, `"lineSets":131073`),
		"524289 former patches":                                             replaced(`"former":3`, `"former":524289`),
		`vulnerability "CVE-2026-2": it is out of order`:                    replaced(`"id":"CVE-2026-1"`, `"id":"CVE-2026-3"`),
		`vulnerability "CVE-2026-1": the probability of 1000001 millionths`: replaced(`"probability":250000`, `"probability":1000001`),
		`vulnerability "CVE-2026-1": unknown feed "who"`:                    replaced(`{"feed":"kev","vulnerability"`, `{"feed":"who","vulnerability"`),
		`advisory "2": it is out of order`:                                  replaced(`"advisory":{"id":"1"`, `"advisory":{"id":"3"`),
		`advisory "1": package "editor": introduced in 9.1.0`:               replaced(`"introduced":"semver:0.1.0"`, `"introduced":"semver:9.1.0"`),
		`lines of product "editor": a line's prefix is empty`:               replaced(`"lines":{"product":"editor","lines":[{"prefix":"1"`, `"lines":{"product":"editor","lines":[{"prefix":""`),
		`the id is empty`:                                                   replaced(`"patch":{"patch":"editor-2.0.0"`, `"patch":{"patch":""`),
		`former patch of product "editor", patch "editor-1.0.0": it is`:     replaced(`{"product":"editor","authority":"acme"`, `{"product":"zzz","authority":"acme"`),
		`it differs from the one before`:                                    replaced(`"authority":"acme","patch":{"patch":"editor-1.0.0"`, `"authority":"other","patch":{"patch":"editor-1.0.0"`),
		`patch "editor-1.0.0": it is out of order`:                          replaced(`"patch":{"patch":"editor-2.0.0","version":"semver:2.0.0"`, `"patch":{"patch":"editor-2.0.0","version":"semver:0.2.0"`),
		`its version is not of its product's scheme`:                        replaced(`"patch":{"patch":"editor-2.0.0","version":"semver:2.0.0"`, `"patch":{"patch":"editor-2.0.0","version":"dotted:2"`),
	} {
		_, err := Decode(zipped(t, text))
		require.ErrorContains(t, err, want)
		require.Regexp(t, `^stored catalog: line [1-9]`, err)
	}
	// A later release had more to say (MAN-11): what it says is unknown, never no.
	for old, with := range map[string]string{
		`"exploited":"yes"`: `"exploited":"probably"`, `"severity":"critical"`: `"severity":"awful"`,
		`"severity":"low"`: `"severity":"awful"`, `"class":"driver"`: `"class":"other"`,
	} {
		s, err := Decode(zipped(t, replaced(old, with)))
		require.NoError(t, err)
		same(t, s, roundTrip(t, s))
		require.Len(t, s.History("editor"), 3)
		require.Len(t, s.facts[1].vulnerabilities, 2)
		v, _ := s.Vulnerability("CVE-2026-1", noon)
		require.NotEqual(t, No, v.Exploited)
	}
	s, err := Decode(zipped(t, replaced(`"fixed":"semver:2.0.0"`, `"fixed":"zap:2.0.0"`)))
	require.NoError(t, err)
	require.Len(t, s.facts[2].advisories, 1)
	s, err = Decode(zipped(t, replaced(`"version":"semver:1.0.0","source":"semver:0.9.0"`, `"version":"zap:1.0.0","source":"zap:0.9.0"`)))
	require.NoError(t, err)
	require.Len(t, s.History("editor"), 2)
}

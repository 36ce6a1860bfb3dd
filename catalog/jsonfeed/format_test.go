package jsonfeed

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// worked is the example of the package's documentation.
func worked(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var b strings.Builder
	_, example, found := strings.Cut(string(source), "\n// # Example\n")
	require.True(t, found)
	for line := range strings.Lines(example) {
		if text, is := strings.CutPrefix(line, "//\t"); is {
			b.WriteString(text)
		}
	}
	return b.String()
}

func TestWorkedExample(t *testing.T) {
	b, err := Parse("acme", []byte(worked(t)))
	require.NoError(t, err)
	require.Empty(t, b.Rejected)
	v, err := version.Parse(version.Dotted, "2.1")
	require.NoError(t, err)
	require.Equal(t, []catalog.Product{{
		ID: "acme-editor", Name: "Acme Editor", Platform: catalog.Windows, Scheme: version.Dotted,
		Lines: []catalog.Line{{Prefix: "1", EOL: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}, Package: catalog.Package{Ecosystem: "Acme", Name: "editor"},
	}}, b.Products, "a date means the end of its day, CAT-13")
	require.Equal(t, []catalog.Patch{{
		ID: "acme-editor-2.1", Product: "acme-editor", Version: v, Published: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		Artifacts: []catalog.Artifact{{
			Name: "editor-2.1.msi", Availability: catalog.Pinned, URL: "https://acme.example/editor-2.1.msi", Size: 4, Signer: "Acme",
			Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
		}},
	}}, b.Patches)
	require.Equal(t, []catalog.Vulnerability{{ID: "CVE-2026-1234", Severity: catalog.High, Exploited: catalog.Yes, Probability: 943_210}}, b.Vulnerabilities)
	require.Equal(t, []catalog.Advisory{{
		ID: "ACME-7", CVEs: []string{"CVE-2026-1234"},
		Fixes: []catalog.Fix{{Package: b.Products[0].Package, Introduced: version.MustParse(version.Dotted, "1.4"), Fixed: v}},
	}}, b.Advisories)
	require.Equal(t, []catalog.LineSet{{Product: "acme-viewer", Lines: []catalog.Line{{Prefix: "3", Over: true}}}}, b.Lines)
}

// parse reads the document of feed acme.
func parse(text string) ([]catalog.Product, []catalog.Patch, []catalog.Rejected, error) {
	b, err := Parse("acme", []byte(text))
	return b.Products, b.Patches, b.Rejected, err
}

// everything is a document that uses every member.
const everything = `{"format": 1,
 "products": [{"id": "p", "name": "P", "vendor": "V", "platform": "linux", "architecture": "amd64", "channel": "beta", "scheme": "debian", "package": {"ecosystem": "Debian:12", "name": "p"},
   "lines": [{"prefix": "1", "eol": "2026-01-01T10:00:00+01:00", "extended": "2030-06-30"}, {"prefix": "2", "eol": true}]}],
 "patches": [{"id": "p1", "product": "p", "version": "debian:1:2-3", "source": "debian:2-3", "title": "T <&>", "published": "2026-01-02T15:04:05.5+02:00", "severity": "high",
   "cves": ["CVE-2026-1"], "exploited": true, "class": "driver", "eolMarked": true, "eol": "2027-01-01", "withdrawn": true, "supersedes": ["p0"],
   "requires": [{"patch": "q", "reboot": true}, {"patch": "r"}], "reboot": true, "transaction": "dpkg",
   "artifacts": [{"name": "a", "availability": "Vendor", "customUrl": "file:///srv/a", "size": 1, "digests": ["md5:00000000000000000000000000000000"],
     "signer": "S", "signatureUrl": "http://acme.example/a.sig"}, {"name": "b", "availability": "Repository"}]},
  {"id": "p2", "product": "elsewhere", "version": "semver:1.0.0"}],
 "vulnerabilities": [{"id": "CVE-2026-1", "severity": "low", "published": "2026-01-02T15:04:05+02:00", "exploited": "yes", "listed": "2026-01-02T15:04:05+02:00",
   "due": "2026-02-02T15:04:05+02:00", "ransomware": "no", "automatable": "yes", "totalImpact": "no", "probability": 1000000, "withdrawn": true}, {"id": "x"}],
 "allExploited": true,
 "advisories": [{"id": "A-1", "cves": ["CVE-2026-1"], "severity": "medium", "published": "2026-01-03T15:04:05+02:00", "modified": "2026-01-04T15:04:05+02:00",
   "withdrawn": true, "fixes": [{"package": {"ecosystem": "Acme", "name": "q"}, "introduced": "debian:1", "fixed": "debian:2"}]}, {"id": "A-2"}],
 "lineSets": [{"product": "q*", "lines": [{"prefix": "3", "eol": "2026-01-01", "extended": "2031-06-30"}, {"prefix": "4", "eol": true}]}, {"product": "r"}]}`

func TestMarshalRoundTrip(t *testing.T) {
	for _, text := range []string{everything, `{"format":1}`, `{"format":1,"products":[],"patches":null}`} {
		b, err := Parse("acme", []byte(text))
		require.NoError(t, err)
		require.Empty(t, b.Rejected)
		again(t, b)
	}
	b, err := Parse("acme", []byte(everything))
	require.NoError(t, err)
	products, patches := b.Products, b.Patches
	require.Equal(t, time.Date(2026, 1, 2, 13, 4, 5, 5e8, time.UTC), patches[0].Published)
	require.Equal(t, time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), products[0].Lines[0].EOL)
	require.Equal(t, time.Date(2030, 7, 1, 0, 0, 0, 0, time.UTC), products[0].Lines[0].Extended)
	require.Equal(t, catalog.High, patches[0].Severity)
	require.Equal(t, catalog.Driver, patches[0].Class)
	require.True(t, patches[0].Exploited)
	require.Equal(t, "2-3", patches[0].Source.String())
	require.True(t, b.AllExploited)
	at := time.Date(2026, 1, 2, 13, 4, 5, 0, time.UTC)
	require.Equal(t, catalog.Vulnerability{
		ID: "CVE-2026-1", Severity: catalog.Low, Published: at, Exploited: catalog.Yes, Listed: at, Due: at.AddDate(0, 1, 0),
		Ransomware: catalog.No, Automatable: catalog.Yes, TotalImpact: catalog.No, Probability: 1_000_000, Withdrawn: true,
	}, b.Vulnerabilities[0])
	require.Equal(t, at.AddDate(0, 0, 2), b.Advisories[0].Modified)
	require.Equal(t, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), b.Lines[0].Lines[0].EOL)
}

// same takes an empty list for none.
var same = cmp.Options{
	cmp.Comparer(func(a, b version.Version) bool { return a == b }),
	none[catalog.Product](), none[catalog.Patch](), none[catalog.Vulnerability](), none[catalog.Advisory](), none[catalog.Fix](), none[catalog.LineSet](),
	none[catalog.Line](), none[catalog.Artifact](), none[catalog.Requirement](),
	none[catalog.PatchID](), none[integrity.Digest](), none[string](),
}

func none[T any]() cmp.Option {
	return cmp.FilterValues(func(a, b []T) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

// again writes records down and expects the same from reading them, byte for
// byte and record for record.
func again(t *testing.T, b catalog.Batch) string {
	t.Helper()
	b.Rejected = nil
	data, err := Marshal(b)
	require.NoError(t, err)
	b2, err := Parse("acme", data)
	require.NoError(t, err)
	require.Empty(t, b2.Rejected)
	require.Empty(t, cmp.Diff(b, b2, same))
	data2, err := Marshal(b2)
	require.NoError(t, err)
	require.Equal(t, string(data), string(data2))
	return string(data)
}

func TestFormat(t *testing.T) {
	text, err := Marshal(catalog.Batch{})
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"format": %d, "products": [], "patches": []}`, Format), string(text))
}

func TestMarshalRefusesUnfitRecords_CAT16(t *testing.T) {
	_, err := Marshal(catalog.Batch{Feed: "acme", Products: []catalog.Product{{ID: "p"}}, Patches: []catalog.Patch{{ID: "x"}},
		Vulnerabilities: []catalog.Vulnerability{{ID: "v", Probability: 1_000_001}}, Advisories: []catalog.Advisory{{ID: "a", Severity: 77}}, Lines: []catalog.LineSet{{Product: "l*l"}}})
	var rejected *catalog.Rejected
	require.ErrorAs(t, err, &rejected)
	require.ErrorContains(t, err, "product p rejected")
	require.ErrorContains(t, err, "patch x rejected")
	require.ErrorContains(t, err, "vulnerability v rejected")
	require.ErrorContains(t, err, "advisory a rejected")
	require.ErrorContains(t, err, "lines of product l*l rejected")
}

func TestNoDocument(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "ends too early",
		`{"format":1`:                     "ends too early",
		"<html>":                          "invalid character '<'",
		`[]`:                              "the document does not begin with \"{\"",
		`{}`:                              "format 0 is not known, want 1",
		`null`:                            "the document does not begin",
		`{"format":2}`:                    "format 2 is not known, want 1",
		`{"format":"1"}`:                  "cannot unmarshal string",
		`{"format":1,"patch":[]}`:         `unknown field "patch"`,
		`{"format":1,"patches":{}}`:       "it is not a list",
		`{"format":1}{}`:                  "something follows",
		`{"format":1} x`:                  "something follows",
		`{"format":1,"patches":[{"id":]}`: "invalid character",
	} {
		_, _, _, err := parse(text)
		require.ErrorContains(t, err, "no patch document: ", text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestBadRecordIsRejectedAlone_CAT16(t *testing.T) {
	const good = `{"id":"good","product":"p","version":"semver:1.0.0"}`
	for _, c := range []struct{ record, name, want string }{
		{`null`, "patch number 2", "it is null"},
		{`7`, "patch number 2", "it is not an object"},
		{`{}`, "patch number 2", "the id is empty"},
		{`{"id":7,"product":"p","version":"semver:1.0.0"}`, "patch number 2", "cannot unmarshal number"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","listed":"2026-01-01T00:00:00Z"}`, "patch x", `unknown field "listed"`},
		{`{"id":"x","product":"p","version":"semver:1.0"}`, "patch x", `"1.0" is not a semver version`},
		{`{"id":"x","product":"p","version":"1.0.0"}`, "patch x", "it has no scheme"},
		{`{"id":"x","product":"p","version":"zap:1.0.0"}`, "patch x", "unknown version scheme"},
		{`{"id":"x","product":"p"}`, "patch x", "it has no version"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","eol":"soon"}`, "patch x", "neither a date"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","eol":true}`, "patch x", "cannot unmarshal"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","severity":"awful"}`, "patch x", `unknown severity "awful"`},
		{`{"id":"x","product":"p","version":"semver:1.0.0","class":"other"}`, "patch x", `unknown class "other"`},
		{`{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[{"name":"a","availability":"Pinned","url":"ftp://acme.example/a"}]}`, "patch x", "not http, https or file"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[{"name":"a","availability":"Repository","size":-1}]}`, "patch x", "negative size"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[{"name":"a","availability":"Repository","size":1e30}]}`, "patch x", "cannot unmarshal number"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[{"name":"a","availability":"Repository","digests":["sha256:12"]}]}`, "patch x", "sha256:12"},
		{`{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[{"name":"a","availability":"Repository","more":1}]}`, "patch x", `unknown field "more"`},
		{good, "patch good", "duplicate id"},
	} {
		_, patches, rejected, err := parse(fmt.Sprintf(`{"format":1,"patches":[%s,%s,{"id":"last","product":"p","version":"semver:1.0.0"}]}`, good, c.record))
		require.NoError(t, err)
		require.Len(t, patches, 2, c.record)
		require.Len(t, rejected, 1)
		require.Equal(t, c.name, rejected[0].Record)
		require.Contains(t, strings.Join(rejected[0].Reasons, "; "), c.want)
	}
	const product = `{"id":"p","name":"P","platform":"linux","scheme":"semver"}`
	products, _, rejected, err := parse(fmt.Sprintf(`{"format":1,"products":[%s,%s,{"id":"q","name":"Q","platform":"linux","scheme":"zap"},{"id":"r","platform":"linux","scheme":"semver"}]}`, product, product))
	require.NoError(t, err)
	require.Len(t, products, 1)
	require.Equal(t, []string{"product p", "product q", "product r"}, []string{rejected[0].Record, rejected[1].Record, rejected[2].Record})
}

func TestBadFactIsRejectedAlone_CAT16(t *testing.T) {
	for _, c := range []struct{ list, good, record, name, want string }{
		{"vulnerabilities", `{"id":"x"}`, `7`, "vulnerability number 2", "it is not an object"},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"y","more":1}`, "vulnerability y", `unknown field "more"`},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"y","exploited":true}`, "vulnerability y", "cannot unmarshal bool"},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"y","exploited":"maybe"}`, "vulnerability y", `unknown answer "maybe"`},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"y","probability":0.5}`, "vulnerability y", "cannot unmarshal number 0.5"},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"y","probability":-1}`, "vulnerability y", "cannot unmarshal number -1"},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"cve-1","probability":1000001}`, "vulnerability cve-1", `is not in capitals; the probability of 1000001 millionths`},
		{"vulnerabilities", `{"id":"x"}`, `{"id":"x","exploited":"yes"}`, "vulnerability x", "duplicate id"},
		{"advisories", `{"id":"x"}`, `{}`, "advisory number 2", "the id is empty"},
		{"advisories", `{"id":"x"}`, `{"id":"y","cves":[""],"fixes":[{}]}`, "advisory y", "a CVE id is empty; a fix has no package"},
		{"advisories", `{"id":"x"}`, `{"id":"y","fixes":[{"package":{"ecosystem":"E","name":"p"},"fixed":"2"}]}`, "advisory y", "it has no scheme"},
		{"advisories", `{"id":"x"}`, `{"id":"x"}`, "advisory x", "duplicate id"},
		{"lineSets", `{"product":"x"}`, `{"product":"a*b","lines":[{"prefix":""}]}`, "lines of product a*b", "star that is not at its end; a line's prefix is empty"},
		{"lineSets", `{"product":"x"}`, `{"product":"y","lines":[{"prefix":"1","eol":"soon"}]}`, "lines of product y", "end of life"},
		{"lineSets", `{"product":"x"}`, `{"product":"x"}`, "lines of product x", "duplicate id"},
	} {
		b, err := Parse("acme", fmt.Appendf(nil, `{"format":1,%q:[%s,%s,{%q:"z"}]}`, c.list, c.good, c.record, c.good[2:strings.Index(c.good, `":`)]))
		require.NoError(t, err)
		require.Equal(t, 2, len(b.Vulnerabilities)+len(b.Advisories)+len(b.Lines), c.record)
		require.Len(t, b.Rejected, 1)
		require.Equal(t, c.name, b.Rejected[0].Record)
		require.Contains(t, strings.Join(b.Rejected[0].Reasons, "; "), c.want)
	}
}

// A record that cannot be read may be one that is exploited.
func TestAllExploited_CAT18(t *testing.T) {
	for record, want := range map[string]catalog.Answer{
		`{"id":"CVE-2026-2"}`: catalog.No, `{"id":"CVE-2026-1","exploited":"yes"}`: catalog.No, `{"id":"CVE-2026-1","due":"soon"}`: catalog.No,
		`{"id":"CVE-2026-2","due":"soon"}`: 0, `{"id":7}`: 0, `null`: 0,
	} {
		b, err := Parse("acme", []byte(`{"format":1,"allExploited":true,"vulnerabilities":[{"id":"CVE-2026-1","exploited":"yes"},`+record+`]}`))
		require.NoError(t, err)
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s, _ := catalog.Sync(nil, []catalog.Batch{b}, now)
		v, _ := s.Vulnerability("CVE-2026-9", now)
		require.Equal(t, want, v.Exploited, record)
	}
}

func FuzzParse(f *testing.F) {
	root := readSchema(f)
	f.Add([]byte(worked(f)))
	f.Add([]byte(everything))
	f.Add([]byte(`{"format":1,"products":[null],"patches":[{"id":"x"},7]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse("acme", data)
		if err != nil {
			return
		}
		for _, r := range b.Rejected {
			if len(r.Reasons) == 0 || r.Record == "" || r.Feed != "acme" {
				t.Fatalf("rejected without a word: %+v", r)
			}
		}
		require.Empty(t, check(t, root, again(t, b)), "the schema refuses what Marshal writes")
	})
}

// A line's end is a date, an instant, or that it is past (CAT-11).
func TestEndOfALine_CAT11(t *testing.T) {
	parse := func(eol string) ([]catalog.Product, []catalog.Rejected) {
		b, err := Parse("acme", []byte(`{"format":1,"products":[{"id":"a","name":"a","platform":"linux","scheme":"semver","lines":[{"prefix":"1"`+eol+`}]}]}`))
		require.NoError(t, err)
		return b.Products, b.Rejected
	}
	for eol, want := range map[string]catalog.Line{
		"": {Prefix: "1"}, `,"eol":true`: {Prefix: "1", Over: true}, `,"eol":false`: {Prefix: "1"},
		`,"eol":"2025-12-31"`: {Prefix: "1", EOL: catalog.EOLInstant(2025, time.December, 31)},
	} {
		products, rejected := parse(eol)
		require.Empty(t, rejected)
		require.Equal(t, []catalog.Line{want}, products[0].Lines)
		data, err := Marshal(catalog.Batch{Products: products})
		require.NoError(t, err)
		back, err := Parse("acme", data)
		require.NoError(t, err)
		require.Equal(t, products, back.Products)
	}
	for _, bad := range []string{`,"eol":1`, `,"eol":"soon"`, `,"eol":[]`} {
		_, rejected := parse(bad)
		require.Len(t, rejected, 1)
		require.Contains(t, rejected[0].Reasons[0], "end of life")
	}
}

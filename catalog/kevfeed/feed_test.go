package kevfeed

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
)

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func options() Options { return Options{Now: func() time.Time { return now }} }

func kev(released string, count int, entries ...string) string {
	return fmt.Sprintf(`{"title": "T", "catalogVersion": "2026.03.01", "dateReleased": %q, "count": %d, "vulnerabilities": [%s]}`, released, count, strings.Join(entries, ","))
}

func entryOf(id, added, due, ransomware string) string {
	return fmt.Sprintf(`{"cveID": %q, "vendorProject": "Acme", "product": "Editor", "dateAdded": %q, "dueDate": %q, "knownRansomwareCampaignUse": %q, "cwes": ["CWE-59"]}`, id, added, due, ransomware)
}

const released = "2026-03-01T17:04:19.9796Z"

var two = kev(released, 2, entryOf("CVE-2026-1000", "2026-02-01", "2026-02-22", "Known"), entryOf("CVE-2026-1001", "2026-02-10", "2026-02-03", "Unknown"))

const ssvcRecord = `{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-2026-1000", "state": "PUBLISHED"}, "containers": {"cna": {}, "adp": [
 {"title": "CVE Program Container"},
 {"title": "CISA ADP Vulnrichment", "metrics": [{"cvssV3_1": {"baseScore": 7.8}}, {"other": {"type": "kev", "content": {"dateAdded": "2026-02-01"}}},
  {"other": {"type": "ssvc", "content": {"id": "CVE-2026-1000", "role": "CISA Coordinator", "version": "2.0.3", "timestamp": "2026-02-07T14:33:43.9Z",
   "options": [{"Exploitation": "active"}, {"Automatable": "no"}, {"Technical Impact": "total"}]}}}]}]}}`

const epss = "#model_version:v2026.03.14,score_date:2026-03-09T12:55:00Z\ncve,epss,percentile\nCVE-2026-1000,0.94321,0.99\nCVE-2026-1001,0.00043,0.08\n"

func file(t testing.TB, data []byte) string {
	path := filepath.Join(t.TempDir(), "document")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func zipped(t testing.TB, files ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		require.NoError(t, err)
		_, err = w.Write([]byte(files[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func gzipped(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

type maker func(catalog.FeedID, string, Options) (*Feed, error)

func read(t testing.TB, of maker, data []byte) (catalog.Batch, error) {
	f, err := of("facts", file(t, data), options())
	require.NoError(t, err)
	return f.Fetch(t.Context())
}

func TestConformance(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "CVE-2026-1000.json"), []byte(ssvcRecord), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "delta.json"), []byte("x"), 0o600))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(two))
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		of       maker
		location string
	}{
		"kev": {New, file(t, []byte(two))}, "kev over http": {New, server.URL}, "ssvc folder": {NewSSVC, folder},
		"ssvc zip":  {NewSSVC, file(t, zipped(t, "x/2026/CVE-2026-1000.json", ssvcRecord, "README.md", ""))},
		"ssvc list": {NewSSVC, file(t, []byte("["+ssvcRecord+"]"))},
		"epss":      {NewEPSS, file(t, []byte(epss))}, "epss gzip": {NewEPSS, file(t, gzipped(t, epss))},
	} {
		t.Run(name, func(t *testing.T) {
			catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed {
				f, err := c.of("facts", c.location, options())
				require.NoError(t, err)
				return f
			})
		})
	}
}

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }

// Dates are kept as they are, also a due date before the entry's own; what is
// not said is unknown (CAT-18, CAT-13).
func TestKEV_CAT18(t *testing.T) {
	b, err := read(t, New, []byte(two))
	require.NoError(t, err)
	require.Empty(t, b.Rejected)
	require.True(t, b.AllExploited)
	require.Equal(t, time.Date(2026, 3, 1, 17, 4, 19, 979600000, time.UTC), b.Dated)
	require.Equal(t, []catalog.Vulnerability{
		{ID: "CVE-2026-1000", Exploited: catalog.Yes, Listed: day(2, 1), Due: day(2, 23), Ransomware: catalog.Yes},
		{ID: "CVE-2026-1001", Exploited: catalog.Yes, Listed: day(2, 10), Due: day(2, 4)},
	}, b.Vulnerabilities)
}

func TestBrokenKEV_CAT18(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 9
	}
	for n := 0; n < len(two); n += step {
		_, err := read(t, New, []byte(two[:n]))
		require.ErrorContains(t, err, "no catalog of known exploited vulnerabilities", n)
	}
	one := entryOf("CVE-2026-1000", "2026-02-01", "2026-02-22", "Known")
	for text, want := range map[string]string{
		kev(released, 3, one):                        `1 entries, which is not its "count"`,
		kev(released, 0):                             "no entries",
		kev("", 1, one):                              "parsing time",
		strings.Replace(two, `"count": 2,`, "", 1):   `not its "count"`,
		strings.Replace(two, "dateReleased", "x", 1): `no "dateReleased"`,
		two + "{}":                                   "something follows",
		strings.Replace(two, `"count"`, `"Title": 1, "count"`, 1): "is there twice",
		"[]": "cannot unmarshal",
	} {
		_, err := read(t, New, []byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

// An entry that cannot be read must not read as "not exploited".
func TestBadEntries_CAT18(t *testing.T) {
	good := entryOf("CVE-2026-1000", "2026-02-01", "2026-02-22", "Known")
	b, err := read(t, New, []byte(kev(released, 3, good, entryOf("CVE-2026", "2026-02-01", "", ""), entryOf("CVE-2026-1002", "soon", "", ""))))
	require.NoError(t, err)
	require.False(t, b.AllExploited)
	require.Len(t, b.Vulnerabilities, 2)
	require.Equal(t, catalog.Vulnerability{ID: "CVE-2026-1002", Exploited: catalog.Yes}, b.Vulnerabilities[1])
	require.Equal(t, []string{"entry 2", "vulnerability CVE-2026-1002"}, []string{b.Rejected[0].Record, b.Rejected[1].Record})

	b, err = read(t, New, []byte(kev(released, 2, good, entryOf("CVE-2026-1000", "2026-02-05", "2026-02-07", "Unknown"))))
	require.NoError(t, err)
	require.True(t, b.AllExploited)
	require.Equal(t, day(2, 1), b.Vulnerabilities[0].Listed, "the first one counts")
	require.Contains(t, b.Rejected[0].Reasons[0], "duplicate id")

	for other, want := range map[string]catalog.Answer{
		good: catalog.No, entryOf("CVE-2026-1002", "soon", "", ""): catalog.No, entryOf("CVE-2026", "2026-02-01", "", ""): 0,
	} {
		b, err := read(t, New, []byte(kev(released, 2, good, other)))
		require.NoError(t, err)
		b.Feed = "kev"
		snapshot, changes := catalog.Sync(nil, []catalog.Batch{b}, now)
		require.Len(t, changes.Rejected, 1)
		v, _ := snapshot.Vulnerability("CVE-2026-9999", now)
		require.Equal(t, want, v.Exploited, "of what is not on the list with %s", other)
	}
}

// Due dates move, entries go, and an older document is refused (CAT-2).
func TestNextDocument_CAT2(t *testing.T) {
	path := file(t, []byte(two))
	f, err := New("kev", path, options())
	require.NoError(t, err)
	first, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(kev("2026-03-02T00:00:00Z", 1, entryOf("CVE-2026-1000", "2026-02-01", "2026-02-10", "Known"))), 0o600))
	moved, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, moved.Vulnerabilities, 1, "the removed entry is gone")
	require.Equal(t, day(2, 11), moved.Vulnerabilities[0].Due)
	require.NoError(t, os.WriteFile(path, []byte(two[:100]), 0o600))
	_, err = f.Fetch(t.Context())
	require.Error(t, err)
	snapshot, _ := catalog.Sync(nil, []catalog.Batch{moved}, now)
	snapshot, changes := catalog.Sync(snapshot, []catalog.Batch{first}, now)
	require.Equal(t, []catalog.FeedID{"kev"}, changes.Failed)
	require.Contains(t, snapshot.Feeds()[0].Err, "older")
}

func TestSSVC_CAT18(t *testing.T) {
	b, err := read(t, NewSSVC, []byte("["+ssvcRecord+"]"))
	require.NoError(t, err)
	require.Equal(t, []catalog.Vulnerability{{ID: "CVE-2026-1000", Automatable: catalog.No, TotalImpact: catalog.Yes}}, b.Vulnerabilities)
	require.False(t, b.AllExploited)
	require.Equal(t, time.Date(2026, 2, 7, 14, 33, 43, 9e8, time.UTC), b.Dated)
	for from, c := range map[string]struct {
		to   string
		want string
	}{
		`"Automatable"`:   {`"automatable"`, ""},
		`"no"`:            {`"maybe"`, "not known"},
		`"total"`:         {`"Total"`, "not known"},
		`"CVE-2026-1000"`: {`"x"`, "is not a CVE id"},
		`"options": [`:    {`"options": ["x", `, "SSVC content"},
		`2026-02-07T`:     {`2099-02-07T`, ""},
		`"type": "ssvc"`:  {`"type": "other ssvc"`, ""},
		`"adp": [`:        {`"adp": 7, "x": [`, "cannot unmarshal"},
	} {
		b, err := read(t, NewSSVC, []byte("["+strings.Replace(ssvcRecord, from, c.to, 1)+"]"))
		require.NoError(t, err)
		if c.want != "" {
			require.Empty(t, b.Vulnerabilities)
			require.Contains(t, b.Rejected[0].Reasons[0], c.want, from)
			continue
		}
		require.Empty(t, b.Rejected, from)
		switch from {
		case `"Automatable"`:
			require.Zero(t, b.Vulnerabilities[0].Automatable, "another spelling is another key")
		case `2026-02-07T`:
			require.Len(t, b.Vulnerabilities, 1)
			require.Zero(t, b.Dated)
		default:
			require.Empty(t, b.Vulnerabilities)
		}
	}
	newer := strings.NewReplacer(`"metrics": [`, `"metrics": [{"other": {"type": "ssvc", "content": {"timestamp": "2026-02-08T00:00:00Z", "options": [{"Automatable": "yes"}]}}}, `).Replace(ssvcRecord)
	b, err = read(t, NewSSVC, zipped(t, "CVE-1.json", newer, "CVE-1.json", ssvcRecord))
	require.NoError(t, err)
	require.Equal(t, []catalog.Vulnerability{{ID: "CVE-2026-1000", Automatable: catalog.Yes}}, b.Vulnerabilities, "the newest decision counts")
	require.Contains(t, b.Rejected[0].Reasons[0], "duplicate id")
	whole := zipped(t, "CVE-1.json", ssvcRecord)
	for n := range len(whole) {
		_, err := read(t, NewSSVC, whole[:n])
		require.Error(t, err, n)
	}
}

func TestEPSS_CAT18(t *testing.T) {
	b, err := read(t, NewEPSS, gzipped(t, epss))
	require.NoError(t, err)
	require.Equal(t, []catalog.Vulnerability{{ID: "CVE-2026-1000", Probability: 943_210}, {ID: "CVE-2026-1001", Probability: 430}}, b.Vulnerabilities)
	require.Equal(t, time.Date(2026, 3, 9, 12, 55, 0, 0, time.UTC), b.Dated)
	packed := gzipped(t, epss)
	for n := range len(packed) {
		_, err := read(t, NewEPSS, packed[:n])
		require.ErrorContains(t, err, "no document of EPSS scores", n)
	}
	for text, want := range map[string]string{
		"": "no score_date",
		"cve,epss,percentile\nCVE-2026-1000,0.1,0.1\n":    "no score_date",
		"#score_date:2026-03-09\n":                        "second line",
		"#score_date:2026-03-09\ncve,epss,percentile\n":   "no scores",
		"#score_date:soon\ncve,epss\nCVE-2026-1000,0.1\n": "no score_date",
		epss + strings.Repeat("x", 1<<20) + "\n":          "too long",
		strings.TrimSuffix(epss, "\n"):                    "cut off",
	} {
		_, err := read(t, NewEPSS, []byte(text))
		require.ErrorContains(t, err, want, "%.100s", text)
	}
	for text, want := range map[string]uint32{
		"0": 0, "1": 1_000_000, "1.0000000": 1_000_000, "0.5": 500_000, "1e-05": 10, "4.3E-04": 430, "1.0e+00": 1_000_000, "0.0000019": 1, "1e-40": 0,
	} {
		b, err := read(t, NewEPSS, []byte("#score_date:2026-03-09\ncve,epss\nCVE-2026-1000,"+text+"\n"))
		require.NoError(t, err, text)
		require.Equal(t, want, b.Vulnerabilities[0].Probability, text)
	}
	for _, row := range []string{"CVE-2026-1002,1.1,0", "CVE-2026-1002,1.0000001,0", "CVE-2026-1002,20e-01,0", "CVE-2026-1002,.5,0", "CVE-2026-1002,0.1.2,0", "CVE-2026-1002,0.12345678x,0",
		"CVE-2026-1002,1e-1000000000,0", "CVE-2026-1002,0x1p-2,0", "CVE-2026-1002,0.+1,0", "CVE-2026-1002,1e1,0", "CVE-2026-1002,0." + strings.Repeat("0", 60) + ",0", "CVE-2026-1002,-0.1,0", "CVE-2026-1002,NaN,0", "CVE-2026-1002", "x,0.1,0", "CVE-2026-1000,0.1,0"} {
		b, err := read(t, NewEPSS, []byte(epss+row+"\n"))
		require.NoError(t, err)
		require.Len(t, b.Vulnerabilities, 2, row)
		require.Len(t, b.Rejected, 1, row)
	}
}

func TestHugeDocuments_CAT16(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: reading as much as is allowed takes a while; run without -short")
	}
	path := file(t, nil)
	require.NoError(t, os.Truncate(path, MaxKEV+1))
	f, err := New("kev", path, options())
	require.NoError(t, err)
	_, err = f.Fetch(t.Context())
	require.ErrorContains(t, err, "over the limit of 33554432 bytes")
	t.Run("a bomb", func(t *testing.T) {
		bomb := "#score_date:2026-03-09\ncve,epss,percentile\n" + strings.Repeat(strings.Repeat("0", 60_000)+"\n", maxUnpacked/60_000+1)
		_, err := read(t, NewEPSS, gzipped(t, bomb))
		require.ErrorContains(t, err, "bytes")
	})
}

func FuzzKEV(f *testing.F) {
	f.Add([]byte(two))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseKEV(t.Context(), "kev", data)
		if err == nil && (b.Dated.IsZero() || b.AllExploited && len(b.Vulnerabilities) == 0) {
			t.Fatalf("an empty or undated list counts as complete: %+v", b)
		}
	})
}

func FuzzSSVC(f *testing.F) {
	f.Add([]byte(ssvcRecord))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, _, err := ssvc(data); err == nil && (v.Exploited != 0 || v.ID == "") {
			t.Fatalf("%+v", v)
		}
	})
}

func FuzzEPSS(f *testing.F) {
	f.Add([]byte(epss))
	f.Add(gzipped(f, epss))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseEPSS(t.Context(), "epss", data)
		for _, v := range b.Vulnerabilities {
			if err != nil || v.Probability > 1_000_000 {
				t.Fatalf("%+v, %v", v, err)
			}
		}
	})
}

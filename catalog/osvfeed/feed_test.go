package osvfeed

import (
	"archive/zip"
	"bytes"
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
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// dsa and tracker have the form of Debian's records, in a made-up release.
const (
	dsa = `{"schema_version": "1.7.3", "id": "DSA-9001-1", "summary": "hare - security update", "details": "a\nb",
 "published": "2026-02-01T00:00:00Z", "modified": "2026-02-03T04:05:06Z", "upstream": ["CVE-2026-1000", "CVE-2026-1001", "DEBIAN-CVE-2026-1000"],
 "affected": [
  {"package": {"ecosystem": "Debian:12", "name": "hare", "purl": "pkg:deb/debian/hare?arch=source"}, "versions": ["1.0-1"],
   "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1:2.0-1+deb12u1"}]}]},
  {"package": {"ecosystem": "Debian:11", "name": "hare"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "not a version!"}]}]}],
 "references": [{"type": "ADVISORY", "url": "https://acme.example/dsa-9001"}]}`
	tracker = `{"id": "DEBIAN-CVE-2026-1002", "modified": "2026-02-02T00:00:00.5Z", "upstream": ["CVE-2026-1002"],
 "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected": [{"package": {"ecosystem": "Debian:12", "name": "tortoise"}, "ecosystem_specific": {"urgency": "not yet assigned"},
  "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}`
	elsewhere = `{"id": "GHSA-xxxx", "modified": "2026-09-09T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "hare"}, "ranges": []}]}`
)

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func options() Options { return Options{Now: func() time.Time { return now }} }

// archive packs records into files of these names.
func archive(t testing.TB, files ...[2]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f[0])
		require.NoError(t, err)
		_, err = w.Write([]byte(f[1]))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func whole(t testing.TB) []byte {
	return archive(t, [2]string{"../../etc/DSA-9001-1.json", dsa}, [2]string{"README.md", "x"}, [2]string{"x/DEBIAN-CVE-2026-1002.json", tracker}, [2]string{"GHSA.json", elsewhere})
}

func feed(t testing.TB, location string) *Feed {
	f, err := New("osv", location, []string{"Debian:12"}, options())
	require.NoError(t, err)
	return f
}

func file(t testing.TB, data []byte) string {
	path := filepath.Join(t.TempDir(), "all")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func read(t testing.TB, data []byte) (catalog.Batch, error) {
	return feed(t, file(t, data)).Fetch(t.Context())
}

func list(records ...string) []byte { return []byte("[" + strings.Join(records, ",") + "]") }

func debian(text string) version.Version { return version.MustParse(version.Debian, text) }

func TestConformance(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "2026"), 0o700))
	for name, text := range map[string]string{"2026/DSA-9001-1.json": dsa, "t.json": tracker, "note.txt": "x"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	data := whole(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	defer server.Close()
	for name, location := range map[string]string{"zip": file(t, data), "list": file(t, list(dsa, tracker, elsewhere)), "folder": folder, "http": server.URL} {
		t.Run(name, func(t *testing.T) {
			catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed { return feed(t, location) })
			b, err := feed(t, location).Fetch(t.Context())
			require.NoError(t, err)
			require.Equal(t, time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), b.Dated, "of the records that count, CAT-2")
			require.ElementsMatch(t, []catalog.Advisory{
				{ID: "DSA-9001-1", CVEs: []string{"CVE-2026-1000", "CVE-2026-1001"}, Published: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Modified: b.Dated,
					Fixes: []catalog.Fix{{Package: catalog.Package{Ecosystem: "Debian:12", Name: "hare"}, Fixed: debian("1:2.0-1+deb12u1")}}},
				{ID: "DEBIAN-CVE-2026-1002", CVEs: []string{"CVE-2026-1002"}, Severity: catalog.Critical, Modified: time.Date(2026, 2, 2, 0, 0, 0, 5e8, time.UTC),
					Fixes: []catalog.Fix{{Package: catalog.Package{Ecosystem: "Debian:12", Name: "tortoise"}}}},
			}, b.Advisories)
		})
	}
}

// Nothing is left in the folder of temporary files.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f := feed(t, file(t, whole(t)))
	for range 2 {
		_, err := f.Fetch(t.Context())
		require.NoError(t, err)
	}
	_, err := read(t, []byte("PK broken"))
	require.Error(t, err)
	left, err := filepath.Glob(filepath.Join(dir, "patchpolicy-feed-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFolderChanges(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.json"), []byte(dsa), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "b.json")), "links are not followed")
	f := feed(t, dir)
	for _, unchanged := range []bool{false, true} {
		b, err := f.Fetch(t.Context())
		require.NoError(t, err)
		require.Equal(t, unchanged, b.Unchanged)
		require.Empty(t, b.Rejected)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.json"), []byte(tracker), 0o600))
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Advisories, 2)
}

func TestNewRefuses(t *testing.T) {
	for want, ecosystems := range map[string][]string{"no ecosystem": nil, `the ecosystem "PyPI"`: {"Debian:12", "PyPI"}, `the ecosystem ""`: {""}} {
		_, err := New("osv", "/x", ecosystems, Options{})
		require.ErrorContains(t, err, want)
	}
}

// A document that is not whole is refused whole (CAT-18).
func TestBrokenDocuments_CAT18(t *testing.T) {
	data := whole(t)
	for n := range 20 {
		_, err := read(t, data[:len(data)*n/20])
		require.ErrorContains(t, err, "no document of advisories", n)
	}
	for at := 60; at < 110; at++ { // in the packed bytes of the first record
		broken := bytes.Clone(data)
		broken[at] ^= 0x55
		_, err := read(t, broken)
		require.Error(t, err, at)
	}
	for _, text := range []string{"", "{}", "<html>", "[", "[" + dsa, "[" + dsa + ",", string(list(dsa)) + "x", "[" + dsa + "]]", "[{]"} {
		_, err := read(t, []byte(text))
		require.ErrorContains(t, err, "no document of advisories", text)
	}
	b, err := read(t, []byte("[]"))
	require.NoError(t, err)
	require.Empty(t, b.Advisories)
}

// A name in an archive is no path: what counts are ids (CAT-16).
func TestDuplicates_CAT16(t *testing.T) {
	b, err := read(t, archive(t, [2]string{"a.json", dsa}, [2]string{"a.json", tracker}, [2]string{"b.json", dsa}))
	require.NoError(t, err)
	require.Len(t, b.Advisories, 2)
	require.Len(t, b.Rejected, 1)
	require.Equal(t, "record b.json", b.Rejected[0].Record)
	require.Contains(t, b.Rejected[0].Reasons[0], "duplicate id")
}

// The catalog refuses an older copy, and a date in the future does not block
// the feed (CAT-2).
func TestOlderCopy_CAT2(t *testing.T) {
	record := func(id, modified string) string {
		return strings.NewReplacer("DEBIAN-CVE-2026-1002", id, "2026-02-02T00:00:00.5Z", modified).Replace(tracker)
	}
	sync := func(prev *catalog.Snapshot, records ...string) (*catalog.Snapshot, catalog.FeedHealth) {
		b, err := read(t, list(records...))
		require.NoError(t, err)
		next, _ := catalog.Sync(prev, []catalog.Batch{b}, now)
		return next, next.Feeds()[0]
	}
	s, health := sync(nil, record("A-1", "2026-03-01T00:00:00Z"), record("A-2", "2099-01-01T00:00:00Z"))
	require.True(t, health.Healthy, health.Err)
	s, health = sync(s, record("A-1", "2026-02-28T00:00:00Z"))
	require.False(t, health.Healthy)
	_, health = sync(s, record("A-1", "2026-03-02T00:00:00Z"))
	require.True(t, health.Healthy, health.Err)
}

// A slow server costs no more than the caller's patience.
func TestSlowServer(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(whole(t)[:100])
		w.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	f, err := New("osv", server.URL, []string{"Debian:12"}, Options{Client: &http.Client{Timeout: 50 * time.Millisecond}})
	require.NoError(t, err)
	_, err = f.Fetch(t.Context())
	require.ErrorContains(t, err, "Timeout")
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(dsa))
	f.Add([]byte(tracker))
	f.Add([]byte(elsewhere))
	f.Add([]byte(`{"id":"x","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"a"},"ranges":[{"type":"SEMVER","events":[{"introduced":"2"},{"fixed":"1"},{"limit":"*"},{"introduced":"0"},{"last_affected":"1"}]}]}]}`))
	var p parser
	for _, e := range []string{"Debian:12", "npm", "Alpine:v3.20", "AlmaLinux:9"} {
		p.wanted = append(p.wanted, wanted{e, fmt.Appendf(nil, "%q", e)})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, problems := p.advisory(data)
		if len(problems) > 0 {
			return
		}
		if len(a.Fixes) > 0 && !p.mayName(data) {
			t.Fatal("a record that counts would have been passed over")
		}
		for _, fix := range a.Fixes {
			if !fix.Fixed.IsZero() && compare(fix.Introduced, fix.Fixed) >= 0 {
				t.Fatalf("an empty range: %+v", fix)
			}
		}
	})
}

// A batch of packages and one of advisories speak of the same packages, in the
// versions of the source: the catalog can join them (CAT-18).
func TestJoinsPatches_CAT18(t *testing.T) {
	osv, err := read(t, whole(t))
	require.NoError(t, err)
	product := catalog.Product{ID: "deb/bookworm/amd64/libhare1", Name: "libhare1", Platform: catalog.Linux, Scheme: version.Debian,
		Package: catalog.Package{Ecosystem: "Debian:12", Name: "hare"}}
	apt := catalog.Batch{Feed: "apt", Products: []catalog.Product{product}}
	for binary, source := range map[string]string{"3.1-1": "1:2.0-1", "3.1-1+b2": "1:2.0-1+deb12u1"} {
		apt.Patches = append(apt.Patches, catalog.Patch{ID: catalog.PatchID(string(product.ID) + "=" + binary), Product: product.ID, Version: debian(binary), Source: debian(source)})
	}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{apt, osv}, now)
	require.Empty(t, changes.Rejected)
	require.Len(t, changes.Added, 2)
	upgrade := func(from, to string) catalog.Verdict {
		return catalog.Verdict{Product: product.ID, Patch: catalog.PatchID(string(product.ID) + "=" + to), From: debian(from), To: debian(to)}
	}
	both := []string{"CVE-2026-1000", "CVE-2026-1001"}
	require.Equal(t, both, snapshot.Fixed(upgrade("3.1-1", "3.1-1+b2")))
	require.Equal(t, both, snapshot.Risk(upgrade("3.1-1", "3.1-1+b2"), now).Fixed)
	require.Empty(t, snapshot.Fixed(upgrade("3.0-1", "3.1-1")), "its source is before the fix")
	require.Empty(t, snapshot.Fixed(upgrade("3.1-1+b2", "3.1-1+b2")), "the installed build has the fix")

	osv.Advisories[0].Withdrawn = true
	snapshot, _ = catalog.Sync(snapshot, []catalog.Batch{apt, osv}, now)
	require.Empty(t, snapshot.Fixed(upgrade("3.1-1", "3.1-1+b2")))
}

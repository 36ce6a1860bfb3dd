package rpmfeed

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func sample(t testing.TB) *repo {
	r := newRepo(t, pkg("hare", "0", "1.0", "1", "x86_64"), pkg("hare", "0", "2.0", "1.el9", "x86_64"), pkg("hare", "0", "2.0", "1.el9", "i686"),
		pkg("data", "1", "3~rc1", "2", "noarch"), pkg("other", "0", "1", "1", "aarch64"), pkg("hare", "0", "2.0", "1.el9", "src"))
	r.updateinfo = update("ACME-2026:1", "security", "Important", []string{"CVE-2026-2", "CVE-2026-1"}, fixed("hare", "0", "2.0", "1.el9", "x86_64", "<reboot_suggested>True</reboot_suggested>")) +
		update("ACME-2026:2", "bugfix", "None", nil, fixed("gone", "0", "9", "1", "x86_64", ""), fixed("gone", "0", "9", "1", "i686", ""))
	return r.publish()
}

func TestConformance(t *testing.T) {
	for _, form := range []string{"", ".gz", ".xz", ".zst"} {
		t.Run(form, func(t *testing.T) {
			r := sample(t)
			r.form = form
			r.publish()
			catalogtest.TestFeed(t, func(*testing.T) catalog.Feed { return r.feed() })
		})
	}
	t.Run("not signed", func(t *testing.T) {
		r := sample(t)
		r.key = nil
		r.publish()
		catalogtest.TestFeed(t, func(*testing.T) catalog.Feed { return r.feed() })
	})
}

// Everything that a repository says of its packages is in the batch (CAT-5, CAT-6, CAT-17).
func TestBatch_CAT5_CAT6_CAT17(t *testing.T) {
	b := fetched(t, sample(t).feed())
	require.Empty(t, b.Rejected)
	require.Equal(t, today.Add(-time.Hour), b.Dated)
	require.Equal(t, []string{"rpm/baseos/"}, b.Names)
	require.Contains(t, b.Authority, "rpm:Acme by ")
	var ids []string
	for _, p := range b.Patches {
		ids = append(ids, string(p.ID))
		require.Equal(t, catalog.Pinned, p.Artifacts[0].Availability)
		require.Len(t, p.Artifacts[0].Digests, 1)
	}
	require.Equal(t, []string{"rpm/baseos/x86_64/hare=1.0-1", "rpm/baseos/x86_64/hare=2.0-1.el9", "rpm/baseos/i686/hare=2.0-1.el9", "rpm/baseos/x86_64/data=1:3~rc1-2"}, ids)
	hare := b.Patches[1]
	require.Equal(t, []string{"CVE-2026-1", "CVE-2026-2"}, hare.CVEs)
	require.Equal(t, catalog.High, hare.Severity)
	require.Equal(t, catalog.Security, hare.Class)
	require.True(t, hare.Reboot)
	require.Equal(t, time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC), hare.Published)
	require.True(t, strings.HasSuffix(hare.Artifacts[0].URL, "/os/Packages/hare-2.0-1.el9.x86_64.rpm"))
	require.Empty(t, b.Patches[2].CVEs, "another build: the advisory does not list it")
	require.Equal(t, catalog.Product{ID: "rpm/baseos/x86_64/data", Name: "data", Vendor: "Acme", Platform: catalog.Linux, Architecture: "x86_64", Channel: "baseos",
		Scheme: version.Rpm, Package: catalog.Package{Ecosystem: "baseos", Name: "data"}}, b.Products[2])
	require.Equal(t, catalog.Advisory{ID: "ACME-2026:2", Severity: catalog.Unrated, Published: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC), Modified: time.Date(2026, 5, 2, 10, 0, 0, 0, time.UTC),
		Fixes: []catalog.Fix{{Package: catalog.Package{Ecosystem: "baseos", Name: "gone"}, Fixed: version.MustParse(version.Rpm, "9-1")}}}, b.Advisories[1])
}

func TestUnchangedCostsOneConditionalRequest_CAT1(t *testing.T) {
	r := sample(t)
	f := r.feed()
	fetched(t, f)
	r.requests = nil
	notModified := 0
	r.answer = func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Header.Get("If-None-Match") != "" {
			notModified++
		}
		return false
	}
	b := fetched(t, f)
	require.True(t, b.Unchanged)
	require.Equal(t, today.Add(-time.Hour), b.Dated)
	require.Equal(t, []string{"repodata/repomd.xml"}, r.requests)
	require.Equal(t, 1, notModified)
}

// An older document is refused by the catalog, and the good one stays (CAT-2).
func TestOlderIsRefused_CAT2(t *testing.T) {
	r := sample(t)
	f := r.feed()
	s, _ := catalog.Sync(nil, []catalog.Batch{fetched(t, f)}, today)
	r.dated, r.primary = r.dated.Add(-time.Hour), pkg("hare", "0", "1.0", "1", "x86_64")
	r.publish()
	s, _ = catalog.Sync(s, []catalog.Batch{fetched(t, f)}, today)
	require.False(t, s.Feeds()[0].Healthy)
	require.Equal(t, 4, s.Feeds()[0].Patches)
}

func TestModulesAreLeftOut_CAT16(t *testing.T) {
	r := newRepo(t, pkg("node", "1", "10", "1.module", "x86_64"), pkg("node", "1", "12", "1.module", "x86_64"), pkg("node", "1", "9", "1", "x86_64"))
	r.modulesMD = "---\ndocument: modulemd\ndata:\n  artifacts:\n    rpms:\n    - node-1:10-1.module.x86_64\n    - \"node-1:12-1.module.x86_64\"\n...\n"
	r.updateinfo = update("M", "security", "Low", []string{"CVE-1"}, `<module name="node"/>`, fixed("node", "1", "12", "1.module", "x86_64", ""))
	b := fetched(t, r.publish().feed())
	require.Len(t, b.Patches, 1)
	require.Empty(t, b.Advisories)
	require.Equal(t, []catalog.Rejected{{Feed: "rpm:baseos", Record: "packages of modules",
		Reasons: []string{"2 packages, like node-1:12-1.module, are in modules: which stream an asset gets is not judged here"}}}, b.Rejected)
}

// Each bad record is left out with its reasons, and the others stay (CAT-16).
func TestBadRecords_CAT16(t *testing.T) {
	good := pkg("good", "0", "1", "1", "x86_64")
	sum := regexp.MustCompile("[0-9a-f]{64}").FindString(good)
	for name, c := range map[string]struct{ record, want string }{
		"name":       {pkg("a/b", "0", "1", "1", "x86_64"), `"a/b" is not a package name`},
		"no name":    {pkg("", "0", "1", "1", "x86_64"), `"" is not a package name`},
		"epoch":      {pkg("bad", "x", "1", "1", "x86_64"), "epoch"},
		"version":    {pkg("bad", "0", "", "1", "x86_64"), "the version is empty"},
		"characters": {pkg("bad", "0", "1$", "1", "x86_64"), "the version contains"},
		"arch":       {pkg("bad", "0", "1", "1", "X86"), `"X86" is not an architecture`},
		"size":       {strings.Replace(pkg("bad", "0", "1", "1", "x86_64"), `size package="1003"`, `size package="-1"`, 1), `"-1" is not the size of a file`},
		"checksum":   {strings.Replace(pkg("bad", "0", "1", "1", "x86_64"), `type="sha256"`, `type="sha"`, 1), "want sha256, sha384 or sha512"},
		"digest":     {strings.Replace(pkg("bad", "0", "1", "1", "x86_64"), `pkgid="YES">`, `pkgid="YES">x`, 1), "is not a sha256 digest"},
		"path":       {strings.Replace(pkg("bad", "0", "1", "1", "x86_64"), `href="Packages`, `href="../..`, 1), "leads out of the repository"},
		"extension":  {strings.Replace(pkg("bad", "0", "1", "1", "x86_64"), `.rpm"`, `.exe"`, 1), "does not end in the name of a .rpm"},
		"base":       {strings.Replace(pkg("bad", "0", "1", "1", "x86_64"), `<location `, `<location xml:base="file:///etc" `, 1), "want http or https"},
		"twice":      {strings.Replace(strings.Replace(good, "Packages/", "Elsewhere/", 1), `pkgid="YES">`+sum, `pkgid="YES">`+strings.Repeat("0", 64), 1), "listed twice with different digests"},
	} {
		t.Run(name, func(t *testing.T) {
			b := fetched(t, newRepo(t, c.record, good).publish().feed())
			require.Len(t, b.Patches, 1)
			require.Len(t, b.Rejected, 1)
			require.Contains(t, strings.Join(b.Rejected[0].Reasons, "; "), c.want)
		})
	}
	r := newRepo(t, good)
	r.updateinfo = update("", "security", "Low", nil, fixed("good", "0", "1", "1", "x86_64", "")) +
		update("CVE", "security", "Low", []string{strings.Repeat("x", 65)}, fixed("good", "0", "1", "1", "x86_64", "")) +
		update("V", "security", "Low", nil, fixed("good", "0", "$", "1", "x86_64", "")) +
		strings.Replace(update("D", "security", "Low", nil, fixed("good", "0", "1", "1", "x86_64", "")), "2026-05-01 10:00:00", "May Day", 1)
	b := fetched(t, r.publish().feed())
	require.Len(t, b.Rejected, 4)
	require.Empty(t, b.Advisories)
	require.Len(t, b.Patches, 1)
}

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"2026-05-01": "2026-05-01T00:00:00Z", "2026-05-01 10:11:12": "2026-05-01T10:11:12Z", "2026-05-01 10:11:12 UTC": "2026-05-01T10:11:12Z",
		"1539081600": "2018-10-09T10:40:00Z", "2026-05-01T10:00:00+02:00": "2026-05-01T08:00:00Z", "": "0001-01-01T00:00:00Z",
	} {
		at, err := date(text)
		require.NoError(t, err)
		require.Equal(t, want, at.Format(time.RFC3339), "%s", text)
	}
	for _, text := range []string{"yesterday", "7", "2026-13-01"} {
		_, err := date(text)
		require.Error(t, err, "%s", text)
	}
	for text, known := range map[string]bool{"1796086215": true, "1796086215.66": true, "9.1": false, "7": false, "20261130120000": false, "": false} {
		require.Equal(t, known, !instant(text).IsZero(), "%s", text)
	}
}

func TestMaxRejected_CAT16(t *testing.T) {
	var list []string
	for i := range fetch.MaxRejected + 50 {
		list = append(list, pkg("bad", "0", fmt.Sprintf("%d$", i), "1", "x86_64"))
	}
	b := fetched(t, newRepo(t, append(list, pkg("good", "0", "1", "1", "x86_64"))...).publish().feed())
	require.Len(t, b.Rejected, fetch.MaxRejected+1)
	require.Equal(t, "50 more records", b.Rejected[fetch.MaxRejected].Record)
}

package e2e

import (
	archivezip "archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// world of facts: an RPM repository and documents about its one update.
const (
	hare       = "rpm/AlmaLinux:9/x86_64/hare"
	primaryXML = `<metadata packages="1"><package type="rpm"><name>hare</name><arch>x86_64</arch><version epoch="0" ver="2" rel="1"/>
<checksum type="sha256">%064d</checksum><summary>s</summary><size package="9"/><location href="hare-2-1.x86_64.rpm"/></package></metadata>`
	repomdXML = `<repomd><revision>%d</revision><data type="primary"><checksum type="sha256">%x</checksum><location href="repodata/primary.xml"/><size>%d</size></data></repomd>`
	osvRecord = `[{"id": "ALSA-1", "modified": %q, "aliases": ["CVE-2026-1000"], "database_specific": {"severity": "high"}, "affected": [{"package": {"ecosystem": "AlmaLinux:9",
"name": "hare"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2-1"}]}]}]}]`
	kevList  = `{"dateReleased": %q, "count": 1, "vulnerabilities": [{"cveID": "CVE-2026-1000", "dateAdded": "2026-02-01", "dueDate": "2026-02-22"}]}`
	ssvcCVE  = `{"cveMetadata": {"cveId": "CVE-2026-1000"}, "containers": {"adp": [{"metrics": [{"other": {"type": "ssvc", "content": {"timestamp": %q, "options": [{"Automatable": "yes"}]}}}]}]}}`
	epssList = "#model_version:v1,score_date:%s\ncve,epss,percentile\nCVE-2026-1000,0.94321,0.99\n"
	eolList  = `{"generated_at": %q, "result": {"releases": [{"name": "1", "isEol": true, "eolFrom": "2026-01-01"}]}}`
)

// facts serves the documents.
type facts struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (f *facts) set(path string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[path] = data
}

func (f *facts) get(path string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[path]
}

func (f *facts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if data := f.get(r.URL.Path); data != nil {
		_, _ = w.Write(data)
		return
	}
	http.NotFound(w, r)
}

func newFacts(t *testing.T, at time.Time) *facts {
	dated := at.UTC().Format(time.RFC3339)
	f := &facts{files: map[string][]byte{}}
	primary := fmt.Appendf(nil, primaryXML, 7)
	f.set("/os/repodata/primary.xml", primary)
	f.set("/os/repodata/repomd.xml", fmt.Appendf(nil, repomdXML, at.Unix(), sha256.Sum256(primary), len(primary)))
	f.set("/osv.json", fmt.Appendf(nil, osvRecord, dated))
	f.set("/kev.json", fmt.Appendf(nil, kevList, dated))
	f.set("/epss.csv", fmt.Appendf(nil, epssList, dated))
	f.set("/eol.json", fmt.Appendf(nil, eolList, dated))
	var archive bytes.Buffer
	z := archivezip.NewWriter(&archive)
	w, err := z.Create("CVE-2026-1000.json")
	require.NoError(t, err)
	_, err = fmt.Fprintf(w, ssvcCVE, dated)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	f.set("/ssvc.zip", archive.Bytes())
	return f
}

// Facts of every feed reach the answers, and go when their source is cut off or
// stale: they are unknown then, which never reads as "no".
func TestFactsOfEveryFeed_CAT1_CAT2_CAT11_CAT18(t *testing.T) {
	t.Parallel()
	f := newFacts(t, time.Now().Add(-time.Hour))
	site := httptest.NewServer(f)
	t.Cleanup(site.Close)
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "server"), apt: t.TempDir(), patience: patience, wire: newWire(t), more: []string{
		"--feed-rpm", site.URL + "/os unsigned AlmaLinux:9 x86_64", "--feed-osv", site.URL + "/osv.json AlmaLinux:9", "--feed-kev", site.URL + "/kev.json",
		"--feed-ssvc", site.URL + "/ssvc.zip", "--feed-epss", site.URL + "/epss.csv", "--feed-eol", site.URL + "/eol.json " + hare, "--grant", "eol lines " + hare}}
	output(t, program(t, "server"), "init", "--dir", s.dir)
	s.start()
	s.synced()
	reports(t, s, "web-1", hare, "1-1")

	const cve, other = "CVE-2026-1000", "CVE-2026-4242"
	show := func(id string) catalog.Vulnerability {
		return ask[adminhttp.Shown](s, "catalog", "show", id).Vulnerability.Facts
	}
	unheard := func() {
		_, text, err := try(t, program(t, "server"), "catalog", "show", other, "--server", "http://"+s.addr, "--admin-token", filepath.Join(s.dir, "admin.token"))
		require.Error(t, err, "what no good feed speaks of is not known")
		require.Contains(t, text, "is known")
	}
	missing := func(args ...string) int {
		return len(ask[[]controller.MissingOn](s, append([]string{"report", "missing", "web-1"}, args...)...))
	}
	known := show(cve)
	require.Equal(t, []catalog.Answer{catalog.Yes, catalog.Yes}, []catalog.Answer{known.Exploited, known.Automatable})
	require.EqualValues(t, 943_210, known.Probability)
	require.Equal(t, catalog.No, show(other).Exploited, "the list is complete")
	require.Equal(t, 1, missing("--cve", cve, "--exploited", "--severity", "high"))
	require.Zero(t, missing("--cve", other))
	require.Len(t, ask[adminhttp.Shown](s, "catalog", "show", hare).Product.Product.Lines, 1)
	ended := ask[[]adminhttp.EndOfLife](s, "catalog", "eol")
	require.Len(t, ended, 1)
	require.Equal(t, 1, ended[0].Assets)

	// Each source is cut off: its fetch fails, its data stays, and its facts are
	// unknown.
	for _, path := range []string{"/kev.json", "/ssvc.zip", "/epss.csv", "/osv.json", "/eol.json", "/os/repodata/repomd.xml"} {
		whole := f.get(path)
		f.set(path, whole[:len(whole)-8])
	}
	for _, status := range s.sync() {
		require.False(t, status.Healthy, "%s", status.Feed)
		require.Contains(t, status.Err, site.URL, "%s", status.Feed)
	}
	unknown := show(cve)
	require.Zero(t, unknown.Exploited, "unknown, and neither yes nor no")
	require.Zero(t, unknown.Automatable)
	require.Zero(t, unknown.Probability)
	unheard()
	require.Zero(t, missing("--exploited"), "nothing is known to be exploited")
	require.Equal(t, 1, missing(), "the patch stays")
	require.Len(t, ask[adminhttp.Shown](s, "catalog", "show", hare).Product.Product.Lines, 1)

	// The sources are whole again, and one states a date that is too old.
	s.p.stop()
	f.mu.Lock()
	f.files = newFacts(t, time.Now().Add(-time.Minute)).files
	f.mu.Unlock()
	s.more = append(s.more, "--feed-max-age", "kev=1s")
	s.start()
	s.synced()
	require.Zero(t, show(cve).Exploited, "the list of exploited ones is stale")
	unheard()
	require.Equal(t, catalog.Yes, show(cve).Automatable, "the others are not")
	require.Zero(t, missing("--exploited"))
}

// reports enrols an asset, which has one package.
func reports(t *testing.T, s *server, name job.AssetID, product catalog.ProductID, rpm string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	config := agenthttp.Config{Server: "http://" + s.addr, Asset: name, Key: key}
	_, config.Trust, err = agenthttp.Enrol(t.Context(), config, manifest.Enrolment{Token: s.token(), Platform: catalog.Linux, Architecture: "x86_64"}, "")
	require.NoError(t, err)
	client, err := agenthttp.NewClient(config)
	require.NoError(t, err)
	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: product, Version: version.MustParse(version.Rpm, rpm)}})
	require.NoError(t, err)
	in := manifest.CheckIn{Asset: name, Zone: "UTC", At: time.Now(), Call: 1, Digest: inventory.Digest(), Inventory: &inventory}
	_, err = client.CheckIn(t.Context(), in)
	require.NoError(t, err)
}

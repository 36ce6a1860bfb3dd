package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/cli"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
)

const kevFile = `{"title": "T", "catalogVersion": "2026.03.01", "dateReleased": "2026-03-01T17:04:19Z", "count": 1, "vulnerabilities": [{"cveID": "CVE-2026-1000",
	"vendorProject": "Acme", "product": "Editor", "dateAdded": "2026-02-01", "dueDate": "2026-02-22", "knownRansomwareCampaignUse": "Known", "cwes": []}]}`

// What the catalog knows, and what of it is missing where.
func TestCatalogAtTheCommandLine_CAT18_CAT11_RPT3(t *testing.T) {
	kev := filepath.Join(t.TempDir(), "kev.json")
	require.NoError(t, os.WriteFile(kev, []byte(kevFile), 0o600))
	feed := strings.NewReplacer(`"scheme": "semver"`, `"scheme": "semver", "lines": [{"prefix": "1", "eol": "2026-01-01"}, {"prefix": "2", "eol": "2999-01-01"}]`,
		`"version"`, `"severity": "high", "cves": ["CVE-2026-1000", "CVE-2026-2"], "version"`).Replace(feedFile)
	d := openFrom(t, feed, serve.Sources{KEV: kev})
	d.ok("", "catalog sync")
	d.ok("", "sync", "nothing new")
	d.ok("", "report feeds", "2026-03-01T17:04:19Z  0        1      0")

	// Products, patches, vulnerabilities.
	d.ok("", "catalog search EDIT", "editor-2", "high", "2, like CVE-2026-1000")
	d.ok("", "catalog search cve-2026-1000 --limit 1", "editor-2", "more: --after editor-2")
	require.NotContains(t, d.ok("", "catalog search cve-2026-1000 --after editor-2"), "editor-2")
	d.ok("", "catalog show editor", "newest          editor-2", "line 1          ends 2026-01-02T00:00:00Z", "LISTED", "2.0.0")
	d.ok("", "catalog show editor-2", "Pinned http://vendor.example/editor.bin", "CVE-2026-1000", "2026-02-23T00:00:00Z", "the patch itself")
	d.ok("", "catalog show cve-2026-1000", "exploited            yes", "ransomware           yes", "automatable          -", "kev, read", "dated 2026-03-01", "editor-2")
	d.ok("", "catalog show CVE-2026-5", "exploited            no")
	_, stderr, code := d.run("", "catalog show nothing")
	require.Equal(t, cli.ExitFailed, code)
	require.Contains(t, stderr, `"nothing" is known; see "server catalog search TEXT"`)

	// What is missing where, and what ends.
	one := enrol(d, "web-1", strings.TrimSpace(d.ok("", "token create")))
	one.has("editor", "1.0.0")
	d.ok("", "catalog eol", "2026-01-02T00:00:00Z", "yes    1")
	require.NotContains(t, d.ok("", "catalog eol"), "2999")
	d.ok("", "catalog eol --days 36500", "editor")
	d.ok("", "report missing web-1", "high", "2, like CVE-2026-1000", "yes")
	d.ok("", "report missing web-1 --severity high --exploited --cve CVE-2026-2 --patch editor-2 --full", "CVE-2026-1000,CVE-2026-2")
	d.ok("", "why web-1 CVE-2026-2", "CVE-2026-2: editor-2 on web-1; it can be installed: not as things stand", "JOB-7", "There is no job.")

	// What is overdue, why, and what is excepted.
	d.ok("", "report due", "1 asset with an inventory (0 without): 1 overdue, 0 due within 3 days, 1 open", "noJob  1", "CVE-2026-1000")
	d.ok("", "report due web-1", "overdue  noJob", "editor-2", "CVE-2026-2")
	d.ok("", "asset expose web-1 no", "exposed: no")
	d.ok("", "asset show web-1", "exposed    no")
	d.ok("", "exception add CVE-2026-1000 --asset web-1 --owner alice --reason printing --for 24h", "excepted until")
	d.ok("", "exception list", "CVE-2026-1000  web-1", "alice  printing")
	d.ok("", "report due web-1", "excepted  -")
	d.ok("", "exception end CVE-2026-1000 --asset web-1", "ended")
	d.ok("", "asset expose web-1 unknown", "exposed: unknown")
	d.ok("", "report missing", "missing patches: 1, on 1 asset", "SEVERITY", "2, like CVE-2026-1000")
	d.ok("", "report missing --by cve", "vulnerabilities that missing patches fix: 2", "CVE-2026-1000  -         yes        1", "CVE-2026-2     -         no         1")
	d.ok("", "report missing --by cve --cve CVE-2026-2", "fix: 1, on")
	for _, filter := range []string{"--severity critical", "--cve CVE-2026-3", "--patch editor-3"} {
		require.NotContains(t, d.ok("", "report missing web-1 "+filter), "editor-2", filter)
		d.ok("", "report missing "+filter, "missing patches: 0")
	}

	// What a sync changes.
	d.ok("", "catalog diff", "listed  editor-2")
	feed = strings.Replace(feed, `"id": "editor-2"`, `"id": "editor-2b"`, 1)
	feed = strings.Replace(feed, `"patches": [`, `"patches": [{"id": "a", "product": "editor", "version": "debian:1"}, {"id": "b", "product": "editor", "version": "debian:1"},`, 1)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(d.dir), "patches.json"), []byte(feed), 0o600))
	d.ok("", "catalog sync", "1 added, 1 removed, 2 records rejected", "added    editor-2b", "removed  editor-2", "patches.json  2         patch a")
	d.ok("", "catalog diff", "listed  editor-2b", "left    editor-2 ")

	for _, line := range []string{"sync", "search editor", "show editor", "diff", "eol"} {
		require.True(t, json.Valid([]byte(d.ok("", "catalog "+line+" --json"))), line)
	}
	var missing []struct {
		Patch, Severity, Exploited string
		Deployable                 bool
		CVEs                       []string
	}
	require.NoError(t, json.Unmarshal([]byte(d.ok("", "report missing web-1 --json")), &missing))
	require.Len(t, missing, 1)
	require.Equal(t, "yes", missing[0].Exploited)
	require.True(t, missing[0].Deployable)

	// What changes in what it has.
	change := func(old, now string) {
		feed = strings.Replace(feed, old, now, 1)
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(d.dir), "patches.json"), []byte(feed), 0o600))
		d.ok("", "catalog sync")
	}
	require.NoError(t, os.WriteFile(kev, []byte(strings.NewReplacer("2026-02-22", "2026-03-22", "2026-03-01T", "2026-03-02T").Replace(kevFile)), 0o600))
	change(`"severity": "high"`, `"severity": "critical"`)
	d.ok("", "catalog diff --full", "changed  editor-2b", "severity: high → critical", "changed  CVE-2026-1000", "due: 2026-02-23T00:00:00Z → 2026-03-23T00:00:00Z")
	change(`{"prefix": "2", "eol": "2999-01-01"}`, `{"prefix": "2", "eol": true}`)
	d.ok("", "catalog diff --full", "changed  editor", "end of life of line 2: 2999-01-02T00:00:00Z → ended")
	change(`"severity": "critical"`, `"severity": "critical", "eol": "2020-01-01"`)
	d.ok("", "catalog diff --full", "lifecycle: Active → Deprecated", "end of life: - → 2020-01-02T00:00:00Z")
	require.NoError(t, os.WriteFile(kev, []byte("{"), 0o600))
	change(`"severity": "critical"`, `"severity": "low"`)
	d.ok("", "catalog diff --full", "severity: critical → low")
	change(`"severity": "low"`, `"severity": "low", "class": "security"`)
	d.ok("", "catalog diff --full", "class: - → security")
}

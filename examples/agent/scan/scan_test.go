package scan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func needTools(t *testing.T) {
	t.Helper()
	need(t, "apt", "apt-get", "apt-ftparchive", "gpg", "dpkg")
}

// A patch that needs something of a repository this agent does not trust is not
// deployable, and what apt offers from there is explained (CAT-9, CAT-15).
func TestUntrustedRepository_CAT15(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "")
	s.install("needy", "1", "").offer("bookworm", "needy", "2", "Depends: partner (>= 2)")
	s.install("partner", "1", "").offer("untrusted", "partner", "2", "")
	s.update()
	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	agree(t, r, upgradable(t, s.conf, "amd64"))
	require.Len(t, r.Rows, 3)
	require.Equal(t, "needy", r.Rows[0].Package)
	require.Equal(t, catalog.DependencyUnmet, r.Rows[0].Reasons[0].Code)
	require.Equal(t, "needy 2 needs partner at 2, which is not deployable.", r.Rows[0].Reasons[0].Text)
	require.Equal(t, "partner", r.Rows[1].Package)
	require.Equal(t, catalog.UnknownPatch, r.Rows[1].Reasons[0].Code)
	require.Contains(t, r.Rows[1].Reasons[0].Text, "trusted=yes is refused")
	require.Nil(t, r.Rows[1].Feed)
	require.True(t, r.Rows[2].Deployable)
	require.Len(t, r.Notes, 1)
	require.Contains(t, r.Notes[0], "trusted=yes is refused")
	healthy := 0
	for _, f := range r.Feeds {
		if f.Healthy {
			healthy++
		}
	}
	require.Equal(t, 1, healthy)
}

// Lists that were altered on disk count for nothing.
func TestTamperedLists_CAT1(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "")
	s.install("other", "1", "").offer("bookworm-security", "other", "2", "")
	s.update()
	files, err := filepath.Glob(filepath.Join(s.root, "var/lib/apt/lists/*security*_Packages*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.Remove(files[0])) // it may be a link into the repository
	require.NoError(t, os.WriteFile(files[0], bytes.Replace(data, []byte("Version: 2"), []byte("Version: 3"), 1), 0o600))
	now := time.Now().Add(time.Minute) // apt knows a changed list by its time, to the second
	require.NoError(t, os.Chtimes(files[0], now, now))
	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	require.Len(t, r.Notes, 1)
	require.Contains(t, r.Notes[0], "the Release file promises")
	agree(t, r, upgradable(t, s.conf, "amd64"))
	require.Len(t, r.Rows, 2)
	require.Equal(t, "other", r.Rows[0].Package)
	require.Equal(t, catalog.UnknownPatch, r.Rows[0].Reasons[0].Code)
	require.Contains(t, r.Rows[0].Reasons[0].Text, "the Release file promises")
	require.True(t, r.Rows[1].Deployable)
}

func TestExpiredListsSaySo_CAT2(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "")
	s.release = []string{"ValidTime=3600"}
	s.update()
	later := func() time.Time { return time.Now().Add(2 * time.Hour) }
	r, err := Run(t.Context(), Config{Root: s.root, Now: later})
	require.NoError(t, err)
	require.Contains(t, r.Notes[0], "it was valid until")
	require.False(t, r.Rows[0].Deployable)
	r, err = Run(t.Context(), Config{Root: s.root, Now: later, IgnoreValidUntil: true})
	require.NoError(t, err)
	require.Empty(t, r.Notes)
	require.True(t, r.Rows[0].Deployable)
}

func TestNoListsSayWhatToDo(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "")
	s.update()
	require.NoError(t, os.RemoveAll(filepath.Join(s.root, "var/lib/apt/lists")))
	_, err := Run(t.Context(), Config{Root: s.root})
	require.ErrorContains(t, err, `run "apt-get update" first`)
	_, err = Run(t.Context(), Config{Root: t.TempDir()})
	require.Error(t, err, "no Debian system at all")
}

// A scan leaves the system byte for byte as it was, and a cancelled one ends.
func TestScanOnlyReads(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "").install("grows", "1", "").offer("bookworm", "grows", "2", "Depends: newcomer").offer("bookworm", "newcomer", "1", "")
	s.update()
	before := tree(t, s.root)
	_, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	require.Equal(t, before, tree(t, s.root))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Run(ctx, Config{Root: s.root})
	require.ErrorIs(t, err, context.Canceled)
}

// tree lists every file with its size and time.
func tree(t *testing.T, root string) map[string]string {
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		all[path] = info.ModTime().String() + info.Mode().String()
		return err
	}))
	return all
}

func TestReportAsJSONAndTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Report{}.JSON(&out))
	require.Equal(t, "[]\n", out.String())
	one, err := version.Parse(version.Debian, "1")
	require.NoError(t, err)
	r := Report{Snapshot: 1, Feeds: make([]catalog.FeedHealth, 2), Rows: []Row{
		{Package: "a", Architecture: "amd64", Installed: one.String(), Available: "2", Severity: catalog.High, CVEs: []string{"CVE-2026-1", "CVE-2026-2"},
			Exploited: catalog.Yes, Deployable: true, Reasons: []catalog.Reason{catalog.NewReason(catalog.Upgrade, "1", "2", "It can.")}, Snapshot: 1},
		{Package: "b", Architecture: "i386", Installed: "1", Available: "2", Reasons: []catalog.Reason{catalog.NewReason(catalog.Held, "1", "2", "It is held.")}, Snapshot: 1},
	}}
	out.Reset()
	require.NoError(t, r.JSON(&out))
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &rows))
	require.Len(t, rows, 2)
	for _, field := range []string{"package", "architecture", "installed", "available", "deployable", "reasons"} {
		require.Contains(t, rows[0], field)
	}
	require.Equal(t, []any{"high", "yes"}, []any{rows[0]["severity"], rows[0]["exploited"]})
	require.NotContains(t, rows[1], "exploited", "not known is not no (CAT-18)")
	require.Equal(t, map[string]any{"code": "Held", "rule": "CAT-5", "have": "1", "want": "2", "text": "It is held."}, rows[1]["reasons"].([]any)[0])
	out.Reset()
	require.NoError(t, r.Table(&out))
	require.Equal(t, strings.TrimLeft(`
PACKAGE  INSTALLED  AVAILABLE  SEVERITY  CVES          EXPLOITED  DEPLOYABLE  RULE   WHY
a:amd64  1          2          high      2 CVE-2026-1  yes        yes         CAT-3  It can.
b:i386   1          2          -         -             -          no          CAT-5  It is held.
2 missing, of these 1 deployable; catalog snapshot 1 of 2 feeds.
`, "\n"), out.String())
}

// A row has what the catalog's advisories say of the upgrade, and no more
// (CAT-18).
func TestRowShowsWhatAnUpgradeFixes_CAT18(t *testing.T) {
	v := func(text string) version.Version {
		parsed, err := version.Parse(version.Rpm, text)
		require.NoError(t, err)
		return parsed
	}
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	pkg := catalog.Package{Ecosystem: "rpm/base", Name: "p"}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{{
		Feed: "rpm:base", At: now,
		Products:   []catalog.Product{{ID: "p", Name: "p", Platform: catalog.Linux, Scheme: version.Rpm, Package: pkg}},
		Patches:    []catalog.Patch{{ID: "p-2", Product: "p", Version: v("2-1"), Artifacts: []catalog.Artifact{{Name: "p.rpm", Availability: catalog.Repository}}}},
		Advisories: []catalog.Advisory{{ID: "A-1", CVEs: []string{"CVE-2026-1"}, Severity: catalog.Critical, Fixes: []catalog.Fix{{Package: pkg, Fixed: v("2-1")}}}},
	}}, now)
	require.Empty(t, changes.Rejected)
	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "p", Version: v("1-1")}})
	require.NoError(t, err)
	missing := snapshot.Missing(inventory, catalog.Options{}, now)
	require.Len(t, missing, 1)
	r := rowOf(snapshot, missing[0], "p", "x86_64", now)
	require.Equal(t, catalog.Critical, r.Severity)
	require.Equal(t, []string{"CVE-2026-1"}, r.CVEs)
	require.Zero(t, r.Exploited, "no feed says whether it is exploited")
}

// A keyring that cannot be used is no all-clear: the scan says so, counts the
// feed, and still explains what apt offers (CAT-15).
func TestUnusableKeyring_CAT15(t *testing.T) {
	needTools(t)
	for name, content := range map[string]string{"missing": "", "empty": "\n", "a web page": "<html>404</html>\n"} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t)
			s.install("plain", "1", "").offer("bookworm", "plain", "2", "")
			s.update()
			if content != "" {
				s.write("usr/share/keyrings/x.gpg", content)
			}
			list, err := os.ReadFile(filepath.Join(s.root, "etc/apt/sources.list"))
			require.NoError(t, err)
			s.write("etc/apt/sources.list", strings.Replace(string(list), "deb ", "deb [signed-by=/usr/share/keyrings/x.gpg] ", 1))
			r, err := Run(t.Context(), Config{Root: s.root})
			require.NoError(t, err)
			require.Equal(t, 1, r.Failed)
			require.Len(t, r.Notes, 1)
			require.Contains(t, r.Notes[0], "x.gpg")
			require.Len(t, r.Rows, 1)
			require.False(t, r.Rows[0].Deployable)
			require.Equal(t, catalog.UnknownPatch, r.Rows[0].Reasons[0].Code)
		})
	}
}

// What an interrupted dpkg left speaks for itself alone: one row, and the
// others are deployable. Packages that wait for triggers are installed.
func TestLeftovers_CAT3(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "Depends: awaited (>= 2)")
	for _, state := range []string{"triggers-awaited", "triggers-pending", "half-installed", "unpacked", "half-configured"} {
		name := strings.TrimPrefix(state, "triggers-")
		flag := ""
		if state == "half-installed" {
			flag = "reinstreq"
		}
		s.install(name, "1", "")
		text := s.status.String()
		at := strings.LastIndex(text, "install ok installed")
		s.status.Reset()
		s.status.WriteString(text[:at] + "install " + cmp.Or(flag, "ok") + " " + state + text[at+len("install ok installed"):])
		s.offer("bookworm", name, "2", "")
	}
	s.update()
	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	agree(t, r, upgradable(t, s.conf, "amd64"))
	got := map[string]string{}
	for _, row := range r.Rows {
		require.NotContains(t, got, row.Package)
		got[row.Package] = fmt.Sprint(row.Reasons[0].Code)
	}
	require.Equal(t, map[string]string{"plain": "Upgrade", "awaited": "Upgrade", "pending": "Upgrade",
		"half-installed": "NotInstalled", "unpacked": "NotInstalled", "half-configured": "NotInstalled"}, got)
}

// An upgrade that dpkg did not finish is still missing, as on the server: the
// installed version is the one that worked last, and the verdict says more.
func TestUnfinishedUpgradeIsMissing_JOB17(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("redo", "2", "").offer("bookworm", "redo", "2", "")
	text := s.status.String()
	at := strings.LastIndex(text, "install ok installed")
	s.status.Reset()
	s.status.WriteString(text[:at] + "install ok half-configured\nConfig-Version: 1" + text[at+len("install ok installed"):])
	s.update()
	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	require.Len(t, r.Rows, 1)
	row := r.Rows[0]
	require.Equal(t, []any{"1", "2", true}, []any{row.Installed, row.Available, row.Deployable})
	require.Equal(t, catalog.Unfinished, row.Reasons[1].Code)
	require.Contains(t, row.Reasons[1].Text, "left redo half-configured at version 2.")
}

// Without a codename in os-release the channel is the one of the distribution's
// lists.
func TestSystemWithoutCodename_CAT17(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.publish("aptly", suite{repository: "aptly", origin: "Aptly"})
	s.install("plain", "1", "").offer("sid", "plain", "2", "").offer("aptly", "plain", "1.5", "")
	s.write("etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux sid\"\n")
	s.update()
	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	require.Len(t, r.Rows, 1)
	require.True(t, r.Rows[0].Deployable)
	require.Equal(t, catalog.PatchID("deb/sid/amd64/plain=2"), r.Rows[0].Patch)
}

// What cannot be read is in the answer, and so is what apt warns of: no silent
// all-clear (CAT-15).
func TestUnreadableRecordIsNoted_CAT15(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "").install("broken", "1~%", "")
	s.update()
	sources, err := os.ReadFile(filepath.Join(s.root, "etc/apt/sources.list"))
	require.NoError(t, err)
	s.write("etc/apt/sources.list", string(sources)+string(sources))
	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	require.Equal(t, 1, r.LeftOut)
	require.ErrorContains(t, r.Complete(), "unreadable records of the package database: 1")
	require.Contains(t, strings.Join(r.Notes, "\n"), "its record cannot be read: broken:amd64")
	require.Contains(t, strings.Join(r.Notes, "\n"), "is configured multiple times")
}

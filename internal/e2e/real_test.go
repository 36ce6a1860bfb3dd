package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
)

// A real Debian root at main's versions is updated from the security and
// updates suites. By dpkg's account every package ends at the promised version,
// and nothing is added, removed or left broken. Apt finds nothing more to
// upgrade. The server's results are those of the agent's journal.
func TestRealDebianRoot_CAT3_JOB8_JOB16_JOB18_MAN6(t *testing.T) {
	need(t, debroot.MissingReal())
	t.Parallel()
	sources := machineSources(t)
	need(t, unreachable(t, sources))
	root := filepath.Join(t.TempDir(), "root")
	require.NoError(t, debroot.Real(t.Context(), root))
	for _, file := range []string{"sources.list", "sources.list.d"} {
		require.NoError(t, os.RemoveAll(filepath.Join(root, "etc/apt", file)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/apt/sources.list"), []byte(strings.Join(sources, "\n")+"\n"), 0o644))
	before := installed(t, root)
	require.Empty(t, audit(t, root))
	upgradable := aptUpgradable(t, root)
	t.Logf("%d packages; apt would upgrade %d", len(before), len(upgradable))

	s := newServer(t, filepath.Join(root, "etc/apt"))
	s.patience = longPatience
	a := enrol(s, "debian", root)
	a.every = 20 * time.Second // much more than it takes to ask apt for the pins of a real root
	a.start()
	s.knows(a.name)
	s.synced()
	promised := promises(t, s, a.name)
	require.NotEmpty(t, promised, "something must be missing: the root is at main's versions")
	kept := maps.Clone(promised) // what apt keeps back because it would add or remove a package: the asset must refuse it (CAT-3)
	for name, v := range upgradable {
		require.Equal(t, v, promised[name], "apt and the catalog agree on %s", name)
		delete(kept, name)
	}

	s.job("everything", a.name)
	result := s.ended(s.enable("everything"))
	a.idle()
	agree(t, a, result)
	end := job.Completed
	if len(kept) > 0 {
		end = job.CompletedWithFailures
	}
	require.Equal(t, end.String(), result.Result.String(), result.Text)
	ordered, want := map[string]string{}, maps.Clone(before)
	for _, p := range result.Patches {
		t.Logf("%s %s -> %s: %s %s", p.Name, p.From, p.To, p.Status, p.Code)
		ordered[p.Name] = p.To.String()
		require.Equal(t, before[p.Name], p.From.String())
		if kept[p.Name] != "" {
			require.Equal(t, job.PatchFailed.String(), p.Status.String(), "%s: %s", p.Patch, p.Text)
			continue
		}
		require.Equal(t, job.Succeeded.String(), p.Status.String(), "%s: %s", p.Patch, p.Text)
		require.Equal(t, "INT-2", p.Rule, "a .deb carries no signature: its checksum decides")
		require.Equal(t, promised[p.Name], p.Now.String())
		want[p.Name] = promised[p.Name]
	}
	require.Equal(t, promised, ordered, "everything that was promised was ordered, and nothing else")
	require.NotEqual(t, before, want, "something was deployed")
	require.Equal(t, want, installed(t, root), "no package was added or removed, and those deployed are at their versions")
	require.Empty(t, audit(t, root))
	require.Empty(t, aptUpgradable(t, root))
	require.Equal(t, kept, promises(t, s, a.name))
	require.False(t, exists(root, "usr/sbin/policy-rc.d"), "nothing was left behind")

	if len(kept) > 0 {
		return
	}
	// The same job again finds nothing to do.
	s.job("again", a.name)
	require.Equal(t, job.NotApplicable.String(), s.ended(s.enable("again")).Result.String())
}

// machineSources returns one-line entries of main of this machine's own
// release, and of its security and updates suites, from this machine's apt
// configuration. The root's own keys verify them.
func machineSources(t *testing.T) (lines []string) {
	t.Helper()
	own, err := debroot.Own(t.Context())
	require.NoError(t, err)
	out := output(t, "apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages")
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 3 || f[2] != "main" || !slices.Contains([]string{own.Suite, own.Suite + "-updates", own.Suite + "-security"}, f[1]) {
			continue
		}
		if entry := fmt.Sprintf("deb %s %s main", f[0], f[1]); !slices.Contains(lines, entry) {
			lines = append(lines, entry)
		}
	}
	require.NotEmpty(t, lines)
	return lines
}

// unreachable returns which repository does not answer; empty: all do.
func unreachable(t *testing.T, sources []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, entry := range sources {
		f := strings.Fields(entry)
		if !strings.HasPrefix(f[1], "http") {
			continue
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, f[1]+"dists/"+f[2]+"/InRelease", nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Sprintf("the repository of %s, which this machine's apt is configured with, cannot be reached: %v", f[2], err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Sprintf("the repository of %s, which this machine's apt is configured with, answers %s", f[2], res.Status)
		}
	}
	return ""
}

// promises returns the versions that the catalog would deploy, by package.
func promises(t *testing.T, s *server, asset job.AssetID) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, v := range s.missing(asset) {
		_, _, name, ok := debian.SplitProductID(v.Product)
		require.True(t, ok, v.Product)
		if v.Deployable {
			require.Empty(t, all[name], "one version of each package")
			all[name] = v.To.String()
		}
	}
	return all
}

// installed returns the version of each package in a root. All must be
// installed without errors.
func installed(t *testing.T, root string) map[string]string {
	t.Helper()
	out := output(t, "dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${db:Status-Abbrev}|${Package}|${Version}\n")
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		require.Len(t, f, 3)
		require.Equal(t, "ii", strings.TrimSpace(f[0]), line)
		all[f[1]] = f[2]
	}
	return all
}

// aptUpgradable returns the versions that apt would upgrade to, by package,
// under the root's own configuration.
func aptUpgradable(t *testing.T, root string) map[string]string {
	t.Helper()
	arch, err := debroot.Architecture(t.Context())
	require.NoError(t, err)
	conf := filepath.Join(t.TempDir(), "apt.conf")
	// Apt must know the folder before it reads the rest of its configuration in
	// there.
	text := fmt.Sprintf("Dir %q;\nDir::State::status %q;\nAPT::Architecture %q;\nAPT::Architectures {%q;};\nAPT::Sandbox::User \"root\";\nAPT::Get::Always-Include-Phased-Updates \"true\";\n",
		root, filepath.Join(root, "var/lib/dpkg/status"), arch, arch)
	require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))
	output(t, "env", "APT_CONFIG="+conf, "apt-get", "--quiet", "update")
	out := output(t, "env", "APT_CONFIG="+conf, "apt-get", "--simulate", "upgrade")
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		// Inst NAME [OLD] (NEW SUITE [ARCHITECTURE])
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "Inst" {
			continue
		}
		v, err := version.Parse(version.Debian, strings.TrimPrefix(f[3], "("))
		require.NoError(t, err, line)
		all[f[1]] = v.String()
	}
	return all
}

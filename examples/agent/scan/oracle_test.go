package scan

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// need skips a test aloud where programs are missing, and fails it in CI.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: apt at work takes a while; run without -short")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "CI has to have %s", program)
			t.Skipf("SKIPPED ALOUD: there is no %s here", program)
		}
	}
}

// line is one of "apt list --upgradable": name/suite,suite version architecture
// [upgradable from: version].
var line = regexp.MustCompile(`^([^/ ]+)/\S+ (\S+) (\S+) \[upgradable from: (\S+)\]`)

// upgradable asks apt itself. The configuration is a file that names the root;
// empty: the host.
func upgradable(t *testing.T, conf, native string) map[dpkg.Package]dpkg.Choice {
	t.Helper()
	cmd := exec.Command("apt", "list", "--upgradable")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "APT_CONFIG="+conf)
	out, err := cmd.Output()
	require.NoError(t, err)
	all := map[dpkg.Package]dpkg.Choice{}
	for text := range strings.Lines(string(out)) {
		if m := line.FindStringSubmatch(text); m != nil {
			arch := m[3]
			if arch == "all" {
				arch = native
			}
			all[dpkg.Package{Name: m[1], Arch: arch}] = dpkg.Choice{Installed: m[4], Candidate: m[2]}
		}
	}
	return all
}

// agree holds a scan to apt's word: every package that apt calls upgradable has
// a row of that version, and no other version and no other package is called
// deployable. It returns the rows of apt's candidates.
func agree(t *testing.T, r Report, apt map[dpkg.Package]dpkg.Choice) map[dpkg.Package]Row {
	t.Helper()
	rows := map[dpkg.Package]Row{}
	for _, row := range r.Rows {
		p := dpkg.Package{Name: row.Package, Arch: row.Architecture}
		require.NotEmpty(t, row.Reasons)
		for _, reason := range row.Reasons {
			require.Equal(t, reason.Code.Rule(), reason.Rule)
			require.NotEmpty(t, reason.Text)
			require.False(t, row.Deployable && reason.Code.Blocks())
		}
		if row.Deployable {
			require.Contains(t, apt, p, "apt does not call %v upgradable", p)
			require.Equal(t, apt[p].Candidate, row.Available, "%v", p)
			require.True(t, reasonsHave(row, catalog.Upgrade))
		}
		if had, has := rows[p]; row.Available == apt[p].Candidate && (!has || !had.Deployable) {
			rows[p] = row
		}
	}
	for p, c := range apt {
		require.Contains(t, rows, p, "apt calls %v upgradable", p)
		require.Equal(t, c.Installed, rows[p].Installed)
	}
	return rows
}

func reasonsHave(row Row, code catalog.ReasonCode) bool {
	for _, r := range row.Reasons {
		if r.Code == code {
			return true
		}
	}
	return false
}

// On this very machine the scan and apt agree.
func TestAgreesWithAptHere(t *testing.T) {
	need(t, "apt", "apt-get", "dpkg")
	if lists, _ := filepath.Glob("/var/lib/apt/lists/*_Packages*"); len(lists) == 0 {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI has to run apt-get update first")
		t.Skip("SKIPPED ALOUD: no downloaded lists here: run apt-get update first")
	}
	native, err := exec.Command("dpkg", "--print-architecture").Output()
	require.NoError(t, err)
	r, err := Run(t.Context(), Config{Root: "/", IgnoreValidUntil: true})
	require.NoError(t, err)
	agree(t, r, upgradable(t, "", strings.TrimSpace(string(native))))
}

// In a made-up system with everything that keeps packages back, apt is the
// oracle, and the reasons are the right ones.
func TestAgreesWithAptOnHoldsPinsAndMixedSuites_CAT5_CAT19(t *testing.T) {
	needTools(t)
	s := newSystem(t)
	s.publish("bookworm-esm", suite{origin: "UbuntuESM"}).publish("vendor", suite{repository: "vendor", origin: "Vendor"})
	s.install("plain", "1", "").offer("bookworm", "plain", "2", "")
	s.install("everywhere", "1", "").offer("bookworm", "everywhere", "2", "").offer("bookworm-security", "everywhere", "2", "")
	s.install("secured", "1", "").offer("bookworm", "secured", "2", "").offer("bookworm-security", "secured", "3", "")
	s.install("newer", "9", "").offer("bookworm", "newer", "2", "")
	s.install("same", "2", "").offer("bookworm", "same", "2", "")
	s.offer("bookworm", "absent", "2", "")
	s.install("held", "1", "hold").offer("bookworm", "held", "2", "")
	s.install("pinned", "1", "").offer("bookworm", "pinned", "1.5", "").offer("bookworm-security", "pinned", "2", "")
	s.install("stuck", "1", "").offer("bookworm", "stuck", "2", "")
	s.prefer("pinned", "version 1.5", 700).prefer("stuck", "release n=bookworm", -1)
	s.install("grows", "1", "").offer("bookworm", "grows", "2", "Depends: newcomer").offer("bookworm", "newcomer", "1", "")
	s.install("hostile", "1", "").offer("bookworm", "hostile", "2", "Conflicts: victim").install("victim", "1", "")
	s.install("unmet", "1", "").offer("bookworm", "unmet", "2", "Depends: nowhere-to-be-found")
	s.install("twin-a", "1", "").offer("bookworm", "twin-a", "2", "Depends: twin-b (= 2)")
	s.install("twin-b", "1", "").offer("bookworm", "twin-b", "2", "Breaks: twin-a (<< 2)")
	s.install("leaner", "1", "").offer("bookworm", "leaner", "2", "Depends: wall (>= 2)")
	s.install("wall", "1", "hold").offer("bookworm", "wall", "2", "")
	s.install("ported", "1", "").offer("bookworm", "ported", "2", "").offer("bookworm-backports", "ported", "3~bpo12", "")
	s.install("fromports", "3~bpo12+1", "").offer("bookworm", "fromports", "2", "").offer("bookworm-backports", "fromports", "3~bpo12+2", "")
	s.install("mixed", "1", "").offer("bookworm", "mixed", "2", "").offer("trixie", "mixed", "5", "")
	s.install("ahead", "4", "").offer("bookworm", "ahead", "2", "").offer("trixie", "ahead", "5", "")
	s.prefer("*", "release n=trixie", 100)
	s.install("foreign:i386", "1", "").offer("bookworm", "foreign:i386", "2", "")
	s.install("data:all", "1", "").offer("bookworm", "data:all", "2", "")
	s.install("phased", "1", "").offer("bookworm", "phased", "2", "Phased-Update-Percentage: 0")
	s.install("esm", "1", "").offer("bookworm", "esm", "1.5", "").offer("bookworm-esm", "esm", "2", "").prefer("esm", "release o=UbuntuESM", -32768)
	s.install("lined", "23.1", "").offer("bookworm", "lined", "24.1", "").offer("vendor", "lined", "25.1", "").prefer("lined", "version 24.*", 600)
	s.update()

	r, err := Run(t.Context(), Config{Root: s.root})
	require.NoError(t, err)
	require.Equal(t, []string{"apt warns: Architecture: all package 'data' can't be Multi-Arch: same"}, r.Notes)
	agree(t, r, upgradable(t, s.conf, "amd64"))
	var got strings.Builder
	for _, row := range r.Rows {
		fmt.Fprintf(&got, "%s:%s %s→%s", row.Package, row.Architecture, row.Installed, row.Available)
		for _, reason := range row.Reasons {
			fmt.Fprintf(&got, " %s", reason.Code)
		}
		got.WriteString("\n")
	}
	require.Equal(t, `ahead:amd64 4→5 Upgrade
data:amd64 1→2 Upgrade
esm:amd64 1→1.5 Upgrade
esm:amd64 1→2 PinnedElsewhere
everywhere:amd64 1→2 Upgrade
foreign:i386 1→2 Upgrade
fromports:amd64 3~bpo12+1→3~bpo12+2 Upgrade
grows:amd64 1→2 NeedsNewPackage
held:amd64 1→2 Held
hostile:amd64 1→2 NeedsNewPackage
leaner:amd64 1→2 DependencyUnmet
lined:amd64 23.1→24.1 Upgrade
lined:amd64 23.1→25.1 PinnedElsewhere
mixed:amd64 1→2 Upgrade
mixed:amd64 1→5 PinnedElsewhere
phased:amd64 1→2 PinnedElsewhere
pinned:amd64 1→1.5 Upgrade
pinned:amd64 1→2 PinnedElsewhere
plain:amd64 1→2 Upgrade
ported:amd64 1→2 Upgrade
ported:amd64 1→3~bpo12 PinnedElsewhere
secured:amd64 1→3 Upgrade
stuck:amd64 1→2 PinnedElsewhere
twin-a:amd64 1→2 Upgrade
twin-b:amd64 1→2 Upgrade
unmet:amd64 1→2 DependencyUnmet
wall:amd64 1→2 Held
`, got.String())
}

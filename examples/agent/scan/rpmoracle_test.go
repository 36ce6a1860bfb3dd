package scan

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/rpmfeed"
	"github.com/patchpolicy/patchpolicy/examples/agent/rpm"
)

// needDnf skips a test aloud where it cannot run, and fails it in CI.
func needDnf(t *testing.T) {
	t.Helper()
	need(t, "dnf", "createrepo_c", "modifyrepo_c", "rpmbuild", "rpm")
	if os.Getuid() != 0 {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI has to run as root")
		t.Skip("SKIPPED ALOUD: installing into a root takes root rights")
	}
	require.NoError(t, rpmPool().err)
}

// Of random systems dnf's word and the scan's are the same, except for what a
// rule explains. PATCHPOLICY_ORACLE is how many systems there are; a failure
// names its seed.
func TestAgreesWithDnfOnRandomSystems_CAT19(t *testing.T) {
	needDnf(t)
	budget := 2
	if n, err := strconv.Atoi(os.Getenv("PATCHPOLICY_ORACLE")); err == nil {
		budget = n
	}
	total := tally{}
	for seed := range budget {
		// Not seed=1: dnf takes no "=" in the path of a setting.
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := newRPMWorld(t, uint64(seed))
			defer func() {
				if t.Failed() {
					t.Log(w.String())
				}
			}()
			count := tally{"systems": 1}
			w.checkUpdates(count)
			w.checkAdvisories(count)
			for kind, n := range count {
				total[kind] += n
			}
		})
	}
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%6d %s", total[kind], kind)
	}
}

// checkUpdates compares the scan with "dnf check-update".
func (w *rpmWorld) checkUpdates(count tally) {
	t := w.t
	updates, _, _ := strings.Cut(w.dnf("check-update"), "Obsoleting Packages")
	r, err := Run(t.Context(), Config{Root: w.root})
	require.NoError(t, err)
	require.NoError(t, r.Complete())
	have := w.newest()
	rows := map[rpmBuild]Row{}
	for _, row := range r.Rows {
		rows[rpmBuild{row.Package, row.Available, row.Architecture}] = row
	}
	listed := map[rpmBuild]bool{}
	for line := range strings.Lines(updates) {
		words := strings.Fields(line)
		if len(words) != 3 {
			continue
		}
		at := strings.LastIndexByte(words[0], '.')
		b := rpmBuild{words[0][:at], words[1], words[0][at+1:]}
		native := b
		native.arch = strings.Replace(b.arch, "noarch", "x86_64", 1)
		if listed[native] {
			continue
		}
		listed[native] = true
		count["updates that dnf offers"]++
		row, has := rows[native]
		switch {
		case row.Deployable:
			count["deployable, as dnf has it"]++
		case has && b.name == "kernel" && reasonsHave(row, catalog.NeedsNewPackage):
			count["CAT-3 a kernel is installed beside the others"]++
		case w.inModuleElsewhere(rows, native):
			count["CAT-17 a newer build is in a module, by another repository's word"]++
		default:
			require.Fail(t, "no rule explains it", "dnf offers %v: %v", b, row)
		}
	}
	for b, row := range rows {
		if !row.Deployable || listed[b] {
			continue
		}
		if w.inModuleElsewhere(rows, b) {
			count["CAT-17 it is in a module, by another repository's word"]++
			continue
		}
		require.Fail(t, "dnf does not offer it", "%v: %v\n%s", b, row.Reasons, updates)
	}
	w.everyNewer(rows, have, count)
}

// inModuleElsewhere reports whether the scan offers a build for a package that
// one repository lists and another one puts into a module. dnf believes both,
// and a feed only its own repository.
func (w *rpmWorld) inModuleElsewhere(rows map[rpmBuild]Row, b rpmBuild) bool {
	for o, row := range rows {
		if row.Deployable && o.native() == b.native() && slices.Contains(w.modular, o) {
			return true
		}
	}
	return false
}

// everyNewer looks for a row of every listed version that is newer than what is
// installed and than what the asset may get (CAT-19).
func (w *rpmWorld) everyNewer(rows map[rpmBuild]Row, have map[string]string, count tally) {
	best := map[string]string{}
	for b, row := range rows {
		if row.Deployable {
			best[b.native()] = b.evr
		}
	}
	for id, builds := range w.repos {
		for _, b := range builds {
			from, installed := have[b.native()]
			if !installed || rpmOrder(w.t, b.evr, from) <= 0 || slices.Contains(w.modular, b) {
				continue
			}
			if to, is := best[b.native()]; is && rpmOrder(w.t, b.evr, to) <= 0 {
				continue
			}
			_, arch, _ := strings.Cut(b.native(), ".")
			row, has := rows[rpmBuild{b.name, b.evr, arch}]
			require.True(w.t, has, "%s lists %v, and nothing says why it is not offered", id, b)
			require.False(w.t, row.Deployable)
			count["newer than what dnf offers: "+string(row.Reasons[0].Code)]++
		}
	}
}

// checkAdvisories compares the CVE ids with "dnf updateinfo list --with-cve".
func (w *rpmWorld) checkAdvisories(count tally) {
	t := w.t
	want := map[string]bool{} // "CVE nevra"
	for line := range strings.Lines(w.dnf("updateinfo", "list", "--with-cve")) {
		if words := strings.Fields(line); len(words) == 3 {
			want[words[0]+" "+words[2]] = true
		}
	}
	system, err := rpm.Open(t.Context(), w.root)
	require.NoError(t, err)
	have := w.newest()
	said, fixes := map[string]bool{}, map[string]bool{}
	for _, repo := range system.Repos {
		feed, err := system.Feed(repo, rpmfeed.Config{})
		require.NoError(t, err)
		b, err := feed.Fetch(t.Context())
		require.NoError(t, err)
		for _, p := range b.Patches {
			name, _ := strings.CutSuffix(p.Artifacts[0].Name, ".rpm")
			_, _, n, _ := rpmfeed.SplitProductID(p.Product)
			build := rpmBuild{n, p.Version.String(), name[strings.LastIndexByte(name, '.')+1:]}
			for _, cve := range p.CVEs {
				said[cve+" "+build.nevra()] = true
			}
		}
		for _, a := range b.Advisories {
			for _, fix := range a.Fixes {
				for _, cve := range a.CVEs {
					fixes[cve+" "+fix.Package.Name+"-"+fix.Fixed.String()] = true
				}
			}
		}
	}
	for row := range want {
		count["CVEs of newer builds that dnf lists"]++
		switch {
		case said[row]:
			count["CVE of the patch, as dnf has it"]++
		case fixes[row[:strings.LastIndexByte(row, '.')]]:
			count["CVE of an advisory whose build is not listed any more, or is in a module"]++
			require.False(t, w.lists(row), "%s", row)
		default:
			require.Fail(t, "no advisory has it", "%s", row)
		}
	}
	for row := range said {
		cve, nevra, _ := strings.Cut(row, " ")
		b := w.parse(nevra)
		from, installed := have[b.native()]
		if want[row] || !installed || rpmOrder(t, b.evr, from) <= 0 {
			continue
		}
		if w.hides(b.name, from, b.arch) {
			count["updateinfo does not look at an installed one that excludepkgs matches"]++
			continue
		}
		require.Fail(t, "dnf does not list it", "%s %s", cve, nevra)
	}
}

// lists reports whether a repository whose advisory has a CVE lists the build
// itself, outside a module.
func (w *rpmWorld) lists(row string) bool {
	cve, nevra, _ := strings.Cut(row, " ")
	b := w.parse(nevra)
	return slices.ContainsFunc(w.notices, func(n notice) bool {
		return slices.Contains(n.cves, cve) && slices.Contains(n.builds, b) && slices.Contains(w.repos[n.repo], b) && !slices.Contains(w.modular, b)
	})
}

// parse reads a build as dnf writes it.
func (w *rpmWorld) parse(nevra string) rpmBuild {
	name, rest, _ := strings.Cut(nevra, "-")
	dot := strings.LastIndexByte(rest, '.')
	return rpmBuild{name, strings.TrimPrefix(rest[:dot], "0:"), rest[dot+1:]}
}

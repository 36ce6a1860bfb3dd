package scan

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// Of random systems apt's word and the scan's are the same, except for what a
// rule explains. PATCHPOLICY_ORACLE is how many systems there are; a failure
// names its seed.
func TestAgreesWithAptOnRandomSystems_CAT19(t *testing.T) {
	need(t, "apt", "apt-get", "dpkg")
	budget := 8
	if n, err := strconv.Atoi(os.Getenv("PATCHPOLICY_ORACLE")); err == nil {
		budget = n
	}
	total := tally{}
	for seed := range budget {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed))
			defer func() {
				if t.Failed() {
					t.Log(w.String())
				}
			}()
			for kind, n := range w.check() {
				total[kind] += n
			}
		})
	}
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%6d %s", total[kind], kind)
	}
}

// tally counts what was compared, by kind.
type tally map[string]int

// check compares the scan with apt, and counts.
func (w *world) check() tally {
	t := w.t
	count := tally{"systems": 1}
	candidates := upgradable(t, w.conf, "amd64")
	r, err := Run(t.Context(), Config{Root: w.root})
	require.NoError(t, err)
	w.report = r
	members := map[dpkg.Package]*member{}
	clean := true
	for _, m := range w.packages {
		members[m.Package] = m
		clean = clean && (m.state == "installed" || m.state == "config-files")
	}
	deployable := wish{}
	rows := map[string]Row{}
	for _, row := range r.Rows {
		p := dpkg.Package{Name: row.Package, Arch: row.Architecture}
		key := p.String() + " " + row.Available
		require.NotEmpty(t, row.Reasons, key)
		if had, has := rows[key]; !has || !had.Deployable {
			rows[key] = row
		}
		if !row.Deployable {
			continue
		}
		require.NotContains(t, deployable, p, "one deployable version of a package")
		deployable[p] = row.Available
		if c, is := candidates[p]; is {
			require.Equal(t, c.Candidate, row.Available, "apt would install another version of %v", p)
			count["deployable, as apt has it"]++
			continue
		}
		// Only what dpkg did not finish may be there already in apt's eyes
		// (JOB-17).
		require.Equal(t, members[p].version, row.Available, "apt does not call %v upgradable", p)
		require.NotContains(t, []string{"installed", "triggers-awaited", "triggers-pending"}, members[p].state)
		count["JOB-17 deployable, to be finished"]++
	}
	kept := wish{}
	for p, c := range candidates {
		count["upgradable"]++
		row, has := rows[p.String()+" "+c.Candidate]
		require.True(t, has, "apt calls %v upgradable to %s", p, c.Candidate)
		if row.Deployable {
			continue
		}
		reason := row.Reasons[0]
		count[fmt.Sprintf("%s not deployable: %s", reason.Rule, reason.Code)]++
		w.explain(reason, p, c, members[p], deployable)
		kept[p] = c.Candidate
	}
	w.everyNewer(rows, members, candidates, count)
	if clean {
		w.together(deployable, kept, members, count)
	}
	return count
}

// explain holds a refusal against what is known of the system, and against apt.
func (w *world) explain(reason catalog.Reason, p dpkg.Package, c dpkg.Choice, m *member, deployable wish) {
	t := w.t
	switch reason.Code {
	case catalog.Held:
		require.Equal(t, "hold", m.want)
	case catalog.AlreadyInstalled: // another build
		require.Equal(t, m.version, c.Candidate)
	case catalog.NotInstalled:
		require.False(t, m.works(), "%v %s", p, m.state)
	case catalog.UnknownPatch:
		require.False(t, slices.ContainsFunc(w.offers, func(o offer) bool { return o.suite != "untrusted" && o.pkg == p && o.version == c.Candidate }), "%v %s", p, reason.Text)
	case catalog.PinnedElsewhere: // in phases
		require.True(t, slices.ContainsFunc(w.offers, func(o offer) bool {
			return o.pkg == p && o.version == c.Candidate && strings.Contains(o.fields, "Phased")
		}), "%v", p)
		if m.state == "installed" { // what is to be installed again, apt does not keep back
			upgrades, _, _ := w.simulate("upgrade")
			require.NotContains(t, upgrades, p)
		}
	case catalog.NeedsNewPackage, catalog.DependencyUnmet:
		all := maps.Clone(deployable)
		all[p] = c.Candidate
		upgrades, other, failed := w.simulate(install(all)...)
		require.True(t, failed || other > 0 || !maps.Equal(upgrades, all), "apt would install %v with the deployable ones: %s", p, reason.Text)
	default:
		require.Fail(t, "no rule explains it", "%v: %s", p, reason.Text)
	}
}

// everyNewer looks for a row of every listed version that is newer than apt's
// candidate (CAT-19).
func (w *world) everyNewer(rows map[string]Row, members map[dpkg.Package]*member, candidates map[dpkg.Package]dpkg.Choice, count tally) {
	for _, o := range w.offers {
		m := members[o.pkg]
		if m == nil || m.state != "installed" || o.suite == "untrusted" || !isOlder(w.t, m.version, o.version) {
			continue
		}
		if c, is := candidates[o.pkg]; is && !isOlder(w.t, c.Candidate, o.version) {
			continue
		}
		row, has := rows[o.pkg.String()+" "+o.version]
		require.True(w.t, has, "%s lists %v %s, and nothing says why it is not offered", o.suite, o.pkg, o.version)
		require.False(w.t, row.Deployable)
		require.True(w.t, reasonsHave(row, catalog.PinnedElsewhere), "%v", row)
		count["CAT-5 newer than apt's candidate: PinnedElsewhere"]++
	}
}

// together asks apt whether what is deployable can be installed at once, and
// whether "apt-get upgrade" does more.
func (w *world) together(deployable, kept wish, members map[dpkg.Package]*member, count tally) {
	if len(deployable) > 0 {
		upgrades, other, failed := w.simulate(install(deployable)...)
		require.False(w.t, failed || other > 0, "%v", deployable)
		require.Equal(w.t, map[dpkg.Package]string(deployable), upgrades)
	}
	upgrades, _, failed := w.simulate("upgrade")
	require.False(w.t, failed)
	for p, to := range upgrades {
		switch {
		case deployable[p] == to:
		case isOlder(w.t, to, members[p].version):
			count["CAT-3 apt-get upgrade would downgrade"]++
		default:
			require.Contains(w.t, kept, p)
			count["of these, apt-get upgrade would install"]++
		}
	}
	count["systems where apt-get -s was asked about all"]++
}

func install(set wish) []string {
	args := []string{"install", "--only-upgrade"}
	for _, p := range set.names() {
		args = append(args, p.String()+"="+set[p])
	}
	return args
}

// simulate asks apt-get itself. Other counts the packages that it would add or
// remove.
func (w *world) simulate(args ...string) (upgrades map[dpkg.Package]string, other int, failed bool) {
	cmd := exec.Command("apt-get", append([]string{"-s", "-q", "-o", "APT::Install-Recommends=false"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "APT_CONFIG="+w.conf)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Logf("%v: %s", args, out) // shown when the test fails
	}
	upgrades = map[dpkg.Package]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		switch {
		case len(words) > 3 && words[0] == "Inst" && strings.HasPrefix(words[2], "["):
			p, arch := split(words[1])
			upgrades[dpkg.Package{Name: p, Arch: arch}] = strings.TrimPrefix(words[3], "(")
		case len(words) > 1 && (words[0] == "Inst" || words[0] == "Remv" || words[0] == "Purg"):
			other++
		}
	}
	return upgrades, other, err != nil
}

func isOlder(t *testing.T, a, b string) bool {
	order, err := version.Compare(version.Debian, a, b)
	require.NoError(t, err)
	return order < 0
}

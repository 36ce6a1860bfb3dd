package versions

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	rpmdb "github.com/knqyf263/go-rpmdb/pkg"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// absent ends a test for which something is not on this computer. CI has everything.
func absent(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf(format+", and CI must not go without it", args...)
	}
	tb.Skipf("SKIPPED: "+format, args...)
}

// real returns pairs of versions that some package really had, one after the other where the list
// knows.
func real(tb testing.TB, s version.Scheme) (pairs [][2]string) {
	switch s {
	case version.Semver: // those that are semantic versions among all
		pairs = slices.Concat(stated(tb, "packagist"), stated(tb, "rubygems"), stated(tb, "pypi"), stated(tb, "maven"))
	case version.Debian:
		pairs = append(stated(tb, "debian"), neighbours(aptVersions(tb))...)
	case version.Rpm:
		pairs = neighbours(rpmVersions())
	case version.Apk:
		pairs = stated(tb, "alpine")
	}
	pairs = slices.DeleteFunc(pairs, func(p [2]string) bool {
		_, err := version.Compare(s, p[0], p[1])
		return err != nil || s == version.Semver && !strings.Contains(p[0]+p[1], ".")
	})
	require.NotEmpty(tb, pairs)
	return pairs
}

// neighbours pairs each version with the next one.
func neighbours(all []string) (pairs [][2]string) {
	for i := range all[1:] {
		pairs = append(pairs, [2]string{all[i], all[i+1]})
	}
	return pairs
}

// stated reads the pairs of a list in which google/osv-scalibr keeps what the ecosystem's own
// program says of versions of real packages.
func stated(tb testing.TB, ecosystem string) (pairs [][2]string) {
	tb.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/osv-scalibr").Output()
	require.NoError(tb, err)
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "semantic/testdata", ecosystem+"-versions-generated.txt"))
	require.NoError(tb, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if word := strings.Fields(lines.Text()); len(word) == 3 && word[0] != "#" {
			pairs = append(pairs, [2]string{word[0], word[2]})
		}
	}
	return pairs
}

// aptVersions lists the versions that this computer's apt knows, and their packages' names decide
// what stands together.
func aptVersions(tb testing.TB) (all []string) {
	tb.Helper()
	out, err := exec.Command("apt-cache", "dumpavail").Output()
	if err != nil {
		absent(tb, "apt-cache has no list of packages: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if v, is := strings.CutPrefix(line, "Version: "); is {
			all = append(all, strings.TrimSpace(v))
		}
	}
	if len(all) < 10_000 {
		absent(tb, "apt knows %d versions only: run apt-get update", len(all))
	}
	return all
}

// rpmVersions lists the versions of the packages in images of CentOS 5 to 8, as knqyf263/go-rpmdb
// has them, so that those of one package stand together.
func rpmVersions() (all []string) {
	packages := slices.Concat(rpmdb.CentOS5Plain, rpmdb.CentOS6DevTools, rpmdb.CentOS6Many, rpmdb.CentOS7DevTools, rpmdb.CentOS7Httpd24,
		rpmdb.CentOS7Many, rpmdb.CentOS7Python35, rpmdb.CentOS8Modularitylabel)
	slices.SortStableFunc(packages, func(a, b *rpmdb.PackageInfo) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range packages {
		all = append(all, fmt.Sprintf("%d:%s-%s", p.Epoch, p.Version, p.Release))
	}
	return all
}

// many is how many pairs are made up.
func many() int {
	if n, err := strconv.Atoi(os.Getenv("PATCHPOLICY_ORACLE")); err == nil {
		return n
	}
	return 5000
}

// random makes pairs up: a real version and another one, or itself with a few characters changed.
func random(s version.Scheme, from [][2]string) (pairs [][2]string) {
	r := rand.New(rand.NewPCG(uint64(many()), 20))
	alphabet := map[version.Scheme]string{
		version.Semver: "0019az.-.", version.Debian: "0019aZz.+~-:", version.Rpm: "0019aZz.+~^_-:", version.Apk: "0019az._-r~p",
	}[s]
	change := func(text string) string {
		b := []byte(text)
		for range r.IntN(3) {
			i, c := r.IntN(len(b)), alphabet[r.IntN(len(alphabet))]
			switch r.IntN(3) {
			case 0:
				b[i] = c
			case 1:
				b = slices.Insert(b, i, c)
			case 2:
				if len(b) > 1 {
					b = slices.Delete(b, i, i+1)
				}
			}
		}
		return string(b)
	}
	for len(pairs) < many() {
		a, b := from[r.IntN(len(from))][r.IntN(2)], from[r.IntN(len(from))][r.IntN(2)]
		if r.IntN(2) == 0 {
			b = a
		}
		if i := r.IntN(len(a) + 1); r.IntN(4) == 0 && i > 0 { // short ones
			a, b = a[:i], b[:min(i, len(b))]
		}
		a, b = change(a), change(b)
		if _, err := version.Compare(s, a, b); err == nil {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	return pairs
}

package version_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/catalog/version/versiontest"
)

// generators make versions that differ little, so that each part of a comparison gets its turn.
var generators = map[version.Scheme]*rapid.Generator[string]{
	version.Semver: rapid.StringMatching(`(0|[1-9][0-9]?)\.[0-2]\.[0-1](-(0|[1-9][0-9]?|[a-b-]|[0-1]{0,2}[a-b])(\.(0|[1-9][0-9]?|[a-b-]|rc)){0,2})?(\+[0-9a-b]{1,2}(\.[0-9a-b]{1,2})?)?`),
	version.Debian: rapid.StringMatching(`([0-2]:)?[0-9]{1,2}([a-b.+~-]{1,2}[0-9]{0,2}){0,3}(-[0-1a-b+~.]{1,3})?`),
	version.Rpm:    rapid.StringMatching(`([0-2]:)?[0-9a]{1,2}([a-bA._+~^]{1,2}[0-9]{0,2}){0,3}(-[0-1a-b+~^.]{1,3})?`),
	version.Apk:    rapid.StringMatching(`[0-2]{1,2}(\.[0-2]{1,2}){0,2}[ab]?(_(alpha|rc|git|p)[0-1]{0,2}){0,2}(~[0a]{1,2})?(-r[0-1]{1,2})?`),
	version.Dotted: rapid.StringMatching(`[0-9]{1,2}(\.0{0,2}[0-3]){0,7}`),
	version.Loose:  rapid.StringMatching(`v?[0-2]([. -]?([0-2]|a|b|k|rc|beta|patch|esr|Update|acme)){0,5}`),
	version.Jdk:    rapid.StringMatching(`([1-2](\.[0-2]){0,3}(-(ea|[0-2]|a))?(\+[0-2]{1,2}(-LTS)?)?|1\.[1-2]\.[0-1](_[0-2])?(-ea)?(-b0?[1-2])?|[1-2]u[0-2](-b0[1-2])?)`),
}

func versions(s version.Scheme) *rapid.Generator[version.Version] {
	return rapid.Custom(func(t *rapid.T) version.Version {
		text := generators[s].Filter(func(text string) bool { _, err := version.Parse(s, text); return err == nil }).Draw(t, "text")
		v, err := version.Parse(s, text)
		require.NoError(t, err)
		return v
	})
}

// Every scheme's order is total, and what the reference says.
func TestOrderIsTotal(t *testing.T) {
	for _, s := range version.Schemes() {
		t.Run(string(s), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				u, v, w := versions(s).Draw(t, "u"), versions(s).Draw(t, "v"), versions(s).Draw(t, "w")
				versiontest.Lawful(t, u, v, w)
				if reference := references[s]; reference != nil {
					order, _ := u.Compare(v)
					require.Equal(t, reference(u.String(), v.String()), order, "%s with %s", u, v)
				}
			})
		})
	}
}

func TestSemverValidityIsMasterminds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`v?[0-9]{0,2}(\.[0-9a-z]{0,2}){0,3}[+-]?[0-9a-z.+-]{0,4}`).Draw(t, "text")
		_, want := semver.StrictNewVersion(text)
		_, got := version.Parse(version.Semver, text)
		require.Equal(t, want == nil, got == nil, "%q: %v", text, got)
	})
}

// oracle finds a program that orders versions; it skips aloud where there is none.
func oracle(t *testing.T, name string) string {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: other programs at work take a while; run without -short")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" && name == "dpkg" {
			t.Fatal("dpkg is missing, and CI must not go without this oracle")
		}
		t.Skipf("SKIPPED: %s is missing, so that the order of versions is not compared with its own", name)
	}
	return path
}

// many is how many versions an oracle is asked about in one process.
func many() int {
	if n, err := strconv.Atoi(os.Getenv("PATCHPOLICY_ORACLE")); err == nil {
		return n
	}
	return 2000
}

// pairs makes pairs of valid versions of s that differ little.
func pairs(t *testing.T, s version.Scheme, want int) (all [][2]version.Version) {
	for i := range want {
		all = append(all, [2]version.Version{versions(s).Example(2 * i), versions(s).Example(2*i + 1)})
	}
	for i, row := range rising[s][1:] { // of which each is newer than the one before
		for _, text := range row {
			v, err := version.Parse(s, rising[s][i][0])
			require.NoError(t, err)
			w, err := version.Parse(s, text)
			require.NoError(t, err)
			all = append(all, [2]version.Version{v, w})
		}
	}
	return all
}

// lines writes one pair on each line.
func lines(pairs [][2]version.Version) string {
	var b strings.Builder
	for _, p := range pairs {
		b.WriteString(p[0].String() + " " + p[1].String() + "\n")
	}
	return b.String()
}

// agree compares the order of pairs with what a program printed, a line for each.
func agree(t *testing.T, pairs [][2]version.Version, printed string) {
	t.Helper()
	answers := strings.Fields(printed)
	require.Len(t, answers, len(pairs))
	counts := map[string]int{}
	for i, p := range pairs {
		order, ok := p[0].Compare(p[1])
		require.True(t, ok)
		require.Equal(t, answers[i], strconv.Itoa(order), "%s with %s", p[0], p[1])
		counts[answers[i]]++
	}
	for _, answer := range []string{"-1", "0", "1"} {
		require.NotZero(t, counts[answer], "no pair is ordered %s", answer)
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
}

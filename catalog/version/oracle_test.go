package version

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// generators make versions that differ little, so that each part of a comparison gets its turn.
var generators = map[Scheme]*rapid.Generator[string]{
	Semver: rapid.StringMatching(`(0|[1-9][0-9]?)\.[0-2]\.[0-1](-(0|[1-9][0-9]?|[a-b-]|[0-1]{0,2}[a-b])(\.(0|[1-9][0-9]?|[a-b-]|rc)){0,2})?(\+[0-9a-b]{1,2}(\.[0-9a-b]{1,2})?)?`),
	Debian: rapid.StringMatching(`([0-2]:)?[0-9]{1,2}([a-b.+~-]{1,2}[0-9]{0,2}){0,3}(-[0-1a-b+~.]{1,3})?`),
	Dotted: rapid.StringMatching(`[0-9]{1,2}(\.0{0,2}[0-3]){0,7}`),
}

func version(s Scheme) *rapid.Generator[Version] {
	return rapid.Custom(func(t *rapid.T) Version {
		text := generators[s].Filter(func(text string) bool { _, err := Parse(s, text); return err == nil }).Draw(t, "text")
		return must(t, s, text)
	})
}

// Every scheme's order is total.
func TestOrderIsTotal(t *testing.T) {
	for _, s := range schemes.All() {
		t.Run(s.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				lawful(t, version(s).Draw(t, "u"), version(s).Draw(t, "v"), version(s).Draw(t, "w"))
			})
		})
	}
}

// lawful checks that the order of three versions of one scheme is reflexive, antisymmetric, transitive and total.
func lawful(t require.TestingT, u, v, w Version) {
	compare := func(a, b Version) int {
		order, ok := a.Compare(b)
		require.True(t, ok)
		require.Equal(t, sign(order), order)
		return order
	}
	uv, vw, uw := compare(u, v), compare(v, w), compare(u, w)
	for _, x := range []Version{u, v, w} {
		require.Zero(t, compare(x, x), "%s with itself", x)
	}
	require.Equal(t, -uv, compare(v, u), "%s with %s", u, v)
	require.Equal(t, -vw, compare(w, v), "%s with %s", v, w)
	if uv <= 0 && vw <= 0 {
		require.LessOrEqual(t, uw, 0, "%s, %s, %s", u, v, w)
		require.Equal(t, uv < 0 || vw < 0, uw < 0, "%s, %s, %s", u, v, w)
	}
	if uv >= 0 && vw >= 0 {
		require.GreaterOrEqual(t, uw, 0, "%s, %s, %s", u, v, w)
	}
}

// Masterminds/semver is the oracle for numeric identifiers of up to 64 bits; longer ones it takes for words.
func TestSemverAgreesWithMasterminds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, w := version(Semver).Draw(t, "v"), version(Semver).Draw(t, "w")
		a, err := semver.StrictNewVersion(v.String())
		require.NoError(t, err)
		b, err := semver.StrictNewVersion(w.String())
		require.NoError(t, err)
		got, ok := v.Compare(w)
		require.True(t, ok)
		require.Equal(t, a.Compare(b), got, "%s with %s", v, w)
	})
}

func TestSemverValidityIsMasterminds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`v?[0-9]{0,2}(\.[0-9a-z]{0,2}){0,3}[+-]?[0-9a-z.+-]{0,4}`).Draw(t, "text")
		_, want := semver.StrictNewVersion(text)
		_, got := Parse(Semver, text)
		require.Equal(t, want == nil, got == nil, "%q: %v", text, got)
	})
}

// dpkg runs dpkg and returns whether it exited with 0; it skips aloud where there is none.
func dpkg(t *testing.T) func(args ...string) bool {
	path, err := exec.LookPath("dpkg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("dpkg is missing, and CI must not go without this oracle")
		}
		t.Skip("SKIPPED: dpkg is missing, so that the order of Debian versions is not compared with dpkg's own")
	}
	return func(args ...string) bool {
		err := exec.Command(path, args...).Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return false
		}
		require.NoError(t, err)
		return true
	}
}

func TestDebianOrderIsDpkgs(t *testing.T) {
	run := dpkg(t)
	pairs := 0
	agree := func(v, w Version) {
		pairs++
		order, ok := v.Compare(w)
		require.True(t, ok)
		relation := map[int]string{-1: "lt", 0: "eq", 1: "gt"}[order]
		require.True(t, run("--compare-versions", v.String(), relation, w.String()), "%s is said to be %s %s", v, relation, w)
	}
	rows := rising[Debian]
	for i := range rows[1:] {
		agree(must(t, Debian, rows[i][0]), must(t, Debian, rows[i+1][0]))
	}
	rapid.Check(t, func(rt *rapid.T) { agree(version(Debian).Draw(rt, "v"), version(Debian).Draw(rt, "w")) })
	least := 100
	if testing.Short() { // rapid draws a fifth then
		least = 40
	}
	require.Greater(t, pairs, least)
}

// dpkg --validate-version asks for a digit at the beginning, which deb-version(7) only recommends and dpkg does not need
// to order; in all else the two agree.
func TestDebianValidityIsDpkgs(t *testing.T) {
	run := dpkg(t)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`([0-9a]{0,2}:)?[0-9][0-9a._ :+~-]{0,4}(-[0-9a_:+~]{0,2})?`).Draw(rt, "text")
		_, err := Parse(Debian, text)
		// dpkg cuts blanks off both ends; a version has none here.
		if blank := text[len(text)-1] == ' '; blank {
			require.Error(rt, err)
			return
		}
		_, upstream, _ := splitDebian(text)
		if upstream != "" && !isDigit(upstream[0]) {
			return
		}
		require.Equal(rt, run("--validate-version", text), err == nil, "%q: %v", text, err)
	})
}

package version_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		scheme  version.Scheme
		text    string
		problem string // part of it; empty: valid
	}{
		{version.Semver, "1.2.3", ""},
		{version.Semver, "1.2.3-rc.1+build.5", ""},
		{version.Semver, "18446744073709551615.0.0", ""},
		{version.Semver, "18446744073709551616.0.0", "does not fit 64 bits"},
		{version.Semver, "v1.2.3", "three numbers like 1.2.3"},
		{version.Semver, "1.2", "three numbers like 1.2.3"},
		{version.Semver, "01.2.3", "number 01 has leading zeros"},
		{version.Semver, "1.2.3-01", "a number with leading zeros"},
		{version.Semver, "1.2.3-a_b", "'_' is out of place"},
		{version.Semver, "1.2.3.4", "'.' is out of place"},
		{version.Semver, "1.2.3-", `pre-release identifier "" is empty`},
		{version.Semver, "1.2.3+", "build metadata is empty"},
		{version.Debian, "1", ""},
		{version.Debian, "1:2.36-9+deb12u4", ""},
		{version.Debian, "2147483647:0", ""},
		{version.Debian, "0000002147483647:0", ""},
		{version.Debian, "2147483648:0", "over 2147483647"},
		{version.Debian, "99999999999999999999:0", "over 2147483647"},
		{version.Debian, "1:2:3", ""},
		{version.Debian, "1-2-3~a", ""},
		{version.Debian, "a1", ""},
		{version.Debian, ":1", "epoch \"\" is not"},
		{version.Debian, "x:1", "epoch \"x\" is not"},
		{version.Debian, "1-1:1", "epoch \"1-1\" is not"},
		{version.Debian, "1:", "upstream version is empty"},
		{version.Debian, "1:-1", "upstream version is empty"},
		{version.Debian, "1-", "revision after the last hyphen is empty"},
		{version.Debian, "1 2", "upstream version contains ' '"},
		{version.Debian, "1_2", "upstream version contains '_'"},
		{version.Debian, "1-a_b", "revision contains '_'"},
		{version.Debian, "1:1-1:1", "revision contains ':'"},
		{version.Debian, "1é", "upstream version contains 'é'"},
		{version.Dotted, "10", ""},
		{version.Dotted, "10.0.22631.4037", ""},
		{version.Dotted, "007.08", ""},
		{version.Dotted, strings.Repeat("9", version.MaxLength), ""},
		{version.Dotted, strings.Repeat("9", version.MaxLength+1), "it has 257 bytes, at most 256 are allowed"},
		{version.Dotted, strings.Repeat("1.", 7) + "1", ""},
		{version.Dotted, strings.Repeat("1.", 8) + "1", "it has 9 components, at most 8 are allowed"},
		{version.Dotted, "1..2", "component \"\" is not"},
		{version.Dotted, "1.", "component \"\" is not"},
		{version.Dotted, "1.a", "component \"a\" is not"},
		{version.Dotted, "-1", "component \"-1\" is not"},
		{version.Dotted, "٣", "is not a decimal number"},
		{version.Semver, "", "it is empty"},
		{version.Debian, "", "it is empty"},
		{version.Dotted, "", "it is empty"},
		{version.Rpm, "1", ""},
		{version.Rpm, "4294967295:1.0~rc1^git5-1.el9_4", ""},
		{version.Rpm, "4294967296:1-1", "epoch 4294967296 is over 4294967295"},
		{version.Rpm, "(none):1.0-1", "epoch \"(none)\" is not a decimal number"},
		{version.Rpm, ":1", "epoch \"\" is not"},
		{version.Rpm, "1:", "the version is empty"},
		{version.Rpm, "-1", "the version is empty"},
		{version.Rpm, "1-", "the release after the last hyphen is empty"},
		{version.Rpm, "1-2-3", "the version contains '-'"},
		{version.Rpm, "1%-3", "the version contains '%'"},
		{version.Rpm, "1-3:", "epoch \"1-3\" is not"},
		{version.Rpm, "1-3é", "the release contains 'é'"},
		{version.Apk, "1.2.3b_alpha2_p3~0a1f-r4", ""},
		{version.Apk, "1", ""},
		{version.Apk, "a", "does not begin with a digit"},
		{version.Apk, "1..2", "a dot is not followed by a digit"},
		{version.Apk, "1.2_gamma", "suffix \"gamma\" is not one of alpha, beta, pre, rc, cvs, svn, git, hg, p"},
		{version.Apk, "1.2_", "suffix \"\" is not one of"},
		{version.Apk, "1.0bc", "\"c\" is out of place"},
		{version.Apk, "1.0-r", "\"-r\" is not followed by a digit"},
		{version.Apk, "1.0-r1-r2", "\"-r2\" is out of place"},
		{version.Apk, "1.0~xyz", "a tilde is not followed by a commit"},
		{version.Apk, "1.0-1", "\"-1\" is out of place"},
		{version.Apk, "3.3.3p1-r2", "\"1-r2\" is out of place"},
		{version.Loose, "5.17.11 (34827)", ""},
		{version.Loose, "Version 3", ""},
		{version.Loose, "beta 3", "begins with \"beta\", want a number"},
		{version.Loose, "RC1", "begins with \"rc\", want a number"},
		{version.Loose, "unknown", "begins with \"unknown\", want a number"},
		{version.Loose, "Build", "it has no number"},
		{version.Loose, "...", "it has no number"},
		{version.Loose, "1.2é", "contains 'é'"},
		{version.Loose, "1.2\t3", "contains '\\t'"},
		{version.Loose, "1.2%", "contains '%'"},
		{version.Jdk, "17.0.9+9-LTS", ""},
		{version.Jdk, "17.0.1+-adhoc", ""},
		{version.Jdk, "017", "want a form like 17.0.9, "},
		{version.Jdk, "17.0.9+", "want a form like"},
		{version.Jdk, "17.0.9+09", "want a form like"},
		{version.Jdk, "17-ea+-opt", "want a form like"},
		{version.Jdk, "17.0.9_3", "want a form like"},
		{version.Jdk, "1.8.0+9", "want a form like"},
		{version.Jdk, "8u", "want a form like"},
		{version.Jdk, "8u391-", "want a form like"},
		{version.Jdk, "jdk-17.0.9+9", "want a form like"},
		{version.Rpm, "", "it is empty"},
		{version.Apk, "", "it is empty"},
		{version.Loose, "", "it is empty"},
		{version.Jdk, "", "it is empty"},
		{"", "1", "unknown scheme"},
		{"rpmm", "1", "unknown scheme, want one of [semver debian rpm apk dotted loose jdk]"},
	} {
		v, err := version.Parse(c.scheme, c.text)
		if c.problem == "" {
			require.NoError(t, err)
			require.Equal(t, c.text, v.String())
			require.Equal(t, c.scheme, v.Scheme())
			require.False(t, v.IsZero())
			continue
		}
		require.ErrorContains(t, err, fmt.Sprintf("%q is not a %s version: ", problem.Clip(c.text, 80), c.scheme))
		require.ErrorContains(t, err, c.problem)
		require.True(t, v.IsZero())
	}
}

func TestMustParse(t *testing.T) {
	require.Equal(t, must(t, version.Debian, "1:2-3"), version.MustParse(version.Debian, "1:2-3"))
	require.PanicsWithError(t, `"" is not a semver version: it is empty`, func() { version.MustParse(version.Semver, "") })
}

// A message does not repeat a text of any length.
func TestParseErrorIsShort(t *testing.T) {
	_, err := version.Parse(version.Dotted, strings.Repeat("é", 1<<16))
	require.Less(t, len(err.Error()), 500)
	_, err = version.Parse(version.Dotted, strings.Repeat("x", 80))
	require.True(t, strings.HasPrefix(err.Error(), `"`+strings.Repeat("x", 80)+`" is`), "it is whole as long as it fits: %v", err)
	_, err = version.Parse(version.Dotted, strings.Repeat("x", 81))
	require.True(t, strings.HasPrefix(err.Error(), `"`+strings.Repeat("x", 77)+`…" is`), "%v", err)
}

func TestCompare(t *testing.T) {
	for scheme, rows := range rising {
		for i, row := range rows {
			for k, other := range rows {
				for _, a := range row {
					for _, b := range other {
						got, ok := must(t, scheme, a).Compare(must(t, scheme, b))
						require.True(t, ok)
						require.Equal(t, sign(i-k), got, "%s: %s with %s", scheme, a, b)
					}
				}
			}
		}
	}
}

// CAT-3: versions of different schemes have no order, and neither has the absence of a version.
func TestUnorderable_CAT3(t *testing.T) {
	const common = "7.2.3" // valid in every scheme
	for _, a := range version.Schemes() {
		for _, b := range version.Schemes() {
			order, ok := must(t, a, common).Compare(must(t, b, common))
			require.Equal(t, a == b, ok)
			require.Zero(t, order)
		}
		_, ok := must(t, a, common).Compare(version.Version{})
		require.False(t, ok)
		_, ok = version.Version{}.Compare(must(t, a, common))
		require.False(t, ok)
	}
	order, ok := version.Version{}.Compare(version.Version{})
	require.False(t, ok)
	require.Zero(t, order)
}

func TestUpstream(t *testing.T) {
	for _, c := range []struct {
		scheme     version.Scheme
		text, want string
	}{
		{version.Debian, "1:2.36-9+deb12u4", "2.36"}, {version.Debian, "2-3-1", "2-3"}, {version.Debian, "5", "5"}, {version.Debian, "1:2:3", "2:3"},
		{version.Semver, "1.2.3-rc.1+b", "1.2.3-rc.1+b"}, {version.Dotted, "10.0", "10.0"}, {version.Loose, "1.2 beta", "1.2 beta"},
		{version.Rpm, "1:5.14.0~rc1-427.el9", "5.14.0~rc1"}, {version.Rpm, "5", "5"}, {version.Apk, "1.2.3_git5~0a-r4", "1.2.3_git5~0a"}, {version.Apk, "1.2", "1.2"},
		{version.Jdk, "17.0.9+9-LTS", "17.0.9"}, {version.Jdk, "1.8.0_391-b13", "8.0.391"}, {version.Jdk, "8u391", "8.0.391"}, {version.Jdk, "1.6.0-b05", "6.0"},
	} {
		require.Equal(t, c.want, must(t, c.scheme, c.text).Upstream())
	}
	require.Empty(t, version.Version{}.Upstream())
}

func must(t require.TestingT, s version.Scheme, text string) version.Version {
	v, err := version.Parse(s, text)
	require.NoError(t, err)
	return v
}

func sign(n int) int { return min(1, max(-1, n)) }

func BenchmarkDebian(b *testing.B) {
	const older, newer = "1:2.36-9+deb12u4~bpo11+1", "1:2.36-9+deb12u4~bpo11+2"
	v, w := must(b, version.Debian, older), must(b, version.Debian, newer)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = version.Parse(version.Debian, older)
		}
	})
	b.Run("compare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.Compare(w)
		}
	})
}

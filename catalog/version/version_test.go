package version

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		scheme  Scheme
		text    string
		problem string // part of it; empty: valid
	}{
		{Semver, "1.2.3", ""},
		{Semver, "1.2.3-rc.1+build.5", ""},
		{Semver, "18446744073709551615.0.0", ""},
		{Semver, "18446744073709551616.0.0", "value out of range"},
		{Semver, "v1.2.3", "invalid characters"},
		{Semver, "1.2", "invalid semantic version"},
		{Semver, "01.2.3", "starts with 0"},
		{Semver, "1.2.3-", "invalid prerelease"},
		{Semver, "1.2.3+", "invalid metadata"},
		{Debian, "1", ""},
		{Debian, "1:2.36-9+deb12u4", ""},
		{Debian, "2147483647:0", ""},
		{Debian, "0000002147483647:0", ""},
		{Debian, "2147483648:0", "over 2147483647"},
		{Debian, "99999999999999999999:0", "over 2147483647"},
		{Debian, "1:2:3", ""},
		{Debian, "1-2-3~a", ""},
		{Debian, "a1", ""},
		{Debian, ":1", "epoch \"\" is not"},
		{Debian, "x:1", "epoch \"x\" is not"},
		{Debian, "1-1:1", "epoch \"1-1\" is not"},
		{Debian, "1:", "upstream version is empty"},
		{Debian, "1:-1", "upstream version is empty"},
		{Debian, "1-", "revision after the last hyphen is empty"},
		{Debian, "1 2", "upstream version contains ' '"},
		{Debian, "1_2", "upstream version contains '_'"},
		{Debian, "1-a_b", "revision contains '_'"},
		{Debian, "1:1-1:1", "revision contains ':'"},
		{Debian, "1é", "upstream version contains 'é'"},
		{Dotted, "10", ""},
		{Dotted, "10.0.22631.4037", ""},
		{Dotted, "007.08", ""},
		{Dotted, strings.Repeat("9", MaxLength), ""},
		{Dotted, strings.Repeat("9", MaxLength+1), "it has 257 bytes, the most is 256"},
		{Dotted, strings.Repeat("1.", MaxComponents-1) + "1", ""},
		{Dotted, strings.Repeat("1.", MaxComponents) + "1", "it has 9 components, the most is 8"},
		{Dotted, "1..2", "component \"\" is not"},
		{Dotted, "1.", "component \"\" is not"},
		{Dotted, "1.a", "component \"a\" is not"},
		{Dotted, "-1", "component \"-1\" is not"},
		{Dotted, "٣", "is not a decimal number"},
		{Semver, "", "it is empty"},
		{Debian, "", "it is empty"},
		{Dotted, "", "it is empty"},
		{0, "1", "there is no such scheme"},
		{99, "1", "there is no such scheme"},
	} {
		v, err := Parse(c.scheme, c.text)
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

// A message does not repeat a text of any length.
func TestParseErrorIsShort(t *testing.T) {
	_, err := Parse(Dotted, strings.Repeat("é", 1<<16))
	require.Less(t, len(err.Error()), 500)
	_, err = Parse(Dotted, strings.Repeat("x", 80))
	require.True(t, strings.HasPrefix(err.Error(), `"`+strings.Repeat("x", 80)+`" is`), "it is whole as long as it fits: %v", err)
	_, err = Parse(Dotted, strings.Repeat("x", 81))
	require.True(t, strings.HasPrefix(err.Error(), `"`+strings.Repeat("x", 77)+`…" is`), "%v", err)
}

// rising lists versions of one scheme; those in one row are equal.
var rising = map[Scheme][][]string{
	Semver: {
		{"0.0.0-0"}, {"0.0.0"}, {"0.0.1"}, {"0.9.10"}, {"0.10.0"},
		{"1.0.0--", "1.0.0--+x"}, {"1.0.0-a.1"}, {"1.0.0-aa"}, {"1.0.0", "1.0.0+1", "1.0.0+a-b"}, {"2.0.0-1"}, {"2.0.0-2"},
		{"2.0.0-10"}, {"2.0.0-99999999999999999999"}, {"2.0.0-100000000000000000000"}, {"2.0.0-alpha"}, {"2.0.0-alpha.1"},
		{"2.0.0-alpha.beta"}, {"2.0.0-beta"}, {"2.0.0-beta.2"}, {"2.0.0-beta.11"}, {"2.0.0-rc.1"}, {"2.0.0"},
		{"18446744073709551615.0.0"},
	},
	Debian: {
		{"~~"}, {"~~a"}, {"~"}, {"0", "0-0", "0:0", "00:00-00"}, {"0-0a"}, {"0a"}, {"0.0"}, {"1~~"}, {"1~rc1-1"}, {"1", "1-0", "01"},
		{"1-0.1"}, {"1-1~bpo1"}, {"1-1"}, {"1-1+b1"}, {"1-1.1"}, {"1A"}, {"1Z"}, {"1a"}, {"1b"}, {"1z"}, {"1+"}, {"1.0-1"}, {"1.2"}, {"1.10"},
		{"2.36-9+deb12u4"}, {"2.36-9+deb12u10"}, {"2.36-10"}, {"1:0"}, {"2:0"}, {"10:0"},
	},
	Dotted: {
		{"0", "0.0", "00.00.0"}, {"0.1"}, {"1", "1.0.0.0.0.0.0.0", "01"}, {"1.0.1"}, {"1.9"}, {"1.10"}, {"10.0.22631.4037"},
		{"99999999999999999999"}, {"100000000000000000000"}, {"100000000000000000000.0.0.1"},
	},
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
	for _, a := range schemes.All() {
		for _, b := range schemes.All() {
			order, ok := must(t, a, "1.2.3").Compare(must(t, b, "1.2.3"))
			require.Equal(t, a == b, ok)
			require.Zero(t, order)
		}
		_, ok := must(t, a, "1.2.3").Compare(Version{})
		require.False(t, ok)
		_, ok = Version{}.Compare(must(t, a, "1.2.3"))
		require.False(t, ok)
	}
	order, ok := Version{}.Compare(Version{})
	require.False(t, ok)
	require.Zero(t, order)
}

func TestUpstream(t *testing.T) {
	for _, c := range []struct {
		scheme     Scheme
		text, want string
	}{
		{Debian, "1:2.36-9+deb12u4", "2.36"}, {Debian, "2-3-1", "2-3"}, {Debian, "5", "5"}, {Debian, "1:2:3", "2:3"},
		{Semver, "1.2.3-rc.1+b", "1.2.3-rc.1+b"}, {Dotted, "10.0", "10.0"},
	} {
		require.Equal(t, c.want, must(t, c.scheme, c.text).Upstream())
	}
	require.Empty(t, Version{}.Upstream())
}

func TestTextForm(t *testing.T) {
	type doc struct {
		V Version `json:"v,omitzero"`
	}
	for scheme, rows := range rising {
		for _, row := range rows {
			for _, text := range row {
				in := doc{must(t, scheme, text)}
				data, err := json.Marshal(in)
				require.NoError(t, err)
				require.JSONEq(t, `{"v":"`+scheme.String()+":"+text+`"}`, string(data))
				var out doc
				require.NoError(t, json.Unmarshal(data, &out))
				require.Equal(t, in, out)
			}
		}
	}
	data, err := json.Marshal(doc{})
	require.NoError(t, err)
	require.Equal(t, "{}", string(data))
	full := doc{must(t, Dotted, "1")}
	require.NoError(t, json.Unmarshal([]byte(`{"v":""}`), &full))
	require.True(t, full.V.IsZero())
}

func TestTextFormRefuses(t *testing.T) {
	var v Version
	require.ErrorContains(t, v.UnmarshalText([]byte("1.2.3")), "no scheme in front")
	require.ErrorContains(t, v.UnmarshalText([]byte("semver:1.2")), "is not a semver version")
	var unknown *enum.UnknownError
	require.ErrorAs(t, v.UnmarshalText([]byte("rpm:1.2")), &unknown)
	require.Error(t, v.UnmarshalText([]byte(":1")))
	require.True(t, v.IsZero(), "a failed reading leaves the version as it was")
}

func TestSchemes(t *testing.T) {
	enumtest.Check(t, map[Scheme]string{Semver: "semver", Debian: "debian", Dotted: "dotted"}, schemes.All(), schemes.Parse)
}

func must(t require.TestingT, s Scheme, text string) Version {
	v, err := Parse(s, text)
	require.NoError(t, err)
	return v
}

func sign(n int) int { return min(1, max(-1, n)) }

var hardest = [][2]Version{
	{{Semver, "1.22.333-alpha.11.beta+build"}, {Semver, "1.22.333-alpha.11.betb+build"}},
	{{Debian, "1:2.36-9+deb12u4~bpo11+1"}, {Debian, "1:2.36-9+deb12u4~bpo11+2"}},
	{{Dotted, "10.0.22631.4037"}, {Dotted, "10.0.22631.4038"}},
}

func TestCompareAllocatesNothing(t *testing.T) {
	for _, pair := range hardest {
		require.Zero(t, testing.AllocsPerRun(100, func() { pair[0].Compare(pair[1]) }), pair[0].Scheme())
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, pair := range hardest {
		b.Run(pair[0].Scheme().String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pair[0].Compare(pair[1])
			}
		})
	}
}

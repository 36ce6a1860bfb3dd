package version_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/catalog/version/versiontest"
)

func TestSchemesKeepTheContract_CAT20(t *testing.T) {
	for _, s := range version.Schemes() {
		t.Run(string(s), func(t *testing.T) {
			versiontest.TestScheme(t, versiontest.Scheme{
				Parse:  func(text string) (version.Version, error) { return version.Parse(s, text) },
				Rising: rising[s],
				Wrong:  wrong[s],
			})
		})
	}
}

// timezones is a scheme of an importer's own: the releases of the time zone database, as 2024a.
var timezones = version.Own{Name: "x-tz", Key: func(text string) ([]byte, error) {
	text = strings.ToLower(text)
	if len(text) != 5 || text[4] < 'a' || text[4] > 'z' {
		return nil, errors.New("want a year and a letter, as 2024a")
	}
	if _, err := strconv.ParseUint(text[:4], 10, 16); err != nil {
		return nil, errors.New("the year is not a number")
	}
	return []byte(text), nil
}}

func TestOwnScheme_CAT20(t *testing.T) {
	versiontest.TestScheme(t, versiontest.Scheme{
		Parse:  timezones.Parse,
		Rising: [][]string{{"1999z"}, {"2024a", "2024A"}, {"2024b"}, {"2025a"}},
		Wrong:  []string{"2024", "x024a"},
	})
}

// A server or an agent that knows nothing of the scheme orders its versions.
func TestOwnSchemeNeedsNoRegistration_CAT20(t *testing.T) {
	a, err := timezones.Parse("2024a")
	require.NoError(t, err)
	form, err := a.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "x-tz:3230323461:2024a", string(form))
	var old, next version.Version
	require.NoError(t, old.UnmarshalText(form))
	require.NoError(t, next.UnmarshalText([]byte("x-tz:3230323462:2024b")))
	order, ok := old.Compare(next)
	require.True(t, ok)
	require.Equal(t, -1, order)
	require.Equal(t, "2024b", next.String())
	require.Empty(t, next.NotKnown())
	pinned, err := version.Parse("x-tz", "3230323462:2024b")
	require.NoError(t, err)
	require.Equal(t, next, pinned)
	require.NoError(t, next.UnmarshalText([]byte("x-other:3230323462:2024b")))
	_, ok = old.Compare(next)
	require.False(t, ok)
}

func TestOwnSchemeRefuses(t *testing.T) {
	key := func(string) ([]byte, error) { return []byte("k"), nil }
	for _, c := range []struct {
		own     version.Own
		text    string
		problem string
	}{
		{version.Own{Name: "acme", Key: key}, "1", `"1" is not a acme version: its scheme's name is not "x-" followed by`},
		{version.Own{Name: "x-a"}, "1", `"1" is not a x-a version: its scheme has no Key function`},
		{version.Own{Name: "semver", Key: key}, "1", "its scheme's name is not"},
		{version.Own{Name: "x-a", Key: func(string) ([]byte, error) { return nil, nil }}, "1", "its key has 0 bytes, want 1 to 512"},
		{version.Own{Name: "x-a", Key: func(string) ([]byte, error) { return make([]byte, version.MaxKey+1), nil }}, "1", "its key has 513 bytes"},
		{version.Own{Name: "x-a", Key: key}, "1\n", "control characters"},
		{version.Own{Name: "x-a", Key: key}, "\xff", "not UTF-8"},
	} {
		v, err := c.own.Parse(c.text)
		require.ErrorContains(t, err, c.problem)
		require.True(t, v.IsZero())
	}
	for form, problem := range map[string]string{
		"x-a:1":      `"1" is not a x-a version: it has no key`,
		"x-a:":       "it is empty",
		"x-a::1":     "its key has 0 bytes",
		"x-a:6b:":    "it is empty",
		"x-a:6B:1":   "it has no key",
		"x-a:6:1":    "it has no key",
		"x-a:6b:1\n": "control characters",
		"x-a:6b:" + string(bytes.Repeat([]byte("1"), version.MaxLength+1)): "it has 257 bytes",
		fmt.Sprintf("x-a:%0*d:1", 2*version.MaxKey+2, 0):                   "its key has 513 bytes",
	} {
		var v version.Version
		require.ErrorContains(t, v.UnmarshalText([]byte(form)), problem, form)
	}
}

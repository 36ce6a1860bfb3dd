// Package versiontest is the conformance suite of version schemes (CAT-20). The
// built-in schemes run it, and an importer's should too:
//
//	versiontest.TestScheme(t, versiontest.Scheme{
//		Parse:  version.Own{Name: "x-acme", Key: acmeKey}.Parse,
//		Rising: [][]string{{"2024a"}, {"2024b", "2024B"}, {"2025a"}},
//		Wrong:  []string{"2024", "a2024"},
//	})
package versiontest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Scheme is a version scheme to test.
type Scheme struct {
	Parse  func(text string) (version.Version, error)
	Rising [][]string // at least three rows of versions, from the oldest to the newest; those in one row are equal
	Wrong  []string   // at least one text that is not a valid version
}

// TestScheme checks that a scheme keeps the contract of package version.
func TestScheme(t *testing.T, s Scheme) {
	require.GreaterOrEqual(t, len(s.Rising), 3, "rows of Rising: with fewer the suite tests nothing")
	require.NotEmpty(t, s.Wrong, "Wrong: a scheme that accepts every text finds no mistake in a feed")
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s Scheme)
	}{
		{"versions rise, and equal ones are equal", testRising},
		{"a version is its text", testText},
		{"a text that is not a version is refused with the reason", testWrong},
		{"the order is total, also for texts that differ in one byte", testNear},
		{"comparing allocates nothing", testAllocations},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

func (s Scheme) each(t *testing.T, f func(row int, v version.Version)) {
	t.Helper()
	for i, row := range s.Rising {
		for _, text := range row {
			v, err := s.Parse(text)
			require.NoError(t, err)
			f(i, v)
		}
	}
}

func testRising(t *testing.T, s Scheme) {
	s.each(t, func(i int, v version.Version) {
		s.each(t, func(k int, w version.Version) {
			order, ok := v.Compare(w)
			require.True(t, ok, "%s with %s", v, w)
			require.Equal(t, min(1, max(-1, i-k)), order, "%s with %s", v, w)
		})
	})
}

func testText(t *testing.T, s Scheme) {
	s.each(t, func(row int, v version.Version) {
		again, err := s.Parse(v.String())
		require.NoError(t, err)
		require.Equal(t, v, again, "the key of %s depends on more than its text", v)
		data, err := json.Marshal(v)
		require.NoError(t, err)
		var back version.Version
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, v, back, "%s", data)
		require.NotEmpty(t, v.Upstream())
		require.NoError(t, v.Scheme().Check())
	})
}

func testWrong(t *testing.T, s Scheme) {
	wrong := append([]string{"", strings.Repeat("1", version.MaxLength+1), "1\n", "\x00", "1\xff"}, s.Wrong...)
	for _, text := range wrong {
		v, err := s.Parse(text)
		var syntax *version.SyntaxError
		require.ErrorAs(t, err, &syntax, "%q is accepted", text)
		require.Equal(t, text, syntax.Text)
		require.NotEmpty(t, syntax.Reason)
		require.True(t, v.IsZero(), "%q is refused, and the version is not zero", text)
	}
}

// testNear tries texts that resemble real versions and that few people think
// of. A scheme may refuse each of them.
func testNear(t *testing.T, s Scheme) {
	var all []version.Version
	s.each(t, func(_ int, v version.Version) {
		all = append(all, v)
		text := v.String()
		for i := range text {
			for _, other := range []string{"", "0", "9", "a", "z", ".", "-", "~", "+", "_", " ", text[i:i+1] + text[i:i+1]} {
				near, err := s.Parse(text[:i] + other + text[i+1:])
				require.Equal(t, err == nil, !near.IsZero())
				if err == nil {
					all = append(all, near)
				}
			}
		}
	})
	for i := range all { // neighbours are alike, and so are those that are a few versions apart
		Lawful(t, all[i], all[(i+1)%len(all)], all[(i+2)%len(all)])
		Lawful(t, all[i], all[(i+37)%len(all)], all[(i+101)%len(all)])
	}
}

// Lawful checks that the order of three versions of one scheme is reflexive,
// antisymmetric, transitive and total.
func Lawful(t require.TestingT, u, v, w version.Version) {
	compare := func(a, b version.Version) int {
		order, ok := a.Compare(b)
		require.True(t, ok, "%s with %s", a, b)
		require.Equal(t, min(1, max(-1, order)), order)
		return order
	}
	uv, vw, uw := compare(u, v), compare(v, w), compare(u, w)
	for _, x := range []version.Version{u, v, w} {
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

func testAllocations(t *testing.T, s Scheme) {
	oldest, err := s.Parse(s.Rising[0][0])
	require.NoError(t, err)
	s.each(t, func(_ int, v version.Version) {
		require.Zero(t, testing.AllocsPerRun(10, func() { v.Compare(oldest) }), "%s with %s", v, oldest)
	})
}

package problem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func TestListCollectsEveryProblem(t *testing.T) {
	var inner problem.List
	inner.Add("interval", "-1h", "is negative")
	inner.Add("", "", "contradicts itself")
	var l problem.List
	l.Add("name", "", "is empty; give it a name")
	l.Add("share", "100%", "is over 90%%")
	l.Under("reboot", inner.Err("reboot policy"))
	l.Under("zone", errors.New("unknown"))
	l.Under("fine", nil)
	require.Equal(t, problem.List{
		{Field: "name", Text: "is empty; give it a name"},
		{Field: "share", Value: "100%", Text: "is over 90%"},
		{Field: "reboot.interval", Value: "-1h", Text: "is negative"},
		{Field: "reboot", Text: "contradicts itself"},
		{Field: "zone", Text: "unknown"},
	}, l)
	require.EqualError(t, l.Err("job nightly"), `job nightly is not valid: name: is empty; give it a name; share "100%": is over 90%; `+
		`reboot.interval "-1h": is negative; reboot: contradicts itself; zone: unknown`)
	require.NoError(t, problem.List(nil).Err("job nightly"))
	require.EqualError(t, problem.One("page", "", "x", "%d bytes", 3), `page is not valid: "x": 3 bytes`)
}

func TestAnErrorNamesAtMostMaxNamed(t *testing.T) {
	var l problem.List
	for i := range problem.MaxNamed {
		l.Add(fmt.Sprintf("f%d", i), "", "is wrong")
	}
	require.NotContains(t, l.Err("it").Error(), "more")
	l.Add("last", "", "is wrong")
	require.True(t, strings.HasSuffix(l.Err("it").Error(), "; f19: is wrong; and 1 more"))
}

// What is refused may be megabytes of something else: it is quoted, but not whole, and never cut within a character.
func TestValuesAreClipped(t *testing.T) {
	var l problem.List
	l.Add("at the limit", strings.Repeat("x", problem.MaxValue), "is wrong")
	l.Add("past it", strings.Repeat("x", problem.MaxValue-1)+"é", "is wrong")
	require.Equal(t, strings.Repeat("x", problem.MaxValue), l[0].Value)
	require.Equal(t, strings.Repeat("x", problem.MaxValue-len("…"))+"…", l[1].Value)
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "…"}, {"abcdef", 5, "ab…"}, {"aäää", 5, "a…"}, {"aäää", 6, "aä…"},
		{"a\xffb", 9, "a\uFFFDb"},
	} {
		got := problem.Clip(c.in, c.n)
		require.Equal(t, c.want, got)
		require.LessOrEqual(t, len(got), c.n)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain – text ✓":    "plain – text ✓",
		"a\x1b[31mred":      `a\x1b[31mred`,
		"line\nnext\ttab":   `line\x0anext\x09tab`,
		"c1 \u009b2J":       `c1 \u009b2J`,
		"bidi \u202e\u2066": `bidi \u202e\u2066`,
		"zero\u200bwidth":   `zero\u200bwidth`,
		"bad \xff\xc3":      `bad \xff\xc3`,
		"tag \U000e0041":    `tag \U000e0041`,
		"known \uFFFD":      "known \uFFFD",
	} {
		require.Equal(t, want, problem.Printable(in))
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		p := problem.Printable(s)
		require.True(t, utf8.ValidString(p))
		require.Equal(t, p, problem.Printable(p))
	})
}

func TestTail(t *testing.T) {
	for s, want := range map[string]string{
		"": "", " done\r\n": "done", "a\tb\nc": "a b\nc", "\x1b[31mred": `\x1b[31mred`, "bad \xff": `bad \xff`,
		"0123456789abcdefghijk": "…456789abcdefghijk", "ééééééééééééééé": "…éééééééé",
	} {
		got := problem.Tail(s, 20)
		require.Equal(t, want, got, "%q", s)
		require.LessOrEqual(t, len(got), 20)
	}
}

package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// A wrong value may be megabytes long. It is quoted in part, and never cut
// within a character.
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
		"plain – text ✓":     "plain – text ✓",
		"a\x1b[31mred":       `a\x1b[31mred`,
		"line\nnext\ttab":    `line\x0anext\x09tab`,
		"c1 \u009b2J":        `c1 \u009b2J`,
		"bidi \u202e\u2066":  `bidi \u202e\u2066`,
		"zero\u200bwidth":    `zero\u200bwidth`,
		"bad \xff\xc3":       `bad \xff\xc3`,
		"tag \U000e0041":     `tag \udb40\udc41`,
		"del \x7f":           `del \u007f`,
		"nel \u0085":         `nel \u0085`,
		"cr\rbs\b":           `cr\x0dbs\x08`,
		"marks \u200e\u200f": `marks \u200e\u200f`,
		"all \u202a\u202b\u202c\u202d\u2067\u2068\u2069\u061c": `all \u202a\u202b\u202c\u202d\u2067\u2068\u2069\u061c`,
		"seps \u2028\u2029":         `seps \u2028\u2029`,
		"bom \ufeff":                `bom \ufeff`,
		"nbsp \u00a0":               `nbsp \u00a0`,
		"soft \u00ad":               `soft \u00ad`,
		"filler \u3164\uffa0\u115f": `filler \u3164\uffa0\u115f`,
		"joiner \u034f\u2060":       `joiner \u034f\u2060`,
		"selector \ufe0f\U000e0100": `selector \ufe0f\udb40\udd00`,
		"braille \u2800":            `braille \u2800`,
		"private \ue000":            `private \ue000`,
		"none \u0378":               `none \u0378`,
		"half \xed\xa0\x80":         `half \xed\xa0\x80`,
		"日本 é العربية":              "日本 é العربية",
		"known \uFFFD":              "known \uFFFD",
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

func TestLines(t *testing.T) {
	require.Equal(t, "a\n  b\\x1b\n  c", problem.Lines("a\r\nb\x1b\nc\n", "  "))
}

// Whatever is written, in whatever pieces, puts only text, line breaks and tabs
// on a terminal. JSON keeps its meaning.
func TestWriter(t *testing.T) {
	const nasty = "é\ttab\nline\x1b[31m\u202e\x9b日本\x7f\U000e0041\xff\ufeff✓"
	want := "é\ttab\nline" + `\x1b[31m\u202e\x9b` + "日本" + `\u007f\udb40\udc41\xff\ufeff` + "✓"
	for size := 1; size <= len(nasty); size++ {
		var b strings.Builder
		w := problem.Writer(&b)
		for piece := range slices.Chunk([]byte(nasty), size) {
			n, err := w.Write(piece)
			require.NoError(t, err)
			require.Equal(t, len(piece), n)
		}
		require.Equal(t, want, b.String())
	}
	in := map[string]string{"name": strings.ToValidUTF8(nasty, "\uFFFD"), "\u202e": "\u0085\x1b"}
	var b strings.Builder
	e := json.NewEncoder(problem.Writer(&b))
	e.SetIndent("", "\t")
	require.NoError(t, e.Encode(in))
	var out map[string]string
	require.NoError(t, json.Unmarshal([]byte(b.String()), &out))
	require.Equal(t, in, out)
	require.NotContains(t, b.String(), "\u202e")
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

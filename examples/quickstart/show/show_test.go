package show

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func ExampleTable() {
	err := Table(os.Stdout, Screen{Width: 60}, []Row{
		{Asset: "signed", Patch: "reader", From: "1.0.0", To: "1.1.0", Result: "Completed", Rule: "INT-1", Reason: "It is signed."},
		{Asset: "absent", Patch: "office", To: "1.0.0", Result: "NotApplicable", Rule: "CAT-3",
			Reason: "office is not installed, and nothing is installed for the first time."},
		{Asset: "absent", Patch: "other", Result: "Failed", Reason: "12: It failed.", Unlike: "NotApplicable"},
	})
	fmt.Println(err)
	// Output:
	//    ASSET   PATCH   FROM → TO      RESULT         RULE
	// ✓  signed  reader  1.0.0 → 1.1.0  Completed      INT-1
	//    It is signed.
	// ✓  absent  office  – → 1.0.0      NotApplicable  CAT-3
	//    office is not installed, and nothing is installed for the
	//    first time.
	// ✗          other                  Failed
	//    12: It failed.
	//    The rules say: NotApplicable
	// <nil>
}

func TestTableFitsEveryWidth(t *testing.T) {
	long := Row{Asset: "a-long-asset", Patch: "patch", From: "1.0.0", To: "1.1.0", Result: "NotApplicable", Rule: "CAT-3",
		Reason: "Short words, and one-that-is-longer-than-a-narrow-terminal.", Unlike: "rule is INT-1, not CAT-3"}
	for width := range 200 {
		var out, coloured bytes.Buffer
		require.NoError(t, Table(&out, Screen{Width: width}, []Row{long}))
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), max(width, minWidth))
		}
		require.NoError(t, Table(&coloured, Screen{Width: width, Colour: true}, []Row{long}))
		require.Equal(t, out.String(), ansi.ReplaceAllString(coloured.String(), ""), "colours change nothing else")
	}
}

var ansi = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestResultsAreColoured(t *testing.T) {
	row := Row{Asset: "Completed", Patch: "p", Result: "Failed", Reason: "Failed"}
	var out bytes.Buffer
	require.NoError(t, Table(&out, Screen{Width: 80, Colour: true}, []Row{row}))
	require.Contains(t, out.String(), "\x1b[32m✓\x1b[0m  Completed  p                 \x1b[31mFailed\x1b[0m\n   Failed\n")
}

func TestFitBreaksAtSpacesFirst(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                      {""},
		"  as  it   is":                         {"  as  it   is"},
		"  twenty-four characters, and more":    {"  twenty-four", "   characters, and more"},
		"one-word-that-is-longer-than-one-line": {"one-word-that-is-longer-", "   than-one-line"},
		"→→→→→→→→→→→→ →→→→→→→→→→→→":              {"→→→→→→→→→→→→", "   →→→→→→→→→→→→"},
		"a word-that-is-longer-than-one-line on": {"a", "   word-that-is-longer-t", "   han-one-line on"},
	} {
		require.Equal(t, want, Screen{Width: minWidth}.fit(text), "%q", text)
	}
}

func TestPlainLinesShowEachChangeOnce(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, Screen{Width: 80}, []string{"signed", "absent"})
	p.Step("signed", 1, "download")
	p.Step("signed", 1, "download")
	p.Say("the job is %s", "cancelled")
	p.Step("absent", 1, "download")
	p.Step("unknown", 1, "download")
	p.Step("signed", Steps, "Completed")
	p.Close()
	require.Equal(t, "  signed         download\nthe job is cancelled\n  absent         download\n  signed         Completed\n", out.String())
}

func TestBarsShowEachAssetAndEnd(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, Screen{Width: 80, Terminal: true}, []string{"signed", "absent"})
	var all sync.WaitGroup
	for _, name := range []string{"signed", "absent"} {
		all.Go(func() {
			for step, text := range []string{"ordered", "download", "deploy"} {
				p.Step(name, step, text)
			}
		})
	}
	all.Wait()
	p.Say("a line between")
	p.Step("signed", Steps, "Completed")
	p.Close()
	for _, want := range []string{"signed", "absent", "Completed", "deploy", "a line between\n"} {
		require.Contains(t, out.String(), want)
	}
	before := out.Len()
	p.Say("afterwards") // the bars are gone
	require.Equal(t, "afterwards\n", out.String()[before:])
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	require.Equal(t, Screen{Width: 80}, ScreenOf(f))
	require.NoError(t, f.Close())
	require.Equal(t, Screen{Width: 80}, ScreenOf(f), "nor is a closed one")
	require.Equal(t, Screen{Width: 80}, ScreenOf(new(bytes.Buffer)))
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	require.Equal(t, Screen{Width: 80}, ScreenOf(null))
	require.NoError(t, null.Close())
}

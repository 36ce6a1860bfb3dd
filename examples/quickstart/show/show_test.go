package show

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func ExampleTable() {
	err := Table(os.Stdout, []Row{
		{Asset: "signed", Patch: "reader", From: "1.0.0", To: "1.1.0", Result: "Completed", Rule: "INT-1", Reason: "It is signed."},
		{Asset: "absent", Patch: "office", To: "1.0.0", Result: "NotApplicable", Rule: "CAT-3",
			Reason: "office is not installed, and nothing is ever installed for the first time."},
		{Asset: "absent", Patch: "other", Result: "Failed", Code: "12", Reason: "It failed.", Unlike: "NotApplicable"},
	})
	fmt.Println(err)
	// Output:
	//    ASSET   PATCH   FROM → TO      RESULT         CODE  REASON                                        RULE
	// ✓  signed  reader  1.0.0 → 1.1.0  Completed            It is signed.                                 INT-1
	// ✓  absent  office  – → 1.0.0      NotApplicable        office is not installed, and nothing is ever  CAT-3
	//                                                        installed for the first time.
	// ✗          other                  Failed         12    It failed.
	//                                                        The rules say: NotApplicable
	// <nil>
}

func TestWrapBreaksAtSpacesOnly(t *testing.T) {
	for text, want := range map[string][]string{
		"":                    {""},
		"one":                 {"one"},
		"one two":             {"one two"},
		"one two three":       {"one two", "three"},
		"a-very-long-word on": {"a-very-long-word", "on"},
		" spaces  vanish\n":   {"spaces", "vanish"},
		"→→→ →→→":             {"→→→ →→→"},
	} {
		require.Equal(t, want, wrap(text, 7), "%q", text)
	}
}

func TestPlainLinesTellEachChangeOnce(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, false, []string{"signed", "absent"})
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
	p := NewProgress(&out, true, []string{"signed", "absent"})
	var all sync.WaitGroup
	for _, name := range []string{"signed", "absent"} {
		all.Go(func() {
			for step, text := range []string{"ordered", "download", "deploy"} {
				p.Step(name, step, text)
			}
		})
	}
	all.Wait()
	p.Say("a word between")
	p.Step("signed", Steps, "Completed")
	p.Close()
	for _, want := range []string{"signed", "absent", "Completed", "deploy", "a word between\n"} {
		require.Contains(t, out.String(), want)
	}
	before := out.Len()
	p.Say("afterwards") // a bar that is gone takes no words with it
	require.Equal(t, "afterwards\n", out.String()[before:])
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	require.False(t, Terminal(f))
	require.NoError(t, f.Close())
	require.False(t, Terminal(f), "nor is one that cannot be asked")
}

package cli

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
)

// nasty are texts that an agent, a feed or a vendor may choose, with characters
// that must not reach a terminal.
var nasty = []string{
	"red \x1b[31m", "title \x1b]0;x\x07", "c1 \u009b2J", "raw c1 \x9b2J", "del \x7f", "bidi \u202e\u2066", "mark \u200f\u061c", "zero \u200b\u2060\ufeff",
	"bad \xff\xc3", "tag \U000e0041", "cr \r", "nul \x00", "back \b\b", "sep \u2028", "nel \u0085", "filler \u3164",
}

func harmless(t *testing.T, out string) {
	t.Helper()
	require.True(t, utf8.ValidString(out))
	for _, r := range out {
		require.False(t, r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f ||
			r == 0x61c || r == 0xfeff || r == 0x3164 || r >= 0xe0000), "%U in %q", r, out)
	}
}

func TestNothingFromOutsideSteersATerminal(t *testing.T) {
	for _, s := range nasty {
		var out bytes.Buffer
		require.NoError(t, table(&out, false, "ASSET WHY", [][]any{{job.AssetID(s), s}, {long(s), []string{s, "forged\nrow\tcell"}}}))
		harmless(t, out.String())
		require.Equal(t, 3, bytes.Count(out.Bytes(), []byte("\n")), "no row is added: %q", &out)

		out.Reset()
		root := &cobra.Command{Use: "server", RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Print(s)
			return errors.Join(errors.New(s+"\nerror: forged"), &adminhttp.Error{Problems: []job.Problem{{Field: s, Value: s, Text: s + "\nforged"}}})
		}}
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs([]string{})
		require.Equal(t, ExitFailed, Run(root))
		harmless(t, out.String())
		require.NotContains(t, out.String(), "\nforged")
		require.NotContains(t, out.String(), "\nerror: forged")
	}
}

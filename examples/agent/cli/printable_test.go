package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/agent/scan"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// nasty is text that a server, a vendor, its content network or a package may
// choose, with what must not reach a terminal.
var nasty = []string{
	"red \x1b[31m", "title \x1b]0;x\x07", "c1 \u009b2J", "raw c1 \x9b2J", "del \x7f", "bidi \u202e\u2066", "mark \u200f\u061c", "zero \u200b\u2060\ufeff",
	"bad \xff\xc3", "tag \U000e0041", "cr \r", "nul \x00", "back \b\b", "sep \u2028", "nel \u0085", "filler \u3164", "forged\nrunning    yes\n",
}

func harmless(t *testing.T, out string) {
	t.Helper()
	require.True(t, utf8.ValidString(out))
	for _, r := range out {
		require.False(t, r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f ||
			r == 0x61c || r == 0xfeff || r == 0x3164 || r >= 0xe0000), "%U in %q", r, out)
	}
	require.NotContains(t, out, "\nrunning    yes\n")
}

func TestNothingFromOutsideSteersATerminal(t *testing.T) {
	for _, s := range nasty {
		var out bytes.Buffer
		var patch execution.PatchState
		patch.Patch, patch.Text = catalog.PatchID(s), "the server answered 404 "+s
		shown := shown{Asset: job.AssetID(s), Server: s, State: agent.State{
			Queue:      []job.Order{{ID: job.OrderID(s), Name: s}},
			Executions: []execution.State{{Order: job.Order{ID: job.OrderID(s), Name: s}, Patches: []execution.PatchState{patch}}},
		}}
		require.NoError(t, shown.print(&out))
		harmless(t, out.String())

		out.Reset()
		report := scan.Report{Rows: []scan.Row{{Package: s, Architecture: s, Installed: s, Available: s, Reasons: []catalog.Reason{{Text: s}}}}}
		require.NoError(t, report.Table(&out))
		harmless(t, out.String())
		require.Equal(t, 3, bytes.Count(out.Bytes(), []byte("\n")), "no row is added: %q", &out)

		out.Reset() // as Run does
		p := &program{err: problem.Writer(&out), verbose: true}
		p.logger().Warn("a download failed", "error", errors.New(s), "patch", s, slog.Group(s, s, s))
		harmless(t, out.String())
		require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")))

		out.Reset() // an error that names what is wrong
		name := filepath.Join(t.TempDir(), "policy.json")
		require.NoError(t, os.WriteFile(name, []byte(`{"`+s+`": 1}`), 0o600))
		require.Equal(t, Usage, Run(t.Context(), []string{"run", "--policy", name, "--state", s, "--zone", s, s}, &out, &out))
		harmless(t, out.String())
		out.Reset()
		require.Equal(t, Usage, Run(t.Context(), []string{"verify", s, "--policy", name}, &out, &out))
		harmless(t, out.String())
	}
}

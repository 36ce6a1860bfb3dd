package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

func TestEachReportIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	reports := []job.Report{{Sequence: 1, Order: "o1", Text: "waits\x1b[31m"}, {Sequence: 2, Refused: "too old", Patches: []job.PatchOutcome{{Patch: "p1", Text: "the\nfile"}}}}
	require.Equal(t, job.Sequence(2), say(logger, reports, 0))
	require.Equal(t, 3, strings.Count(out.String(), "level=INFO"))
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
	require.Contains(t, out.String(), "order=o1")
	require.NotContains(t, out.String(), "\x1b")
	out.Reset()
	require.Equal(t, job.Sequence(2), say(logger, reports, 2))
	require.Empty(t, out.String())
}

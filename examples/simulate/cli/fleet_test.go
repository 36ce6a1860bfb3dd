package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFleet(t *testing.T) {
	folder := t.TempDir()
	status, out, errs := simulate("fleet", "--agents", "60", "--days", "2", "--out", folder)
	require.Zero(t, status, errs)
	require.Contains(t, out, "60 agents, 2 days")
	for _, name := range []string{"fleet.html", "fleet.json"} {
		info, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Greater(t, info.Size(), int64(5000), name)
	}
	status, _, errs = simulate("fleet", "--agents", "60")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "--out is missing")
	status, _, errs = simulate("fleet", "--agents", "-1", "--out", folder)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "not between 1 and 10000000")
}

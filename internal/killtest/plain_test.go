package killtest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A world in which nothing is killed comes out right; every other world is
// compared with it.
func TestNothingIsKilled(t *testing.T) {
	t.Parallel()
	for _, role := range []string{serverRole, steppedRole} {
		begun := time.Now()
		w, err := newWorld(filepath.Join(t.TempDir(), "world"), role, *seed)
		require.NoError(t, err)
		defer w.close()
		require.NoError(t, w.play(func(context.Context) {}))
		require.Empty(t, w.check())
		points, err := lines(pointsFile(w.dir, agentRole))
		require.NoError(t, err)
		served, err := lines(pointsFile(w.dir, steppedRole))
		require.NoError(t, err)
		t.Logf("%s: %v, %d points of the agent, %d of the server", role, time.Since(begun).Round(time.Millisecond), len(points), len(served))
	}
}

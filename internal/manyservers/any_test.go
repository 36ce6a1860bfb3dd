package manyservers

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/internal/postgrestest"
)

// Whichever server an administrator asks, it syncs, and its acts reach the
// agents through every other server.
func TestAnyServerTakesActs(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: three real servers take a while; run without -short")
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	s := &servers{dir: t.TempDir(), store: postgrestest.Database(t)}
	_, _, err := serve.Init(filepath.Join(s.dir, "server"), 1, 1)
	require.NoError(t, err)
	inventory := writeFeed(t, s, len(s.at))
	var processes errgroup.Group
	for i := range s.at {
		processes.Go(func() error { return s.run(i) })
	}
	defer func() { s.end(); require.NoError(t, processes.Wait()) }()
	for i := range s.at {
		require.NoError(t, s.listens(ctx, i))
	}

	admin := newAdmin(t, s)
	var token adminhttp.MadeToken
	require.NoError(t, admin.ask(ctx, http.MethodPost, "tokens", adminhttp.NewToken{Name: "one", Tags: []string{"all"}}, &token))
	a := newAgent(1, s, inventory)
	require.NoError(t, a.enrol(ctx, token.Secret))
	require.NoError(t, a.call(ctx, false))
	var slowest time.Duration
	for i := range s.at {
		s.only = i + 1
		var changes catalog.Changes
		require.NoError(t, admin.ask(ctx, http.MethodPost, "sync", nil, &changes), "server %d", i)
		require.NoError(t, admin.enable(ctx, i))
		begun := time.Now()
		s.only = (i+1)%len(s.at) + 1 // another one answers
		for len(a.ended) <= i {
			require.NoError(t, a.call(ctx, false))
			require.NoError(t, pause(ctx, 20*time.Millisecond), "the order of job %d does not arrive", i)
		}
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("an act on one server reached an agent through another after %v at most", slowest.Round(time.Millisecond))
}

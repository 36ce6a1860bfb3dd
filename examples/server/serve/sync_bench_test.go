package serve

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// timed measures for how long updates hold the write lock.
type timed struct {
	controller.Store
	held time.Duration
}

func (s *timed) Update(ctx context.Context, fn func(controller.Writer) error) error {
	begun := time.Now()
	defer func() { s.held += time.Since(begun) }()
	return s.Store.Update(ctx, fn)
}

// BenchmarkSyncApt syncs the repositories that this machine's apt is configured
// for into SQLite: all of them for the first time, and again when nothing
// changed.
func BenchmarkSyncApt(b *testing.B) {
	if _, err := os.Stat("/etc/apt"); err != nil {
		b.Skip("SKIPPED ALOUD: this machine has no apt: " + err.Error())
	}
	ctx := context.Background()
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "server.db")
		store, err := sqlstore.OpenSQLite(ctx, path)
		require.NoError(b, err)
		held := &timed{Store: store}
		c, err := controller.New(held, controller.Config{Signer: manifest.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32))), Zone: time.LoadLocation})
		require.NoError(b, err)
		feeds, err := Feeds(Sources{Apt: []string{"/etc/apt"}}, slog.New(slog.DiscardHandler))
		require.NoError(b, err)
		s := &syncer{controller: c, feeds: feeds, logger: slog.New(slog.DiscardHandler)}
		for _, name := range []string{"cold", "second", "unchanged"} { // the second marks what a security suite lists as well
			held.held = 0
			begun := time.Now()
			changes, err := s.run(ctx, "")
			require.NoError(b, err)
			b.ReportMetric(float64(time.Since(begun).Milliseconds()), name+"-ms")
			b.ReportMetric(float64(held.held.Microseconds())/1000, name+"-lock-ms")
			if name == "cold" {
				b.ReportMetric(float64(len(changes.Added)), "patches")
				reasons := map[string]int{}
				for _, r := range changes.Rejected {
					reasons[strings.Join(r.Reasons, "; ")]++
				}
				b.Log("rejected by reason: ", reasons)
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc>>20), "heap-MiB")
		_, err = c.Snapshot(ctx) // the catalog is still in memory
		require.NoError(b, err)
		require.NoError(b, store.Close())
		info, err := os.Stat(path)
		require.NoError(b, err)
		b.ReportMetric(float64(info.Size()>>20), "disk-MiB")
	}
}

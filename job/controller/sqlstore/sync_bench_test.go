package sqlstore_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// watched measures for how long updates keep others waiting, and what they
// write.
type watched struct {
	controller.Store
	held  time.Duration
	bytes int
}

func (w *watched) Update(ctx context.Context, fn func(controller.Writer) error) error {
	begun := time.Now()
	defer func() { w.held += time.Since(begun) }()
	return w.Store.Update(ctx, func(tx controller.Writer) error { return fn(&counted{tx, w}) })
}

type counted struct {
	controller.Writer
	of *watched
}

func (c *counted) Put(table controller.Table, key string, value []byte) error {
	c.of.bytes += len(value)
	return c.Writer.Put(table, key, value)
}

// BenchmarkSync syncs a distribution of 60,000 packages: for the first time,
// when its feed says that nothing changed, and when it lists everything again
// with 50 packages changed. Lock-ms is how long the update had the write lock.
func BenchmarkSync(b *testing.B) {
	ctx, now := context.Background(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	batch := catalog.Batch{Feed: "main", At: now}
	for i := range 60_000 {
		v, err := version.Parse(version.Debian, fmt.Sprintf("1:%d.%d-%d", i%50, i%7, i%3))
		require.NoError(b, err)
		id := catalog.ProductID(fmt.Sprintf("deb/bookworm/amd64/package-%d", i))
		batch.Products = append(batch.Products, catalog.Product{ID: id, Name: fmt.Sprintf("package-%d", i), Vendor: "Debian", Platform: catalog.Linux, Scheme: version.Debian})
		batch.Patches = append(batch.Patches, catalog.Patch{
			ID: catalog.PatchID(string(id) + "=" + v.String()), Product: id, Version: v, Title: "A package of many", Transaction: "dpkg",
			Artifacts: []catalog.Artifact{{
				Name: fmt.Sprintf("package-%d.deb", i), Availability: catalog.Pinned, URL: fmt.Sprintf("https://mirror.example/pool/p/package-%d.deb", i), Size: int64(i),
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", i*i*7919)}},
			}},
		})
	}
	changed := func(n int) catalog.Batch {
		next := batch
		next.Patches = slices.Clone(batch.Patches)
		for i := range 50 {
			next.Patches[i*1000].Title = fmt.Sprint("Changed ", n)
		}
		return next
	}
	for _, c := range []struct {
		name string
		next func(n int) catalog.Batch
	}{
		{"first", nil},
		{"unchanged", func(int) catalog.Batch { return catalog.Batch{Feed: "main", Unchanged: true} }},
		{"50 changed", changed},
	} {
		b.Run(c.name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				store, err := sqlstore.OpenSQLite(ctx, filepath.Join(b.TempDir(), "server.db"))
				require.NoError(b, err)
				w := &watched{Store: store}
				server, err := controller.New(w, controller.Config{Signer: manifest.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32))), Zone: time.LoadLocation})
				require.NoError(b, err)
				next := batch
				if c.next != nil {
					_, err = server.Sync(ctx, []catalog.Batch{batch}, now)
					require.NoError(b, err)
					w.held, w.bytes, next = 0, 0, c.next(n)
				}
				b.StartTimer()
				_, err = server.Sync(ctx, []catalog.Batch{next}, now.Add(time.Hour))
				b.StopTimer()
				require.NoError(b, err)
				b.ReportMetric(float64(w.held.Microseconds())/1000, "lock-ms")
				b.ReportMetric(float64(w.bytes), "bytes-written")
				require.NoError(b, store.Close())
				b.StartTimer()
			}
		})
	}
}

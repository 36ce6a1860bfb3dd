package postgres

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/postgrestest"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// BenchmarkServer measures SQLite and PostgreSQL side by side: what a check-in
// and an order cost a server. PostgreSQL does not wait for its disk here (fsync
// is off), and SQLite does.
//
//	go test -run '^$' -bench Server ./job/controller/sqlstore/postgres
func BenchmarkServer(b *testing.B) {
	for name, open := range map[string]func(*testing.B) controller.Store{
		"sqlite": func(b *testing.B) controller.Store {
			s, err := sqlstore.OpenSQLite(context.Background(), filepath.Join(b.TempDir(), "s.db"))
			require.NoError(b, err)
			return s
		},
		"postgres": func(b *testing.B) controller.Store {
			s, err := Open(context.Background(), postgrestest.Database(b))
			require.NoError(b, err)
			return s
		},
	} {
		b.Run(name, func(b *testing.B) {
			store := open(b)
			defer store.Close()
			f := newFleet(b, store, 1000)
			b.Run("call", func(b *testing.B) { f.calls(b, 1, false) })
			b.Run("calls, 8 at once", func(b *testing.B) { f.calls(b, 8, false) })
			b.Run("report", func(b *testing.B) { f.calls(b, 1, true) })
			b.Run("reports, 8 at once", func(b *testing.B) { f.calls(b, 8, true) })
			b.Run("order", f.orders)
		})
	}
}

// fleet are assets that call, each from one goroutine at a time.
type fleet struct {
	*controller.Controller
	ids  []job.AssetID
	in   []manifest.CheckIn
	jobs int
}

func newFleet(b *testing.B, store controller.Store, n int) *fleet {
	ctx, now := context.Background(), time.Now()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c, err := controller.New(store, controller.Config{Signer: manifest.NewSigner(key), SeenEvery: time.Hour, Batch: 100})
	require.NoError(b, err)
	f := &fleet{Controller: c}
	old, err := version.Parse(version.Semver, "1.0.0")
	require.NoError(b, err)
	newer, err := version.Parse(version.Semver, "2.0.0")
	require.NoError(b, err)
	batch := catalog.Batch{Feed: "main", At: now}
	var installed []catalog.Installed
	for i := range 50 {
		id := catalog.ProductID(fmt.Sprint("product-", i))
		installed = append(installed, catalog.Installed{Product: id, Version: old})
		batch.Products = append(batch.Products, catalog.Product{ID: id, Name: string(id), Platform: catalog.Linux, Scheme: version.Semver})
		batch.Patches = append(batch.Patches, catalog.Patch{
			ID: catalog.PatchID(id) + "-2", Product: id, Version: newer, Published: now.Add(-time.Hour), Artifacts: []catalog.Artifact{{
				Name: "file", Availability: catalog.Pinned, URL: "http://vendor.example/" + string(id), Size: 1,
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", i)}},
			}},
		})
	}
	_, err = c.Sync(ctx, []catalog.Batch{batch}, now)
	require.NoError(b, err)
	inventory, err := catalog.NewInventory(catalog.Linux, installed)
	require.NoError(b, err)
	const secret = "one-token-for-a-whole-fleet"
	_, err = c.AddToken(ctx, secret, controller.Token{Tags: []string{"all"}, Uses: n}, now)
	require.NoError(b, err)
	for i := range n {
		id := job.AssetID(fmt.Sprintf("pc-%05d", i))
		own := ed25519.NewKeyFromSeed(fmt.Appendf(nil, "%0*d", ed25519.SeedSize, i)).Public().(ed25519.PublicKey)
		_, err := c.Enrol(ctx, manifest.Enrolment{Token: secret, Asset: id, Key: own, Platform: catalog.Linux, Architecture: "amd64"}, now)
		require.NoError(b, err)
		in := manifest.CheckIn{Asset: id, At: now, Boot: "one", Call: 1, Digest: inventory.Digest(), Inventory: &inventory}
		_, err = c.CheckIn(ctx, in, now)
		require.NoError(b, err)
		in.Inventory = nil
		f.ids, f.in = append(f.ids, id), append(f.in, in)
	}
	return f
}

// calls measures check-ins that bring nothing new, or a report.
func (f *fleet) calls(b *testing.B, workers int, report bool) {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make([]error, workers)
	b.ResetTimer()
	for w := range workers {
		group.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= b.N || failed[w] != nil {
					return
				}
				i := (n*workers + w) % len(f.ids) / workers * workers % len(f.ids) // not the asset of another worker
				in := &f.in[min(i+w, len(f.in)-1)]
				in.Call++
				in.Reports = nil
				if report {
					in.Made++
					in.Reports = []job.Report{{Sequence: in.Made, At: time.Now(), Refused: "a text"}}
				}
				_, failed[w] = f.CheckIn(context.Background(), *in, time.Now())
			}
		})
	}
	group.Wait()
	for _, err := range failed {
		require.NoError(b, err)
	}
}

// orders measures how long one order takes of a job for the whole fleet.
func (f *fleet) orders(b *testing.B) {
	ctx := context.Background()
	for done := 0; done < b.N; done += len(f.ids) {
		f.jobs++
		d := job.Definition{
			ID: job.ID(fmt.Sprint("job-", f.jobs)), Name: "Job", Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{"all"}},
			Patches: job.Patches{List: []catalog.PatchID{"product-1-2", "product-2-2"}}, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
		}
		_, err := f.SaveJob(ctx, d, time.Now())
		require.NoError(b, err)
		_, err = f.EnableJob(ctx, d.ID, time.Now())
		require.NoError(b, err)
	}
}

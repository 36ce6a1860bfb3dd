package controller_test

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// TestServersShareAStore lets two servers make the same runs while agents call
// both, and an administrator cancels. Whatever comes first, each order is made
// once and the counts add up to what the agents reported.
func TestServersShareAStore_RPT1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		const n, rounds = 12, 3
		var ids []job.AssetID
		for i := range n {
			ids = append(ids, job.AssetID(fmt.Sprintf("asset-%02d", i)))
			f.enrol(ids[i], "all")
		}
		second, err := controller.New(f.store, config())
		require.NoError(f, err)
		servers := []*controller.Controller{f.Controller, second}
		reported := make([]int, n) // failures, by asset
		for round := range rounds {
			d := definition(job.ID(fmt.Sprint("round-", round)), "editor-2.0.0")
			d.Schedule = schedule.Schedule{Kind: schedule.Once, At: f.now.Add(4 * time.Hour)}
			_, err = f.SaveJob(ctx, d, f.now)
			require.NoError(f, err)
			run, err := f.EnableJob(ctx, d.ID, f.now)
			require.NoError(f, err)
			f.pass(time.Hour)
			now := f.now
			var group sync.WaitGroup
			errs := make(chan error, 100)
			for _, s := range servers {
				group.Go(func() { _, err := s.Tick(ctx, now); errs <- err })
			}
			if round == 1 {
				group.Go(func() { _, err := second.CancelRun(ctx, run, now); errs <- err })
			}
			for i, id := range ids {
				group.Go(func() {
					a := f.agents[id]
					for turn := range 4 {
						answer, err := servers[(i+turn)%2].CheckIn(ctx, a.request(now), now)
						if err != nil {
							errs <- err
							return
						}
						for len(a.unsent) > 0 && a.unsent[0].Sequence <= answer.Acknowledged {
							a.unsent = a.unsent[1:]
						}
						if answer.Manifest == nil {
							continue
						}
						doc, err := manifest.Open(answer.Manifest, manifest.NewVerifier(key.Public().(ed25519.PublicKey)), id, a.held, "", now)
						if err != nil {
							errs <- err
							return
						}
						a.held, a.orders = doc.Revision, doc.Orders
						for _, o := range doc.Orders {
							r := job.Report{Order: o.ID, Result: job.Cancelled}
							if !o.Cancelled {
								r.Result, r.Patches = job.Failed, []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}
								reported[i]++
							}
							a.report(r)
						}
					}
				})
			}
			group.Wait()
			close(errs)
			for err := range errs {
				require.NoError(f, err)
			}
			for _, id := range ids { // whoever called too early calls again
				a := f.agents[id]
				f.call(a)
				for _, o := range a.orders {
					if len(a.unsent) == 0 && f.asset(run, id).Result == 0 {
						r := job.Report{Order: o.ID, Result: job.Cancelled}
						if !o.Cancelled {
							r = job.Report{Order: o.ID, Result: job.Completed}
						}
						a.report(r)
					}
				}
				f.call(a)
			}
			list, err := f.RunAssets(ctx, run, "", 100)
			require.NoError(f, err)
			for _, a := range list {
				require.NotZero(f, a.Ended, "%s %v", a.Order, a)
			}
			if round != 1 {
				require.Len(f, list, n)
			}
		}
		total := 0
		page, err := f.Failures(ctx, controller.FailureFilter{Limit: 1000})
		require.NoError(f, err)
		for i := range reported {
			total += reported[i]
		}
		counted, err := f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Len(f, page.Failures, counted)
		anomalies := 0
		for _, id := range ids {
			status, err := f.Asset(ctx, id, f.now)
			require.NoError(f, err)
			anomalies += status.AnomalyCount
		}
		// An agent that failed an order just as it was cancelled says so twice
		// here: the second is an anomaly, and counts nothing.
		require.LessOrEqual(f, counted, total)
		require.GreaterOrEqual(f, counted+anomalies, total)
	})
}

// BenchmarkTick makes the orders of one job on 10,000 assets.
func BenchmarkTick(b *testing.B) {
	for name, open := range map[string]func(*testing.B) controller.Store{
		"memory": func(*testing.B) controller.Store { return memstore.New(memstore.Options{}) },
		"sqlite": func(b *testing.B) controller.Store {
			s, err := sqlstore.OpenSQLite(ctx, filepath.Join(b.TempDir(), "s.db"))
			require.NoError(b, err)
			return s
		},
	} {
		b.Run(name, func(b *testing.B) {
			const n = 10_000
			c, err := controller.New(open(b), config())
			require.NoError(b, err)
			_, err = c.AddToken(ctx, secret, controller.Token{Tags: []string{"all"}, Uses: n}, start)
			require.NoError(b, err)
			a := &agent{inventory: catalog.Inventory{Platform: catalog.Linux}}
			a.install("editor", "1.0.0", "player", "1.0.0", "reader", "1.0.0")
			for i := range n {
				a.id = job.AssetID(fmt.Sprintf("m%05d", i))
				_, err := c.Enrol(ctx, enrolment(a.id), start)
				require.NoError(b, err)
				in := a.request(start)
				in.Inventory = &a.inventory
				_, err = c.CheckIn(ctx, in, start)
				require.NoError(b, err)
			}
			patches := []catalog.Patch{patch("editor", "2.0.0"), patch("player", "2.0.0")}
			products := []catalog.Product{}
			for _, name := range []string{"editor", "player"} {
				products = append(products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: patches[0].Version.Scheme()})
			}
			_, err = c.Sync(ctx, []catalog.Batch{{Feed: "f", Products: products, Patches: patches}}, start)
			require.NoError(b, err)
			now := start
			for b.Loop() {
				now = now.Add(time.Minute)
				d := definition(job.ID(fmt.Sprint("job-", now.Unix())), "editor-2.0.0", "player-2.0.0")
				_, err := c.SaveJob(ctx, d, now)
				require.NoError(b, err)
				run, err := c.EnableJob(ctx, d.ID, now)
				require.NoError(b, err)
				began := time.Now()
				_, err = c.CancelRun(ctx, run, now)
				require.NoError(b, err)
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "cancel-ms")
			}
		})
	}
}

package controller_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// errFault is what a store in trouble returns.
var errFault = errors.New("the disk is gone")

// faulty is a store whose operation number at, counted from the last arming, fails.
type faulty struct {
	controller.Store
	at, count int
	armed     bool
}

func (s *faulty) fails() error {
	if s.count++; s.armed && s.count > s.at {
		return errFault
	}
	return nil
}

func (s *faulty) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.Store.View(ctx, func(r controller.Reader) error { return fn(faultyReader{r, s}) })
}

func (s *faulty) Update(ctx context.Context, fn func(controller.Writer) error) error {
	return s.Store.Update(ctx, func(w controller.Writer) error { return fn(faultyWriter{faultyReader{w, s}, w}) })
}

type faultyReader struct {
	controller.Reader
	s *faulty
}

func (r faultyReader) Get(table controller.Table, key string) ([]byte, error) {
	if err := r.s.fails(); err != nil {
		return nil, err
	}
	return r.Reader.Get(table, key)
}

func (r faultyReader) GetMany(keys []controller.Key) ([][]byte, error) {
	if err := r.s.fails(); err != nil {
		return nil, err
	}
	return r.Reader.GetMany(keys)
}

func (r faultyReader) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := r.s.fails(); err != nil {
		return nil, err
	}
	return r.Reader.Scan(table, from, to, limit)
}

type faultyWriter struct {
	faultyReader
	w controller.Writer
}

func (w faultyWriter) Put(table controller.Table, key string, value []byte) error {
	if err := w.s.fails(); err != nil {
		return err
	}
	return w.w.Put(table, key, value)
}

func (w faultyWriter) Delete(table controller.Table, key string) error {
	if err := w.s.fails(); err != nil {
		return err
	}
	return w.w.Delete(table, key)
}

// Whatever operation of the store fails, the use case says so, and once the
// store is well again it comes to the same end.
func TestEveryFaultOfTheStoreIsReported(t *testing.T) {
	store := &faulty{Store: memstore.New(memstore.Options{})}
	f := newFixture(t, store)
	try := func(what string, do func() error) {
		t.Helper()
		for store.at = 0; ; store.at++ {
			store.count, store.armed = 0, true
			err := do()
			store.armed = false
			if store.count <= store.at { // it did with fewer operations
				require.NoError(t, err, what)
				return
			}
			require.ErrorIs(t, err, errFault, "%s, operation %d", what, store.at)
			require.Less(t, store.at, 5000, what)
		}
	}
	one := func(_ any, err error) error { return err }
	call := func(a *agent) func() error {
		return func() error {
			in := a.request(f.now)
			in.Inventory = &a.inventory
			answer, err := f.CheckIn(ctx, in, f.now)
			if err == nil && len(answer.Manifest) > 0 {
				a.held++
			}
			return err
		}
	}
	queries := func(run job.RunID) {
		for what, do := range map[string]func() error{
			"job": func() error { return one(f.Job(ctx, "j")) }, "jobs": func() error { return one(f.Jobs(ctx, "", 10)) },
			"run": func() error { return one(f.Run(ctx, run)) }, "runs": func() error { return one(f.Runs(ctx, "j", "", 10)) },
			"run's assets": func() error { return one(f.RunAssets(ctx, run, "", 10)) },
			"asset":        func() error { return one(f.Asset(ctx, "a", f.now)) }, "assets": func() error { return one(f.Assets(ctx, "", 10, f.now)) },
			"failures": func() error { return one(f.Failures(ctx, controller.FailureFilter{Limit: 10})) }, "failed installs": func() error { return one(f.FailedInstalls(ctx)) },
			"missing": func() error { return one(f.Missing(ctx, "a", f.now)) }, "pending cancels": func() error { return one(f.PendingCancels(ctx, 10)) },
			"due": func() error { return one(f.DueFleet(ctx, f.now)) },
			"pending reboots": func() error { return one(f.PendingReboots(ctx, 10)) }, "silent": func() error { return one(f.Silent(ctx, 10, f.now)) },
			"feeds": func() error { return one(f.Feeds(ctx, f.now)) }, "tokens": func() error { return one(f.Tokens(ctx)) },
			"secrets": func() error { return one(f.Secrets(ctx, "a", manifest.Fingerprint(key.Public().(ed25519.PublicKey)))) }, "custom URLs": func() error { return one(f.CustomURLs(ctx)) },
			"probe URLs": func() error { return one(f.ProbeURLs(ctx)) }, "unreachable": func() error { return one(f.Unreachable(ctx)) },
			"preview": func() error { _, _, err := f.Preview(ctx, definition("p", "editor-2.0.0"), "a", f.now); return err },
		} {
			try(what, do)
		}
	}
	batch := func(patches ...catalog.Patch) []catalog.Batch {
		f.now = f.now.Add(time.Minute)
		b := catalog.Batch{Feed: "feed", At: f.now, Patches: patches}
		for _, name := range []string{"editor", "player", "reader"} {
			b.Products = append(b.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: ver("1.0.0").Scheme()})
		}
		return []catalog.Batch{b}
	}
	first := batch(patch("editor", "2.0.0"), patch("player", "2.0.0"), patch("reader", "2.0.0"))
	try("sync", func() error { return one(f.Sync(ctx, first, f.now)) })
	try("token", func() error {
		return one(f.AddToken(ctx, secret, controller.Token{Tags: []string{"all"}, Uses: 5}, f.now))
	})
	agents := map[job.AssetID]*agent{}
	for _, id := range []job.AssetID{"a", "b"} {
		try("enrol", func() error { return one(f.Enrol(ctx, enrolment(id), f.now)) })
		a := &agent{id: id, inventory: catalog.Inventory{Platform: catalog.Linux}}
		a.install("editor", "1.0.0", "player", "1.0.0", "reader", "1.0.0")
		agents[id] = a
	}
	a, b := agents["a"], agents["b"]
	try("first call", call(a))
	d := definition("j", "editor-2.0.0", "player-2.0.0")
	try("save", func() error { return one(f.SaveJob(ctx, d, f.now)) })
	follower, share := definition("k", "reader-2.0.0"), definition("l", "reader-2.0.0")
	follower.After, share.After = &job.After{Job: "j", PerAsset: true}, &job.After{Job: "j", Share: 50}
	for _, next := range []job.Definition{follower, share} {
		try("save a follower", func() error { return one(f.SaveJob(ctx, next, f.now)) })
		try("enable a follower", func() error { return one(f.EnableJob(ctx, next.ID, f.now)) })
	}
	try("enable", func() error { return one(f.EnableJob(ctx, "j", f.now)) })
	runs, err := f.Runs(ctx, "j", "", 10)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	run := runs[0].ID
	try("call for an order that waited", call(b))
	try("call for the manifest", call(a))
	try("withdraw a patch", func() error {
		return one(f.Sync(ctx, batch(patch("editor", "2.0.0"), patch("player", "2.0.0", withdrawn), patch("reader", "2.0.0")), f.now))
	})
	order := func(id job.AssetID) job.OrderID { return job.MakeOrderID(run, id) }
	a.report(job.Report{Order: order("a"), At: f.now, Progress: job.Received})
	a.report(job.Report{Order: order("a"), At: f.now, Progress: job.Started})
	a.report(job.Report{Order: order("a"), At: f.now, Progress: job.Deploying})
	a.report(job.Report{Order: order("a"), At: f.now, Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
	a.report(job.Report{Order: "j@x/other", At: f.now, Progress: job.Started})
	a.report(job.Report{At: f.now, Refused: "manifest refused"})
	try("reports", call(a))
	queries(run)
	try("cancel", func() error {
		_, err := f.CancelRun(ctx, run, f.now)
		if _, refused := errors.AsType[*controller.CancelRefused](err); refused {
			return nil
		}
		return err
	})
	a.unsent = nil
	a.report(job.Report{Order: order("a"), At: f.now, TooLate: job.StageReboot})
	a.report(job.Report{Order: order("a"), At: f.now, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
	b.report(job.Report{Order: order("b"), At: f.now, Result: job.Cancelled, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.CodeCancelled)}})
	try("the truth", call(a))
	try("the other's", call(b))
	try("tick", func() error { return one(f.Tick(ctx, f.now)) })
	queries(run)

	nightly := definition("n", "editor-2.0.0", "reader-2.0.0")
	nightly.Schedule = daily(f, "22:00", "UTC")
	try("save a recurring job", func() error { return one(f.SaveJob(ctx, nightly, f.now)) })
	try("enable it", func() error { return one(f.EnableJob(ctx, "n", f.now)) })
	f.now = f.now.Add(20 * time.Hour)
	try("make its run", func() error { return one(f.Tick(ctx, f.now)) })
	nightly.Name = "changed"
	try("edit it", func() error { return one(f.SaveJob(ctx, nightly, f.now)) })
	nightly.Schedule = daily(f, "23:00", "UTC")
	try("edit its schedule", func() error { return one(f.SaveJob(ctx, nightly, f.now)) })
	try("cancel it", func() error {
		_, err := f.CancelJob(ctx, "n", f.now)
		if _, refused := errors.AsType[*controller.CancelRefused](err); refused {
			return nil
		}
		return err
	})
	try("tag", func() error { return f.TagAsset(ctx, "b", []string{"other"}, f.now) })
	try("disable", func() error { return f.DisableJob(ctx, "n", f.now) })
	try("delete", func() error { return f.DeleteJob(ctx, "n", false, f.now) })
	vendor := patch("editor", "3.0.0")
	vendor.Artifacts[0].Availability, vendor.Artifacts[0].URL, vendor.EOLMarked = catalog.Vendor, "", true
	supplied := batch(vendor)
	try("sync", func() error { return one(f.Sync(ctx, supplied, f.now)) })
	try("custom URL", func() error {
		return f.SetCustomURLs(ctx, []catalog.CustomURL{{Patch: vendor.ID, Artifact: "editor.bin", URL: "http://own.example/e"}}, f.now)
	})
	try("probed", func() error {
		return f.Probed(ctx, []controller.Probe{{URL: "http://own.example/e", Err: "404"}}, f.now)
	})
	queries(run)
	try("remove an asset", func() error { return f.RemoveAsset(ctx, "b", f.now) })
	tokens, err := f.Tokens(ctx)
	require.NoError(t, err)
	try("remove the token", func() error { return f.RemoveToken(ctx, tokens[0].ID, f.now) })
	f.pass(400 * 24 * time.Hour)
	try("prune", func() error { return one(f.Prune(ctx, f.now.Add(-controller.PruneAge), f.now)) })
	try("events", func() error { return one(f.Events(ctx, time.Time{}, 10)) })
}

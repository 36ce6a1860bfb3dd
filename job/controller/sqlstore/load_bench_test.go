//go:build unix

package sqlstore_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// The size of the fleet of [BenchmarkLoad].
var (
	assetsEnv   = number("PATCHPOLICY_ASSETS", 1000)  // how many assets
	imagesEnv   = number("PATCHPOLICY_IMAGES", 20)    // how many different inventories they have
	packagesEnv = number("PATCHPOLICY_PACKAGES", 300) // how many products are installed on each
)

const (
	ordered = 20 // patches of the orders
	pile    = 60 // orders on the asset that has many
	sample  = 200
)

func number(env string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return usual
}

// meter counts what a store does. Counts do not depend on what else the machine
// does.
type meter struct {
	controller.Store
	sync.Mutex
	views, updates, read, written, bytes int
	longest                              time.Duration // an Update held the writer
}

func (m *meter) add(n *int, by int) {
	m.Lock()
	*n += by
	m.Unlock()
}

func (m *meter) View(ctx context.Context, fn func(controller.Reader) error) error {
	m.add(&m.views, 1)
	return m.Store.View(ctx, func(r controller.Reader) error { return fn(meteredReader{r, m}) })
}

func (m *meter) Update(ctx context.Context, fn func(controller.Writer) error) error {
	m.add(&m.updates, 1)
	return m.Store.Update(ctx, func(w controller.Writer) error {
		begun := time.Now()
		defer func() {
			m.Lock()
			m.longest = max(m.longest, time.Since(begun))
			m.Unlock()
		}()
		return fn(meteredWriter{meteredReader{w, m}, w})
	})
}

type meteredReader struct {
	controller.Reader
	m *meter
}

func (r meteredReader) Get(table controller.Table, key string) ([]byte, error) {
	r.m.add(&r.m.read, 1)
	return r.Reader.Get(table, key)
}

func (r meteredReader) GetMany(keys []controller.Key) ([][]byte, error) {
	r.m.add(&r.m.read, len(keys))
	return r.Reader.GetMany(keys)
}

func (r meteredReader) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	list, err := r.Reader.Scan(table, from, to, limit)
	r.m.add(&r.m.read, len(list))
	return list, err
}

type meteredWriter struct {
	meteredReader
	w controller.Writer
}

func (w meteredWriter) Put(table controller.Table, key string, value []byte) error {
	w.m.add(&w.m.written, 1)
	w.m.add(&w.m.bytes, len(key)+len(value))
	return w.w.Put(table, key, value)
}

func (w meteredWriter) Delete(table controller.Table, key string) error {
	w.m.add(&w.m.written, 1)
	return w.w.Delete(table, key)
}

// joined is a store whose transactions are all part of one, so that a fleet is
// soon made.
type joined struct{ controller.Writer }

func (j joined) View(_ context.Context, fn func(controller.Reader) error) error { return fn(j.Writer) }

func (j joined) Update(_ context.Context, fn func(controller.Writer) error) error {
	return fn(j.Writer)
}

func (joined) Close() error { return nil }

// fleet is a controller with assets that are played by hand.
type fleet struct {
	*testing.B
	*controller.Controller
	store  *meter
	path   string
	now    time.Time
	images []catalog.Inventory
	called []uint64
	sent   []job.Sequence
	held   []manifest.Revision

	agents, agentsCPU time.Duration // spent on the agents' side
}

var (
	ctx = context.Background()
	key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
)

func newFleet(b *testing.B, n int) *fleet {
	f := &fleet{
		B: b, path: filepath.Join(b.TempDir(), "server.db"), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		called: make([]uint64, n), sent: make([]job.Sequence, n), held: make([]manifest.Revision, n),
	}
	s, err := sqlstore.OpenSQLite(ctx, f.path)
	require.NoError(b, err)
	f.store = &meter{Store: s}
	f.Controller = f.over(f.store)
	batch := catalog.Batch{Feed: "feed", At: f.now}
	parsed := func(s string) version.Version {
		v, err := version.Parse(version.Debian, s)
		require.NoError(b, err)
		return v
	}
	for i := range packagesEnv {
		id := catalog.ProductID(fmt.Sprintf("deb/bookworm/amd64/package-%d", i))
		batch.Products = append(batch.Products, catalog.Product{ID: id, Name: fmt.Sprintf("package-%d", i), Vendor: "Vendor", Platform: catalog.Linux, Scheme: version.Debian})
		batch.Patches = append(batch.Patches, catalog.Patch{
			ID: id2patch(i), Product: id, Version: parsed("2:1.0-1"), Published: f.now.Add(-time.Hour),
			Artifacts: []catalog.Artifact{{
				Name: fmt.Sprintf("package-%d.deb", i), Availability: catalog.Pinned, URL: fmt.Sprintf("https://mirror.example/pool/p/package-%d.deb", i), Size: int64(i),
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", i*i*7919)}},
			}},
		})
	}
	for image := range imagesEnv {
		var installed []catalog.Installed
		for i := range packagesEnv {
			installed = append(installed, catalog.Installed{Product: batch.Products[i].ID, Version: parsed(fmt.Sprintf("1:%d.%d-1", i, image))})
		}
		inventory, err := catalog.NewInventory(catalog.Linux, installed)
		require.NoError(b, err)
		f.images = append(f.images, inventory)
	}
	_, err = f.Sync(ctx, []catalog.Batch{batch}, f.now)
	require.NoError(b, err)
	return f
}

func id2patch(i int) catalog.PatchID {
	return catalog.PatchID(fmt.Sprintf("deb/bookworm/amd64/package-%d=2:1.0-1", i))
}

func (f *fleet) over(s controller.Store) *controller.Controller {
	c, err := controller.New(s, controller.Config{Alone: true, Signer: manifest.NewSigner(key), Zone: time.LoadLocation})
	require.NoError(f, err)
	return c
}

// inBulk runs do for assets from up to to, many in one transaction.
func (f *fleet) inBulk(from, to int, do func(c *controller.Controller, i int)) {
	const bulk = 2000
	for ; from < to; from += bulk {
		require.NoError(f, f.store.Store.Update(ctx, func(w controller.Writer) error {
			c := f.over(joined{w})
			for i := from; i < min(from+bulk, to); i++ {
				do(c, i)
			}
			return nil
		}))
	}
}

func name(i int) job.AssetID { return job.AssetID(fmt.Sprintf("host-%07d.acme.example", i)) }

func (f *fleet) enrol(c *controller.Controller, i int) {
	const secret = "a secret of enough bytes"
	if i%100 == 0 {
		_, err := c.AddToken(ctx, secret, controller.Token{Tags: []string{"all"}, Uses: 100}, f.now)
		require.NoError(f, err)
	}
	_, err := c.Enrol(ctx, manifest.Enrolment{Token: secret, Asset: name(i), Key: key.Public().(ed25519.PublicKey), Platform: catalog.Linux, Architecture: "amd64"}, f.now)
	require.NoError(f, err)
}

// request is a call of an asset with reports.
func (f *fleet) request(i int, reports ...job.Report) manifest.CheckIn {
	f.called[i]++
	for k := range reports {
		f.sent[i]++
		reports[k].Sequence, reports[k].At = f.sent[i], f.now
	}
	image := f.images[i%len(f.images)]
	return manifest.CheckIn{
		Asset: name(i), Held: f.held[i], At: f.now, Boot: "boot-1", Zone: "Europe/Berlin", Digest: image.Digest(), Made: f.sent[i], Reports: reports,
		Call: f.called[i], Key: manifest.Fingerprint(key.Public().(ed25519.PublicKey)), Format: manifest.Format, Can: job.Capabilities(),
	}
}

// call sends a call, and takes over the revision of the manifest that it is
// answered with.
func (f *fleet) call(c *controller.Controller, i int, in manifest.CheckIn) manifest.Answer {
	answer, err := c.CheckIn(ctx, in, f.now)
	require.NoError(f, err)
	if answer.Manifest != nil {
		used, begun := cpu(), time.Now()
		defer func() { f.agents, f.agentsCPU = f.agents+time.Since(begun), f.agentsCPU+cpu()-used }()
		d, err := manifest.Open(answer.Manifest, manifest.NewVerifier(key.Public().(ed25519.PublicKey)), in.Asset, in.Held, "", f.now)
		require.NoError(f, err)
		f.held[i] = d.Revision
	}
	return answer
}

func (f *fleet) firstCall(c *controller.Controller, i int) {
	in := f.request(i)
	in.Inventory = &f.images[i%len(f.images)]
	f.call(c, i, in)
}

func (f *fleet) save(id job.ID, patches int, assets job.Assets) {
	d := job.Definition{
		ID: id, Name: "Job " + string(id), Platform: catalog.Linux, Assets: assets, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
	}
	for i := range patches {
		d.Patches.List = append(d.Patches.List, id2patch(i))
	}
	_, err := f.SaveJob(ctx, d, f.now)
	require.NoError(f, err)
}

var all = job.Assets{IncludeTags: []string{"all"}}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap watches the most memory in use until stop is called.
func heap() (stop func() uint64) {
	var most uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(done); <-ended; return most }
}

// measure runs n operations and reports what each of them takes.
func (f *fleet) measure(b *testing.B, n int, do func(i int)) {
	f.store.views, f.store.updates, f.store.read, f.store.written, f.store.bytes, f.store.longest = 0, 0, 0, 0, 0, 0
	runtime.GC()
	f.agents, f.agentsCPU = 0, 0
	used, begun := cpu(), time.Now()
	for i := range n {
		do(i)
	}
	per := func(x float64, unit string) { b.ReportMetric(x/float64(n), unit) }
	per(float64((time.Since(begun)-f.agents).Microseconds())/1000, "ms/op")
	per(float64((cpu()-used-f.agentsCPU).Microseconds())/1000, "cpu-ms/op")
	per(float64(f.store.views), "views/op")
	per(float64(f.store.updates), "updates/op")
	per(float64(f.store.read), "reads/op")
	per(float64(f.store.written), "writes/op")
	per(float64(f.store.bytes), "bytes/op")
	b.ReportMetric(float64(f.store.longest.Microseconds())/1000, "lock-ms")
	b.ReportMetric(0, "ns/op")
}

// size is what the database takes per asset.
func (f *fleet) size(b *testing.B, before int64, n int) int64 {
	require.NoError(b, f.store.Store.(*sqlstore.Store).Checkpoint(ctx))
	info, err := os.Stat(f.path)
	require.NoError(b, err)
	b.ReportMetric(float64(info.Size()-before)/float64(n), "disk/asset")
	return info.Size()
}

// BenchmarkLoad does what a server does for a fleet, one row after the other,
// each once whatever -benchtime says. Values are per operation: wall and
// processor time, transactions, records read and written, bytes written, and
// lock-ms, the longest that one transaction held the writer.
//
//	PATCHPOLICY_ASSETS=100000 go test -run - -bench Load -benchtime 1x -timeout 2h ./job/controller/sqlstore
func BenchmarkLoad(b *testing.B) {
	n := assetsEnv
	f := newFleet(b, n)
	var disk int64
	row := func(name string, do func(b *testing.B)) { b.Run(name, func(b *testing.B) { f.B = b; do(b) }) }

	row("first call with an inventory", func(b *testing.B) {
		f.inBulk(0, n, f.enrol)
		disk = f.size(b, 0, n)
		at := min(sample, n)
		f.measure(b, at, func(i int) { f.firstCall(f.Controller, i) })
		f.inBulk(at, n, f.firstCall)
		disk = f.size(b, disk, n)
	})
	row("nothing new", func(b *testing.B) { f.measure(b, sample, func(i int) { f.call(f.Controller, i, f.request(i)) }) })
	row("nothing new after 15 minutes", func(b *testing.B) {
		f.now = f.now.Add(15 * time.Minute)
		f.measure(b, sample, func(i int) { f.call(f.Controller, i, f.request(i)) })
	})
	run := job.RunID("")
	row("enable and dispatch, per asset", func(b *testing.B) {
		f.save("all", ordered, all)
		stop := heap()
		f.measure(b, n, func(i int) {
			if i == 0 {
				var err error
				run, err = f.EnableJob(ctx, "all", f.now)
				require.NoError(b, err)
			}
		})
		b.ReportMetric(float64(stop()>>20), "heap-MB")
		disk = f.size(b, disk, n)
	})
	row("hand out", func(b *testing.B) { f.measure(b, sample, func(i int) { f.call(f.Controller, i, f.request(i)) }) })
	f.inBulk(sample, n, func(c *controller.Controller, i int) { f.call(c, i, f.request(i)) })
	row("one report", func(b *testing.B) {
		f.measure(b, sample, func(i int) {
			f.call(f.Controller, i, f.request(i, job.Report{Order: job.MakeOrderID(run, name(i)), Progress: job.Started}))
		})
	})
	row("final report, 20 failed", func(b *testing.B) {
		final := func(c *controller.Controller, i int) {
			r := job.Report{Order: job.MakeOrderID(run, name(i)), Result: job.Failed}
			for p := range ordered {
				r.Patches = append(r.Patches, job.PatchOutcome{Patch: id2patch(p), Name: fmt.Sprintf("package-%d", p), Status: job.PatchFailed, Code: job.InstallerFailed})
			}
			f.call(c, i, f.request(i, r))
		}
		f.measure(b, sample, func(i int) { final(f.Controller, i) })
		f.inBulk(sample, n/2, final)
	})
	row("counts of a run", func(b *testing.B) {
		f.measure(b, 3, func(int) {
			_, err := f.Controller.Run(ctx, run)
			require.NoError(b, err)
		})
	})
	row("failures of one asset", func(b *testing.B) {
		f.measure(b, 3, func(int) {
			page, err := f.Failures(ctx, controller.FailureFilter{Asset: name(3), Limit: 100})
			require.NoError(b, err)
			require.Len(b, page.Failures, ordered)
		})
	})
	row("silent, most are heard", func(b *testing.B) {
		f.now = f.now.Add(25 * time.Minute)
		silent := max(1, n/1000)
		f.inBulk(silent, n, func(c *controller.Controller, i int) { f.call(c, i, f.request(i)) })
		f.now = f.now.Add(10 * time.Minute)
		f.measure(b, 3, func(int) {
			list, err := f.Silent(ctx, 1000, f.now)
			require.NoError(b, err)
			require.Len(b, list, min(silent, 1000))
		})
	})
	row("disable a run, per asset", func(b *testing.B) {
		f.stop(b, n, func() { require.NoError(b, f.DisableJob(ctx, "all", f.now)) })
	})
	row("cancel a run, per asset", func(b *testing.B) {
		_, err := f.EnableJob(ctx, "all", f.now)
		require.NoError(b, err)
		f.stop(b, n, func() {
			_, err := f.CancelJob(ctx, "all", f.now)
			require.NoError(b, err)
		})
		require.NoError(b, f.DisableJob(ctx, "all", f.now))
	})
	row("hand out with many orders", func(b *testing.B) {
		for i := range pile {
			id := job.ID(fmt.Sprintf("pile-%d", i))
			f.save(id, ordered, job.Assets{Include: []job.AssetID{name(n - 1)}})
			_, err := f.EnableJob(ctx, id, f.now)
			require.NoError(b, err)
		}
		f.measure(b, 1, func(int) { f.call(f.Controller, n-1, f.request(n-1)) })
	})
	row("end of one order of many", func(b *testing.B) {
		f.measure(b, pile/2, func(i int) {
			status, err := f.Job(ctx, job.ID(fmt.Sprintf("pile-%d", i)))
			require.NoError(b, err)
			f.call(f.Controller, n-1, f.request(n-1, job.Report{Order: job.MakeOrderID(status.Open[0], name(n-1)), Result: job.Completed}))
		})
	})
	require.NoError(b, f.store.Close())
}

// stop measures what stops a run while another asset calls all the time: the
// longest of these calls, and the most memory.
func (f *fleet) stop(b *testing.B, n int, do func()) {
	halt := heap()
	done, ended := make(chan struct{}), make(chan struct{})
	var longest time.Duration
	go func() {
		defer close(ended)
		for {
			begun := time.Now()
			_, err := f.CheckIn(ctx, f.request(1, job.Report{Order: "none", Progress: job.Started}), f.now)
			longest = max(longest, time.Since(begun))
			if err != nil {
				b.Error(err)
				return
			}
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f.measure(b, n, func(i int) {
		if i == 0 {
			do()
		}
	})
	close(done)
	<-ended
	b.ReportMetric(float64(longest.Microseconds())/1000, "wait-ms")
	b.ReportMetric(float64(halt()>>20), "heap-MB")
}

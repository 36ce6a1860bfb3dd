package controller_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key   = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
)

// fixture is a controller with a clock and a few agents played by hand.
type fixture struct {
	tester
	*controller.Controller
	store  controller.Store
	now    time.Time
	agents map[job.AssetID]*agent
}

// tester is the part of *testing.T that does not clash with the controller's methods.
type tester interface {
	Errorf(format string, args ...any)
	FailNow()
	Helper()
}

// agent is what an agent remembers.
type agent struct {
	id        job.AssetID
	held      manifest.Revision
	sequence  job.Sequence
	unsent    []job.Report
	inventory catalog.Inventory
	orders    []job.Order
	zone      string
	key       string // Fingerprint of its own
	boot      string // empty: boot-1
	calls     uint64
	slot      job.OrderID // whose reboot needs a slot
	can       []string    // nil: it is of a release that does not say
}

// stores runs a test on every store: memory that misbehaves as much as the port
// allows, and SQLite. A short run has fewer.
func stores(t *testing.T, test func(*fixture)) {
	t.Run("memory, one asset per transaction", func(t *testing.T) {
		c := config()
		c.Batch = 1
		test(fixtureOf(t, memstore.New(memstore.Options{}), c))
	})
	t.Run("memory 1", func(t *testing.T) { once(t, test) })
	if testing.Short() {
		return
	}
	t.Run("memory 2", func(t *testing.T) {
		test(newFixture(t, memstore.New(memstore.Options{Seed: 2})))
	})
	t.Run("sqlite", func(t *testing.T) {
		s, err := sqlstore.OpenSQLite(ctx, filepath.Join(t.TempDir(), "s.db"))
		require.NoError(t, err)
		test(newFixture(t, s))
	})
}

// once runs a test that is too big for every store on one.
func once(t *testing.T, test func(*fixture)) {
	test(newFixture(t, memstore.New(memstore.Options{Seed: 1})))
}

func config() controller.Config {
	return controller.Config{Signer: manifest.NewSigner(key), Zone: time.LoadLocation}
}

func newFixture(t *testing.T, s controller.Store) *fixture { return fixtureOf(t, s, config()) }

// fixtureOf is a controller whose indexes and counters are right when the test is over.
func fixtureOf(t *testing.T, s controller.Store, config controller.Config) *fixture {
	c, err := controller.New(s, config)
	require.NoError(t, err)
	t.Cleanup(func() {
		differences, err := c.CheckIndexes(ctx)
		require.NoError(t, err)
		require.Empty(t, differences)
		require.NoError(t, s.Close())
	})
	return &fixture{tester: t, Controller: c, store: s, now: start, agents: map[job.AssetID]*agent{}}
}

func (f *fixture) pass(d time.Duration) { f.now = f.now.Add(d) }

func ver(s string) version.Version {
	v, err := version.Parse(version.Semver, s)
	if err != nil {
		panic(err)
	}
	return v
}

func digest(s string) integrity.Digest {
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: strings.Repeat("0", 64-len(s)) + s}
}

// patch is one upgrade of a product, "editor-2.0.0".
func patch(name, v string, change ...func(*catalog.Patch)) catalog.Patch {
	p := catalog.Patch{
		ID: catalog.PatchID(name + "-" + v), Product: catalog.ProductID(name), Version: ver(v), Published: start.Add(-time.Hour),
		Artifacts: []catalog.Artifact{{
			Name: name + ".bin", Availability: catalog.Pinned, URL: "http://vendor.example/" + name + "/" + v, Size: 3, Digests: []integrity.Digest{digest("a1")},
		}},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func latestOnly(p *catalog.Patch) { p.Artifacts[0].Availability = catalog.LatestOnly }
func withdrawn(p *catalog.Patch)  { p.Withdrawn = true }

// sync brings a good batch with these patches.
func (f *fixture) sync(patches ...catalog.Patch) catalog.Changes {
	f.Helper()
	b := catalog.Batch{Feed: "feed", At: f.now, Patches: patches}
	for _, name := range []string{"editor", "player", "reader"} {
		b.Products = append(b.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: version.Semver})
	}
	changes, err := f.Sync(ctx, []catalog.Batch{b}, f.now)
	require.NoError(f, err)
	require.Zero(f, len(changes.Rejected))
	return changes
}

const secret = "a secret of enough bytes"

// enrol makes an asset with version 1.0.0 of everything, and lets it call until
// its inventory is known.
func (f *fixture) enrol(id job.AssetID, tags ...string) *agent {
	f.Helper()
	a := f.enrolOnly(id, tags...)
	a.install("editor", "1.0.0", "player", "1.0.0", "reader", "1.0.0")
	f.call(a)
	return a
}

func (f *fixture) enrolOnly(id job.AssetID, tags ...string) *agent {
	f.Helper()
	_, err := f.AddToken(ctx, secret, controller.Token{Tags: tags}, f.now)
	require.NoError(f, err)
	enrolled++
	e := enrolment(id)
	e.Key = ed25519.NewKeyFromSeed(fmt.Appendf(nil, "%0*d", ed25519.SeedSize, enrolled)).Public().(ed25519.PublicKey)
	_, err = f.Enrol(ctx, e, f.now)
	require.NoError(f, err)
	a := &agent{id: id, key: manifest.Fingerprint(e.Key), inventory: catalog.Inventory{Platform: catalog.Linux}}
	f.agents[id] = a
	return a
}

var enrolled int // assets there ever were: each has a key of its own

func enrolment(id job.AssetID) manifest.Enrolment {
	return manifest.Enrolment{Token: secret, Asset: id, Key: key.Public().(ed25519.PublicKey), Platform: catalog.Linux, Architecture: "amd64"}
}

func (a *agent) install(pairs ...string) {
	var installed []catalog.Installed
	for i := 0; i < len(pairs); i += 2 {
		installed = append(installed, catalog.Installed{Product: catalog.ProductID(pairs[i]), Version: ver(pairs[i+1])})
	}
	a.inventory, _ = catalog.NewInventory(a.inventory.Platform, installed)
}

// report keeps a report until the server has it.
func (a *agent) report(r job.Report) {
	a.sequence++
	r.Sequence = a.sequence
	a.unsent = append(a.unsent, r)
}

func (a *agent) request(now time.Time) manifest.CheckIn {
	a.calls++
	in := manifest.CheckIn{Asset: a.id, Held: a.held, At: now, Boot: cmp.Or(a.boot, "boot-1"), Zone: a.zone, Digest: a.inventory.Digest(), Made: a.sequence, Reports: a.unsent,
		Call: a.calls, Key: a.key, Slot: a.slot, Can: a.can}
	if a.can != nil {
		in.Format = manifest.Format
	}
	return in
}

// call checks in, twice if the server wants the inventory, and takes over what it answers.
func (f *fixture) call(a *agent) manifest.Answer {
	f.Helper()
	in := a.request(f.now)
	answer, err := f.CheckIn(ctx, in, f.now)
	require.NoError(f, err)
	if answer.WantInventory {
		in.Inventory = &a.inventory
		answer, err = f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		require.False(f, answer.WantInventory)
	}
	for len(a.unsent) > 0 && a.unsent[0].Sequence <= answer.Acknowledged {
		a.unsent = a.unsent[1:]
	}
	if answer.Manifest != nil {
		a.take(f, answer)
	}
	return answer
}

// take opens a manifest and holds it.
func (a *agent) take(f *fixture, answer manifest.Answer) {
	f.Helper()
	d, err := manifest.Open(answer.Manifest, manifest.NewVerifier(key.Public().(ed25519.PublicKey)), a.id, a.held, "", f.now)
	require.NoError(f, err)
	require.Greater(f, d.Revision, a.held)
	a.held, a.orders = d.Revision, d.Orders
}

// definition lists patches for every asset tagged "all".
func definition(id job.ID, patches ...catalog.PatchID) job.Definition {
	return job.Definition{
		ID: id, Name: "Job " + string(id), Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{"all"}},
		Patches: job.Patches{List: patches}, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
	}
}

// enable saves and enables a job and returns its run.
func (f *fixture) enable(d job.Definition) job.RunID {
	f.Helper()
	_, err := f.SaveJob(ctx, d, f.now)
	require.NoError(f, err)
	run, err := f.EnableJob(ctx, d.ID, f.now)
	require.NoError(f, err)
	require.NotEmpty(f, run)
	return run
}

// ordered makes asset a, and a job that upgrades its editor at once, and hands the order out.
func (f *fixture) ordered(id job.ID) (a *agent, run job.RunID, order job.OrderID) {
	f.Helper()
	f.sync(patch("editor", "2.0.0"))
	a = f.enrol("a", "all")
	run = f.enable(definition(id, "editor-2.0.0"))
	f.call(a)
	return a, run, a.orders[0].ID
}

func (f *fixture) asset(run job.RunID, id job.AssetID) controller.RunAsset {
	f.Helper()
	list, err := f.RunAssets(ctx, run, "", 1000)
	require.NoError(f, err)
	for _, a := range list {
		if a.Asset == id {
			return a
		}
	}
	require.Fail(f, "the run has no such asset", "%s on %s", run, id)
	return controller.RunAsset{}
}

// patches names what the agent is ordered to install.
func (a *agent) patches() []string {
	var names []string
	for _, o := range a.orders {
		for _, p := range o.Patches {
			name := string(p.Patch)
			if o.Cancelled {
				name += " (cancelled)"
			}
			names = append(names, name)
		}
	}
	return names
}

func outcome(p catalog.PatchID, status job.PatchStatus, code job.Code) job.PatchOutcome {
	return job.PatchOutcome{Patch: p, Status: status, Code: code, From: ver("1.0.0"), To: ver("2.0.0")}
}

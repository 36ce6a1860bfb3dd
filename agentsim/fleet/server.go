package fleet

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Enabled is when the job is enabled, from the beginning of the world. Its
// orders go out with the next check-ins (MAN-1).
const Enabled = 10 * time.Hour

const (
	day     = 24 * time.Hour
	spread  = 20 * time.Minute // of the starts (JOB-9)
	settled = 16 * time.Hour   // the longest time from the start to the end of an order: installs and deferral
)

// began is when a world begins: a Monday.
var began = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

const (
	tag   = "fleet" // of every asset
	jobID = job.ID("monthly-update")
)

var runID = job.MakeRunID(jobID, since(Enabled))

// policy lets a user put the reboot off three times for four hours.
var policy = reboot.Policy{Deferrals: 3, Interval: 4 * time.Hour, Prompt: 10 * time.Minute, Countdown: 5 * time.Minute}

// product is an installed product with its patch.
type product struct {
	id       catalog.ProductID
	patch    catalog.PatchID
	old, new version.Version
	signer   string
	reboot   bool
	digests  []integrity.Digest
	damaged  []integrity.Digest // of a file with other bytes
}

const titles = 2

// scene is what all shards of a world share.
type scene struct {
	products    [titles]product
	inventories [1 << titles]catalog.Inventory // indexed by installed
	digests     [1 << titles]string
}

func newScene() *scene {
	s := &scene{products: [titles]product{
		{id: "browser", patch: "browser-121", signer: "Browser Maker"},
		{id: "system", patch: "system-4046", reboot: true},
	}}
	for i, text := range [titles][2]string{{"120.0.6099.71", "121.0.6167.85"}, {"10.0.19045.3930", "10.0.19045.4046"}} {
		p := &s.products[i]
		p.old, p.new = version.MustParse(version.Dotted, text[0]), version.MustParse(version.Dotted, text[1])
		p.digests, p.damaged = digests(string(p.patch)), digests(string(p.patch)+", damaged")
	}
	for i := range s.inventories {
		list := make([]catalog.Installed, titles)
		for n, p := range s.products {
			list[n] = catalog.Installed{Product: p.id, Version: p.old}
			if installed(i).has(n) {
				list[n].Version = p.new
			}
		}
		s.inventories[i], _ = catalog.NewInventory(catalog.Linux, list) // it is valid
		s.digests[i] = s.inventories[i].Digest()
	}
	return s
}

func digests(content string) []integrity.Digest {
	d := integrity.NewDigester(integrity.SHA256)
	_, _ = d.Write([]byte(content)) // it never fails
	return d.Sums()
}

// installed has a bit for each product at its new version.
type installed uint8

const current installed = 1<<titles - 1 // nothing is missing

func (i installed) has(product int) bool { return i>>product&1 == 1 }

// definition is the world's one job: every patch for every asset, now.
func (s *scene) definition() job.Definition {
	d := job.Definition{
		ID: jobID, Name: "Monthly update", Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{tag}}, Reboot: policy,
		Schedule: schedule.Schedule{Kind: schedule.OnDemand, Spread: spread},
	}
	for _, p := range s.products {
		d.Patches.List = append(d.Patches.List, p.patch)
	}
	return d
}

func (s *scene) batch() catalog.Batch {
	b := catalog.Batch{Feed: "vendors", At: began}
	for _, p := range s.products {
		b.Products = append(b.Products, catalog.Product{ID: p.id, Name: string(p.id), Vendor: "Example", Platform: catalog.Linux, Scheme: version.Dotted})
		b.Patches = append(b.Patches, catalog.Patch{
			ID: p.patch, Product: p.id, Version: p.new, Published: began.Add(-time.Hour), Severity: catalog.High, Reboot: p.reboot,
			Artifacts: []catalog.Artifact{{
				Name: string(p.id) + ".pkg", Availability: catalog.Pinned, URL: "https://vendor.example/" + string(p.patch),
				Size: 80 << 20, Signer: p.signer, Digests: p.digests,
			}},
		})
	}
	return b
}

// server is what a shard's agents and its administrator talk to.
type server interface {
	enable(now time.Time) error
	// cancel cancels the run. It returns the state of each asset, in order. Called
	// again, it returns the present state.
	cancel(now time.Time) ([]ledger.CancelState, error)
	// checkIn takes a call of the asset with this index in the shard.
	checkIn(asset int, in manifest.CheckIn, now time.Time) (manifest.Answer, error)
	counts() (counts, error)
	// tick lets a rollout go on. It returns the counts of each ring, and whether
	// nothing will happen any more.
	tick(now time.Time) (counts []rollout.Counts, over bool, err error)
}

type counts struct {
	results        [256]int // final, by job.Result
	failedInstalls int      // RPT-1
	pendingCancels int
}

// keys seal and open manifests.
type keys struct {
	signer   manifest.Signer
	verifier manifest.Verifier
}

// lean is a server for this world's one job, with arrays instead of a store.
type lean struct {
	*scene
	signer manifest.Signer
	snap   *catalog.Snapshot
	first  int
	assets []record
	policy *rollout.Policy // nil: all assets get their orders at once
	rings  *rings          // nil: so do they, or the job is not enabled
}

type record struct {
	inventory    *catalog.Inventory // nil: unknown
	digest       string
	acknowledged job.Sequence
	revisions    ledger.Revisions
	entry        ledger.Entry
	order        job.Order
	failed       []ledger.Failed
}

func newLean(sc *scene, cfg Config, first, n int) server {
	snap, _ := catalog.Sync(nil, []catalog.Batch{sc.batch()}, began)
	return &lean{scene: sc, signer: cfg.keys.signer, snap: snap, first: first, assets: make([]record, n), policy: cfg.Rollout}
}

func (l *lean) enable(now time.Time) error {
	d := l.definition()
	d.Revision = 1
	for i := range l.assets {
		r, id := &l.assets[i], assetID(l.first+i)
		if r.inventory == nil {
			return fmt.Errorf("asset %s has never called", id)
		}
		plan := d.Plan(job.PlanInput{Snapshot: l.snap, Asset: id, Inventory: *r.inventory, Occurrence: schedule.Occurrence{Start: now}, Now: now})
		r.entry, r.order = ledger.Entry{Run: runID, Asset: id}, plan.Order
		switch {
		case plan.Empty():
			r.step(ledger.MadeEmpty{Result: job.NotApplicable}, now)
		case l.policy != nil:
			r.step(ledger.Awaited{}, now)
		default:
			r.step(ledger.Made{Start: plan.Order.Start}, now)
		}
	}
	if l.policy != nil {
		l.begin(now)
	}
	return nil
}

// step takes the order one event further. It returns why a report was not taken.
func (r *record) step(ev ledger.Event, now time.Time) (objection string) {
	entry, out := ledger.Step(r.revisions, r.entry, ev, now)
	r.entry = entry
	if out.Revise {
		r.revisions = r.revisions.Revise(out.Without)
	}
	if out.KeepOutcomes {
		r.failed = ledger.Outcomes{Failed: r.failed}.Report(ev.(ledger.Reported).Report.Patches, now).Failed
	}
	return out.Objection
}

func (l *lean) cancel(now time.Time) ([]ledger.CancelState, error) {
	list := make([]ledger.CancelState, len(l.assets))
	if x := l.rings; x != nil {
		x.state, _ = rollout.Step(x.policy, x.state, rollout.AbandonAsked{Act: rollout.Act{By: "the administrator", Reason: "the run is cancelled"}}, now)
	}
	for i := range l.assets {
		r := &l.assets[i]
		r.step(ledger.CancelAsked{}, now)
		list[i] = r.entry.Cancel()
	}
	return list, nil
}

func (l *lean) checkIn(asset int, in manifest.CheckIn, now time.Time) (a manifest.Answer, err error) {
	r := &l.assets[asset]
	if l.rings != nil {
		l.rings.heard[asset] = now
	}
	for _, rep := range in.Reports {
		if rep.Sequence <= r.acknowledged {
			continue
		}
		objection := "it is about another order"
		if rep.Order == r.entry.ID() {
			objection = r.step(ledger.Reported{Report: rep}, now)
		}
		if objection != "" {
			return a, &watch.Broken{Invariant: 12, At: rep.At, Asset: in.Asset, Text: "the server does not understand its report: " + objection}
		}
		r.acknowledged = rep.Sequence
	}
	if in.Inventory != nil {
		r.inventory, r.digest = in.Inventory, in.Digest
	}
	heard, _, ahead := r.revisions.Heard(in)
	if ahead {
		return a, fmt.Errorf("%s holds revision %d; the newest is %d", in.Asset, in.Held, r.revisions.Sealed)
	}
	r.revisions = heard.Seal(now, manifest.Lifetime)
	a = manifest.Answer{At: now, Acknowledged: r.acknowledged, WantInventory: in.Inventory == nil && in.Digest != r.digest}
	if in.Held < r.revisions.Sealed {
		a.Manifest, err = r.seal(in.Asset, l.signer)
		r.revisions.Digest = manifest.Digest(a.Manifest)
	}
	return a, err
}

func (r *record) seal(asset job.AssetID, signer manifest.Signer) ([]byte, error) {
	var orders []job.Order
	if r.entry.Phase == ledger.Open {
		orders = []job.Order{r.order}
		orders[0].Cancelled = r.entry.Cancelled
	}
	v := r.revisions
	return manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: asset, Revision: v.Sealed, Issued: v.Issued, Expires: v.Expires, Orders: orders,
	}, signer)
}

func (l *lean) counts() (c counts, err error) {
	var t ledger.Tally
	for i := range l.assets {
		t.Add(l.assets[i].entry)
		c.failedInstalls += len(l.assets[i].failed)
	}
	copy(c.results[:], t.Results[:])
	c.pendingCancels = t.PendingCancels
	return c, nil
}

package fleet

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// server is what a shard's agents and its administrator talk to.
type server interface {
	enable(now time.Time) error
	// cancel cancels the run. It returns the state of each asset, in order. Called
	// again, it returns the present state.
	cancel(now time.Time) ([]ledger.CancelState, error)
	// checkIn takes a call of the asset with this index in the shard.
	checkIn(asset int, in manifest.CheckIn, now time.Time) (manifest.Answer, error)
	counts() (counts, error)
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

func newLean(sc *scene, k keys, first, n int) server {
	snap, _ := catalog.Sync(nil, []catalog.Batch{sc.batch()}, began)
	return &lean{scene: sc, signer: k.signer, snap: snap, first: first, assets: make([]record, n)}
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
		if plan.Empty() {
			r.step(ledger.MadeEmpty{Result: job.NotApplicable}, now)
		} else {
			r.step(ledger.Made{Start: plan.Order.Start}, now)
		}
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
	for i := range l.assets {
		r := &l.assets[i]
		r.step(ledger.CancelAsked{}, now)
		list[i] = r.entry.Cancel()
	}
	return list, nil
}

func (l *lean) checkIn(asset int, in manifest.CheckIn, now time.Time) (a manifest.Answer, err error) {
	r := &l.assets[asset]
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

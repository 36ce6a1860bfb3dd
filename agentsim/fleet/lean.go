package fleet

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// lean is a server of this world's one job that keeps values where the controller keeps JSON in a store. What it decides
// with is the product's: verdicts and orders (job.Plan), what is handed out and when it is renewed (manifest.Dispatch,
// RenewalDue), the sealed document. Its own is what the controller keeps of each order between calls, cut down to what
// happens here: nothing is withdrawn, trimmed or made twice. Where something else happens, it says so and ends the world.
type lean struct {
	*scene
	signer manifest.Signer
	snap   *catalog.Snapshot
	run    job.RunID
	first  int
	assets []record
}

// record is what the lean server knows of an asset.
type record struct {
	inventory    *catalog.Inventory // nil: not known yet
	digest       string
	acknowledged job.Sequence

	wanted, sealed  manifest.Revision // as the controller numbers them
	issued, expires time.Time

	order     job.Order
	since     manifest.Revision // that the order first appears in; zero: there is none
	stage     job.Stage         // the furthest known to have begun
	tooLate   bool
	cancelled bool
	result    job.Result
	ended     bool
	failures  int
}

func newLean(sc *scene, k keys, first int) *lean {
	snap, _ := catalog.Sync(nil, []catalog.Batch{sc.batch()}, began)
	return &lean{scene: sc, signer: k.signer, snap: snap, first: first}
}

func (l *lean) enrol(job.AssetID) error {
	l.assets = append(l.assets, record{})
	return nil
}

// enable makes the orders. Who has nothing to do gets none.
func (l *lean) enable(now time.Time) (job.RunID, error) {
	d := l.definition()
	d.Revision = 1
	start := now.Truncate(time.Second)
	l.run = job.MakeRunID(d.ID, start)
	for i := range l.assets {
		r := &l.assets[i]
		if r.inventory == nil {
			return "", fmt.Errorf("asset %s has never called", assetID(l.first+i))
		}
		plan := d.Plan(job.PlanInput{
			Snapshot: l.snap, Asset: assetID(l.first + i), Inventory: *r.inventory, Occurrence: schedule.Occurrence{Start: start}, Now: now,
		})
		if plan.Empty() {
			r.result, r.ended = job.NotApplicable, true
			continue
		}
		r.order = plan.Order
		r.bump()
		r.since = r.wanted
	}
	return l.run, nil
}

// bump makes sure that what the asset should hold has a number it has not seen.
func (r *record) bump() {
	if r.wanted <= r.sealed {
		r.wanted++
	}
}

func (l *lean) cancel(time.Time) ([]controller.AssetCancel, error) {
	list := make([]controller.AssetCancel, len(l.assets))
	for i := range l.assets {
		r := &l.assets[i]
		if !r.ended && !r.cancelled && r.stage < job.StageDeploy {
			r.cancelled = true
			r.bump()
			if r.sealed < r.since { // never handed out
				r.result, r.ended = job.Cancelled, true
			}
		}
		list[i] = controller.AssetCancel{Run: l.run, Asset: assetID(l.first + i), State: r.cancelState()}
	}
	return list, nil
}

func (r *record) cancelState() controller.CancelState {
	switch {
	case r.ended && r.result == job.Cancelled:
		return controller.CancelDone
	case r.tooLate, !r.ended && r.stage >= job.StageDeploy:
		return controller.CancelTooLate
	case r.ended:
		return controller.CancelEnded
	default:
		return controller.CancelPending
	}
}

func (l *lean) checkIn(in manifest.CheckIn, now time.Time) (manifest.Answer, error) {
	i, err := l.index(in.Asset)
	if err != nil {
		return manifest.Answer{}, err
	}
	r := &l.assets[i]
	for _, rep := range in.Reports {
		if rep.Sequence <= r.acknowledged {
			continue
		}
		if err := r.fold(rep); err != nil {
			return manifest.Answer{}, err
		}
		r.acknowledged = rep.Sequence
	}
	if in.Inventory != nil {
		r.inventory, r.digest = in.Inventory, in.Digest
	}
	if in.Held > r.wanted {
		return manifest.Answer{}, fmt.Errorf("%s holds revision %d; the newest is %d", in.Asset, in.Held, r.wanted)
	}
	if r.wanted == r.sealed && r.wanted > 0 && manifest.RenewalDue(r.expires, now) {
		r.wanted++
	}
	if r.wanted > r.sealed {
		r.sealed, r.issued = r.wanted, now.Truncate(time.Second)
		r.expires = r.issued.Add(manifest.Lifetime)
	}
	a := manifest.Answer{At: now, Acknowledged: r.acknowledged, WantInventory: in.Inventory == nil && in.Digest != r.digest}
	if in.Held < r.sealed {
		a.Manifest, err = r.seal(in.Asset, l.signer)
	}
	return a, err
}

func (r *record) seal(asset job.AssetID, signer manifest.Signer) ([]byte, error) {
	var pending []manifest.Pending
	if r.since > 0 && !r.ended {
		order := r.order
		order.Cancelled = r.cancelled
		pending = []manifest.Pending{{Order: order}}
	}
	hold, _ := manifest.Dispatch(pending, r.issued, manifest.Lead)
	return manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: asset, Revision: r.sealed, Issued: r.issued, Expires: r.expires, Orders: hold,
	}, signer)
}

// fold takes a report in.
func (r *record) fold(rep job.Report) error {
	switch {
	case rep.Refused != "" || r.since == 0 || rep.Order != r.order.ID || r.ended,
		rep.Result == job.Withdrawn,
		rep.Result == job.Cancelled && (!r.cancelled || r.tooLate || r.stage >= job.StageDeploy),
		rep.TooLate != 0 && !r.cancelled:
		return &Broken{Invariant: 12, At: rep.At, Asset: r.order.ID.Asset(), Text: "it reports what makes no sense: " + word(rep)}
	case rep.TooLate != 0:
		r.tooLate, r.stage = true, max(r.stage, rep.TooLate)
		return nil
	}
	switch rep.Progress {
	case 0:
	case job.Received, job.Blocked:
		return nil
	case job.Deploying:
		r.stage = max(r.stage, job.StageDeploy)
		return nil
	case job.Rebooting:
		r.stage = max(r.stage, job.StageReboot)
		return nil
	default:
		r.stage = max(r.stage, job.StageDownload)
		return nil
	}
	r.failures = 0
	for _, p := range rep.Patches {
		if p.Status == job.PatchFailed && p.Code != job.CodeCancelled {
			r.failures++
		}
	}
	r.result = rep.Result
	switch rep.Result {
	case job.PendingReboot:
		r.stage = max(r.stage, job.StageReboot)
	case job.PendingVerification:
		r.stage = max(r.stage, job.StageDeploy)
	default:
		r.ended = true
		r.bump()
	}
	return nil
}

func (l *lean) counts() (c counts, err error) {
	for i := range l.assets {
		r := &l.assets[i]
		if r.ended {
			c.results[r.result]++
		}
		if r.cancelled && !r.ended && !r.tooLate {
			c.pendingCancels++
		}
		c.failedInstalls += r.failures
	}
	return c, nil
}

func (l *lean) index(id job.AssetID) (int, error) {
	n, err := number(id)
	if i := n - l.first; err == nil && i >= 0 && i < len(l.assets) {
		return i, nil
	}
	return 0, fmt.Errorf("%w: %q", manifest.ErrUnknownAsset, id)
}

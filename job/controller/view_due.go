package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// SoonDue is how long before its deadline a vulnerability is deadline.DueSoon.
const SoonDue = 3 * 24 * time.Hour

// DueOn is a vulnerability on an asset, by when it must be gone, and why it is
// still there.
type DueOn struct {
	CVE   string          `json:"cve"`
	Patch catalog.PatchID `json:"patch"` // that fixes it here: of several, a deployable one, then the newest
	deadline.Deadline
	deadline.Status
}

// FleetDue is what is due on all assets. It counts vulnerabilities on assets: one
// that is on two assets counts twice.
type FleetDue struct {
	Assets      int          `json:"assets"`                // looked at
	NoInventory int          `json:"noInventory,omitempty"` // of them, not inventoried yet: nothing is known
	Open        int          `json:"open"`
	DueSoon     int          `json:"dueSoon"`
	Excepted    int          `json:"excepted"`
	Overdue     int          `json:"overdue"` // the sum of the causes (DUE-5)
	Causes      []CauseCount `json:"causes"`  // in the order of deadline.Cause
	CVEs        []OverdueCVE `json:"cves"`    // what is overdue, on most assets first
	More        int          `json:"more,omitempty"`
}

// CauseCount counts what is overdue for one cause.
type CauseCount struct {
	Cause deadline.Cause `json:"cause"`
	Count int            `json:"count"`
}

// OverdueCVE counts the assets on which a vulnerability is overdue.
type OverdueCVE struct {
	CVE    string    `json:"cve"`
	Due    time.Time `json:"due"` // the earliest
	Assets int       `json:"assets"`
}

// Due lists the vulnerabilities on an asset that an upgrade in the catalog fixes,
// or whose fix waits for a reboot, by deadline; those without a date last. A
// deadline is a function of the facts as of now and is stored nowhere (DUE-3).
// Without Config.Deadlines the list is empty. The error is a *NotFoundError for
// an unknown asset or one that has sent no inventory.
func (c *Controller) Due(ctx context.Context, id job.AssetID, now time.Time) ([]DueOn, error) {
	c.catchUp(ctx, now)
	return view(ctx, c, func(r *reader) []DueOn { return r.factsOf(id, now).due() })
}

// DueFleet counts what [Controller.Due] returns for every asset. Each asset is
// read by itself, so a change meanwhile shows on some of them only.
func (c *Controller) DueFleet(ctx context.Context, now time.Time) (f FleetDue, err error) {
	c.catchUp(ctx, now)
	causes, cves := map[deadline.Cause]int{}, map[string]*OverdueCVE{}
	err = c.eachAsset(ctx, now, func(a AssetStatus) error {
		f.Assets++
		list, err := c.Due(ctx, a.ID, now)
		if _, is := errors.AsType[*NotFoundError](err); is {
			f.NoInventory++
			return nil
		}
		for _, d := range list {
			switch d.State {
			case deadline.DueSoon:
				f.DueSoon++
			case deadline.Excepted:
				f.Excepted++
			case deadline.Overdue:
				f.Overdue++
				causes[d.Cause]++
				x := cves[d.CVE]
				if x == nil {
					x = &OverdueCVE{CVE: d.CVE, Due: d.Due}
					cves[d.CVE] = x
				}
				x.Assets++
				x.Due = earliest(x.Due, d.Due)
			default:
				f.Open++
			}
		}
		return err
	})
	f.Causes = []CauseCount{}
	for cause := deadline.NotReached; cause <= deadline.NoJob; cause++ {
		if n := causes[cause]; n > 0 {
			f.Causes = append(f.Causes, CauseCount{cause, n})
		}
	}
	f.CVEs = ranked(cves, func(a, b OverdueCVE) int { return cmp.Or(cmp.Compare(b.Assets, a.Assets), cmp.Compare(a.CVE, b.CVE)) })
	if f.More = max(0, len(f.CVEs)-maxReasons); f.More > 0 {
		f.CVEs = f.CVEs[:maxReasons]
	}
	return f, err
}

// earliest returns the earlier of two instants, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// fix is what fixes a vulnerability on an asset.
type fix struct {
	catalog.Verdict
	facts  deadline.Facts
	reboot bool // it is installed, and waits for a reboot
}

func (a *assetFacts) due() []DueOn {
	list := []DueOn{}
	if len(a.c.config.Deadlines) == 0 {
		return list
	}
	facts := deadline.Asset{Exposed: a.rec.Exposed, Tags: a.rec.Tags}
	inventory, _ := load[inventoryRecord](a.reader, tableInventories, key(string(a.rec.ID)))
	for cve, f := range a.fixes() {
		var deadlines []deadline.Deadline
		facts.Missing = deadline.FirstMissing(inventory.arrived(f.Product), f.facts.Published)
		for _, t := range a.c.config.Deadlines {
			deadlines = append(deadlines, deadline.Decide(t, f.facts, facts, a.now))
		}
		d := DueOn{CVE: cve, Patch: f.Patch, Deadline: deadline.Earliest(deadlines...)}
		progress := deadline.Progress{
			Exception: a.exception(cve), Now: deadline.Seen{Patch: f.Deployable, Exploited: f.facts.Exploited, Exposed: a.rec.Exposed},
		}
		if d.Status = d.Deadline.Status(progress, SoonDue, a.now); d.State == deadline.Overdue {
			progress.Holds = a.holds(f)
			d.Status = d.Deadline.Status(progress, SoonDue, a.now)
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(x, y DueOn) int { return cmp.Or(x.Deadline.Compare(y.Deadline), cmp.Compare(x.CVE, y.CVE)) })
	return list
}

// fixes returns what fixes each vulnerability on the asset.
func (a *assetFacts) fixes() map[string]*fix {
	snap, found := a.snapshot(), map[string]*fix{}
	add := func(v catalog.Verdict, reboot bool) {
		p, _ := snap.Patch(v.Patch)
		for _, cve := range snap.Fixed(v) {
			f := found[cve]
			switch {
			case f == nil:
				f = &fix{v, a.facts(cve, p), reboot}
				found[cve] = f
			case !f.Deployable && !f.reboot && (v.Deployable || reboot):
				f.Verdict, f.reboot = v, reboot
			}
			f.facts.Published = earliest(f.facts.Published, published(p.Published, p.Listed))
		}
	}
	var froms []catalog.Verdict // one of each product
	for _, v := range snap.Missing(a.inventory, a.options, a.now) {
		if add(v, false); len(froms) == 0 || froms[len(froms)-1].Product != v.Product {
			froms = append(froms, v)
		}
	}
	for _, v := range froms { // a fix that is not listed any more started the clock all the same (DUE-3)
		for _, former := range snap.History(v.Product) {
			if order, ok := former.Version.Compare(v.From); !ok || order <= 0 {
				continue
			}
			for _, cve := range append(snap.Fixed(catalog.Verdict{Product: v.Product, From: v.From, To: former.Version}), former.CVEs...) {
				if f := found[cve]; f != nil {
					f.facts.Published = earliest(f.facts.Published, published(former.Published, former.Listed))
				}
			}
		}
	}
	for _, run := range names[job.RunID](a.reader, tableReboots, key(string(a.rec.ID))) {
		if run == "" { // the asset's own
			continue
		}
		order := a.contents(job.MakeOrderID(run, a.rec.ID))[0]
		for _, o := range a.outcomesOf(a.entry(run, a.rec.ID)).Reported {
			i := slices.IndexFunc(order.Patches, func(p job.OrderPatch) bool { return p.Patch == o.Patch })
			if i >= 0 && (o.Status == job.Installed || o.Status == job.Succeeded) {
				add(catalog.Verdict{Patch: o.Patch, Product: order.Patches[i].Product, From: o.From, To: o.To}, true)
			}
		}
	}
	return found
}

// published is when a fix was published, or else when the catalog listed it
// (APR-4).
func published(at, listed time.Time) time.Time {
	if at.IsZero() {
		return listed
	}
	return at
}

// facts returns what is known of a vulnerability that a patch fixes. What the
// patch says itself counts where the feeds of vulnerabilities say nothing.
func (a *assetFacts) facts(cve string, p catalog.Patch) deadline.Facts {
	known, _ := a.snapshot().Vulnerability(cve, a.now)
	if known.Exploited == 0 && p.Exploited && slices.Contains(p.CVEs, cve) {
		known.Exploited = catalog.Yes
	}
	return deadline.Facts{
		Exploited: known.Exploited, Automatable: known.Automatable, TotalImpact: known.TotalImpact, Severity: cmp.Or(known.Severity, p.Severity), Listed: known.Listed,
	}
}

// exception returns the exception that covers a vulnerability on the asset; nil:
// none does.
func (a *assetFacts) exception(cve string) *deadline.Exception {
	for _, asset := range []job.AssetID{a.rec.ID, ""} {
		if e, found := load[Excepted](a.reader, tableExceptions, key(string(asset), cve)); found {
			return &e.Exception
		}
	}
	return nil
}

// holds returns every cause that holds for a fix that is not there (DUE-5).
func (a *assetFacts) holds(f *fix) (causes []deadline.Cause) {
	if f.reboot {
		causes = append(causes, deadline.PendingReboot)
	}
	w := whyNot{assetFacts: a, Why: Why{Asset: a.rec.ID, Patch: f.Patch}}
	w.explain()
	for _, s := range w.Steps {
		if s.Cause != 0 && (!f.reboot || s.Cause == deadline.NotReached) {
			causes = append(causes, s.Cause)
		}
	}
	for _, p := range a.plans {
		for _, g := range a.failedRuns(p.Definition.ID, a.rec.ID) {
			if g.Patch == f.Patch {
				causes = append(causes, deadline.Failed)
			}
		}
	}
	return causes
}

package job

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Plan says what one run does on one asset, and why. Previews and real runs use
// the same code (JOB-22).
type Plan struct {
	Order   Order          `json:"order"`             // see Empty
	LeftOut []PatchOutcome `json:"leftOut,omitempty"` // patches that were considered and are not in the order, each with its rule and reason
	Dropped int            `json:"dropped,omitempty"` // deployable patches beyond MaxPatches (JOB-8)
	Reboots bool           `json:"reboots,omitempty"` // a reboot is pending on the asset, and the order reboots for it (RBT-11)

	// Obstacle is why the asset's agent would not begin the order. The
	// caller fills it in, because it knows the agent (MAN-11, INT-10).
	Obstacle Obstacle `json:"obstacle,omitzero"`
}

// Empty reports whether the order has nothing to do. Then it is not handed out.
func (p Plan) Empty() bool {
	return len(p.Order.Patches) == 0 && len(p.Order.Pre) == 0 && len(p.Order.Post) == 0 && !p.Reboots
}

// The rules of two patches that are left out.
const (
	giveUpRule      = "JOB-27" // it failed too often
	requirementRule = "JOB-14" // the asset does not have what it needs
)

func (p Plan) leftOut(rule string) bool {
	return slices.ContainsFunc(p.LeftOut, func(o PatchOutcome) bool { return o.Rule == rule })
}

// GaveUp reports whether a patch was left out because it failed too often here.
func (p Plan) GaveUp() bool { return p.leftOut(giveUpRule) }

// Waits reports whether the order waits: for what a patch needs (JOB-14), or
// for a pending reboot (RBT-11).
func (p Plan) Waits() bool {
	return p.leftOut(requirementRule) || p.Order.RebootPending && !p.Reboots
}

// GivesUp reports whether the job leaves out a patch that failed on an asset in
// this many runs of the job (JOB-27).
func (d Definition) GivesUp(runs int) bool { return d.GiveUp > 0 && runs >= d.GiveUp }

// PlanInput is what a plan is made from.
type PlanInput struct {
	Snapshot    *catalog.Snapshot
	Asset       AssetID
	Inventory   catalog.Inventory
	Occurrence  schedule.Occurrence     // of a schedule in each asset's own zone: the one in this asset's zone
	Unreachable map[string]bool         // the URLs that a probe could not reach (CAT-10)
	Failed      map[catalog.PatchID]int // in how many runs of the job each patch failed on the asset (JOB-27)
	Pending     PendingReboots          // of the asset
	Policy      integrity.Excerpt       // the signer policy that the order is made under; zero: none (INT-4)
	Now         time.Time
	Run         RunID     // that the order belongs to; empty: the one of the occurrence. A ring starts later than its run (ROL-1)
	Released    time.Time // patches that were listed later are left out: they start a rollout of their own (ROL-6); zero: none

	// What the definition names, as it is now. The caller resolves the names
	// and the zones.
	Calendar    Calendar           // Definition.Calendar; zero: always open (CAL-1)
	RebootHours Calendar           // Definition.RebootHours; zero: always open (RBT-10)
	Baseline    *baseline.Baseline // Definition.Baseline; nil: everything may be offered (APR-1)

	Deadlines []deadline.Table                  // in force; none: nothing is due (DUE-1)
	Facts     deadline.Asset                    // of the asset, for deadlines and Definition.RebootSlots; Missing is not used
	Arrived   func(catalog.ProductID) time.Time // since when the asset has a product; nil: unknown (DUE-2)
	Evidence  func(vulnerability string) bool   // the evidence about it on the asset is collected or waived; nil: none is (DUE-1)
}

// Plan resolves the definition for one asset. It chooses the patches by their
// verdicts, the baseline's included, puts them after those that they require,
// caps them, and freezes the result as the order of the occurrence's run (JOB-8).
// If the calendar lets nothing start, the order is empty, and LeftOut says why
// (CAL-1).
func (d Definition) Plan(in PlanInput) Plan {
	snap, scan := in.Snapshot, &scan{in, make(map[lineKey][]baseline.Fix), make(map[catalog.PatchID]urgency), make(map[catalog.PatchID]time.Time)}
	options := catalog.Options{StrictLines: d.StrictLines, KnownLines: d.KnownLines, Unreachable: in.Unreachable, Refuse: scan.refuse}
	var verdicts []catalog.Verdict
	switch {
	case d.Patches.Query != nil:
		for _, v := range snap.Missing(in.Inventory, options, in.Now) {
			superseded := slices.ContainsFunc(v.Reasons, func(r catalog.Reason) bool { return r.Code == catalog.Superseded })
			if !superseded && d.Patches.Query.matches(snap, v, in.Now) { // (CAT-14)
				verdicts = append(verdicts, v)
			}
		}
		for _, v := range verdicts {
			product, _ := snap.Product(v.Product)
			scan.of(v, product)
		}
		slices.SortFunc(verdicts, func(a, b catalog.Verdict) int { return scan.compare(a.Patch, b.Patch) })
	default:
		verdicts = snap.EvaluateList(d.Patches.List, in.Inventory, options, in.Now)
	}

	run := cmp.Or(in.Run, d.Run(in.Occurrence))
	plan := Plan{Order: Order{
		ID: MakeOrderID(run, in.Asset), Job: d.ID, Name: d.Name, Run: run, Revision: d.Revision,
		Pre: d.Pre, Post: d.Post, InstallLimit: d.InstallLimit, Reboot: d.Reboot, RebootPending: d.RebootPending,
		NoLastCall: d.NoLastCall, Early: d.Early,
	}, Reboots: d.RebootPending && in.Pending.Any()}
	var patches []OrderPatch
	leave := func(v catalog.Verdict, name, rule, text string) {
		plan.LeftOut = append(plan.LeftOut, PatchOutcome{Patch: v.Patch, Name: name, Status: LeftOut, From: v.From, To: v.To, Rule: rule, Text: text, Until: scan.until[v.Patch]})
	}
	for _, v := range verdicts {
		patch, _ := snap.Patch(v.Patch)
		product, _ := snap.Product(v.Product)
		switch {
		case !v.Deployable:
			rule, text := blocked(v)
			leave(v, product.Name, rule, text)
		case !in.Released.IsZero() && patch.Listed.After(in.Released):
			leave(v, product.Name, "ROL-6", fmt.Sprintf("It was listed on %s, after the rollout had begun; the next run's rollout takes it.", patch.Listed.Format(time.RFC3339)))
		case d.GivesUp(in.Failed[v.Patch]):
			leave(v, product.Name, giveUpRule, fmt.Sprintf(
				"It failed here in %d runs of this job, which gives up after %d. A newer version is tried; an administrator can have this one tried again.",
				in.Failed[v.Patch], d.GiveUp))
		case scan.held(d, v, product):
			leave(v, product.Name, "DUE-1", fmt.Sprintf("Its deadline wants evidence about %s to be collected first. It waits until that is marked as collected or waived, and until %s at most.",
				scan.of(v, product).triage, scan.until[v.Patch].Format(time.RFC3339)))
		default:
			ordered := d.orderPatch(snap, patch, product)
			ordered.Feed, ordered.Due = v.Feed, scan.of(v, product).due.Due
			patches = append(patches, ordered)
		}
	}
	patches = plan.schedule(d, in, scan, patches)
	patches, without := arrange(in, patches)
	plan.LeftOut = append(plan.LeftOut, without...)
	plan.Order.Patches = capped(in, patches, MaxPatches, scan.compare)
	plan.Dropped = len(patches) - len(plan.Order.Patches)
	if !in.Policy.IsZero() { // the order carries its digest and the clauses for the order's patches (INT-4)
		var clauses []integrity.Clause
		for _, p := range plan.Order.Patches {
			clause, _ := in.Policy.For(string(p.Feed), p.Vendor, string(p.Product))
			clauses = append(clauses, clause)
		}
		plan.Order.SignerPolicy = in.Policy.Only(clauses...)
	}
	if len(plan.Order.Pre)+len(plan.Order.Post) > 0 {
		plan.Order.Needs = []string{CanRunActions}
	}
	if d.RebootSlots != nil && slices.Contains(in.Facts.Tags, d.RebootSlots.Tag) {
		plan.Order.Reboot.Slot = true
		plan.Order.Needs = append(plan.Order.Needs, CanAskForSlot)
	}
	return plan
}

// For returns the plan that the definition has for an asset, given one for
// another asset with the same inventory, failures and pending reboots, made
// without a calendar, reboot hours, baseline and tables. Only the asset and its
// clock tell them apart. They share their lists.
func (p Plan) For(d Definition, o schedule.Occurrence, asset AssetID) Plan {
	p.Order.ID = MakeOrderID(p.Order.Run, asset)
	p.Order.Start, p.Order.End = d.Span(o, asset)
	return p
}

// schedule sets when the order starts and ends by the calendar, and returns the
// patches that may start then. In a closed period, those are the ones whose
// deadline overrides it (CAL-1, CAL-2).
func (p *Plan) schedule(d Definition, in PlanInput, scan *scan, patches []OrderPatch) []OrderPatch {
	start, end, why, ok := d.SpanIn(in.Occurrence, in.Asset, in.Calendar)
	p.Order.Start, p.Order.End = start, end
	p.Order.Reboot.Hours = rebootHours(in.Calendar, in.RebootHours, start)
	leave := func(o OrderPatch) {
		found, _ := in.Inventory.Find(o.Product)
		p.LeftOut = append(p.LeftOut, PatchOutcome{Patch: o.Patch, Name: o.Name, Status: LeftOut, From: found.Version, To: o.Version, Rule: why.Rule, Text: why.Text})
	}
	overrides := func(o OrderPatch) bool { return scan.known[o.Patch].due.Overrides }
	if i := slices.IndexFunc(patches, overrides); i >= 0 && why.Period != "" {
		due := scan.known[patches[i].Patch].due
		open := in.Calendar
		open.Calendar = open.Overridden(due.Table, due.Text, in.Now.Add(MaxStartWait))
		if s, e, _, starts := d.SpanIn(in.Occurrence, in.Asset, open); starts && (!ok || s.Before(start)) {
			p.Order.Start, p.Order.End, ok = s, e, true
			patches = slices.DeleteFunc(patches, func(o OrderPatch) bool {
				if !overrides(o) {
					leave(o)
				}
				return !overrides(o)
			})
		}
	}
	if !ok {
		for _, o := range patches {
			leave(o)
		}
		p.Order.Pre, p.Order.Post, p.Order.RebootPending, p.Reboots, patches = nil, nil, false, false, nil
	}
	return patches
}

// untrusted refuses a patch if no clause of the signer policy is about its
// product: none of its files could pass (INT-4).
func (in PlanInput) untrusted(v catalog.Verdict, product catalog.Product) (catalog.Reason, bool) {
	_, found := in.Policy.For(string(v.Feed), product.Vendor, string(product.ID))
	return catalog.Reason{Code: "NotTrusted", Rule: "INT-4", Text: fmt.Sprintf(
		"No clause of the signer policy is about product %q of vendor %q from feed %q, so nothing is trusted for it.",
		product.ID, product.Vendor, v.Feed)}, found || in.Policy.IsZero()
}

func (d Definition) orderPatch(snap *catalog.Snapshot, patch catalog.Patch, product catalog.Product) OrderPatch {
	ordered := OrderPatch{
		Patch: patch.ID, Product: patch.Product, Name: product.Name, Vendor: product.Vendor, Version: patch.Version,
		Reboot: patch.Reboot, Transaction: patch.Transaction,
	}
	for _, r := range patch.Requires {
		needed, _ := snap.Reaches(patch.ID, r.Patch)
		ordered.Requires = append(ordered.Requires, Requirement{Patch: r.Patch, Product: needed.Product, Version: needed.Version, Reboot: r.Reboot})
	}
	for _, a := range patch.Artifacts {
		url := a.URL
		if a.Availability == catalog.Vendor {
			url = a.CustomURL
		}
		latest := a.Availability == catalog.LatestOnly
		ordered.LatestOnly = ordered.LatestOnly || latest
		ordered.Files = append(ordered.Files, File{
			Name: a.Name, URL: url, SignatureURL: a.SignatureURL, Size: a.Size,
			Expect: integrity.Expectation{Signer: a.Signer, Digests: a.Digests, LatestOnly: latest, AllowLegacy: d.AllowLegacy},
		})
	}
	return ordered
}

// blocked returns why a verdict blocks: the rule of the first reason, and the
// text of all.
func blocked(v catalog.Verdict) (rule, text string) {
	texts := make([]string, 0, len(v.Reasons))
	for _, r := range v.Reasons {
		texts = append(texts, r.Text)
	}
	if len(v.Reasons) > 0 {
		rule = v.Reasons[0].Rule
	}
	return rule, strings.Join(texts, " ")
}

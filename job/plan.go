package job

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Plan is what one run does on one asset, and why. Preview and the real run make it with the same code (JOB-22).
type Plan struct {
	Order   Order          // see Empty
	LeftOut []PatchOutcome // patches that were considered and are not in the order, each with its rule and reason
	Dropped int            // deployable patches beyond MaxPatches (JOB-8)
	Reboots bool           // a reboot is pending on the asset, and the order reboots for it (RBT-11)
}

// Empty reports whether the order has nothing to do; it is not worth handing out then.
func (p Plan) Empty() bool {
	return len(p.Order.Patches) == 0 && len(p.Order.Pre) == 0 && len(p.Order.Post) == 0 && !p.Reboots
}

// giveUpRule is the rule of what is left out because it failed too often.
const giveUpRule = "JOB-27"

// GaveUp reports whether a patch was left out because it failed too often here.
func (p Plan) GaveUp() bool {
	return slices.ContainsFunc(p.LeftOut, func(o PatchOutcome) bool { return o.Rule == giveUpRule })
}

// GivesUp reports whether the job leaves a patch out on an asset on which it failed in so many of its runs.
func (d Definition) GivesUp(runs int) bool { return d.GiveUp > 0 && runs >= d.GiveUp }

// PlanInput is what a plan is made of.
type PlanInput struct {
	Snapshot    *catalog.Snapshot
	Asset       AssetID
	Inventory   catalog.Inventory
	Occurrence  schedule.Occurrence     // of a schedule in each asset's own zone: the one in this asset's zone
	Unreachable map[string]bool         // the URLs that a probe could not reach (CAT-10)
	Failed      map[catalog.PatchID]int // in how many runs of the job each patch failed on the asset (JOB-27)
	Policy      integrity.Excerpt       // the signer policy the order is made under; zero: none (INT-4)
	Now         time.Time

	RebootPending bool // a reboot is pending on the asset, whoever caused it (RBT-11)
}

// Plan resolves the definition for one asset: it chooses the patches by their verdicts, caps them, orders the installs by
// their requirements and freezes it all as the order of the run that the occurrence makes (JOB-8).
func (d Definition) Plan(in PlanInput) Plan {
	snap := in.Snapshot
	options := catalog.Options{StrictLines: d.StrictLines, Unreachable: in.Unreachable}
	var verdicts []catalog.Verdict
	switch {
	case d.Patches.Query != nil:
		for _, v := range snap.Missing(in.Inventory, options, in.Now) {
			if d.Patches.Query.matches(snap, v.Patch) {
				verdicts = append(verdicts, v)
			}
		}
		newestFirst(snap, verdicts)
	default:
		verdicts = snap.EvaluateList(d.Patches.List, in.Inventory, options, in.Now)
	}

	run := d.Run(in.Occurrence)
	start, end := d.Span(in.Occurrence, in.Asset)
	plan := Plan{Order: Order{
		ID: MakeOrderID(run, in.Asset), Job: d.ID, Name: d.Name, Run: run, Revision: d.Revision,
		Start: start, End: end, Pre: d.Pre, Post: d.Post, InstallLimit: d.InstallLimit, Reboot: d.Reboot, RebootPending: d.RebootPending,
		NoLastCall: d.NoLastCall, Early: d.Early,
	}, Reboots: d.RebootPending && in.RebootPending}
	later := dependent(snap, verdicts)
	for _, v := range verdicts {
		patch, _ := snap.Patch(v.Patch)
		product, _ := snap.Product(v.Product)
		switch {
		case !v.Deployable:
			plan.LeftOut = append(plan.LeftOut, leftOut(v, product.Name))
		case later[v.Patch] != "":
			plan.LeftOut = append(plan.LeftOut, PatchOutcome{
				Patch: v.Patch, Name: product.Name, Status: LeftOut, From: v.From, To: v.To, Rule: "JOB-14",
				Text: fmt.Sprintf("It needs %s and a reboot between them; a later run takes it.", later[v.Patch]),
			})
		case d.GivesUp(in.Failed[v.Patch]):
			plan.LeftOut = append(plan.LeftOut, PatchOutcome{
				Patch: v.Patch, Name: product.Name, Status: LeftOut, From: v.From, To: v.To, Rule: giveUpRule,
				Text: fmt.Sprintf("It failed here in %d runs of this job, which gives up after %d; a newer version is tried, or this one when it is asked for.",
					in.Failed[v.Patch], d.GiveUp),
			})
		case len(plan.Order.Patches) == MaxPatches:
			plan.Dropped++
		default:
			plan.Order.Patches = append(plan.Order.Patches, d.orderPatch(patch, product))
		}
	}
	plan.Order.Patches = requirementsFirst(snap, plan.Order.Patches)
	return plan.under(in.Policy)
}

// under puts the plan under a signer policy: the order carries its digest and the clauses for the order's patches. A patch
// that no clause is about is left out, since none of its files could pass (INT-4). A zero policy changes nothing.
func (p Plan) under(policy integrity.Excerpt) Plan {
	if policy.IsZero() {
		return p
	}
	var clauses []integrity.Clause
	patches := make([]OrderPatch, 0, len(p.Order.Patches))
	for _, ordered := range p.Order.Patches {
		clause, found := policy.For(ordered.Vendor, string(ordered.Product))
		if !found {
			p.LeftOut = append(p.LeftOut, PatchOutcome{
				Patch: ordered.Patch, Name: ordered.Name, Status: LeftOut, To: ordered.Version, Rule: "INT-4",
				Text: fmt.Sprintf("No clause of the signer policy is about product %q of vendor %q, so nothing is trusted for it.", ordered.Product, ordered.Vendor),
			})
			continue
		}
		clauses = append(clauses, clause)
		patches = append(patches, ordered)
	}
	p.Order.Patches, p.Order.Policy = patches, policy.Only(clauses...)
	return p
}

// dependent maps the deployable patches that need another of them and a reboot between to the one they need (JOB-14).
func dependent(snap *catalog.Snapshot, verdicts []catalog.Verdict) map[catalog.PatchID]catalog.PatchID {
	var list []catalog.PatchID
	for _, v := range verdicts {
		if v.Deployable {
			list = append(list, v.Patch)
		}
	}
	needs := map[catalog.PatchID]catalog.PatchID{}
	for _, p := range rebootPairs(snap, list) {
		if needs[p.Patch] == "" {
			needs[p.Patch] = p.Needs
		}
	}
	return needs
}

func (d Definition) orderPatch(patch catalog.Patch, product catalog.Product) OrderPatch {
	ordered := OrderPatch{
		Patch: patch.ID, Product: patch.Product, Name: product.Name, Vendor: product.Vendor, Version: patch.Version,
		Reboot: patch.Reboot, Transaction: patch.Transaction,
	}
	for _, a := range patch.Artifacts {
		url := a.URL
		if a.Availability == catalog.Vendor {
			url = a.CustomURL
		}
		ordered.LatestOnly = ordered.LatestOnly || a.Availability == catalog.LatestOnly
		ordered.Files = append(ordered.Files, File{
			Name: a.Name, URL: url, SignatureURL: a.SignatureURL, Size: a.Size,
			Expect: integrity.Expectation{Signer: a.Signer, Digests: a.Digests, Strict: d.Strict, AllowLegacy: d.AllowLegacy},
		})
	}
	return ordered
}

// leftOut turns a verdict that blocks into the outcome reports show: the first reason decides, all are told.
func leftOut(v catalog.Verdict, name string) PatchOutcome {
	out := PatchOutcome{Patch: v.Patch, Name: name, Status: LeftOut, From: v.From, To: v.To}
	texts := make([]string, 0, len(v.Reasons))
	for _, r := range v.Reasons {
		texts = append(texts, r.Text)
	}
	if len(v.Reasons) > 0 {
		out.Rule = v.Reasons[0].Rule
	}
	out.Text = strings.Join(texts, " ")
	return out
}

// requirementsFirst moves each patch behind the ones of the same order that it requires and leaves the rest in place.
// The catalog refuses cycles, so the walk ends.
func requirementsFirst(snap *catalog.Snapshot, patches []OrderPatch) []OrderPatch {
	at := make(map[catalog.PatchID]int, len(patches))
	for i, p := range patches {
		at[p.Patch] = i
	}
	sorted := make([]OrderPatch, 0, len(patches))
	placed := make([]bool, len(patches))
	var place func(i int)
	place = func(i int) {
		if placed[i] {
			return
		}
		placed[i] = true
		patch, _ := snap.Patch(patches[i].Patch)
		for _, r := range patch.Requires {
			if j, ok := at[r.Patch]; ok {
				place(j)
			}
		}
		sorted = append(sorted, patches[i])
	}
	for i := range patches {
		place(i)
	}
	return sorted
}

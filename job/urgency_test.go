package job

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// listedWith is a snapshot of patches and of what is known of vulnerabilities.
func listedWith(t testing.TB, products []catalog.Product, patches []catalog.Patch, known ...catalog.Vulnerability) *catalog.Snapshot {
	snap, changes := catalog.Sync(nil, []catalog.Batch{{Feed: "test", At: epoch, Products: products, Patches: patches, Vulnerabilities: known, AllExploited: true}}, epoch)
	require.Empty(t, changes.Rejected)
	return snap
}

// fixOf is a patch of version 2.0.0 that fixes one vulnerability.
func fixOf(t testing.TB, name, cve string, severity catalog.Severity, published time.Time) catalog.Patch {
	p := patchOf(t, name, "2.0.0", published)
	p.CVEs, p.Severity, p.Class = []string{cve}, severity, catalog.Security
	return p
}

// Earliest deadline, then known or possible exploitation, then severity, then
// newest, then id.
func TestOrderOfPatches_JOB8_DUE1(t *testing.T) {
	var products []catalog.Product
	installed := map[string]string{}
	for _, name := range []string{"due", "hot", "maybe", "bad", "new", "old", "plain"} {
		products = append(products, productOf(name))
		installed[name] = "1.0.0"
	}
	hot := fixOf(t, "hot", "CVE-2026-0002", catalog.Low, epoch.AddDate(0, 0, -9))
	patches := []catalog.Patch{
		fixOf(t, "due", "CVE-2026-0001", catalog.Low, epoch.AddDate(0, 0, -9)), hot,
		fixOf(t, "maybe", "ADV-1", catalog.Low, epoch.AddDate(0, 0, -9)),
		fixOf(t, "bad", "CVE-2026-0004", catalog.Critical, epoch.AddDate(0, 0, -9)),
		fixOf(t, "new", "CVE-2026-0005", catalog.High, epoch), fixOf(t, "old", "CVE-2026-0006", catalog.High, epoch.AddDate(0, 0, -1)), patchOf(t, "plain", "2.0.0", epoch),
	}
	snap := listedWith(t, products, patches, catalog.Vulnerability{ID: "CVE-2026-0002", Exploited: catalog.Yes},
		catalog.Vulnerability{ID: "CVE-2026-0001", Automatable: catalog.Yes})
	table := deadline.Table{Name: "ours", Anchor: deadline.FromPublished, Assume: deadline.Condition{Automatable: catalog.No, Exposed: catalog.No},
		Rows: []deadline.Row{{When: deadline.Condition{Automatable: catalog.Yes}, Days: 3}, {NextUpgrade: true}}}
	require.NoError(t, table.Validate())
	d := Definition{ID: "q", Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
	plan := d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inventoryOf(t, installed), Occurrence: schedule.Occurrence{Start: epoch}, Now: epoch,
		Deadlines: []deadline.Table{table}})
	var names []string
	for _, p := range plan.Order.Patches {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"due", "hot", "maybe", "bad", "new", "old", "plain"}, names)
	require.Equal(t, epoch.Truncate(24*time.Hour).AddDate(0, 0, -9+3+1), plan.Order.Patches[0].Due)
	require.Zero(t, plan.Order.Patches[1].Due)
	require.NoError(t, plan.Order.Validate())
}

// A newer patch of the line inherits the deadline of the first fix, also after
// that one left the catalog.
func TestASupersedingPatchInheritsTheDeadline_DUE3(t *testing.T) {
	table := deadline.PCIDSS()
	first := fixOf(t, "a", "CVE-2026-0001", catalog.Critical, epoch)
	snap := listedWith(t, []catalog.Product{productOf("a")}, []catalog.Patch{first})
	later := epoch.AddDate(0, 0, 20)
	next := fixOf(t, "a", "CVE-2026-0001", catalog.Critical, later)
	next.ID, next.Version = "a-3", semver(t, "3.0.0")
	snap, _ = catalog.Sync(snap, []catalog.Batch{{Feed: "test", At: later, Products: []catalog.Product{productOf("a")}, Patches: []catalog.Patch{next}}}, later)
	d := Definition{ID: "q", Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
	plan := d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inventoryOf(t, map[string]string{"a": "1.0.0"}), Occurrence: schedule.Occurrence{Start: later},
		Now: later, Deadlines: []deadline.Table{table}})
	require.Len(t, plan.Order.Patches, 1)
	require.EqualValues(t, "a-3", plan.Order.Patches[0].Patch)
	require.Equal(t, epoch.Truncate(24*time.Hour).AddDate(0, 0, 31), plan.Order.Patches[0].Due)
}

// Nothing that the cap drops is due before anything that it keeps, except for
// what a kept patch needs; what is kept has all that it needs.
func TestTheCapDropsNothingThatIsDueFirst_JOB8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "patches")
		most := rapid.IntRange(1, 12).Draw(t, "most")
		due := map[catalog.PatchID]int{}
		var patches []OrderPatch
		for i := range n {
			id := fmt.Sprintf("p%02d", i)
			p := OrderPatch{Patch: catalog.PatchID(id), Product: catalog.ProductID(id)}
			due[p.Patch] = rapid.IntRange(0, 5).Draw(t, "due")
			if i > 0 && rapid.Bool().Draw(t, "needs") {
				p.Requires = []Requirement{{Product: patches[rapid.IntRange(0, i-1).Draw(t, "which")].Product}}
			}
			patches = append(patches, p)
		}
		kept := capped(PlanInput{}, slices.Clone(patches), most, func(a, b catalog.PatchID) int { return due[a] - due[b] })
		require.LessOrEqual(t, len(kept), most)
		require.True(t, len(kept) == n || n > most)
		is := func(id string) bool {
			return slices.ContainsFunc(kept, func(p OrderPatch) bool { return string(p.Patch) == id })
		}
		needed := map[string]int{} // the earliest due of what needs a patch, itself included
		for _, p := range slices.Backward(patches) {
			own := due[p.Patch]
			if by, has := needed[string(p.Patch)]; has {
				own = min(own, by)
			}
			if is(string(p.Patch)) {
				needed[string(p.Patch)] = own
			}
			for _, r := range p.Requires {
				if !is(string(p.Patch)) {
					continue
				}
				require.True(t, is(string(r.Product)), "%s needs %s", p.Patch, r.Product)
				if by, has := needed[string(r.Product)]; !has || own < by {
					needed[string(r.Product)] = own
				}
			}
		}
		for _, p := range patches {
			for _, k := range kept {
				require.True(t, is(string(p.Patch)) || due[p.Patch] >= needed[string(k.Patch)], "%s is dropped and due before %s", p.Patch, k.Patch)
			}
		}
		var missing func(i int) map[int]bool // what a dropped patch still needs, itself included
		missing = func(i int) map[int]bool {
			all := map[int]bool{i: true}
			for _, r := range patches[i].Requires {
				j := slices.IndexFunc(patches, func(p OrderPatch) bool { return p.Product == r.Product })
				for k := range missing(j) {
					all[k] = true
				}
			}
			maps.DeleteFunc(all, func(k int, _ bool) bool { return is(string(patches[k].Patch)) })
			return all
		}
		first := -1
		for i, p := range patches {
			if !is(string(p.Patch)) && (first < 0 || due[p.Patch] < due[patches[first].Patch]) {
				first = i
			}
		}
		require.True(t, first < 0 || len(kept)+len(missing(first)) > most, "the first that is dropped does not fit")
		require.True(t, slices.IsSortedFunc(kept, func(a, b OrderPatch) int { return int(a.Patch[1]-b.Patch[1])*10 + int(a.Patch[2]) - int(b.Patch[2]) }), "the order stays")
	})
}

// The cap of a plan drops the patch that is due last, though it is the newest.
func TestPlanDropsWhatIsDueLast_JOB8(t *testing.T) {
	var products []catalog.Product
	var patches []catalog.Patch
	installed := map[string]string{}
	for i := range MaxPatches + 2 {
		name := fmt.Sprintf("p%04d", i)
		products = append(products, productOf(name))
		patches = append(patches, fixOf(t, name, fmt.Sprintf("CVE-2026-%04d", i), catalog.Critical, epoch.AddDate(0, 0, i-MaxPatches-2)))
		installed[name] = "1.0.0"
	}
	snap := listedWith(t, products, patches)
	for _, query := range []bool{true, false} {
		d := Definition{ID: "q", Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
		if !query {
			d.Patches = Patches{}
			for _, p := range patches {
				d.Patches.List = append(d.Patches.List, p.ID)
			}
			slices.Reverse(d.Patches.List)
		}
		plan := d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inventoryOf(t, installed), Occurrence: schedule.Occurrence{Start: epoch}, Now: epoch,
			Deadlines: []deadline.Table{deadline.PCIDSS()}})
		require.Equal(t, 2, plan.Dropped)
		first, last := "p0000", fmt.Sprintf("p%04d", MaxPatches-1)
		if !query { // a list keeps its order
			first, last = last, first
		}
		require.Equal(t, first, plan.Order.Patches[0].Name)
		require.Equal(t, last, plan.Order.Patches[MaxPatches-1].Name)
	}
}

// What the baseline does not allow is left out with its reason, and an older
// patch that it allows is taken (CAT-19).
func TestBaselineInAPlan_APR1_APR2_APR3_CAT19(t *testing.T) {
	young, old := fixOf(t, "a", "CVE-2026-0001", catalog.High, epoch.AddDate(0, 0, -3)), patchOf(t, "a", "1.5.0", epoch.AddDate(0, 0, -3))
	old.Class = catalog.Bugfix
	snap := listedWith(t, []catalog.Product{productOf("a")}, []catalog.Patch{young, old})
	b := baseline.Baseline{Name: "offices", Rules: []baseline.Rule{{When: baseline.Condition{Classes: []catalog.Class{catalog.Security}}, Delay: 7}, {Delay: 3}}}
	require.NoError(t, b.Validate())
	in := PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inventoryOf(t, map[string]string{"a": "1.0.0"}), Occurrence: schedule.Occurrence{Start: epoch}, Now: epoch,
		Baseline: &b}
	for _, patches := range []Patches{{Query: &Query{}}, {List: []catalog.PatchID{young.ID, old.ID}}} {
		d := Definition{ID: "q", Platform: catalog.Linux, Patches: patches}
		plan := d.Plan(in)
		require.Len(t, plan.Order.Patches, 1)
		require.Equal(t, old.ID, plan.Order.Patches[0].Patch)
		require.Len(t, plan.LeftOut, 1)
		require.Equal(t, "APR-2", plan.LeftOut[0].Rule)
		require.Contains(t, plan.LeftOut[0].Text, `Rule 1 of baseline "offices" waits until 2026-03-06T06:00:00Z: 7 days after a-2.0.0`)

		due := in
		due.Deadlines = []deadline.Table{{Name: "ours", Anchor: deadline.FromPublished, Rows: []deadline.Row{{Days: 5}}}}
		plan = d.Plan(due)
		require.Equal(t, young.ID, plan.Order.Patches[0].Patch, "it is due before the delay ends")

		denied := b
		denied.Denied = []catalog.PatchID{young.ID}
		due.Baseline = &denied
		plan = d.Plan(due)
		require.Equal(t, old.ID, plan.Order.Patches[0].Patch, "denied by its id, whatever its class and deadline")
		require.Contains(t, plan.LeftOut[0].Text, "denies it by its id")
	}
}

// Caps that drop what is due first are found by trying all small lists, the
// shortest first: one that keeps the first patches of the list, and one that
// does not see when patches are due.
func TestPlantedCapsAreFound_JOB8(t *testing.T) {
	type capping func(patches []OrderPatch, most int, due map[catalog.PatchID]int) []OrderPatch
	ours := func(patches []OrderPatch, most int, due map[catalog.PatchID]int) []OrderPatch {
		return capped(PlanInput{}, patches, most, func(a, b catalog.PatchID) int { return due[a] - due[b] })
	}
	// search returns the first list of up to four patches, each due on one of
	// three days, of which a patch is dropped that is due before one that is kept.
	search := func(c capping) string {
		for n := 2; n <= 4; n++ {
			for code := range 81 {
				due, patches := map[catalog.PatchID]int{}, []OrderPatch{}
				for i := range n {
					id := fmt.Sprintf("p%d", i)
					patches = append(patches, OrderPatch{Patch: catalog.PatchID(id), Product: catalog.ProductID(id)})
					due[catalog.PatchID(id)], code = code%3, code/3
				}
				for most := 1; most < n; most++ {
					kept := c(slices.Clone(patches), most, due)
					for _, p := range patches {
						for _, k := range kept {
							dropped := !slices.ContainsFunc(kept, func(o OrderPatch) bool { return o.Patch == p.Patch })
							if dropped && due[p.Patch] < due[k.Patch] {
								return fmt.Sprintf("%d patches, at most %d: keeps %s, due on day %d, and drops %s, due on day %d", n, most, k.Patch, due[k.Patch], p.Patch, due[p.Patch])
							}
						}
					}
				}
			}
		}
		return ""
	}
	require.Empty(t, search(ours))
	require.Equal(t, "2 patches, at most 1: keeps p0, due on day 1, and drops p1, due on day 0", search(func(patches []OrderPatch, most int, _ map[catalog.PatchID]int) []OrderPatch {
		return patches[:most]
	}))
	require.Equal(t, "2 patches, at most 1: keeps p0, due on day 1, and drops p1, due on day 0", search(func(patches []OrderPatch, most int, due map[catalog.PatchID]int) []OrderPatch {
		return ours(patches, most, map[catalog.PatchID]int{})
	}))
}

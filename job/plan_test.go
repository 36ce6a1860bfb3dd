package job

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func listed(t testing.TB, products []catalog.Product, patches []catalog.Patch) *catalog.Snapshot {
	snap, changes := catalog.Sync(nil, []catalog.Batch{{Feed: "test", At: epoch, Products: products, Patches: patches}}, epoch)
	require.Empty(t, changes.Rejected)
	return snap
}

func productOf(name string) catalog.Product {
	return catalog.Product{ID: catalog.ProductID(name), Name: name, Vendor: "acme", Platform: catalog.Linux, Scheme: version.Semver}
}

func patchOf(t testing.TB, name, to string, published time.Time) catalog.Patch {
	return catalog.Patch{
		ID: catalog.PatchID(name + "-" + to), Product: catalog.ProductID(name), Version: semver(t, to), Published: published,
		Artifacts: []catalog.Artifact{{Name: name + ".bin", Availability: catalog.Pinned, URL: "https://vendor.example/" + name, Size: 9, Digests: []integrity.Digest{good}}},
	}
}

func inventoryOf(t testing.TB, installed map[string]string) catalog.Inventory {
	t.Helper()
	var list []catalog.Installed
	for name, v := range installed {
		list = append(list, catalog.Installed{Product: catalog.ProductID(name), Version: semver(t, v)})
	}
	inv, err := catalog.NewInventory(catalog.Linux, list)
	require.NoError(t, err)
	return inv
}

// planAt plans for web-1 at epoch.
func planAt(d Definition, snap *catalog.Snapshot, inv catalog.Inventory) Plan {
	return d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inv, Occurrence: schedule.Occurrence{Start: epoch}, Now: epoch})
}

func TestPlanFromAList_JOB8_CAT15(t *testing.T) {
	snap := listed(t, []catalog.Product{productOf("a"), productOf("b"), productOf("c")},
		[]catalog.Patch{patchOf(t, "a", "2.0.0", epoch), patchOf(t, "b", "2.0.0", epoch), patchOf(t, "c", "2.0.0", epoch)})
	d := Definition{ID: "nightly", Revision: 3, Platform: catalog.Linux, Patches: Patches{List: []catalog.PatchID{"a-2.0.0", "b-2.0.0", "c-2.0.0"}},
		AllowLegacy: true, Window: time.Hour, Reboot: reboot.Policy{Suppress: true}}
	plan := planAt(d, snap, inventoryOf(t, map[string]string{"a": "1.0.0", "b": "3.0.0"}))
	require.NoError(t, plan.Order.Validate())
	require.Equal(t, AssetID("web-1"), plan.Order.ID.Asset())
	require.Equal(t, epoch.Add(time.Hour), plan.Order.End)
	require.Len(t, plan.Order.Patches, 1)
	require.Equal(t, integrity.Expectation{Digests: []integrity.Digest{good}, AllowLegacy: true}, plan.Order.Patches[0].Files[0].Expect)
	require.Len(t, plan.LeftOut, 2)
	for _, left := range plan.LeftOut {
		require.Equal(t, LeftOut, left.Status)
		require.Equal(t, "CAT-3", left.Rule)
		require.NotEmpty(t, left.Text)
	}
	require.False(t, plan.Empty())
	require.True(t, planAt(d, snap, inventoryOf(t, nil)).Empty())
}

// The kind of an artifact reaches the file's expectation: everything but
// LatestOnly counts as pinned (INT-5).
func TestPlanSaysTheKindOfEachFile_INT5(t *testing.T) {
	p := patchOf(t, "a", "2.0.0", epoch)
	p.Artifacts = nil
	for i, kind := range []catalog.Availability{catalog.Pinned, catalog.LatestOnly, catalog.Repository, catalog.Vendor} {
		url := fmt.Sprintf("https://vendor.example/%d", i)
		a := catalog.Artifact{Name: kind.String(), Availability: kind, URL: url, Signer: "Vendor", Digests: []integrity.Digest{good}}
		if kind == catalog.Vendor {
			a.URL, a.CustomURL = "", url
		}
		p.Artifacts = append(p.Artifacts, a)
	}
	snap := listed(t, []catalog.Product{productOf("a")}, []catalog.Patch{p})
	d := Definition{ID: "nightly", Revision: 3, Platform: catalog.Linux, Patches: Patches{List: []catalog.PatchID{p.ID}}}
	ordered := planAt(d, snap, inventoryOf(t, map[string]string{"a": "1.0.0"})).Order.Patches[0]
	require.Len(t, ordered.Files, 4)
	for _, f := range ordered.Files {
		want := integrity.Expectation{Signer: "Vendor", Digests: []integrity.Digest{good}, LatestOnly: f.Name == "LatestOnly"}
		require.Equal(t, want, f.Expect, f.Name)
	}
}

func TestPlanFromAQuery_JOB8(t *testing.T) {
	var products []catalog.Product
	var patches []catalog.Patch
	installed := map[string]string{}
	for i := range 5 {
		name := fmt.Sprintf("p%d", i)
		products = append(products, productOf(name))
		p := patchOf(t, name, "2.0.0", epoch.Add(time.Duration(i)*-time.Hour))
		if i%2 == 0 {
			p.Severity, p.CVEs = catalog.High, []string{"CVE-2026-0001"}
		}
		patches = append(patches, p)
		installed[name] = "1.0.0"
	}
	delete(installed, "p4")
	snap := listed(t, products, patches)
	names := func(q Query) []string {
		d := Definition{ID: "q", Platform: catalog.Linux, Patches: Patches{Query: &q}}
		var list []string
		for _, p := range planAt(d, snap, inventoryOf(t, installed)).Order.Patches {
			list = append(list, p.Name)
		}
		return list
	}
	require.Equal(t, []string{"p0", "p2", "p1", "p3"}, names(Query{}), "missing ones, possibly exploited first, then newest published")
	require.Equal(t, []string{"p0", "p2"}, names(Query{Conditions: Conditions{MinSeverity: catalog.High}}))
	require.Equal(t, []string{"p0", "p2"}, names(Query{Conditions: Conditions{CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"}}}))
	require.Equal(t, []string{"p3"}, names(Query{Conditions: Conditions{Products: []string{"p3", "p4"}}}))
	require.Empty(t, names(Query{Conditions: Conditions{Vendors: []string{"other"}}}))
	require.Empty(t, names(Query{Conditions: Conditions{Channels: []string{"beta"}}}))
}

func TestPlanCapsAndCounts_JOB8(t *testing.T) {
	var products []catalog.Product
	var patches []catalog.Patch
	installed := map[string]string{}
	for i := range MaxPatches + 3 {
		name := fmt.Sprintf("p%04d", i)
		products = append(products, productOf(name))
		patches = append(patches, patchOf(t, name, "2.0.0", epoch.Add(time.Duration(i)*time.Minute)))
		installed[name] = "1.0.0"
	}
	d := Definition{ID: "q", Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
	plan := planAt(d, listed(t, products, patches), inventoryOf(t, installed))
	require.Len(t, plan.Order.Patches, MaxPatches)
	require.Equal(t, 3, plan.Dropped)
	require.Equal(t, fmt.Sprintf("p%04d", MaxPatches+2), plan.Order.Patches[0].Name, "the newest is kept")
	require.NoError(t, plan.Order.Validate())
}

func TestRequirementsOrderTheInstalls_JOB14(t *testing.T) {
	a, b, c := patchOf(t, "a", "2.0.0", epoch), patchOf(t, "b", "2.0.0", epoch), patchOf(t, "c", "2.0.0", epoch)
	a.Requires = []catalog.Requirement{{Patch: c.ID}}
	c.Requires = []catalog.Requirement{{Patch: b.ID}}
	snap := listed(t, []catalog.Product{productOf("a"), productOf("b"), productOf("c")}, []catalog.Patch{a, b, c})
	d := Definition{ID: "nightly", Platform: catalog.Linux, Patches: Patches{List: []catalog.PatchID{a.ID, b.ID, c.ID}}}
	plan := planAt(d, snap, inventoryOf(t, map[string]string{"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"}))
	var names []string
	for _, p := range plan.Order.Patches {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"b", "c", "a"}, names)
}

func TestSelect_JOB7(t *testing.T) {
	all := []Asset{
		{ID: "w1", Platform: catalog.Linux, Tags: []string{"web", "prod"}}, {ID: "w2", Platform: catalog.Linux, Tags: []string{"web"}},
		{ID: "db", Platform: catalog.Linux, Tags: []string{"prod"}}, {ID: "pc", Platform: catalog.Windows, Tags: []string{"web", "prod"}},
		{ID: "bare", Platform: catalog.Linux},
	}
	for _, c := range []struct {
		a    Assets
		want []AssetID
	}{
		{Assets{}, nil},
		{Assets{IncludeTags: []string{"web", "prod"}}, []AssetID{"db", "w1", "w2"}},
		{Assets{IncludeTags: []string{"web", "prod"}, Match: All}, []AssetID{"w1"}},
		{Assets{IncludeTags: []string{"web"}, ExcludeTags: []string{"prod"}}, []AssetID{"w2"}},
		{Assets{IncludeTags: []string{"web"}, ExcludeTags: []string{"prod"}, Include: []AssetID{"w1", "bare"}}, []AssetID{"bare", "w1", "w2"}},
		{Assets{Include: []AssetID{"w1", "w2", "pc", "unknown"}, Exclude: []AssetID{"w2"}}, []AssetID{"w1"}},
		{Assets{IncludeTags: []string{"prod"}, Exclude: []AssetID{"db"}}, []AssetID{"w1"}},
		{Assets{ExcludeTags: []string{"web"}}, nil},
	} {
		d := Definition{Platform: catalog.Linux, Assets: c.a}
		for _, asset := range all {
			require.Equal(t, slices.Contains(c.want, asset.ID), d.Select(asset), "%s in %+v", asset.ID, c.a)
		}
	}
}

func TestValidateTellsEveryProblem_JOB20(t *testing.T) {
	d := Definition{
		ID: "a b", State: 9, Patches: Patches{List: []catalog.PatchID{"x", "x", ""}, Query: &Query{}},
		Assets: Assets{Include: []AssetID{".."}, Match: 7}, Pre: []Action{{Timeout: -1}}, Window: time.Second,
		Schedule: schedule.Schedule{Kind: schedule.Once}, Reboot: reboot.Policy{Deferrals: 1000, Interval: time.Hour},
	}
	invalid, ok := errors.AsType[*Invalid](d.Validate())
	require.True(t, ok)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
	}
	require.Equal(t, []string{"id", "state", "platform", "assets.include[0]", "assets.match", "patches", "patches.list[1]", "patches.list[2]",
		"pre[0].command", "pre[0].timeout", "schedule.at", "window", "reboot.deferrals"}, fields)
	require.ErrorContains(t, invalid, "(JOB-20)")
}

func TestEnableNeedsSomethingSomewhereSometime_JOB6(t *testing.T) {
	d := Definition{ID: "nightly", State: Disabled, Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.Once, At: epoch}}
	require.NoError(t, d.Validate(), "it can be saved as it is")
	invalid, ok := errors.AsType[*Invalid](d.Enable(epoch))
	require.True(t, ok)
	require.Len(t, invalid.Problems, 3, "no patch, no asset, and a start that is past")
	d.Patches.Query, d.Assets.IncludeTags = &Query{}, []string{"web"}
	require.NoError(t, d.Enable(epoch.Add(-time.Second)))
	d.State = Deleted
	require.ErrorContains(t, d.Enable(epoch.Add(-time.Second)), "final")
}

// A job may consist of a reboot for one that is pending, and has something to
// do only where one is. It cannot suppress it.
func TestRebootsForAPendingReboot_JOB6_RBT11(t *testing.T) {
	d := Definition{ID: "tidy", State: Disabled, Platform: catalog.Linux, Assets: Assets{Include: []AssetID{"web-1"}}, RebootPending: true,
		Schedule: schedule.Schedule{Kind: schedule.OnDemand}}
	require.NoError(t, d.Enable(epoch))
	snap, _ := catalog.Sync(nil, nil, epoch)
	for _, c := range []struct{ says, pending, empty bool }{{true, true, false}, {true, false, true}, {false, true, true}, {false, false, true}} {
		d.RebootPending = c.says
		p := d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Occurrence: schedule.Occurrence{Start: epoch}, Pending: PendingReboots{Unknown: c.pending}, Now: epoch})
		require.Equal(t, c.empty, p.Empty(), c)
		require.Equal(t, c.says, p.Order.RebootPending, "it may be pending by the time the order runs")
		require.NoError(t, p.Order.Validate())
	}
	require.ErrorContains(t, d.Enable(epoch), "rebootPending")

	d.RebootPending, d.Reboot.Suppress = true, true
	require.ErrorContains(t, d.Validate(), "contradicts reboot.suppress")
	o := orderOf(t, "a")
	o.RebootPending, o.Reboot.Suppress = true, true
	require.ErrorContains(t, o.Validate(), "contradicts reboot.suppress")
}

func TestOrderValidate(t *testing.T) {
	valid := orderOf(t, "a")
	for _, c := range []struct {
		field string
		spoil func(*Order)
	}{
		{"id", func(o *Order) { o.ID = "other" }}, {"id", func(o *Order) { o.ID = OrderID(o.Run) + "/../x" }},
		{"run", func(o *Order) { o.Run = "nightly@x"; o.ID = "nightly@x/web-1" }},
		{"end", func(o *Order) { o.End = o.Start }},
		{"patches[0].files[0].name", func(o *Order) { o.Patches[0].Files[0].Name = "../a" }},
		{"patches[0].files[0].size", func(o *Order) { o.Patches[0].Files[0].Size = -1 }},
		{"patches[0].files[0].url", func(o *Order) { o.Patches[0].Files[0].URL = "ftp://x" }},
		{"patches[0].files[0].signatureUrl", func(o *Order) { o.Patches[0].Files[0].SignatureURL = "javascript:x" }},
		{"patches[1].product", func(o *Order) { o.Patches = append(o.Patches, o.Patches[0]) }},
		{"patches[0].version", func(o *Order) { o.Patches[0].Version = version.Version{} }},
		{"patches[0].files", func(o *Order) { o.Patches[0].Files = make([]File, MaxFiles+1) }},
		{"patches", func(o *Order) { o.Patches = make([]OrderPatch, MaxPatches+1) }},
		{"pre", func(o *Order) { o.Pre = make([]Action, MaxActions+1) }},
		{"patches[0].product", func(o *Order) { o.Patches[0].Product = "a\x00" }},
		{"patches[0].patch", func(o *Order) { o.Patches[0].Patch = "a\x00" }},
		{"patches[0].name", func(o *Order) { o.Patches[0].Name = "a\x00" }},
		{"patches[0].transaction", func(o *Order) { o.Patches[0].Transaction = "a\x00" }},
		{"patches[0]", func(o *Order) { o.Patches[0].Product = "" }},
		{"post", func(o *Order) { o.Post = make([]Action, MaxActions+1) }},
		{"reboot.deferrals", func(o *Order) { o.Reboot.Deferrals = -1 }},
	} {
		o := orderOf(t, "a")
		c.spoil(&o)
		invalid, ok := errors.AsType[*Invalid](o.Validate())
		require.True(t, ok, c.field)
		require.True(t, slices.ContainsFunc(invalid.Problems, func(p Problem) bool { return p.Field == c.field }), "%s: %v", c.field, invalid)
	}
	require.NoError(t, valid.Validate())
}

// A query falls back to the older update that is allowed, and says why the newer one is not taken.
func TestQueryTakesTheNewestAllowed_JOB8_CAT19(t *testing.T) {
	newest := patchOf(t, "a", "3.0.0", epoch)
	newest.Artifacts = nil
	snap := listed(t, []catalog.Product{productOf("a")}, []catalog.Patch{patchOf(t, "a", "2.0.0", epoch), patchOf(t, "a", "2.1.0", epoch), newest})
	d := Definition{ID: "q", Revision: 1, Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
	plan := planAt(d, snap, inventoryOf(t, map[string]string{"a": "1.0.0"}))
	require.Len(t, plan.Order.Patches, 1)
	require.EqualValues(t, "a-2.1.0", plan.Order.Patches[0].Patch)
	require.Len(t, plan.LeftOut, 1)
	require.EqualValues(t, "a-3.0.0", plan.LeftOut[0].Patch)
	require.Equal(t, "CAT-5", plan.LeftOut[0].Rule)
}

// What a patch supersedes is left out of a query only where the asset may get that patch.
func TestQueryLeavesOutWhatIsSupersededHere_CAT14(t *testing.T) {
	over := patchOf(t, "b", "2.0.0", epoch)
	over.Supersedes = []catalog.PatchID{"a-2.0.0"}
	snap := listed(t, []catalog.Product{productOf("a"), productOf("b")}, []catalog.Patch{patchOf(t, "a", "2.0.0", epoch), over})
	d := Definition{ID: "q", Revision: 1, Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
	for b, want := range map[string]catalog.PatchID{"1.0.0": "b-2.0.0", "2.0.0": "a-2.0.0"} {
		plan := planAt(d, snap, inventoryOf(t, map[string]string{"a": "1.0.0", "b": b}))
		require.Len(t, plan.Order.Patches, 1, b)
		require.Equal(t, want, plan.Order.Patches[0].Patch, b)
		require.Empty(t, plan.LeftOut, b)
	}
}

// One installed product gets one patch, the newest of the channels that the asset uses and that the
// signer policy trusts.
func TestPlanAcrossChannels_CAT17_CAT19(t *testing.T) {
	other := productOf("a2")
	other.Vendor = "stranger"
	snap := listed(t, []catalog.Product{productOf("a"), other}, []catalog.Patch{patchOf(t, "a", "2.0.0", epoch), patchOf(t, "a2", "3.0.0", epoch)})
	inv, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "a", Version: semver(t, "1.0.0"), Also: []catalog.ProductID{"a2"}}})
	require.NoError(t, err)
	acme := integrity.Excerpt{Digest: good, Clauses: []integrity.Clause{{Name: "acme", Vendor: "acme", Product: integrity.Any, AllowUnsigned: true}}}
	for _, patches := range []Patches{{Query: &Query{}}, {List: []catalog.PatchID{"a-2.0.0", "a2-3.0.0"}}} {
		d := Definition{ID: "q", Revision: 1, Platform: catalog.Linux, Patches: patches}
		for policy, want := range map[string]catalog.PatchID{"none": "a2-3.0.0", "acme alone": "a-2.0.0"} {
			in := PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inv, Occurrence: schedule.Occurrence{Start: epoch}, Now: epoch}
			if policy != "none" {
				in.Policy = acme
			}
			plan := d.Plan(in)
			require.NoError(t, plan.Order.Validate())
			require.Len(t, plan.Order.Patches, 1, policy)
			require.Equal(t, want, plan.Order.Patches[0].Patch, policy)
		}
	}
}

// A requirement is met by the same software from another channel, installed or in the same order.
func TestRequirementAcrossChannels_JOB14_CAT17(t *testing.T) {
	b := patchOf(t, "b", "2.0.0", epoch)
	b.Requires = []catalog.Requirement{{Patch: "a-2.0.0"}}
	snap := listed(t, []catalog.Product{productOf("a"), productOf("a2"), productOf("b")},
		[]catalog.Patch{patchOf(t, "a", "2.0.0", epoch), patchOf(t, "a2", "3.0.0", epoch), b})
	d := Definition{ID: "q", Revision: 1, Platform: catalog.Linux, Patches: Patches{Query: &Query{}}}
	for have, want := range map[string][]catalog.PatchID{"1.0.0": {"a2-3.0.0", "b-2.0.0"}, "3.0.0": {"b-2.0.0"}} {
		inv, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{
			{Product: "a2", Version: semver(t, have), Also: []catalog.ProductID{"a"}}, {Product: "b", Version: semver(t, "1.0.0")}})
		require.NoError(t, err)
		var got []catalog.PatchID
		plan := planAt(d, snap, inv)
		for _, p := range plan.Order.Patches {
			got = append(got, p.Patch)
		}
		require.Equal(t, want, got, have)
		last := plan.Order.Patches[len(plan.Order.Patches)-1]
		if have == "1.0.0" {
			require.True(t, last.Requires[0].Provides(plan.Order.Patches[0]), "the agent finds it in the order")
		}
	}
}

// The job's strict switches reach the verdicts.
func TestStrictLines_CAT11(t *testing.T) {
	product := productOf("a")
	product.Lines = []catalog.Line{{Prefix: "1"}}
	snap := listed(t, []catalog.Product{product}, []catalog.Patch{patchOf(t, "a", "2.0.0", epoch)})
	for _, strict := range []bool{false, true} {
		d := Definition{ID: "q", Revision: 1, Platform: catalog.Linux, Patches: Patches{Query: &Query{}}, KnownLines: strict}
		plan := planAt(d, snap, inventoryOf(t, map[string]string{"a": "1.0.0"}))
		require.Equal(t, strict, plan.Empty())
		require.Equal(t, strict, len(plan.LeftOut) == 1 && plan.LeftOut[0].Rule == "CAT-11")
	}
}

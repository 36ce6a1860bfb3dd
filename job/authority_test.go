package job

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// CAT-17: an order names the feed of each patch, and a clause of the signer policy can ask for it.
// What a feed requires of another authority's patch counts for nothing: it holds up the feed's own
// patch alone, and makes no circle.
func TestOrderNamesTheFeed_CAT17(t *testing.T) {
	requires := func(p catalog.Patch, id catalog.PatchID) catalog.Patch {
		p.Requires = []catalog.Requirement{{Patch: id, Reboot: true}}
		return p
	}
	snap, _ := catalog.Sync(nil, []catalog.Batch{
		{Feed: "acme", Products: []catalog.Product{productOf("a")}, Patches: []catalog.Patch{requires(patchOf(t, "a", "3.0.0", epoch), "b-2.0.0"), patchOf(t, "a", "2.0.0", epoch)}},
		{Feed: "evil", Products: []catalog.Product{{ID: "b", Name: "b", Platform: catalog.Linux, Scheme: "semver"}}, Patches: []catalog.Patch{requires(patchOf(t, "b", "2.0.0", epoch), "a-3.0.0")}},
	}, epoch)
	inv := inventoryOf(t, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	d := Definition{ID: "nightly", Revision: 1, Platform: catalog.Linux, Patches: Patches{List: []catalog.PatchID{"a-2.0.0", "b-2.0.0"}}}
	plan := planAt(d, snap, inv)
	require.Len(t, plan.Order.Patches, 1)
	require.Equal(t, catalog.FeedID("acme"), plan.Order.Patches[0].Feed)
	require.Equal(t, "It needs a-3.0.0, which the catalog does not have.", plan.LeftOut[0].Text)

	circle := d
	circle.Patches.List = []catalog.PatchID{"a-3.0.0", "b-2.0.0"}
	chain, err := circle.Split(snap)
	require.NoError(t, err)
	require.Len(t, chain, 1)
	require.Empty(t, rebootPairs(snap, circle.Patches.List))

	for feed, want := range map[string]int{"acme": 1, "other": 0, "": 1} {
		policy := integrity.Policy{Format: integrity.PolicyFormat, Clauses: []integrity.Clause{{Name: "acme", Vendor: "acme", Product: integrity.Any, Feed: feed, AllowUnsigned: true}}}
		in := PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inv, Now: epoch, Policy: policy.Excerpt()}
		in.Occurrence.Start = epoch
		plan := d.Plan(in)
		require.Len(t, plan.Order.Patches, want, "feed %q", feed)
		require.Len(t, plan.Order.SignerPolicy.Clauses, want)
	}
}

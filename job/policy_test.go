package job

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// acmePolicy trusts Acme for its products, and one of them without a signature.
func acmePolicy() integrity.Policy {
	return integrity.Policy{
		Format:  integrity.PolicyFormat,
		Signers: []integrity.Signer{{Name: "Acme", Authenticode: []integrity.AuthenticodeTrust{{Anchors: []string{good.String()}}}}},
		Clauses: []integrity.Clause{
			{Name: "acme", Vendor: "acme", Product: integrity.Any, Signers: []string{"Acme"}},
			{Name: "plain", Vendor: "acme", Product: "c", AllowUnsigned: true},
		},
	}
}

// The order carries the digest and the clauses for its products; what no clause
// is about is left out, and told (INT-4, CAT-15).
func TestPlanUnderAPolicy_INT4(t *testing.T) {
	other := productOf("d")
	other.Vendor = "other"
	snap := listed(t, []catalog.Product{productOf("a"), productOf("b"), productOf("c"), other},
		[]catalog.Patch{patchOf(t, "a", "2.0.0", epoch), patchOf(t, "b", "2.0.0", epoch), patchOf(t, "c", "2.0.0", epoch), patchOf(t, "d", "2.0.0", epoch)})
	d := Definition{ID: "nightly", Platform: catalog.Linux, Patches: Patches{List: []catalog.PatchID{"a-2.0.0", "b-2.0.0", "c-2.0.0", "d-2.0.0"}}}
	installed := inventoryOf(t, map[string]string{"a": "1.0.0", "b": "3.0.0", "c": "1.0.0", "d": "1.0.0"})
	under := func(policy integrity.Excerpt) Plan {
		return d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Inventory: installed, Occurrence: schedule.Occurrence{Start: epoch}, Policy: policy, Now: epoch})
	}
	plan := under(integrity.Excerpt{})
	require.Len(t, plan.Order.Patches, 3, "no policy leaves nothing out")
	require.Zero(t, plan.Order.SignerPolicy)
	require.Equal(t, []string{"acme", "acme", "other"}, []string{plan.Order.Patches[0].Vendor, plan.Order.Patches[1].Vendor, plan.Order.Patches[2].Vendor})

	policy := acmePolicy()
	held := under(policy.Excerpt())
	require.NoError(t, held.Order.Validate())
	require.Equal(t, plan.Order.Patches[:2], held.Order.Patches)
	require.Equal(t, policy.Excerpt(), held.Order.SignerPolicy)
	require.Equal(t, []PatchOutcome{plan.LeftOut[0], {
		Patch: "d-2.0.0", Name: "d", Status: LeftOut, From: semver(t, "1.0.0"), To: semver(t, "2.0.0"), Rule: "INT-4",
		Text: `No clause of the signer policy is about product "d" of vendor "other" from feed "test", so nothing is trusted for it.`,
	}}, held.LeftOut)
	require.Len(t, plan.LeftOut, 1, "without a policy")

	policy.Clauses = policy.Clauses[1:]
	held = under(policy.Excerpt())
	require.Len(t, held.Order.Patches, 1)
	require.Equal(t, policy.Clauses, held.Order.SignerPolicy.Clauses)
	policy.Clauses = nil
	require.True(t, under(policy.Excerpt()).Empty())
}

func TestOrderWithAPolicyThatIsNone(t *testing.T) {
	o := orderOf(t, "a")
	o.SignerPolicy.Clauses = []integrity.Clause{{Name: "x", Vendor: "", Product: "a"}}
	o.Patches[0].Vendor = string(make([]byte, MaxText+1))
	invalid, ok := errors.AsType[*Invalid](o.Validate())
	require.True(t, ok)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
	}
	require.Subset(t, fields, []string{"patches[0].vendor", "policy.digest", "policy.clauses[0].vendor"})
}

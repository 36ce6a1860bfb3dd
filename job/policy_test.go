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

// The order carries the digest and the clauses for its products; what no clause is about is left out, and told (INT-4, CAT-15).
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
	require.Zero(t, plan.Order.Policy)
	require.Equal(t, []string{"acme", "acme", "other"}, []string{plan.Order.Patches[0].Vendor, plan.Order.Patches[1].Vendor, plan.Order.Patches[2].Vendor})

	policy := acmePolicy()
	held := under(policy.Excerpt())
	require.NoError(t, held.Order.Validate())
	require.Equal(t, plan.Order.Patches[:2], held.Order.Patches)
	require.Equal(t, policy.Excerpt(), held.Order.Policy)
	require.Equal(t, []PatchOutcome{plan.LeftOut[0], {
		Patch: "d-2.0.0", Name: "d", Status: LeftOut, To: semver(t, "2.0.0"), Rule: "INT-4",
		Text: `No clause of the signer policy is about product "d" of vendor "other", so nothing is trusted for it.`,
	}}, held.LeftOut)
	require.Len(t, plan.LeftOut, 1, "without a policy")

	policy.Clauses = policy.Clauses[1:]
	held = under(policy.Excerpt())
	require.Len(t, held.Order.Patches, 1)
	require.Equal(t, policy.Clauses, held.Order.Policy.Clauses)
	policy.Clauses = nil
	require.True(t, under(policy.Excerpt()).Empty())
}

// Each file is judged by what the order expects and by the clauses of the order's policy and the asset's own; a failure is
// that patch's alone (INT-1, INT-4, INT-8).
func TestOrderUnderAPolicy_INT1_INT4_INT8(t *testing.T) {
	own := acmePolicy().Excerpt()
	weak := acmePolicy()
	weak.Clauses[0].AllowUnsigned = true
	forged := weak.Excerpt()
	forged.Digest = own.Digest
	signed := Fetched{Files: []Evidence{{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Valid, Signer: "Acme", Format: integrity.PE}}}}
	for _, tc := range []struct {
		name       string
		own, order integrity.Excerpt
		a, b       integrity.Reason // signed, not signed
		c          integrity.Reason // not signed, which its clause allows
	}{
		{"neither", integrity.Excerpt{}, integrity.Excerpt{}, integrity.SignatureValid, integrity.ChecksumMatched, integrity.ChecksumMatched},
		{"the same", own, own, integrity.SignatureValid, integrity.SignatureMissing, integrity.ChecksumMatched},
		{"the order's alone", integrity.Excerpt{}, own, integrity.SignatureValid, integrity.SignatureMissing, integrity.ChecksumMatched},
		{"the asset's alone", own, integrity.Excerpt{}, integrity.SignatureValid, integrity.SignatureMissing, integrity.ChecksumMatched},
		{"a weaker one", own, weak.Excerpt(), integrity.PolicyMismatch, integrity.PolicyMismatch, integrity.PolicyMismatch},
		{"a weaker clause under the same digest", own, forged, integrity.PolicyMismatch, integrity.PolicyMismatch, integrity.ChecksumMatched},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := orderOf(t, "a", "b", "c")
			o.Policy = tc.order
			for i := range o.Patches {
				o.Patches[i].Vendor = "acme"
			}
			require.NoError(t, o.Validate())
			w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"})
			unsigned := Fetched{Files: []Evidence{{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}}, Policy: tc.own}
			w.fetch["a"], w.fetch["b"], w.fetch["c"] = Fetched{Files: signed.Files, Policy: tc.own}, unsigned, unsigned
			w.run()
			for name, want := range map[string]integrity.Reason{"a": tc.a, "b": tc.b, "c": tc.c} {
				got := w.patch(name)
				require.Equal(t, want, got.Check.Reason, "%s: %s", name, got.Text)
				if want == integrity.SignatureValid || want == integrity.ChecksumMatched {
					require.Equal(t, Succeeded, got.Status)
					continue
				}
				require.Equal(t, []any{PatchFailed, FileSignatureFailed, "INT-4"}, []any{got.Status, got.Code, got.Rule})
				require.Contains(t, got.Text, name+".bin: ")
				require.Zero(t, w.count("deploy "+name))
			}
		})
	}
}

func TestOrderWithAPolicyThatIsNone(t *testing.T) {
	o := orderOf(t, "a")
	o.Policy.Clauses = []integrity.Clause{{Name: "x", Vendor: "", Product: "a"}}
	o.Patches[0].Vendor = string(make([]byte, MaxText+1))
	invalid, ok := errors.AsType[*Invalid](o.Validate())
	require.True(t, ok)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
	}
	require.Subset(t, fields, []string{"patches[0].vendor", "policy.digest", "policy.clauses[0].vendor"})
}

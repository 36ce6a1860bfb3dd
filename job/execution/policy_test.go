package execution

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
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

// Each file is judged by what the order expects and by the clauses of the
// order's policy and the asset's own; a failure is that patch's alone (INT-1,
// INT-4, INT-8).
func TestOrderUnderAPolicy_INT1_INT4_INT8(t *testing.T) {
	own := acmePolicy().Excerpt()
	weak := acmePolicy()
	weak.Clauses[0].AllowUnsigned = true
	forged := weak.Excerpt()
	forged.Digest = own.Digest
	signed := Downloaded{Files: []Evidence{{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Valid, Signer: "Acme", Format: integrity.PE}}}}
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
			o.SignerPolicy = tc.order
			for i := range o.Patches {
				o.Patches[i].Vendor = "acme"
			}
			require.NoError(t, o.Validate())
			w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"})
			w.c.Policy = tc.own
			unsigned := Downloaded{Files: []Evidence{{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}}}
			w.download["a"], w.download["b"], w.download["c"] = signed, unsigned, unsigned
			w.run()
			for name, want := range map[string]integrity.Reason{"a": tc.a, "b": tc.b, "c": tc.c} {
				got := w.patch(name)
				require.Equal(t, want, got.Check.Reason, "%s: %s", name, got.Text)
				if want == integrity.SignatureValid || want == integrity.ChecksumMatched {
					require.Equal(t, job.Succeeded, got.Status)
					continue
				}
				require.Equal(t, []any{job.PatchFailed, job.FileSignatureFailed, "INT-4"}, []any{got.Status, got.Code, got.Rule})
				require.Contains(t, got.Text, name+".bin: ")
				require.Zero(t, w.count("install "+name))
			}
		})
	}
}

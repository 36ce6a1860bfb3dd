package integrity

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// fixed always gives the same answer.
type fixed Signature

func (f fixed) Verify(io.ReaderAt, int64, []byte) Signature { return Signature(f) }

func TestChain_INT9(t *testing.T) {
	valid, other := fixed{Status: Valid, Signer: "Vendor"}, fixed{Status: Valid, Signer: "Other"}
	bad, absent := fixed{Status: Bad}, fixed{Status: Absent}
	unsupported, odd := fixed{Status: Unsupported, Detail: "a bundle"}, fixed{Status: 77}
	strange := fixed{Status: Bad, Untrusted: true}
	for _, tc := range []struct {
		name      string
		verifiers []SignatureVerifier
		plain     Signature // answer without a signature file
		detached  Signature // answer with one
	}{
		{"none", nil, Signature{Status: Absent}, Signature{Status: Unsupported}},
		{"all absent", []SignatureVerifier{absent, absent}, Signature{Status: Absent}, Signature{Status: Unsupported}},
		{"one knows", []SignatureVerifier{absent, valid}, Signature(valid), Signature(valid)},
		{"first valid", []SignatureVerifier{valid, other}, Signature(valid), Signature(valid)},
		{"valid after unsupported", []SignatureVerifier{unsupported, valid}, Signature(valid), Signature(valid)},
		{"bad after valid", []SignatureVerifier{valid, bad}, Signature(bad), Signature(bad)},
		{"valid after bad", []SignatureVerifier{bad, valid}, Signature(bad), Signature(bad)},
		{"valid after a stranger's", []SignatureVerifier{strange, valid}, Signature(strange), Signature(strange)},
		{"a stranger's after valid", []SignatureVerifier{valid, unsupported, strange}, Signature(strange), Signature(strange)},
		{"broken after a stranger's", []SignatureVerifier{strange, absent, bad}, Signature(bad), Signature(bad)},
		{"unsupported beside absent", []SignatureVerifier{absent, unsupported}, Signature(unsupported), Signature(unsupported)},
		{"no answer is not absent", []SignatureVerifier{odd, absent}, Signature(odd), Signature(odd)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Chain(tc.verifiers...)
			require.Equal(t, tc.plain, v.Verify(bytes.NewReader(nil), 0, nil))
			got := v.Verify(bytes.NewReader(nil), 0, []byte{})
			require.Equal(t, tc.detached.Status, got.Status)
			require.Equal(t, tc.detached.Signer, got.Signer)
		})
	}
}

func TestChainRefusesNil(t *testing.T) {
	require.PanicsWithValue(t, "integrity.Chain: verifier 1 is nil; leave it out", func() { Chain(fixed{Status: Absent}, nil) })
	require.NotPanics(t, func() { Chain(Chain(), Chain(Chain())) }, "chains of chains, which Go cannot compare")
}

package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// BenchmarkVerify reports the cost of judging 8 MiB as a multiple of digesting
// it by SHA-256, measured in the same run: x/sha256 is a ratio and means the
// same on any machine.
func BenchmarkVerify(b *testing.B) {
	k := keys()
	patch := bytes.Repeat([]byte("patch..."), 1<<20)
	bench := func(name string, v *Verifier, sig []byte, want integrity.Status) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(patch)))
			var plain, verifying time.Duration
			for b.Loop() {
				t0 := time.Now()
				sha256.Sum256(patch)
				t1 := time.Now()
				got := verify(v, patch, sig)
				plain, verifying = plain+t1.Sub(t0), verifying+time.Since(t1)
				require.Equal(b, want, got.Status)
			}
			b.ReportMetric(float64(verifying)/float64(plain), "x/sha256")
		})
	}
	for name, private := range map[string]crypto.Signer{"Ed25519ph": k.ed, "P-256": k.p256, "RSA-2048": k.rsa2048} {
		v := verifier(b, key(b, "Vendor", private))
		sig, err := Sign(private, bytes.NewReader(patch))
		require.NoError(b, err)
		bench(name, v, sig, integrity.Valid)
		sig[len(sig)-1] ^= 1
		bench(name+" bad", v, sig, integrity.Bad)
	}
	plain, err := k.ed.Sign(nil, patch, crypto.Hash(0))
	require.NoError(b, err)
	bench("Ed25519 plain", verifier(b, key(b, "Vendor", k.ed)), plain, integrity.Valid)
}

package authenticode

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// fuzzFile judges files that begin as signed ones. Whatever happens to a file,
// it is valid only while its digest is one that the vendor signed.
func fuzzFile(f *testing.F, format integrity.Format) {
	v := newVerifier(f, seedSigner(f))
	signed := map[string]bool{}
	for name, b := range seeds(f, format) {
		f.Add(b)
		if l, err := open(bytes.NewReader(b), int64(len(b))); err == nil {
			signed[digestOf(f, l)] = true
		} else {
			require.Equal(f, "unsigned."+string(format), name)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			t.Skip("larger than the bounds are for")
		}
		got := verify(v, b)
		require.Contains(t, []integrity.Status{valid, bad, absentStatus, unsupportedStatus}, got.Status)
		require.Equal(t, got.Status == integrity.Valid, got.Signer != "")
		require.Equal(t, got.Status == integrity.Bad || got.Status == integrity.Unsupported, got.Detail != "")
		if got.Status == integrity.Valid {
			l, err := open(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			require.True(t, signed[digestOf(t, l)], "valid with other content")
			require.False(t, got.SignedAt.IsZero())
		}
		r, err := Inspect(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err)
		require.LessOrEqual(t, len(r.Signatures), MaxSignatures)
	})
}

func digestOf(t testing.TB, l *layout) string {
	sums, err := l.digest([]integrity.Algorithm{integrity.SHA256})
	require.NoError(t, err)
	return string(sums[integrity.SHA256])
}

func FuzzPE(f *testing.F)  { fuzzFile(f, integrity.PE) }
func FuzzMSI(f *testing.F) { fuzzFile(f, integrity.MSI) }
func FuzzCAB(f *testing.F) { fuzzFile(f, integrity.CAB) }

// FuzzSignature judges what lies in the place of a PE's signature: PKCS #7,
// timestamps, nested signatures.
func FuzzSignature(f *testing.F) {
	v := newVerifier(f, seedSigner(f))
	var file *layout
	for name, b := range seeds(f, integrity.PE) {
		l, err := open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			continue
		}
		_, whole, _ := cms.Read(l.signatures[0]).Next()
		f.Add(whole)
		if name == "stamped.pe" {
			file = l
		}
	}
	sums, err := file.digest([]integrity.Algorithm{integrity.SHA256, integrity.SHA384, integrity.SHA512})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, blob []byte) {
		if len(blob) > 1<<20 {
			t.Skip("larger than the bounds are for")
		}
		once := &layout{format: integrity.PE, signatures: [][]byte{blob}}
		pool := cms.NewFile(rules, v.pinned)
		all, err := parseSignatures(once, pool)
		if err != nil {
			return
		}
		for _, s := range all {
			got, err := v.judgeOne(once, s, pool, sums[s.digest])
			if err != nil {
				continue
			}
			require.Equal(t, integrity.Valid, got.Status)
			require.Equal(t, sums[s.digest], s.sum)
		}
		require.LessOrEqual(t, pool.Checks, cms.MaxChecks+cms.MaxChain)
		require.LessOrEqual(t, pool.Bytes, cms.MaxWork+len(blob))
		reportSignature(once, all[0], pool, sums[all[0].digest])
	})
}

package openpgp

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// zeros is a file of so many zeros behind a beginning.
type zeros struct {
	begin []byte
	size  int64
}

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), z.size-off))
	if n < 0 {
		n = 0
	}
	clear(p[:n])
	if off < int64(len(z.begin)) {
		copy(p[:n], z.begin[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// digestOf reads the file once and digests it, as whoever only compares a checksum does.
func digestOf(file zeros) []byte {
	h := sha256.New()
	_, _ = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{io.NewSectionReader(file, 0, file.size)}, make([]byte, bufferSize))
	return h.Sum(nil)
}

// bigDetached is a large file with its signature.
func bigDetached(t testing.TB, key *openpgp.Entity, size int64, digest crypto.Hash) (zeros, []byte) {
	content := zeros{size: size}
	sig := &packet.Signature{Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: key.PrimaryKey.PubKeyAlgo, Hash: digest,
		CreationTime: signTime, IssuerKeyId: &key.PrimaryKey.KeyId, IssuerFingerprint: key.PrimaryKey.Fingerprint}
	h := digest.New()
	_, err := io.Copy(h, io.NewSectionReader(content, 0, size))
	require.NoError(t, err)
	require.NoError(t, sig.Sign(h, key.PrivateKey, at(signTime)))
	var out writer
	require.NoError(t, sig.Serialize(&out))
	return content, out
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }

// bigRPM is a package with a large payload of zeros.
func bigRPM(t testing.TB, key *openpgp.Entity, payload int64, legacy bool) zeros {
	h := sha256.New()
	_, err := io.Copy(h, io.NewSectionReader(zeros{size: payload}, 0, payload))
	require.NoError(t, err)
	head := header(tagHeaderImmutable, text(1000, "hare"), texts(tagPayloadDigest, hex.EncodeToString(h.Sum(nil))), number(tagPayloadAlgorithm, 8))
	signatures := []entry{blob(tagRSAHeader, sign(t, head, key, nil))}
	if legacy {
		both := sha256.New()
		both.Write(head)
		_, err := io.Copy(both, io.NewSectionReader(zeros{size: payload}, 0, payload))
		require.NoError(t, err)
		s := &packet.Signature{Version: 4, PubKeyAlgo: key.PrimaryKey.PubKeyAlgo, Hash: crypto.SHA256, CreationTime: signTime,
			IssuerKeyId: &key.PrimaryKey.KeyId, IssuerFingerprint: key.PrimaryKey.Fingerprint}
		require.NoError(t, s.Sign(both, key.PrivateKey, at(signTime)))
		var out writer
		require.NoError(t, s.Serialize(&out))
		signatures = append(signatures, blob(tagPGP, out))
	}
	begin := rpmPackage(head, nil, signatures...)
	return zeros{begin, int64(len(begin)) + payload}
}

// BenchmarkVerify reports the throughput as a share of that of plain SHA-256
// over the same bytes, measured in turns in the same run: of/sha256 is a ratio
// and means about the same on any machine.
func BenchmarkVerify(b *testing.B) {
	const size = 100 << 20
	key := makeKey(b, "vendor", nil)
	v := trusting(b, key)
	run := func(name string, file zeros, sig []byte) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(file.size)
			plain, verifying := time.Hour, time.Hour // the best of all turns: other programs only make it slower
			for b.Loop() {
				t0 := time.Now()
				digestOf(file)
				t1 := time.Now()
				a := v.Verify(file, file.size, sig)
				plain, verifying = min(plain, t1.Sub(t0)), min(verifying, time.Since(t1))
				require.Equal(b, integrity.Valid, a.Status, a.Detail)
			}
			b.ReportMetric(float64(plain)/float64(verifying), "of/sha256")
		})
	}
	for _, digest := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
		file, sig := bigDetached(b, key, size, digest)
		run(fmt.Sprintf("openpgp/%v", digest), file, sig)
	}
	run("rpm", bigRPM(b, key, size, false), nil)
	run("rpm/header+payload", bigRPM(b, key, size, true), nil)
}

// A file's size does not show in the memory that its judgement takes.
func TestMemoryOfLargeFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a large file takes a while; run without -short")
	}
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	key := makeKey(t, "vendor", nil)
	v := trusting(t, key)
	file, sig := bigDetached(t, key, size, crypto.SHA256)
	for name, tt := range map[string]struct {
		file zeros
		sig  []byte
		want integrity.Status
	}{
		"detached": {file, sig, integrity.Valid},
		"rpm":      {bigRPM(t, key, size, false), nil, integrity.Valid},
		"unsigned": {file, nil, integrity.Absent},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a := v.Verify(tt.file, tt.file.size, tt.sig)
		runtime.ReadMemStats(&after)
		require.Equal(t, tt.want, a.Status, a.Detail)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), name)
	}
}

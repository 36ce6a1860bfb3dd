package integrity_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// zeros is a file of so many zeros behind a beginning.
type zeros struct {
	begin string
	size  int64
}

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(p)), z.size-off)))
	clear(p[:n])
	if off < int64(len(z.begin)) {
		copy(p[:n], z.begin[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// copyTo reads the file once, in parts.
func (z zeros) copyTo(w io.Writer) {
	_, _ = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(z, 0, z.size)}, make([]byte, 128<<10))
}

// unsigned are files that carry no signature, so that the checksum decides
// (INT-2): a Debian package, and one of no format.
var unsigned = map[string]string{"deb": "!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n", "plain": "no format"}

// judge asks a verifier of signatures, digests the file and judges, as an agent does.
func judge(file zeros, v integrity.SignatureVerifier, e integrity.Expectation) integrity.Verdict {
	s := v.Verify(file, file.size, nil)
	d := integrity.NewDigester(e.Algorithms()...)
	file.copyTo(d)
	return integrity.Judge(e, s, d.Sums())
}

// expected is the expectation that the file meets by its SHA-256.
func expected(file zeros) integrity.Expectation {
	h := sha256.New()
	file.copyTo(h)
	return integrity.Expectation{Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(h.Sum(nil))}}}
}

// BenchmarkVerify reports the throughput as a share of that of plain SHA-256 over the same bytes, measured in turns in the
// same run: of/sha256 is a ratio and means about the same on any machine.
func BenchmarkVerify(b *testing.B) {
	v := integrity.Chain(new(openpgp.Verifier))
	for name, begin := range unsigned {
		b.Run(name, func(b *testing.B) {
			file := zeros{begin, 100 << 20}
			e := expected(file)
			b.ReportAllocs()
			b.SetBytes(file.size)
			plain, verifying := time.Hour, time.Hour // the best of all turns: other programs only make it slower
			for b.Loop() {
				t0 := time.Now()
				file.copyTo(sha256.New())
				t1 := time.Now()
				verdict := judge(file, v, e)
				plain, verifying = min(plain, t1.Sub(t0)), min(verifying, time.Since(t1))
				require.True(b, verdict.Passed, verdict.Text)
			}
			b.ReportMetric(float64(plain)/float64(verifying), "of/sha256")
		})
	}
}

// A file's size does not show in the memory that its judgement takes.
func TestMemoryOfLargeFiles_INT2(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	v := integrity.Chain(new(openpgp.Verifier))
	file := zeros{unsigned["deb"], size}
	e := expected(file)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	verdict := judge(file, v, e)
	runtime.ReadMemStats(&after)
	require.True(t, verdict.Passed, verdict.Text)
	require.Equal(t, integrity.ChecksumMatched, verdict.Reason)
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20))
}

package authenticode

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// onDisk writes a file; its content is nothing but it has places on the disk, as content has.
func onDisk(t testing.TB, s sparse) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, io.NewSectionReader(s, 0, s.size), make([]byte, 1<<20))
	require.NoError(t, err)
	return f
}

// BenchmarkVerify judges signed files of 100 MB from the disk's cache. Its
// share is the throughput as a part of what digesting the same file by SHA-256
// has, read the usual way, in the same run, by the time the process had a
// processor: it means the same on any machine. Its bytes allocated are those
// for one file.
func BenchmarkVerify(b *testing.B) {
	v := newVerifier(b, everybody().signer())
	for format, place := range places(100e6) {
		b.Run(string(format), func(b *testing.B) {
			s := sealed(b, format, vendorForgery(), place)
			f := onDisk(b, s)
			b.SetBytes(s.size)
			b.ReportAllocs()
			var plain, verifying time.Duration
			for b.Loop() {
				b.StopTimer()
				t0 := processorTime()
				h := sha256.New()
				_, err := io.Copy(h, io.NewSectionReader(f, 0, s.size))
				require.NoError(b, err)
				t1 := processorTime()
				b.StartTimer()
				got := v.Verify(f, s.size, nil)
				plain, verifying = plain+t1-t0, verifying+processorTime()-t1
				require.Equal(b, integrity.Valid, got.Status, "%+v", got)
			}
			b.ReportMetric(float64(plain)/float64(verifying), "share")
		})
	}
}

// TestMemoryFor1GiB: what judging a file allocates does not depend on its size.
// The signature is over another digest, which costs the same and is found out
// last.
func TestMemoryFor1GiB(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a large file takes a while; run without -short")
	}
	size := int64(1 << 30)
	if testing.Short() {
		size = 4 << 20
	}
	v := newVerifier(t, everybody().signer())
	for format, place := range places(size) {
		t.Run(string(format), func(t *testing.T) {
			f := vendorForgery()
			f.content = indirectData(format, integrity.SHA256, make([]byte, sha256.Size))
			s := place(f.signedData(t))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := v.Verify(s, s.size, nil)
			runtime.ReadMemStats(&after)
			require.Contains(t, got.Detail, "the file was changed")
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), "bytes allocated")
			t.Logf("%d bytes, %d KiB allocated", s.size, (after.TotalAlloc-before.TotalAlloc)>>10)
		})
	}
}

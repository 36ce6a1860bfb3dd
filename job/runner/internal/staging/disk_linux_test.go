package staging_test

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
	"github.com/stretchr/testify/require"
)

// A real disk that is really full: a tmpfs of 1 MiB.
func TestDiskFullNamesDiskAndNeed_JOB2(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mounting a small disk needs root: %v", err)
		}
		t.Skipf("SKIPPED: mounting a small disk needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	b := newBench(t, serve(content(3<<20)))
	b.dir = filepath.Join(dir, "stage")
	store, err := staging.Open(b.dir, staging.Config{HTTP: http.DefaultClient, Verifier: seen{}, Stall: time.Second, Tries: 3})
	require.NoError(t, err)
	defer store.Close()
	for _, size := range []int64{3 << 20, 0} { // known from the order, or from the server
		_, failure := store.Fetch(t.Context(), key, b.patch(job.File{Name: "big.deb", URL: "/big", Size: size}))
		require.NotNil(t, failure)
		require.Equal(t, job.FileDownloadFailed, failure.Code)
		require.Contains(t, failure.Text, "the disk of "+b.dir+" is full")
		require.Contains(t, failure.Text, "needs 3145728 bytes")
		require.Contains(t, failure.Text, "Free some space")
		require.Empty(t, b.partials(), "the partial file is removed")
	}
	found, failure := store.Fetch(t.Context(), key, b.patch(job.File{Name: "small", URL: "/big", Size: 3 << 20}))
	require.Nil(t, found)
	require.NotNil(t, failure)
}

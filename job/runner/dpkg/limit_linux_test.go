package dpkg

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
)

// A run of the largest size hands dpkg more files than a process may usually
// have open (JOB-8).
func TestMoreFilesThanTheUsualLimit_JOB8(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: dpkg at work takes a while; run without -short")
	}
	if missing := debroot.Missing(); missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip("SKIPPED: " + missing)
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	require.NoError(t, debroot.Tiny(t.Context(), root))
	path, err := debroot.Deb{Name: "last", Version: "1"}.Build(t.Context(), dir)
	require.NoError(t, err)
	p, err := New(Config{Root: root})
	require.NoError(t, err)
	var files []*os.File
	for range 2000 {
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		files = append(files, f)
	}
	locks, err := p.lock(t.Context())
	require.NoError(t, err)
	defer locks.close()
	ran, err := p.dpkg(t.Context(), locks, files, "--install", "/proc/self/fd/"+strconv.Itoa(firstDescriptor+len(files)-1))
	require.NoError(t, err)
	require.Empty(t, ran.err, ran.output)
	v, err := debroot.Version(t.Context(), root, "last")
	require.NoError(t, err)
	require.Equal(t, "ii 1", v)
}

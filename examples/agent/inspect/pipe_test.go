//go:build unix

package inspect

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is not a regular file is refused and never waited for.
func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for name, want := range map[string]string{dir: "a folder", filepath.Join(dir, "missing"): "no such file", os.DevNull: "a device", pipe: "a pipe"} {
		f := inspect(t, Config{}, name)
		require.Nil(t, f.Verdict)
		require.Contains(t, f.Error, want)
		require.Nil(t, f.Verdict)
		_, err := New(Config{Key: name})
		require.ErrorContains(t, err, want)
		_, err = New(Config{Signature: name})
		require.ErrorContains(t, err, "signature file")
	}
}

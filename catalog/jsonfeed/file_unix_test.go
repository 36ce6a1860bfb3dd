//go:build unix

package jsonfeed

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pipe or a folder in the place of the file fails at once instead of waiting for ever.
func TestOnlyRegularFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, t.TempDir()} {
		_, err := feed(t, path, Options{}).Fetch(t.Context())
		require.ErrorContains(t, err, "not a regular file")
	}
}

//go:build unix

package sqlstore

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A process that is about to start another one has a moment in which the child
// holds a copy of the lock's descriptor. The lock is free all the same.
func TestReleasedWhileACopyIsOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.db")
	gate.Lock()
	defer gate.Unlock()
	l, err := take(path, false)
	require.NoError(t, err)
	copied, err := syscall.Dup(int(l.file.Fd()))
	require.NoError(t, err)
	defer syscall.Close(copied)
	require.NoError(t, l.release())
	l, err = take(path, false)
	require.NoError(t, err)
	require.NoError(t, l.release())
}

package dpkg

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyLinuxHasDpkg(t *testing.T) {
	_, err := New(Config{Root: t.TempDir(), LockWait: -1})
	if runtime.GOOS != "linux" {
		require.ErrorIs(t, err, ErrUnsupported)
		return
	}
	require.NotErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "LockWait is -1ns")
}

package serve

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
)

// A real disk is full at each point of Init in turn: no key is left empty or in
// part, and Init can be called again.
func TestFullDiskLeavesNoEmptyKey(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32k,mode=0755"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mounting a small disk needs root: %v", err)
		}
		t.Skipf("SKIPPED: mounting a small disk needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	fill := func(pages int) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "fill"), make([]byte, pages*4096), 0o600))
	}
	files := In(filepath.Join(dir, "server"))
	agent := home.Home(filepath.Join(dir, "agent"))
	require.NoError(t, agent.Make())
	fill(8)
	_, err := agent.MakeKey(false)
	require.ErrorIs(t, err, syscall.ENOSPC)
	left, err := os.ReadDir(string(agent))
	require.NoError(t, err)
	require.Empty(t, left)
	var first []byte // the manifest key that was made first
	for free := 0; ; free++ {
		fill(8 - free)
		_, _, err := Init(filepath.Dir(files.Key), 2, 1)
		if key, _ := os.ReadFile(files.Key); first == nil && key != nil {
			first = key
		}
		made, globErr := filepath.Glob(filepath.Join(filepath.Dir(files.Key), "*"))
		require.NoError(t, globErr)
		for _, name := range made {
			info, err := os.Stat(name)
			require.NoError(t, err)
			require.NotZero(t, info.Size(), name)
		}
		if err == nil {
			require.Greater(t, free, 3, "the disk was full for a while")
			break
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
	last, err := os.ReadFile(files.Key)
	require.NoError(t, err)
	require.Equal(t, string(first), string(last))
	_, err = files.ReadKeys()
	require.NoError(t, err)
	_, err = ReadToken(files.AdminToken)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Dir(files.Key)))
	_, err = agent.MakeKey(false)
	require.NoError(t, err)
}

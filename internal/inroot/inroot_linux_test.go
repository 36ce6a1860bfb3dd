package inroot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// A root whose links lead to the host, by absolute names and by "..", and
// within it.
func TestLinksStayWithinTheRoot(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "container", "root")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/lib"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("host"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/lib/os-release"), []byte("inside"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "secret"), []byte("its own"), 0o600))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
	for name, to := range map[string]string{
		"etc/os-release": "../usr/lib/os-release", "etc/absolute": "/usr/lib/os-release", "var": "/usr", "up": "usr/../../../../secret", "run": "var/lib",
		"etc/host": filepath.Join(dir, "secret"), "etc/dots": "../../../secret", "etc/hostdir": dir, "etc/loop": "loop", "etc/passwd": "/etc/nothing", "etc/pipe": "/pipe",
		"etc/proc": "/proc/self/root/" + dir + "/secret",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(root, name)))
	}
	for name, want := range map[string]string{
		"etc/os-release": "inside", "/etc/absolute": "inside", "var/lib/os-release": "inside", "run/os-release": "inside", "up": "its own", "etc/dots": "its own",
		"../../secret": "its own", "etc/../secret": "its own",
	} {
		got, err := inroot.ReadFile(root, name, 100)
		require.NoError(t, err, name)
		require.Equal(t, want, string(got), name)
	}
	for _, name := range []string{"etc/host", "etc/hostdir/secret", "etc/passwd", "etc/proc"} {
		_, err := inroot.ReadFile(root, name, 100)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		_, err = inroot.Stat(root, name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	_, err := inroot.Open(root, "etc/loop")
	require.ErrorContains(t, err, "more than 40 links")
	for _, name := range []string{"pipe", "etc/pipe", "etc", "."} {
		_, err = inroot.Open(root, name)
		require.ErrorIs(t, err, inroot.ErrNotRegular, name)
	}
	_, err = inroot.ReadFile(root, "secret", 3)
	require.ErrorContains(t, err, "more than 3 bytes")

	// What is made through a link is made inside, too; what is removed is the
	// link.
	require.NoError(t, os.Symlink("/"+dir+"/made", filepath.Join(root, "etc/new")))
	_, err = inroot.OpenFile(root, "etc/new", os.O_CREATE|os.O_WRONLY, 0o600)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoFileExists(t, filepath.Join(dir, "made"))
	require.NoError(t, inroot.Remove(root, "etc/host"))
	require.FileExists(t, filepath.Join(dir, "secret"))
	list, err := inroot.ReadDir(root, "var/lib")
	require.NoError(t, err)
	require.Len(t, list, 1)
	to, err := inroot.Readlink(root, "etc/os-release")
	require.NoError(t, err)
	require.Equal(t, "../usr/lib/os-release", to)
	b, err := inroot.ReadFile("/", filepath.Join(dir, "secret"), 100)
	require.NoError(t, err)
	require.Equal(t, "host", string(b))
}

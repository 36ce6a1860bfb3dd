//go:build unix

package home

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// The folder and its files are checked before any of them is opened: through a
// link nothing is read, made or written.
func TestOthersFilesAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: acting as another user needs root")
	}
	type spoil func(t *testing.T, path string)
	chown := func(t *testing.T, p string) { require.NoError(t, os.Chown(p, 65534, 65534)) }
	chmod := func(mode os.FileMode) spoil {
		return func(t *testing.T, p string) { require.NoError(t, os.Chmod(p, mode)) }
	}
	link := func(t *testing.T, p string) {
		require.NoError(t, os.RemoveAll(p))
		require.NoError(t, os.Symlink(filepath.Join(filepath.Dir(filepath.Dir(p)), "elsewhere"), p))
	}
	pipe := func(t *testing.T, p string) {
		require.NoError(t, os.RemoveAll(p))
		require.NoError(t, syscall.Mkfifo(p, 0o600))
	}
	for name := range files {
		for how, c := range map[string]spoil{"somebody's": chown, "written by others": chmod(0o777), "a link": link, "a pipe": pipe} {
			t.Run(name+" "+how, func(t *testing.T) {
				h := enrolledHome(t)
				c(t, h.file(name))
				refused(t, h, h.file(name))
			})
		}
	}
	for how, c := range map[string]spoil{
		"somebody's": chown, "written by others": chmod(0o777), "sticky": chmod(0o777 | os.ModeSticky),
		"below somebody's":               func(t *testing.T, p string) { chown(t, filepath.Dir(p)) },
		"below one that others write to": func(t *testing.T, p string) { chmod(0o777)(t, filepath.Dir(p)) },
		"a link": func(t *testing.T, p string) {
			require.NoError(t, os.Rename(p, p+".real"))
			require.NoError(t, os.Symlink(p+".real", p))
		},
	} {
		t.Run("the folder "+how, func(t *testing.T) {
			h := enrolledHome(t)
			c(t, string(h))
			refused(t, h, filepath.Dir(string(h)))
		})
	}
}

// enrolledHome returns a folder with every file there can be.
func enrolledHome(t *testing.T) Home {
	t.Helper()
	h := made(t)
	_, err := h.MakeKey(false)
	require.NoError(t, err)
	_, err = h.MakeKey(true)
	require.NoError(t, err)
	require.NoError(t, h.Save(Identity{Server: "http://127.0.0.1", Asset: "web-1", Trust: trust(t), Every: time.Minute}))
	for _, name := range []string{"policy.json", "state.db", "journal.jsonl", "status.json"} {
		require.NoError(t, os.WriteFile(h.file(name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(h.Stage(), 0o700))
	_, _, err = h.Load()
	require.NoError(t, err)
	return h
}

// refused checks that Load and Make name a path and leave no trace at a link's
// target.
func refused(t *testing.T, h Home, path string) {
	t.Helper()
	for _, err := range []error{second(h.Load()), h.Make()} {
		var bad *owned.Error
		require.ErrorAs(t, err, &bad)
		require.Contains(t, bad.Path, path)
		require.NotEmpty(t, bad.Mend)
	}
	require.NoFileExists(t, filepath.Join(filepath.Dir(string(h)), "elsewhere"))
}

func second(_ Identity, _ ed25519.PrivateKey, err error) error { return err }

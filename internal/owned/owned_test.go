//go:build unix

package owned_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// nobody is a user without rights, by number.
const nobody = 65534

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("acting as another user needs root")
	}
	t.Skip("SKIPPED: acting as another user needs root")
}

func TestCheck(t *testing.T) {
	needRoot(t)
	file := func(mode os.FileMode, owner int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
			require.NoError(t, os.Chown(path, owner, owner))
			require.NoError(t, os.Chmod(path, mode))
		}
	}
	folder := func(mode os.FileMode, owner int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
			require.NoError(t, os.Chown(path, owner, owner))
			require.NoError(t, os.Chmod(path, mode))
		}
	}
	link := func(t *testing.T, path string) {
		require.NoError(t, os.WriteFile(path+".real", nil, 0o600))
		require.NoError(t, os.Symlink(path+".real", path))
	}
	pipe := func(t *testing.T, path string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) }
	parent := func(mode os.FileMode, owner int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			file(0o600, 0)(t, path)
			require.NoError(t, os.Chown(filepath.Dir(path), owner, owner))
			require.NoError(t, os.Chmod(filepath.Dir(path), mode))
		}
	}
	for name, tc := range map[string]struct {
		kind       owned.Kind
		make       func(*testing.T, string)
		why, mends string // empty: it passes
	}{
		"a secret":                 {owned.Secret, file(0o600, 0), "", ""},
		"a secret nobody writes":   {owned.Secret, file(0o400, 0), "", ""},
		"a secret others read":     {owned.Secret, file(0o604, 0), "can be read by others (mode 0604)", "chmod 600 "},
		"a secret its group reads": {owned.Secret, file(0o640, 0), "can be read by others (mode 0640)", "chmod 600 "},
		"a secret others write":    {owned.Secret, file(0o666, 0), "can be written by others (mode 0666)", "chmod 600 "},
		"somebody's secret":        {owned.Secret, file(0o600, nobody), "belongs to user 65534", "chown 0 "},
		"a state":                  {owned.State, file(0o644, 0), "", ""},
		"a state others write":     {owned.State, file(0o646, 0), "can be written by others (mode 0646)", "chmod 644 "},
		"a state its group writes": {owned.State, file(0o660, 0), "can be written by others", "chmod 640 "},
		"somebody's state":         {owned.State, file(0o644, nobody), "belongs to user 65534", "chown 0 "},
		"a link":                   {owned.State, link, "is a link, not a regular file", "remove it"},
		"a link to nothing":        {owned.Secret, func(t *testing.T, p string) { require.NoError(t, os.Symlink("nowhere", p)) }, "is a link", "remove it"},
		"a pipe":                   {owned.Secret, pipe, "is a pipe, not a regular file", "remove it"},
		"a folder for a file":      {owned.State, folder(0o700, 0), "is a folder, not a regular file", "remove it"},
		"a folder":                 {owned.Dir, folder(0o755, 0), "", ""},
		"a folder others write to": {owned.Dir, folder(0o757, 0), "is writable by others (mode 0757)", "chmod go-w "},
		"a sticky folder":          {owned.Dir, folder(0o777|os.ModeSticky, 0), "is writable by others (mode 0777)", "chmod go-w "},
		"somebody's folder":        {owned.Dir, folder(0o700, nobody), "belongs to user 65534", "chown 0 "},
		"a link to a folder":       {owned.Dir, func(t *testing.T, p string) { require.NoError(t, os.Symlink(t.TempDir(), p)) }, "is a link, not a folder", "remove it"},
		"a file for a folder":      {owned.Dir, file(0o600, 0), "is a file, not a folder", "remove it"},
		"in somebody's folder":     {owned.Secret, parent(0o755, nobody), "belongs to user 65534, who could swap what is in it", "chown 0 "},
		"in a folder open to all":  {owned.Secret, parent(0o777, 0), "is writable by others (mode 0777), who could swap", "chmod go-w "},
		"in one open to its group": {owned.State, parent(0o775, 0), "is writable by others (mode 0775), who could swap", "chmod go-w "},
		"in a sticky one":          {owned.Secret, parent(0o777|os.ModeSticky, 0), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a b", "thing")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
			tc.make(t, path)
			err := owned.Check(path, tc.kind)
			if tc.kind != owned.Dir {
				done := time.AfterFunc(time.Minute, func() { panic("it waits for a pipe") })
				f, opening := owned.Open(path, os.O_RDONLY, tc.kind)
				done.Stop()
				require.Equal(t, err, opening)
				if f != nil {
					require.NoError(t, f.Close())
				}
			}
			if tc.why == "" {
				require.NoError(t, err)
				return
			}
			bad, is := errors.AsType[*owned.Error](err)
			require.True(t, is, "%v", err)
			require.Contains(t, bad.Why, tc.why)
			require.Contains(t, bad.Mend, tc.mends)
			require.True(t, strings.HasPrefix(path, bad.Path))
			require.Contains(t, err.Error(), "'"+bad.Path+"'", "quoted for a shell")
		})
	}
}

// What is not there may be made, where its way is sound; what is made is for
// its owner alone, whatever the umask.
func TestMake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.ErrorIs(t, owned.Check(dir, owned.Dir), fs.ErrNotExist)
	require.NoError(t, owned.Folder(dir))
	require.NoError(t, owned.Folder(dir))
	file := filepath.Join(dir, "f")
	_, err := owned.Open(file, os.O_RDWR, owned.State)
	require.ErrorIs(t, err, fs.ErrNotExist)
	f, err := owned.Open(file, os.O_RDWR|os.O_CREATE, owned.Secret)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, owned.Write(file, []byte("secret")))
	require.NoError(t, owned.Write(file, []byte("another")))
	data, err := owned.Read(file, owned.Secret, 7)
	require.NoError(t, err)
	require.Equal(t, "another", string(data))
	_, err = owned.Read(file, owned.Secret, 6)
	require.ErrorContains(t, err, "more than 6 bytes")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left aside")

	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o777))
	for _, err := range []error{owned.Folder(filepath.Join(dir, "c")), owned.Folder(filepath.Join(filepath.Dir(dir), "c")), owned.Write(filepath.Join(dir, "g"), nil)} {
		var bad *owned.Error
		require.ErrorAs(t, err, &bad)
		require.Equal(t, filepath.Dir(dir), bad.Path)
	}
	require.NoFileExists(t, filepath.Join(dir, "g"))
}

// A user's own group, as most systems make one for each, may write, since
// nobody else is in it.
func TestOwnGroup(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} { // both of this test
		require.NoError(t, os.Chmod(path, 0o775))
		require.NoError(t, os.Chown(path, nobody, nobody))
	}
	file := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Chown(file, nobody, nobody))
	check := func(mode os.FileMode, group int, kind owned.Kind) error {
		require.NoError(t, os.Chown(dir, nobody, group))
		require.NoError(t, os.Chown(file, nobody, group))
		require.NoError(t, os.Chmod(file, mode))
		old := syscall.Geteuid()
		require.NoError(t, syscall.Setreuid(-1, nobody))
		defer func() { require.NoError(t, syscall.Setreuid(-1, old)) }()
		return owned.Check(file, kind)
	}
	require.NoError(t, check(0o660, nobody, owned.State))
	require.ErrorContains(t, check(0o660, nobody, owned.Secret), "mode 0660")
	require.ErrorContains(t, check(0o662, nobody, owned.State), "mode 0662")
	require.ErrorContains(t, check(0o660, 100, owned.State), "is writable by others (mode 0775)", "another group")
}

// Links that lead to a file are followed where a file may be reached so, and
// each is looked at.
func TestCheckLinked(t *testing.T) {
	needRoot(t)
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, dir string)
		why   string
	}{
		"all is well":            {func(*testing.T, string) {}, ""},
		"somebody's link":        {func(t *testing.T, dir string) { require.NoError(t, os.Lchown(dir+"/live/key", nobody, nobody)) }, "belongs to user 65534"},
		"an open folder":         {func(t *testing.T, dir string) { require.NoError(t, os.Chmod(dir+"/archive", 0o777)) }, "is writable by others"},
		"an open folder of link": {func(t *testing.T, dir string) { require.NoError(t, os.Chmod(dir+"/live", 0o777)) }, "is writable by others"},
		"a key others read":      {func(t *testing.T, dir string) { require.NoError(t, os.Chmod(dir+"/archive/key1", 0o644)) }, "can be read by others"},
		"nothing there":          {func(t *testing.T, dir string) { require.NoError(t, os.Remove(dir+"/archive/key1")) }, "no such file"},
		"a folder": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(dir+"/archive/key1"))
			require.NoError(t, os.Mkdir(dir+"/archive/key1", 0o700))
		}, "is a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(dir+"/archive", 0o755))
			require.NoError(t, os.Mkdir(dir+"/live", 0o755))
			require.NoError(t, os.WriteFile(dir+"/archive/key1", nil, 0o600))
			require.NoError(t, os.Symlink("../archive/key1", dir+"/live/key"))
			tc.spoil(t, dir)
			err := owned.CheckLinked(dir+"/live/key", owned.Secret)
			if tc.why == "" {
				require.NoError(t, err)
				require.NoError(t, owned.CheckLinked(dir+"/archive/key1", owned.Secret))
				return
			}
			require.ErrorContains(t, err, tc.why)
		})
	}
}

// A link is not written through, and what cannot be written leaves what was.
func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	require.NoError(t, os.WriteFile(real, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(real, filepath.Join(dir, "link")))
	var bad *owned.Error
	require.ErrorAs(t, owned.Write(filepath.Join(dir, "link"), []byte("x")), &bad)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	require.ErrorAs(t, owned.Write(filepath.Join(dir, "folder"), []byte("x")), &bad)
	data, err := os.ReadFile(real)
	require.NoError(t, err)
	require.Equal(t, "kept", string(data))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3)
}

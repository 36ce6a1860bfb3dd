//go:build unix

package staging_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// nobody is a user without rights, by number, as on every system these tests
// need it on.
const nobody = 65534

// needRoot says aloud that a test cannot run.
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

// enterable gives a folder below a sticky one, which others may enter.
func enterable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "staging-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// What stands in the place of the folder and above it when the agent starts.
func TestHostilePlaces_INT6(t *testing.T) {
	needRoot(t)
	for name, tc := range map[string]struct {
		make    func(t *testing.T, dir string) // in dir; the folder is dir/parent/stage
		refused string                         // empty: taken
	}{
		"nothing there":        {func(*testing.T, string) {}, ""},
		"a folder of its own":  {func(t *testing.T, dir string) { mkdir(t, dir+"/parent/stage", 0o700, 0) }, ""},
		"open to all for long": {func(t *testing.T, dir string) { mkdir(t, dir+"/parent/stage", 0o777, 0) }, ""},
		"a link": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/parent", 0o755, 0)
			require.NoError(t, os.Symlink("elsewhere", dir+"/parent/stage"))
			mkdir(t, dir+"/parent/elsewhere", 0o700, 0)
		}, "is a link or a file"},
		"a dangling link": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/parent", 0o755, 0)
			require.NoError(t, os.Symlink("elsewhere", dir+"/parent/stage"))
		}, "file exists"},
		"a file": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/parent", 0o755, 0)
			require.NoError(t, os.WriteFile(dir+"/parent/stage", nil, 0o600))
		}, "not a directory"},
		"somebody's folder":           {func(t *testing.T, dir string) { mkdir(t, dir+"/parent/stage", 0o700, nobody) }, "belongs to user 65534"},
		"below somebody's folder":     {func(t *testing.T, dir string) { mkdir(t, dir+"/parent", 0o755, nobody) }, "belongs to user 65534"},
		"below one open to all":       {func(t *testing.T, dir string) { mkdir(t, dir+"/parent", 0o777, 0) }, "is writable by others (mode 0777)"},
		"below one open to its group": {func(t *testing.T, dir string) { mkdir(t, dir+"/parent", 0o775, 0) }, "is writable by others (mode 0775)"},
		"below a sticky one":          {func(t *testing.T, dir string) { mkdir(t, dir+"/parent", 0o777|os.ModeSticky, 0) }, ""},
		"somebody's in a sticky one": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/parent", 0o777|os.ModeSticky, 0)
			mkdir(t, dir+"/parent/stage", 0o700, nobody)
		}, "belongs to user 65534"},
		"below one that only root enters": {func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(dir, 0o700))
			mkdir(t, dir+"/parent", 0o777, 0)
		}, ""},
		"out of the private folder again by a link": {func(t *testing.T, dir string) {
			open := enterable(t)
			mkdir(t, open+"/real", 0o777, 0)
			mkdir(t, dir+"/private", 0o700, 0)
			require.NoError(t, os.Symlink(open+"/real", dir+"/private/out"))
			require.NoError(t, os.Symlink("private/out", dir+"/parent"))
		}, "is writable by others"},
		"within the private folder by a link": {func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(dir, 0o700))
			mkdir(t, dir+"/real", 0o777, 0)
			require.NoError(t, os.Symlink("real", dir+"/parent"))
		}, ""},
		"by way of a link": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/real", 0o755, 0)
			require.NoError(t, os.Symlink("real", dir+"/parent"))
		}, ""},
		"by way of a whole path": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/real", 0o755, 0)
			require.NoError(t, os.Symlink(dir+"/real", dir+"/parent"))
		}, ""},
		"by way of a link to one open to all": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/real", 0o777, 0)
			require.NoError(t, os.Symlink("real", dir+"/parent"))
		}, "is writable by others"},
		"by way of somebody's link": {func(t *testing.T, dir string) {
			mkdir(t, dir+"/real", 0o755, 0)
			require.NoError(t, os.Symlink("real", dir+"/parent"))
			require.NoError(t, os.Lchown(dir+"/parent", nobody, nobody))
		}, "belongs to user 65534"},
		"by way of a ring of links": {func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink("other", dir+"/parent"))
			require.NoError(t, os.Symlink("parent", dir+"/other"))
		}, "too many links"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := enterable(t)
			tc.make(t, dir)
			store, err := staging.Open(filepath.Join(dir, "parent", "stage"), staging.Config{HTTP: http.DefaultClient})
			if tc.refused != "" {
				require.ErrorContains(t, err, tc.refused)
				require.ErrorContains(t, err, "the folder for staged files cannot be used")
				return
			}
			require.NoError(t, err)
			info, err := os.Stat(filepath.Join(dir, "parent", "stage"))
			require.NoError(t, err)
			require.Equal(t, os.ModeDir|0o700, info.Mode())
			require.NoError(t, store.Close())
		})
	}
}

// The way that is looked at is the way that is taken, also where the system and
// the words of a path differ on what is above.
func TestWayBackUp_INT6(t *testing.T) {
	dir, elsewhere := enterable(t), enterable(t)
	mkdir(t, dir+"/here", 0o755, os.Geteuid())
	mkdir(t, elsewhere+"/open/deep", 0o777, os.Geteuid())
	require.NoError(t, os.Chmod(elsewhere+"/open", 0o777))
	require.NoError(t, os.Symlink(elsewhere+"/open/deep", dir+"/here/link"))
	store, err := staging.Open(dir+"/here/link/../stage", staging.Config{HTTP: http.DefaultClient})
	if err == nil {
		require.NoError(t, store.Close())
	}
	require.NoDirExists(t, elsewhere+"/open/stage")
}

// A pipe in the place of a file that is fetched from this computer is refused,
// not waited for.
func TestPipeForAFile(t *testing.T) {
	b := newBench(t, serve(nil))
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, file := range []job.File{{Name: "pipe", URL: fileURL(pipe)}, {Name: "signature", URL: b.url, SignatureURL: fileURL(pipe)}} {
		done := make(chan *staging.Failure, 1)
		go func() {
			_, failure := b.store.Fetch(t.Context(), key, b.patch(file))
			done <- failure
		}()
		select {
		case failure := <-done:
			require.NotNil(t, failure)
			require.Contains(t, failure.Text, "not a regular file")
		case <-time.After(2 * time.Minute):
			w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // let it go
			require.NoError(t, err)
			require.NoError(t, w.Close())
			t.Fatal("it waits for the pipe")
		}
	}
}

func mkdir(t *testing.T, path string, mode os.FileMode, owner int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(path, 0o755))
	require.NoError(t, os.Chown(path, owner, owner))
	require.NoError(t, os.Chmod(path, mode))
}

// What others may have put into a folder that was open to them is gone once the
// store is open; what it points at stays.
func TestOpenDeletesWhatIsNotPrivate_INT6(t *testing.T) {
	needRoot(t)
	data := content(1000)
	for name, plant := range map[string]func(t *testing.T, file, elsewhere string){
		"somebody's file":    func(t *testing.T, file, _ string) { require.NoError(t, os.Chown(file, nobody, nobody)) },
		"a file others read": func(t *testing.T, file, _ string) { require.NoError(t, os.Chmod(file, 0o644)) },
		"a hard link": func(t *testing.T, file, elsewhere string) {
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.Link(elsewhere, file))
		},
		"a link": func(t *testing.T, file, elsewhere string) {
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.Symlink(elsewhere, file))
		},
		"a pipe": func(t *testing.T, file, _ string) {
			require.NoError(t, os.Remove(file))
			require.NoError(t, syscall.Mkfifo(file, 0o600))
		},
		"somebody's folder": func(t *testing.T, file, _ string) { require.NoError(t, os.Chown(filepath.Dir(file), nobody, nobody)) },
		"an open folder":    func(t *testing.T, file, _ string) { require.NoError(t, os.Chmod(filepath.Dir(file), 0o777)) },
		"an order's folder": func(t *testing.T, file, _ string) {
			require.NoError(t, os.Chown(filepath.Dir(filepath.Dir(file)), nobody, nobody))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, serve(data))
			file, staged := b.staged()
			elsewhere := filepath.Join(filepath.Dir(b.dir), "elsewhere")
			require.NoError(t, os.WriteFile(elsewhere, data, 0o600))
			plant(t, file, elsewhere)
			// Found at once by the store that is open, since it looks at what
			// it opens.
			if !strings.HasSuffix(name, "folder") {
				_, failure := b.store.Open(key, staged)
				require.NotNil(t, failure)
				require.Equal(t, job.FileValidationFailed, failure.Code, failure.Text)
			}
			b.open()
			require.NoFileExists(t, file)
			kept, err := os.ReadFile(elsewhere)
			require.NoError(t, err)
			require.Equal(t, data, kept)
			_, staged = b.staged()
			files, failure := b.store.Open(key, staged)
			require.Nil(t, failure)
			require.NoError(t, files[0].Close())
		})
	}
}

// A file that was cut off is not taken up through a name that somebody else
// gave it: what that leads to stays as it is.
func TestPartialFileUnderTwoNames_INT6(t *testing.T) {
	needRoot(t)
	b := newBench(t, serve(content(1000)))
	file, _ := b.staged()
	precious := filepath.Join(filepath.Dir(b.dir), "precious")
	require.NoError(t, os.WriteFile(precious, []byte("precious"), 0o600))
	part := file[:len(file)-len(".file")] + ".part"
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Link(precious, part))
	file, _ = b.staged()
	got, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.Equal(t, "precious", string(got))
	got, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, content(1000), got)
}

package sqlstore

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

const childEnv = "SQLSTORE_TEST_CHILD"

// TestMain is the server that some tests kill: it commits ever growing numbers
// and prints each one that Update returned for.
func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := OpenSQLite(context.Background(), path)
	for n := 1; err == nil; n++ {
		err = s.Update(context.Background(), func(w controller.Writer) error {
			return w.Put("t", fmt.Sprintf("%08d", n), []byte(strings.Repeat("x", 500)))
		})
		if err == nil {
			fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// child is another process with the database open. said returns the last number that it committed.
func child(t *testing.T, path string) (process int, said func() int, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	said = func() int {
		require.True(t, lines.Scan(), "the child ended")
		n, err := strconv.Atoi(lines.Text())
		require.NoError(t, err)
		return n
	}
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(kill)
	said()
	return cmd.Process.Pid, said, kill
}

// count is how many records of the children a store has; they are whole and without gaps.
func count(t *testing.T, s *Store) (n int) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), func(r controller.Reader) error {
		for from := ""; ; {
			page, err := r.Scan("t", from, "", controller.MaxPage)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, rec := range page {
				n++
				require.Equal(t, fmt.Sprintf("%08d", n), rec.Key)
			}
			from = page[len(page)-1].Key + "\x00"
		}
	}))
	return n
}

func opened(t *testing.T, path string) *Store {
	t.Helper()
	s, err := OpenSQLite(context.Background(), path)
	require.NoError(t, err)
	return s
}

func fill(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		require.NoError(t, s.Update(context.Background(), func(w controller.Writer) error { return w.Put("t", fmt.Sprintf("%08d", i), []byte("v")) }))
	}
}

// Another process is refused while a server runs, and the error names that
// server. A server that was killed blocks nobody.
func TestSecondServerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	process, said, kill := child(t, path)
	_, err := OpenSQLite(context.Background(), path)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d:", process))
	_, err = Restore(context.Background(), path, path, false, time.Now())
	require.ErrorIs(t, err, ErrInUse)
	n := said()
	kill()
	s := opened(t, path)
	require.GreaterOrEqual(t, count(t, s), n)
	_, err = Restore(context.Background(), path, path, false, time.Now())
	require.ErrorIs(t, err, ErrInUse, "nor while this process has it open")
	require.NoError(t, s.Close())
}

// A backup of a running server has all that was committed before it began,
// disturbs nobody, and is a good database.
func TestBackupWhileAServerWrites(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path, to := filepath.Join(dir, "s.db"), filepath.Join(dir, "backup.db")
	_, said, kill := child(t, path)
	committed := 0
	for range 200 {
		committed = said()
	}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	require.NoError(t, Backup(ctx, path, to, now))
	info, err := os.Stat(to)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
	require.ErrorIs(t, Backup(ctx, path, to, now), fs.ErrExist)
	require.Greater(t, said(), committed, "the server goes on")
	kill()
	require.FileExists(t, path+"-wal")

	b, says, err := OpenBackup(ctx, to)
	require.NoError(t, err)
	require.Equal(t, Info{Format: latest(), Saved: now}, says)
	saved := count(t, b)
	require.GreaterOrEqual(t, saved, committed)
	require.Error(t, b.Update(ctx, func(controller.Writer) error { return nil }))
	require.NoError(t, b.Close())

	was := opened(t, path)
	had := count(t, was)
	require.Greater(t, had, saved)
	require.NoError(t, was.Close())
	before, err := Restore(ctx, path, to, false, now)
	require.NoError(t, err)
	s := opened(t, path)
	require.Equal(t, saved, count(t, s))
	require.NoError(t, s.Close())
	old := opened(t, before)
	require.Equal(t, had, count(t, old), "what was there is kept")
	require.NoError(t, old.Close())
	names, err := filepath.Glob(filepath.Join(dir, "*.tmp*"))
	require.NoError(t, err)
	require.Empty(t, names)
}

// A backup can also be made of a database that no server has open, after a
// crash too. The log is left where it belongs.
func TestBackupAfterACrash(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path, to := filepath.Join(dir, "s.db"), filepath.Join(dir, "backup.db")
	_, said, kill := child(t, path)
	n := said()
	kill()
	require.NoError(t, Backup(ctx, path, to, time.Now()))
	b, _, err := OpenBackup(ctx, to)
	require.NoError(t, err)
	require.GreaterOrEqual(t, count(t, b), n)
	require.NoError(t, b.Close())
	s := opened(t, path)
	require.GreaterOrEqual(t, count(t, s), n)
	require.NoError(t, s.Close())
	require.ErrorIs(t, Backup(ctx, filepath.Join(dir, "none.db"), filepath.Join(dir, "x.db"), time.Now()), fs.ErrNotExist)
	require.NoFileExists(t, filepath.Join(dir, "none.db"))
}

// The file of a running server, copied without its log, does not pass for a
// good database; nor does an empty one.
func TestCopyWithoutItsLog(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path := filepath.Join(dir, "s.db")
	s := opened(t, path)
	fill(t, s, 3)
	copied := filepath.Join(t.TempDir(), "s.db")
	require.NoError(t, copyFile(copied, path))
	for range 2 { // what refuses it leaves it as it is
		_, err := OpenSQLite(ctx, copied)
		require.ErrorIs(t, err, ErrCopied)
		_, _, err = OpenBackup(ctx, copied)
		require.ErrorIs(t, err, ErrCopied)
	}
	restored := filepath.Join(t.TempDir(), "s.db")
	_, err := Restore(ctx, restored, copied, false, time.Now())
	require.ErrorIs(t, err, ErrCopied)
	require.NoFileExists(t, restored)
	_, err = Restore(ctx, restored, copied, true, time.Now())
	require.NoError(t, err)
	r := opened(t, restored)
	require.Zero(t, count(t, r), "the log is lost")
	require.NoError(t, r.Close())
	alike := filepath.Join(t.TempDir(), "s.db")
	require.NoError(t, copyFile(alike, copied))
	_, err = Restore(ctx, alike, alike, true, time.Now())
	require.NoError(t, err, "onto itself")
	require.NoError(t, opened(t, alike).Close())

	require.NoError(t, copyFile(copied+"-wal", path+"-wal"))
	whole := opened(t, copied)
	require.Equal(t, 3, count(t, whole), "with its log it is whole")
	require.NoError(t, whole.Close())
	require.NoError(t, s.Checkpoint(ctx))
	require.NoError(t, copyFile(restored, path))
	_, err = Restore(ctx, filepath.Join(t.TempDir(), "s.db"), restored, true, time.Now())
	require.NoError(t, err, "a checkpoint brings everything into the file")
	require.NoError(t, s.Close())
	closed := filepath.Join(t.TempDir(), "s.db")
	require.NoError(t, copyFile(closed, path))
	c := opened(t, closed)
	require.Equal(t, 3, count(t, c), "the file of a server that was stopped is whole")
	require.NoError(t, c.Close())

	for _, name := range suffixes {
		require.NoError(t, remove(path+name))
	}
	_, err = OpenSQLite(ctx, path)
	require.ErrorIs(t, err, ErrMissing)
	require.NoFileExists(t, path)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = OpenSQLite(ctx, path)
	require.ErrorIs(t, err, ErrMissing)
	other := filepath.Join(t.TempDir(), "s.db")
	require.NoError(t, copyFile(other+"-wal", copied)) // any log
	_, err = OpenSQLite(ctx, other)
	require.ErrorIs(t, err, ErrMissing, "a log without its file")
	require.NoFileExists(t, other)
}

// A database of another program is refused and left as it is, whether it has an id or not.
func TestForeignDatabase(t *testing.T) {
	for name, statements := range map[string]string{
		"with an id":         "PRAGMA application_id = 252006673; CREATE TABLE t (a)",
		"an empty one":       "PRAGMA application_id = 252006673",
		"without an id":      "CREATE TABLE records (tbl, key, value)",
		"with a version":     "PRAGMA user_version = 1; CREATE TABLE t (a)",
		"our id, no version": "PRAGMA application_id = " + strconv.Itoa(applicationID),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.db")
			db, err := sql.Open("sqlite", "file:"+path)
			require.NoError(t, err)
			_, err = db.Exec(statements)
			require.NoError(t, err)
			require.NoError(t, db.Close())
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = OpenSQLite(context.Background(), path)
			require.ErrorIs(t, err, ErrForeign)
			require.ErrorContains(t, err, path)
			_, err = Restore(context.Background(), filepath.Join(t.TempDir(), "r.db"), path, true, time.Now())
			require.ErrorIs(t, err, ErrForeign)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

// Whatever page is damaged, however: the database is refused, or has every record that it had.
func TestDamagedDatabaseIsRefused(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "s.db")
	s := opened(t, path)
	require.NoError(t, s.Update(ctx, func(w controller.Writer) error {
		for i := range 2000 {
			if err := w.Put("t", fmt.Sprintf("%08d", i+1), []byte(strings.Repeat("v", i%300))); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, s.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	const page = 4096
	pages := len(whole) / page
	rnd := rand.New(rand.NewPCG(1, 2))
	refused, step := 0, 1
	if testing.Short() {
		step = 5
	}
	for i := 0; i < 3*pages; i += step {
		damaged := append([]byte{}, whole...)
		at := i % pages * page
		switch i / pages {
		case 0: // a page of zeros
			clear(damaged[at : at+page])
		case 1: // another page
			from := rnd.IntN(pages) * page
			copy(damaged[at:at+page], whole[from:from+page])
		default: // cut off
			damaged = damaged[:at]
		}
		bad := filepath.Join(t.TempDir(), "bad.db")
		require.NoError(t, os.WriteFile(bad, damaged, 0o600))
		s, err := OpenSQLite(ctx, bad)
		if err != nil {
			refused++
			require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrForeign), "%v", err)
			continue
		}
		if len(damaged) == 0 {
			require.NoError(t, s.Close())
			continue // a new one
		}
		require.Equal(t, 2000, count(t, s), "case %d of page %d", i/pages, i%pages)
		require.NoError(t, s.Close())
	}
	require.Greater(t, refused, 2*pages/step)
	t.Logf("%d of %d refused", refused, 3*pages)
}

// The database, its log and its lock are nobody else's, and are looked at before they are opened.
func TestOthersFilesAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: acting as another user needs root")
	}
	for _, suffix := range append([]string{".lock"}, suffixes...) {
		for name, spoil := range map[string]func(*testing.T, string){
			"somebody's": func(t *testing.T, p string) { require.NoError(t, os.Chown(p, 65534, 65534)) },
			"open":       func(t *testing.T, p string) { require.NoError(t, os.Chmod(p, 0o666)) },
			"a link": func(t *testing.T, p string) {
				require.NoError(t, os.Rename(p, p+".real"))
				require.NoError(t, os.Symlink(p+".real", p))
			},
			"in an open folder": func(t *testing.T, p string) { require.NoError(t, os.Chmod(filepath.Dir(p), 0o777)) },
		} {
			t.Run(name+" "+suffix, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "s.db")
				require.NoError(t, opened(t, path).Close())
				f, err := os.OpenFile(path+suffix, os.O_CREATE|os.O_RDWR, 0o600)
				require.NoError(t, err)
				require.NoError(t, f.Close())
				spoil(t, path+suffix)
				_, err = OpenSQLite(context.Background(), path)
				var bad *owned.Error
				require.ErrorAs(t, err, &bad)
			})
		}
	}
}

// TestHowLongACheckTakes is run by hand: SQLSTORE_MEGABYTES=500 go test -run HowLong -v.
func TestHowLongACheckTakes(t *testing.T) {
	size, err := strconv.Atoi(os.Getenv("SQLSTORE_MEGABYTES"))
	if err != nil {
		t.Skip("SKIPPED: for people, with SQLSTORE_MEGABYTES")
	}
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "s.db")
	s := opened(t, path)
	for i := range size {
		require.NoError(t, s.Update(ctx, func(w controller.Writer) error {
			for j := range 500 {
				if err := w.Put("t", fmt.Sprintf("%08d", i*500+j+1), []byte(strings.Repeat("v", 2000))); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	began := time.Now()
	require.NoError(t, Backup(ctx, path, path+".backup", time.Now()))
	t.Logf("backup: %v", time.Since(began))
	require.NoError(t, s.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	began = time.Now()
	require.NoError(t, opened(t, path).Close())
	t.Logf("%d MB: open and check: %v", info.Size()>>20, time.Since(began))
	began = time.Now()
	s, err = OpenUnchecked(ctx, path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	t.Logf("unchecked: %v", time.Since(began))
}

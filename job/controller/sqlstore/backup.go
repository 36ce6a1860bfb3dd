package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// Backup writes what a database holds now into a new file, with mode 0600, and
// checks that file. A server may have the database open and goes on; everything
// committed before Backup began is in the backup. The file is written under
// another name, made durable and then renamed. It never replaces a file: if one
// exists, the error is fs.ErrExist.
func Backup(ctx context.Context, path, to string, now time.Time) (err error) {
	if path, to, err = both(path, to); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	switch err := owned.Check(to, owned.State); {
	case err == nil:
		return fmt.Errorf("write the backup %s: %w; it is not replaced", to, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("write the backup: %w", err)
	}
	aside, err := asideOf(to)
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	defer func() { err = errors.Join(err, remove(aside)) }()
	if err := copyInto(ctx, path, aside); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	if err := settle(ctx, aside, true, now); err != nil {
		return fmt.Errorf("check the backup: %w", err)
	}
	if err := os.Link(aside, to); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write the backup %s: %w; it is not replaced", to, fs.ErrExist)
	} else if err != nil { // there are no hard links here
		if err := os.Rename(aside, to); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
	}
	return owned.SyncDir(filepath.Dir(to))
}

// copyInto copies what a database holds into an empty file.
func copyInto(ctx context.Context, path, to string) (err error) {
	const vacuum = "VACUUM INTO ?"
	s, err := OpenSQLite(ctx, path)
	if err == nil { // no server runs
		_, err = s.write.ExecContext(ctx, vacuum, to)
		return errors.Join(err, s.Close())
	}
	if !errors.Is(err, ErrInUse) {
		return err
	}
	db, err := sql.Open("sqlite", source(path, plain, false))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := keepLog(conn); err != nil { // if the server is killed meanwhile, this is the last connection
		return err
	}
	if _, err := identify(conn.QueryRowContext(ctx, identity), path); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, vacuum, to)
	return err
}

// Restore checks a file that [Backup] wrote, and puts it in the place of a
// database that no server has open. It keeps the old database under another
// name and returns that name; empty: there was none. With lossy, it also
// accepts a file that is otherwise refused with [ErrCopied]; what was only in
// its log is lost.
func Restore(ctx context.Context, path, from string, lossy bool, now time.Time) (before string, err error) {
	if path, from, err = both(path, from); err != nil {
		return "", err
	}
	gate.Lock()
	defer gate.Unlock()
	l, err := take(path, false)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	fresh, err := asideOf(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, remove(fresh), remove(fresh+"-wal"), remove(fresh+"-shm")) }()
	if err := copyFile(fresh, from); err != nil {
		return "", fmt.Errorf("read the backup: %w", err)
	}
	if err := copyFile(fresh+"-wal", from+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the backup: %w", err)
	}
	if err := settle(ctx, fresh, lossy, time.Time{}); err != nil {
		return "", fmt.Errorf("restore %s, read as %s: %w", from, filepath.Base(fresh), err)
	}
	before = path + ".before-" + now.UTC().Format("20060102T150405Z")
	// At every instant there is a database at path: the old one, at worst
	// without its log, or the new one.
	err = os.Link(path, before)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return "", fmt.Errorf("keep the old database: %w", err)
	}
	for _, suffix := range suffixes[1:] { // a log that is left would be taken for the new one's
		if err := os.Rename(path+suffix, before+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("keep the old database: %w", err)
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", err
	}
	if missing {
		before = ""
	}
	return before, owned.SyncDir(filepath.Dir(path))
}

// settle checks a database that nobody else uses, makes it one durable file,
// and says in it that it is closed.
func settle(ctx context.Context, path string, lossy bool, saved time.Time) error {
	if _, err := examineBackup(ctx, path); err != nil && !(lossy && errors.Is(err, ErrCopied)) {
		return err
	}
	db, err := sql.Open("sqlite", source(path, plain, false))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, "UPDATE session SET open = 0, saved = CASE ? WHEN 0 THEN saved ELSE ?1 END", max(saved.Unix(), 0))
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA journal_mode(DELETE)")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// examineBackup is [examine] for a database that has something in it.
func examineBackup(ctx context.Context, path string) (version int, err error) {
	if version, err = examine(ctx, path, true); err == nil && version == 0 {
		err = damaged(path, "it is empty")
	}
	return version, err
}

// Info describes a database.
type Info struct {
	Format int       // version of the schema
	Saved  time.Time // when Backup wrote it; zero: it is no backup
}

// OpenBackup checks a file that [Backup] wrote, and opens it for reading:
// Update fails, and the file is not changed.
func OpenBackup(ctx context.Context, path string) (*Store, Info, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, Info{}, err
	}
	var i Info
	s := &Store{}
	err = func() (err error) {
		if _, err := os.Stat(path); err != nil {
			return err
		}
		if i.Format, err = examineBackup(ctx, path); err != nil {
			return err
		}
		if s.read, err = sql.Open("sqlite", source(path, look, true)); err != nil {
			return err
		}
		var saved int64
		if err := s.read.QueryRowContext(ctx, "SELECT saved FROM session").Scan(&saved); err != nil {
			return err
		}
		if saved > 0 {
			i.Saved = time.Unix(saved, 0).UTC()
		}
		return s.prepare(ctx)
	}()
	if err != nil {
		_ = s.shut()
		return nil, i, fmt.Errorf("open the backup: %w", err)
	}
	return s, i, nil
}

func both(a, b string) (string, string, error) {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return a, b, errors.Join(errA, errB)
}

// asideOf makes an empty file, mode 0600, beside the one that it will become.
func asideOf(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"modernc.org/sqlite"

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/internal/sqltx"
)

// readers is how many connections View has: more than the cores of a small
// server.
const readers = 8

// Store is a controller.Store on an SQL database.
type Store struct {
	lock        *lock
	marked      bool    // the file says that it is open
	write, read *sql.DB // write has one connection
	records     sqltx.Store
}

// OpenSQLite opens the database file, creating it (mode 0600) if it is missing,
// and locks it against other processes until Close.
//
// It reads the whole file first, and writes nothing to a file that it refuses.
// The error is [ErrInUse], [ErrForeign], [ErrNewer], [ErrDamaged], [ErrCopied],
// [ErrMissing], or an *owned.Error if somebody else could read or replace the
// file.
func OpenSQLite(ctx context.Context, path string) (*Store, error) { return open(ctx, path, true) }

// OpenUnchecked is [OpenSQLite] without the check of all pages, for a file that
// takes too long to read. The file may be damaged.
func OpenUnchecked(ctx context.Context, path string) (*Store, error) { return open(ctx, path, false) }

func open(ctx context.Context, path string, full bool) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	gate.Lock()
	defer gate.Unlock()
	s := &Store{}
	if s.lock, err = take(path, true); err == nil {
		err = s.open(ctx, path, full)
	}
	if err != nil {
		_ = s.shut()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, full bool) error {
	have, err := examine(ctx, path, full)
	if err != nil {
		return err
	}
	if have == 0 {
		if s.lock.server() != 0 {
			return missing(path)
		}
		// The engine would create it with the umask's mode; what is in it is
		// nobody else's business.
		f, err := owned.Open(path, os.O_RDWR|os.O_CREATE, owned.State)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if s.write, err = sql.Open("sqlite", source(path, write, false)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1) // one writer: the next waits here, not in the engine
	if err := migrate(ctx, s.write, have, migrations); err != nil {
		return err
	}
	// In the file itself before anything else is written, so that a copy
	// without the log is known for one.
	s.marked = true
	if _, err := s.write.ExecContext(ctx, "UPDATE session SET open = 1, saved = 0; PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	if s.lock.file.Truncate(0) == nil { // for people, so an error does not matter
		_, _ = s.lock.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if s.read, err = sql.Open("sqlite", source(path, read, false)); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return s.prepare(ctx)
}

// prepare readies the two sides, or the one that there is.
func (s *Store) prepare(ctx context.Context) error {
	s.records.Dialect = &dialect
	s.records.Read = sqltx.Side{DB: s.read, Discard: true}
	if err := s.records.Read.Prepare(ctx, &dialect, false); err != nil || s.write == nil {
		return err
	}
	s.records.Write = sqltx.Side{DB: s.write}
	return s.records.Write.Prepare(ctx, &dialect, true)
}

// Checkpoint moves the log into the file, except what a running View still
// needs in the log. The engine does so by itself now and then. A copy of the
// file alone lacks what was written since; see [Backup].
func (s *Store) Checkpoint(ctx context.Context) error {
	_, err := s.write.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	return err
}

// View implements controller.Store.
func (s *Store) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.records.View(ctx, fn)
}

// Update implements controller.Store.
func (s *Store) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if s.write == nil {
		return errors.New("a backup is only read")
	}
	return s.records.Update(ctx, fn)
}

// Close implements controller.Store.
func (s *Store) Close() error {
	if err := s.records.Close(); err != nil {
		return err
	}
	gate.Lock()
	defer gate.Unlock()
	return s.shut()
}

// unmark says in the file that it is closed, or else leaves the log, without
// which the file would pass for a copy.
func (s *Store) unmark() error {
	ctx := context.Background()
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err = conn.ExecContext(ctx, "UPDATE session SET open = 0"); err != nil {
		err = errors.Join(err, keepLog(conn))
	}
	return errors.Join(err, conn.Close())
}

// keepLog makes a connection leave the log where it is, although it is the last
// one.
func keepLog(conn *sql.Conn) error {
	return conn.Raw(func(c any) error {
		_, err := c.(sqlite.FileControl).FileControlPersistWAL("main", 1)
		return err
	})
}

func (s *Store) shut() error {
	var errs []error
	if s.marked && s.lock.stores == 1 {
		errs = append(errs, s.unmark())
	}
	// The reading side first: the last connection to go tidies the log away,
	// and it must be one that may write.
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}

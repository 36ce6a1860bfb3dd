package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

const (
	readers = 8               // connections for View: more than the cores of a small server
	busy    = 5 * time.Second // how long another process's transaction is waited for
	tries   = 8               // runs of a transaction that keeps meeting conflicts, until the store gives up
)

// Store is a controller.Store on an SQL database.
type Store struct {
	dialect dialect
	write   *sql.DB // one connection
	read    *sql.DB
	writes  statements
	reads   statements

	mu      sync.Mutex
	ended   sync.Cond // a transaction ended
	running int
	closed  bool
}

// statements are prepared once; those that write are nil on the reading side.
type statements struct{ get, getMany, scan, scanTo, put, remove *sql.Stmt }

// OpenSQLite opens the database file, creating it (mode 0600) and migrating it as needed.
// It returns a *NewerSchemaError for a file of a newer program, and an error for one that is no database.
func OpenSQLite(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// The engine would create it with the umask's mode; what is in it is nobody else's business.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(path)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/… of Windows
	}
	millis := int(busy / time.Millisecond)
	s, err := open(ctx, sqliteDialect, sqliteSource(slashed, true, millis), sqliteSource(slashed, false, millis))
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, d dialect, writeSource, readSource string) (*Store, error) {
	s := &Store{dialect: d}
	s.ended.L = &s.mu
	if err := s.prepare(ctx, writeSource, readSource); err != nil {
		_ = s.shut()
		return nil, err
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context, writeSource, readSource string) (err error) {
	d := s.dialect
	if s.write, err = sql.Open(d.driver, writeSource); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1) // one writer: the next waits here, not in the engine
	steps, err := migrations(files, d.migrations)
	if err != nil {
		return err
	}
	if err := migrate(ctx, s.write, d, steps); err != nil {
		return err
	}
	if s.read, err = sql.Open(d.driver, readSource); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	for _, p := range []struct {
		db   *sql.DB
		to   **sql.Stmt
		text string
	}{
		{s.write, &s.writes.get, d.get}, {s.write, &s.writes.getMany, d.getMany},
		{s.write, &s.writes.scan, d.scan}, {s.write, &s.writes.scanTo, d.scanTo},
		{s.write, &s.writes.put, d.put}, {s.write, &s.writes.remove, d.remove},
		{s.read, &s.reads.get, d.get}, {s.read, &s.reads.getMany, d.getMany},
		{s.read, &s.reads.scan, d.scan}, {s.read, &s.reads.scanTo, d.scanTo},
	} {
		if *p.to, err = p.db.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// View implements controller.Store.
func (s *Store) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.run(ctx, s.read, s.reads, func(t *tx) error { return fn(reader{t}) }, (*sql.Tx).Rollback)
}

// Update implements controller.Store.
func (s *Store) Update(ctx context.Context, fn func(controller.Writer) error) error {
	return s.run(ctx, s.write, s.writes, func(t *tx) error { return fn(t) }, (*sql.Tx).Commit)
}

// Close implements controller.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return controller.ErrClosed
	}
	s.closed = true
	for s.running > 0 {
		s.ended.Wait()
	}
	s.mu.Unlock()
	return s.shut()
}

func (s *Store) shut() error {
	var errs []error
	// The reading side first: the last connection to go tidies the log away, and it must be one that may write.
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// run runs fn in transactions until one does not meet a conflict.
func (s *Store) run(ctx context.Context, db *sql.DB, prepared statements, fn func(*tx) error, finish func(*sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return controller.ErrClosed
	}
	s.running++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.ended.Broadcast()
		s.mu.Unlock()
	}()
	var err error
	for again, i := true, 0; again && i < tries; i++ {
		t := &tx{ctx: ctx, dialect: &s.dialect, prepared: prepared}
		err = t.run(db, fn, finish)
		again = s.dialect.retry(t.failed)
	}
	return err
}

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

const (
	readers = 8 // connections for View: more than the cores of a small server
	tries   = 8 // runs of a transaction that keeps meeting conflicts, until the store gives up
)

// Store is a controller.Store on an SQL database.
type Store struct {
	write, read   *sql.DB // write has one connection
	writes, reads statements

	mu      sync.Mutex
	running sync.WaitGroup
	closed  bool
}

// statements are prepared once, by their texts.
type statements map[string]*sql.Stmt

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
	s := &Store{}
	if err := s.open(ctx, path); err != nil {
		_ = s.shut()
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	if s.write, err = sql.Open("sqlite", source(path, true)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1) // one writer: the next waits here, not in the engine
	steps, err := migrations(files, "migrations")
	if err != nil {
		return err
	}
	if err := migrate(ctx, s.write, steps); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", source(path, false)); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if s.writes, err = prepare(ctx, s.write, get, getMany, scan, put, remove); err != nil {
		return err
	}
	s.reads, err = prepare(ctx, s.read, get, getMany, scan)
	return err
}

func prepare(ctx context.Context, db *sql.DB, texts ...string) (statements, error) {
	prepared := statements{}
	for _, text := range texts {
		statement, err := db.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		prepared[text] = statement
	}
	return prepared, nil
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
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return controller.ErrClosed
	}
	s.running.Wait()
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
	closed := s.closed
	if !closed {
		s.running.Add(1)
	}
	s.mu.Unlock()
	if closed {
		return controller.ErrClosed
	}
	defer s.running.Done()
	var err error
	for again, i := true, 0; again && i < tries; i++ {
		t := &tx{ctx: ctx, prepared: prepared}
		err = t.run(db, fn, finish)
		again = conflict(t.failed)
	}
	return err
}

package sqltx

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Dialect is how an engine is spoken to.
type Dialect struct {
	Get     string // the value, by table and key
	GetMany string // position and value of each record that is found
	Scan    string // keys and values, by table, from, to and limit
	Put     string
	Delete  string

	Keys    func([]controller.Key) []any   // parameters of GetMany
	Puts    func([]Row) [][]any            // parameters of each execution of Put
	Deletes func([]controller.Key) [][]any // parameters of each execution of Delete; the keys are sorted by table

	// Conflict reports whether the engine ended a run because it conflicts with
	// another transaction. Nothing was committed then.
	Conflict func(error) bool
	// Tries is how many runs a transaction has that keeps meeting conflicts,
	// until the store gives up.
	Tries int
	// Pause is the longest wait before the second run; it doubles up to MaxPause.
	// Zero: the engine itself makes transactions wait.
	Pause, MaxPause time.Duration
	// Shares says that one connection writes, and that Updates share commits.
	Shares bool
}

// Row is a record to be written.
type Row struct {
	controller.Key
	Value []byte
}

// Side is one half of a store: the connections that read, or those that write.
type Side struct {
	DB      *sql.DB
	Options sql.TxOptions
	Discard bool // what was read needs no commit to be valid
	// statements are prepared once, by their texts.
	statements map[string]*sql.Stmt
}

// Prepare readies the statements that the side uses.
func (s *Side) Prepare(ctx context.Context, d *Dialect, writes bool) error {
	texts := []string{d.Get, d.GetMany, d.Scan}
	if writes {
		texts = append(texts, d.Put, d.Delete)
	}
	s.statements = map[string]*sql.Stmt{}
	for _, text := range texts {
		statement, err := s.DB.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		s.statements[text] = statement
	}
	return nil
}

// Store runs transactions. The fields are set before the first one.
type Store struct {
	Dialect     *Dialect
	Read, Write Side

	groups  groups
	closed  atomic.Bool  // Close has begun
	running sync.RWMutex // held by each transaction to read, and by Close for good
}

// View is controller.Store's.
func (s *Store) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.run(ctx, &s.Read, func(t *tx) error { return fn(reader{t}) })
}

// Update is controller.Store's.
func (s *Store) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if !s.Dialect.Shares {
		return s.run(ctx, &s.Write, func(t *tx) error { return fn(t) })
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.RUnlock()
	return s.share(ctx, fn)
}

// Close waits until all transactions have ended. The caller then closes the
// connections.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return controller.ErrClosed
	}
	s.running.Lock()
	return nil
}

// enter begins a transaction; running is to be unlocked at its end.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() || !s.running.TryRLock() {
		return controller.ErrClosed
	}
	return nil
}

// run runs fn in transactions until one does not meet a conflict.
func (s *Store) run(ctx context.Context, side *Side, fn func(*tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.RUnlock()
	pause := s.Dialect.Pause
	for tries := s.Dialect.Tries; ; tries-- {
		t := &tx{ctx: ctx, dialect: s.Dialect, side: side}
		err := t.run(fn)
		if tries == 1 || !s.Dialect.Conflict(t.failed) {
			return err
		}
		if pause > 0 {
			if err := wait(ctx, rand.N(pause)); err != nil {
				return err
			}
			pause = min(2*pause, s.Dialect.MaxPause)
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

package memstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Options are a store's settings.
type Options struct {
	// Seed makes the store run about every third transaction more than once,
	// chosen by this seed. Zero: never.
	Seed uint64
}

// Store is a controller.Store in memory. Readers never wait for writers.
type Store struct {
	closed  atomic.Bool  // Close has begun
	running sync.RWMutex // held by each transaction to read, and by Close for good

	mu      sync.Mutex
	writing chan struct{} // holds one element while an Update runs that may commit
	state   *node
	old     *node // the state before the last commit
	random  *rand.Rand
}

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{}
	if o.Seed != 0 {
		s.random = rand.New(rand.NewPCG(o.Seed, 0))
	}
	return s
}

// Clone returns a store of its own with what s has committed. It takes the same
// time however much that is: what neither store changes they share. The clone
// never runs a transaction more than once.
func (s *Store) Clone() *Store {
	c := New(Options{})
	c.state = s.now()
	return c
}

// View implements controller.Store.
func (s *Store) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.run(ctx, false, func(t *tx) error { return fn(reader{t}) })
}

// Update implements controller.Store.
func (s *Store) Update(ctx context.Context, fn func(controller.Writer) error) error {
	return s.run(ctx, true, func(t *tx) error { return fn(t) })
}

// Close implements controller.Store.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return controller.ErrClosed
	}
	s.running.Lock()
	return nil
}

func (s *Store) run(ctx context.Context, write bool, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() || !s.running.TryRLock() {
		return controller.ErrClosed
	}
	defer s.running.RUnlock()
	writing, attempts := s.begin()
	for range attempts {
		s.rehearse(ctx, fn)
	}
	if write {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case writing <- struct{}{}:
			defer func() { <-writing }()
		}
	}
	if err := ctx.Err(); err != nil { // a select takes either case when both are ready
		return err
	}
	t := &tx{ctx: ctx, state: s.now()}
	defer func() { t.over = true }()
	if err := fn(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil || !write {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old, s.state = s.state, t.state
	return nil
}

// begin chooses how many runs of a transaction are discarded.
func (s *Store) begin() (writing chan struct{}, attempts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing == nil { // not in New: most clones never run a transaction
		s.writing = make(chan struct{}, 1)
	}
	if s.random != nil && s.random.IntN(3) == 0 {
		attempts = 1 + s.random.IntN(2)
	}
	return s.writing, attempts
}

func (s *Store) now() *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

var errConflict = errors.New("another transaction won")

// rehearse runs fn and discards the result, as an engine does that finds a
// conflict in the end: on the present state or the one before it, and sometimes
// with a failure in the middle.
func (s *Store) rehearse(ctx context.Context, fn func(*tx) error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	t := &tx{ctx: ctx, state: s.state}
	if s.old != nil && s.random.IntN(2) == 0 {
		t.state = s.old
	}
	if s.random.IntN(3) == 0 {
		t.failAfter = 1 + s.random.IntN(8)
	}
	s.mu.Unlock()
	defer func() { t.over = true }()
	_ = fn(t) // whatever it returns, it runs again
}

// tx is one run of a transaction's fn.
type tx struct {
	ctx       context.Context
	state     *node
	over      bool
	failAfter int // calls until this run meets a conflict; zero: never
}

// reader hides the writing half of a tx from type assertions.
type reader struct{ controller.Reader }

// check returns why a call with these bounds cannot be made.
func (t *tx) check(bounds error) error {
	if t.over {
		return controller.ErrOver
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if t.failAfter > 0 {
		if t.failAfter--; t.failAfter == 0 {
			t.failAfter = 1 // every later call meets it too
			return errConflict
		}
	}
	return bounds
}

// Get implements controller.Reader.
func (t *tx) Get(table controller.Table, key string) ([]byte, error) {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return nil, err
	}
	return t.state.find(controller.Key{Table: table, Key: key}), nil
}

// GetMany implements controller.Reader.
func (t *tx) GetMany(keys []controller.Key) ([][]byte, error) {
	if err := t.check(controller.CheckMany(keys)); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = t.state.find(k)
	}
	return values, nil
}

// Scan implements controller.Reader.
func (t *tx) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := t.check(controller.CheckScan(table, from, to, limit)); err != nil {
		return nil, err
	}
	var found []controller.Record
	t.state.walk(controller.Key{Table: table, Key: from}, func(n *node) bool {
		if n.key.Table != table || to != "" && n.key.Key >= to {
			return false
		}
		found = append(found, controller.Record{Key: n.key.Key, Value: n.value})
		return len(found) < limit
	})
	return found, nil
}

// Put implements controller.Writer.
func (t *tx) Put(table controller.Table, key string, value []byte) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	if err := controller.CheckValue(value); err != nil {
		return err
	}
	k := controller.Key{Table: table, Key: key}
	below, above := t.state.split(k)
	t.state = join(join(below, &node{key: k, value: append([]byte{}, value...), priority: priority(k)}), above)
	return nil
}

// Delete implements controller.Writer.
func (t *tx) Delete(table controller.Table, key string) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	t.state = join(t.state.split(controller.Key{Table: table, Key: key}))
	return nil
}

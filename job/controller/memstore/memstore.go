package memstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Options are a store's settings.
type Options struct {
	// Seed makes the store run about every third transaction more than once, chosen by this seed. Zero: never.
	Seed uint64
}

// Store is a controller.Store in memory. Readers never wait for writers.
type Store struct {
	mu      sync.Mutex
	writing chan struct{} // holds one element while an Update runs that may commit
	ended   sync.Cond     // a transaction ended
	state   tables
	old     tables // the state before the last commit
	running int
	closed  bool
	random  *rand.Rand
}

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{}
	s.ended.L = &s.mu
	if o.Seed != 0 {
		s.random = rand.New(rand.NewPCG(o.Seed, 0))
	}
	return s
}

// Clone returns a store of its own with what s has committed. It takes the same time however much that is: what neither store
// changes they share. The clone never runs a transaction more than once.
func (s *Store) Clone() *Store {
	c := New(Options{})
	c.state = s.now()
	return c
}

// View implements controller.Store.
func (s *Store) View(ctx context.Context, fn func(controller.Reader) error) error {
	attempts, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	for range attempts {
		s.rehearse(ctx, func(t *tx) error { return fn(reader{t}) })
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &tx{ctx: ctx, state: s.now()}
	defer t.finish()
	if err := fn(reader{t}); err != nil {
		return err
	}
	return ctx.Err()
}

// Update implements controller.Store.
func (s *Store) Update(ctx context.Context, fn func(controller.Writer) error) error {
	attempts, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	for range attempts {
		s.rehearse(ctx, func(t *tx) error { return fn(t) })
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.writing <- struct{}{}:
	}
	defer func() { <-s.writing }()
	if err := ctx.Err(); err != nil { // a select takes either case when both are ready
		return err
	}
	t := &tx{ctx: ctx, state: s.now()}
	defer t.finish()
	if err := fn(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old, s.state = s.state, t.state
	return nil
}

// Close implements controller.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return controller.ErrClosed
	}
	s.closed = true
	for s.running > 0 {
		s.ended.Wait()
	}
	return nil
}

// begin admits a transaction and draws how many runs of it come to nothing.
func (s *Store) begin(ctx context.Context) (attempts int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, controller.ErrClosed
	}
	s.running++
	if s.writing == nil { // not in New: most clones never run a transaction
		s.writing = make(chan struct{}, 1)
	}
	if s.random != nil && s.random.IntN(3) == 0 {
		attempts = 1 + s.random.IntN(2)
	}
	return attempts, nil
}

func (s *Store) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.ended.Broadcast()
}

func (s *Store) now() tables {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

var errConflict = errors.New("another transaction won")

// rehearse runs fn in vain, as an engine does that finds a conflict in the end: on the present state or the one before
// it, and sometimes with a failure in the middle.
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
	defer t.finish()
	_ = fn(t) // whatever it returns, it runs again
}

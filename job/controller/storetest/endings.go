package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

var errMine = errors.New("mine")

// kinds are the kinds of transactions.
var kinds = map[string]func(controller.Store, context.Context, func(controller.Reader) error) error{
	"View": controller.Store.View,
	"Update": func(s controller.Store, ctx context.Context, fn func(controller.Reader) error) error {
		return s.Update(ctx, func(w controller.Writer) error { return fn(w) })
	},
}

// endings tests what fn may do, and how a transaction ends.
var endings = []test{
	{"an error, a panic or a Goexit of fn undoes its writes", func(s *suite) {
		s.write("a=1")
		for kind, transact := range kinds {
			leaving := func(leave func() error) error {
				return transact(s.store, s.Context(), func(r controller.Reader) error {
					s.spoil(r)
					return leave()
				})
			}
			require.ErrorIs(s, leaving(func() error { return fmt.Errorf("wrapped: %w", errMine) }), errMine, "%s must return the error of fn", kind)
			s.works("a fn that fails must write nothing", "a=1")
			require.PanicsWithValue(s, "mine", func() { _ = leaving(func() error { panic("mine") }) }, "the panic must reach the caller with its value")
			s.works("a fn that panics must write nothing", "a=1")
			var group sync.WaitGroup // of a goroutine that ends, as a failed assertion of a test makes it
			group.Go(func() { _ = leaving(func() error { runtime.Goexit(); return nil }) })
			group.Wait()
			s.works("a fn that does not return must write nothing", "a=1")
		}
		require.NoError(s, s.store.Close(), "Close must not wait for a transaction whose fn did not return")
	}},
	{"a Reader or Writer is over when fn has returned", func(s *suite) {
		for kind, transact := range kinds {
			for _, result := range []error{nil, errMine} {
				var given controller.Reader
				err := transact(s.store, s.Context(), func(r controller.Reader) error { given = r; return result })
				require.ErrorIs(s, err, result)
				require.NoError(s, s.refuses(given, controller.ErrOver), "after the fn of a %s has returned %v", kind, result)
			}
		}
		s.has("", "a Writer that is over must write nothing")
	}},
	{"fn does not run when the context has ended", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		s.nothingBegins(ctx, context.Canceled)
	}},
	{"a context that ends while fn runs undoes its writes", func(s *suite) {
		s.write("a=1")
		for kind, transact := range kinds {
			for _, result := range []error{nil, errMine} {
				ctx, cancel := context.WithCancel(s.Context())
				wrong := errors.New("fn must run: the context had not ended")
				err := transact(s.store, ctx, func(r controller.Reader) error {
					s.spoil(r)
					cancel()
					wrong = s.refuses(r, context.Canceled)
					return result
				})
				require.NoError(s, wrong, "in a %s, once the context has ended", kind)
				require.True(s, errors.Is(err, context.Canceled) || result != nil && errors.Is(err, result),
					"%s must return the context's error although fn returned nil, or the error of fn, not %v", kind, err)
			}
		}
		s.works("nothing must be written when the context ends before the commit", "a=1")
	}},
	{"a context that ends during a call is what the call returns", func(s *suite) {
		s.write("a=1 b=2 c=3")
		for i := range 20 {
			for kind, transact := range kinds {
				ctx, cancel := context.WithTimeout(s.Context(), time.Duration(i)*time.Millisecond/4)
				err := transact(s.store, ctx, func(r controller.Reader) (err error) {
					for i := 0; err == nil && i < 100_000; i++ { // for much longer than the context lasts
						_, err = s.read(r)
					}
					return err
				})
				require.ErrorIs(s, err, context.DeadlineExceeded, "a call of %s must return the context's error when that ends, not the engine's", kind)
				cancel()
			}
		}
		s.works("nothing must have changed", "a=1 b=2 c=3")
	}},
	{"waiting for another transaction stops when the context ends", func(s *suite) {
		release, first := s.stopped()
		ctx, cancel := context.WithTimeout(s.Context(), 50*time.Millisecond)
		defer cancel()
		second := make(chan error, 1)
		go func() {
			second <- s.store.Update(ctx, func(w controller.Writer) error { return s.change(w, "a=1") })
		}()
		var err error
		select {
		case err = <-second:
		case <-time.After(10 * time.Second):
			s.Error("an Update that waits for another must return when its context ends, not when the other has ended")
		}
		release()
		require.NoError(s, <-first, "the Update that the other waited for must commit")
		if err != nil { // nil: this store let it commit first
			require.ErrorIs(s, err, context.DeadlineExceeded, "the Update that waited must return the context's error")
		}
		s.works("the first Update must have committed", "a=1")
	}},
	{"Close waits, and lets nothing else begin", func(s *suite) {
		release, updated := s.stopped()
		defer release()
		closed := make(chan error, 1)
		go func() { closed <- s.store.Close() }()
		for s.store.View(s.Context(), func(controller.Reader) error { return nil }) == nil { // until Close has begun
		}
		select {
		case <-closed:
			s.Fatal("Close must wait for the transaction that runs")
		default:
		}
		s.nothingBegins(s.Context(), controller.ErrClosed)
		release()
		require.NoError(s, <-updated, "a transaction that ran when Close began must commit")
		require.NoError(s, <-closed, "Close must succeed")
		s.nothingBegins(s.Context(), controller.ErrClosed)
		require.ErrorIs(s, s.store.Close(), controller.ErrClosed, "a second Close must say that the store is closed")
	}},
}

// durable tests a store that keeps its records.
var durable = []test{
	{"what an Update wrote is there when the store is opened again", func(s *suite) {
		first := s.opened("durable")
		first.write("a=1")
		first.write("b=2 c=3")
		second := s.opened("durable")
		second.has("a=1 b=2 c=3", "a second Store on the database must see what the first committed, while that one is open")
		require.NoError(s, second.store.Close(), "Close of the second Store must succeed")
		first.has("a=1 b=2 c=3", "Close of the second Store must not disturb the first")
		require.ErrorIs(s, first.store.Update(s.Context(), func(w controller.Writer) error {
			first.spoil(w)
			return errMine
		}), errMine, "an Update must return the error of fn")
		require.NoError(s, first.store.Close(), "Close of the first Store must succeed")
		s.opened("durable").has("a=1 b=2 c=3", "what was committed, and nothing else, must be there when the store is opened again")
	}},
	{"two Stores on one database are serializable together", func(s *suite) { s.conflict(6, 10, s, s.opened("store")) }},
}

// recovers wants an Update to fail when the disk does, and the store to work
// before the disk is mended and after.
func (s *suite) recovers(breakIt func(*testing.T, controller.Store) (mend func())) {
	s.write("a=1")
	mend := breakIt(s.T, s.store)
	require.Error(s, s.store.Update(s.Context(), func(w controller.Writer) error {
		first := w.Put(s.table, "big", make([]byte, controller.MaxValue))
		next := w.Put(s.table, "small", nil)
		require.False(s, first != nil && next == nil, "after a call that failed, the next must fail too: it must not be written by itself")
		return nil
	}), "an Update with a write or commit that failed must fail, although fn returned nil")
	s.has("a=1", "Views must work meanwhile, and nothing of the Update may be written")
	mend()
	s.works("nothing of the Update may be written", "a=1")
}

// works wants these records and no others, and that an Update can add one.
func (s *suite) works(why, want string) {
	s.Helper()
	s.has(want, why)
	s.write("z=1") // hangs if a lock was left behind
	s.has(want+" z=1", "the store must work as before")
	s.write("-z")
}

// spoil writes what must not be committed, if it can. A run that is discarded may fail here.
func (s *suite) spoil(r controller.Reader) {
	if _, writes := r.(controller.Writer); writes {
		_ = s.change(r, "b=2 -a")
	}
}

// refuses says which methods do not return the error they have to.
func (s *suite) refuses(r controller.Reader, want error) (wrong error) {
	errs := calls(r, s.table, "a")
	_, errs["GetMany of no keys"] = r.GetMany(nil)
	for method, err := range errs {
		if !errors.Is(err, want) {
			wrong = errors.Join(wrong, fmt.Errorf("%s must return %q, not %v", method, want, err))
		}
	}
	return wrong
}

// nothingBegins wants every transaction to end with this error before its fn runs.
func (s *suite) nothingBegins(ctx context.Context, want error) {
	for kind, transact := range kinds {
		ran := false
		err := transact(s.store, ctx, func(controller.Reader) error { ran = true; return nil })
		require.ErrorIs(s, err, want, "no %s may begin", kind)
		require.False(s, ran, "the fn of %s must not run", kind)
	}
}

// stopped begins an Update that puts a, and returns when its fn runs, which then waits for release.
func (s *suite) stopped() (release func(), updated chan error) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	arrive := sync.OnceFunc(func() { close(inside) })
	updated = make(chan error, 1)
	go func() {
		updated <- s.store.Update(s.Context(), func(w controller.Writer) error {
			arrive()
			<-goOn
			return s.change(w, "a=1")
		})
	}()
	<-inside
	return sync.OnceFunc(func() { close(goOn) }), updated
}

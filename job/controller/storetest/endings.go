package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

var (
	errMine = errors.New("mine")
	failing = then(func() error { return fmt.Errorf("wrapped: %w", errMine) })
)

// endings tests what fn may do, and how a transaction ends.
var endings = []test{
	{"an error of fn undoes its writes and is returned", func(s *suite) {
		s.update(s.fill("a"))
		require.ErrorIs(s, update(s.Context(), s.store, s.put("b", ""), s.remove("a"), failing), errMine, "Update must return the error of fn")
		require.ErrorIs(s, view(s.Context(), s.store, failing), errMine, "View must return the error of fn")
		s.works("an Update whose fn fails must write nothing", "a")
	}},
	{"a panic of fn undoes its writes and reaches the caller", func(s *suite) {
		s.unwinds(func(transact func() error) {
			require.PanicsWithValue(s, "mine", func() { _ = transact() }, "the panic must leave with its value")
		},
			func() { panic("mine") })
	}},
	{"a Goexit of fn undoes its writes", func(s *suite) { // as a failed assertion of a test does
		s.unwinds(func(transact func() error) {
			var group sync.WaitGroup
			group.Go(func() { _ = transact() })
			group.Wait()
		}, runtime.Goexit)
	}},
	{"a Reader or Writer is over when fn has returned", func(s *suite) {
		var r controller.Reader
		given := func(in controller.Reader) (string, error) { r = in; return "", nil }
		s.view(given)
		require.NoError(s, s.refuses(r, controller.ErrOver), "after the fn of a View has returned")
		s.update(given)
		require.NoError(s, s.refuses(r, controller.ErrOver), "after the fn of an Update has returned")
		require.Equal(s, "[]", s.view(s.all()), "a Writer that is over must write nothing")
		require.ErrorIs(s, update(s.Context(), s.store, given, failing), errMine)
		require.NoError(s, s.refuses(r, controller.ErrOver), "after the fn of an Update has returned an error")
	}},
	{"the Writer of an earlier run is over", func(s *suite) { // conflicts make runs that come to nothing
		s.together(8, func(int) error {
			for range 10 {
				var earlier []controller.Reader
				var wrong error
				err := update(s.Context(), s.store, func(r controller.Reader) (string, error) {
					for _, old := range earlier {
						wrong = errors.Join(wrong, s.refuses(old, controller.ErrOver))
					}
					earlier = append(earlier, r)
					return "", nil
				}, s.increment("n"))
				if err = errors.Join(err, wrong); err != nil {
					return err
				}
			}
			return nil
		})
		require.Equal(s, "[n=80]", s.view(s.all()), "a Writer that is over must write nothing")
	}},
	{"fn does not run when the context has ended", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		s.nothingBegins(ctx, context.Canceled)
		require.Equal(s, "[]", s.view(s.all()), "nothing must be written")
	}},
	{"a context that ends while fn runs undoes its writes", func(s *suite) {
		for of, transact := range either {
			ctx, cancel := context.WithCancel(s.Context())
			var wrong error
			err := transact(ctx, s.store, func(r controller.Reader) (string, error) {
				if of == "Update" {
					_, _ = s.put("a", "")(r) // a run that comes to nothing may fail here
				}
				cancel()
				wrong = s.refuses(r, context.Canceled)
				return "", nil
			})
			require.ErrorIs(s, err, context.Canceled, "%s must return the context's error, although fn returned nil", of)
			require.NoError(s, wrong, "in a %s, once the context has ended", of)
		}
		s.works("nothing must be written when the context ends before the commit")
	}},
	{"a context that ends during a call is what the call returns", func(s *suite) {
		s.update(s.fill("a", "b", "c"))
		read := func(r controller.Reader) (_ string, err error) {
			for i := 0; err == nil && i < 100_000; i++ { // for much longer than the context lasts
				_, err = both(s.scan("", "", 10), s.many("a", "b"))(r)
			}
			return "", err
		}
		for i := range 20 {
			for of, transact := range either {
				ctx, cancel := context.WithTimeout(s.Context(), time.Duration(i)*time.Millisecond/4)
				require.ErrorIs(s, transact(ctx, s.store, read), context.DeadlineExceeded, "a call of %s must return the context's error when that ends, not the engine's", of)
				cancel()
			}
		}
		s.works("nothing must have changed", "a", "b", "c")
	}},
	{"a context that ends keeps an error of fn", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		ran := false
		err := update(ctx, s.store, then(func() error { ran = true; cancel(); return nil }), failing)
		require.True(s, ran, "fn must run: the context had not ended")
		require.True(s, errors.Is(err, errMine) || errors.Is(err, context.Canceled), "Update must return the error of fn, or the context's if fn was to run again, not %v", err)
		require.Equal(s, "[]", s.view(s.all()), "nothing must be written")
	}},
	{"waiting for another transaction stops when the context ends", func(s *suite) {
		release, first := s.stopped()
		ctx, cancel := context.WithTimeout(s.Context(), 50*time.Millisecond)
		defer cancel()
		second := make(chan error, 1)
		go func() { second <- update(ctx, s.store, s.fill("a")) }()
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
		s.works("the first Update must have committed", "a")
	}},
	{"Close waits, and lets nothing else begin", func(s *suite) {
		release, updated := s.stopped()
		defer release()
		closed := make(chan error, 1)
		go func() { closed <- s.store.Close() }()
		for view(s.Context(), s.store) == nil { // until Close has begun
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
		has := func(store controller.Store, why string) {
			s.store = store
			require.Equal(s, "[a=va b=vb c=vc]", s.view(s.all()), why)
		}
		first := s.open("durable")
		s.store = first
		s.update(s.fill("a"))
		s.update(s.fill("b", "c"))
		require.Error(s, update(s.Context(), first, s.put("torn", ""), failing), "an Update whose fn fails must fail")
		second := s.open("durable")
		has(second, "a second Store on the database must see what the first committed, while that one is open")
		require.NoError(s, second.Close(), "Close of the second Store must succeed")
		has(first, "Close of the second Store must not disturb the first")
		require.NoError(s, first.Close(), "Close of the first Store must succeed")
		has(s.open("durable"), "what was committed, and nothing else, must be there when the store is opened again")
	}},
	{"two Stores on one database are serializable together", func(s *suite) { s.count(6, 10, s.store, s.open("store")) }},
}

func fullDisk(s *suite) {
	s.recovers(s.FullDisk, func(r controller.Reader) (string, error) {
		first := only(s.put("big", strings.Repeat("v", controller.MaxValue))(r))
		next := only(s.put("small", "")(r))
		require.False(s, first != nil && next == nil, "after a call that failed, the next must fail too: it must not be written by itself")
		return "", nil
	})
}

func failCommits(s *suite) { s.recovers(s.FailCommits, s.put("lost", "")) }

// recovers wants an Update to fail when the disk does, and the store to work before the disk is mended and after.
func (s *suite) recovers(breakDisk func(*testing.T, controller.Store) (mend func()), write call) {
	s.update(s.fill("a"))
	mend := breakDisk(s.T, s.store)
	require.Error(s, update(s.Context(), s.store, write), "an Update with a write or commit that failed must fail, although fn returned nil")
	require.Equal(s, "[a=va]", s.view(s.all()), "Views must work meanwhile, and nothing of the Update may be written")
	mend()
	s.works("nothing of the Update may be written", "a")
}

// works wants these records and no others, and that an Update can add one.
func (s *suite) works(why string, keys ...string) {
	require.Equal(s, filled(keys...), s.view(s.all()), why)
	s.update(s.fill("z")) // hangs if a lock was left behind
	require.Equal(s, filled(append(keys, "z")...), s.view(s.all()), "the store must work as before")
}

// unwinds lets fn leave an Update and a View without returning.
func (s *suite) unwinds(around func(transact func() error), leave func()) {
	s.update(s.fill("a"))
	for _, transact := range either {
		around(func() error {
			return transact(s.Context(), s.store, func(r controller.Reader) (string, error) {
				if _, writes := r.(controller.Writer); writes {
					_, _ = s.put("b", "")(r) // a run that comes to nothing may fail here
				}
				leave()
				return "", nil
			})
		})
	}
	s.works("an Update whose fn does not return must write nothing", "a")
	require.NoError(s, s.store.Close(), "Close must not wait for a transaction whose fn did not return")
}

// refuses says which methods of a Reader or Writer do not return the error they have to.
func (s *suite) refuses(r controller.Reader, want error) (wrong error) {
	calls := map[string]call{"Get": s.get("a"), "GetMany": s.many("a"), "GetMany, no keys": many(), "Scan": s.scan("", "", 1)}
	if _, writes := r.(controller.Writer); writes {
		calls["Put"], calls["Delete"] = s.put("a", ""), s.remove("a")
	}
	for method, c := range calls {
		if err := only(c(r)); !errors.Is(err, want) {
			wrong = errors.Join(wrong, fmt.Errorf("%s must return %q, not %v", method, want, err))
		}
	}
	return wrong
}

// nothingBegins wants every transaction to end with this error before its fn runs.
func (s *suite) nothingBegins(ctx context.Context, want error) {
	for of, transact := range either {
		ran := false
		err := transact(ctx, s.store, then(func() error { ran = true; return nil }))
		require.ErrorIs(s, err, want, "no %s may begin", of)
		require.False(s, ran, "the fn of %s must not run", of)
	}
}

// stopped begins an Update that puts a, and returns when its fn runs, which then waits for release.
func (s *suite) stopped() (release func(), updated chan error) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	arrive := sync.OnceFunc(func() { close(inside) })
	updated = make(chan error, 1)
	go func() {
		updated <- update(s.Context(), s.store, then(func() error { arrive(); <-goOn; return nil }), s.fill("a"))
	}()
	<-inside
	return sync.OnceFunc(func() { close(goOn) }), updated
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

var errMine = errors.New("mine")

func testError(s *suite) {
	s.put("a")
	err := s.store.Update(context.Background(), func(w controller.Writer) error {
		return errors.Join(w.Put(s.table, "b", nil), w.Delete(s.table, "a"), fmt.Errorf("wrapped: %w", errMine))
	})
	require.ErrorIs(s, err, errMine, "Update must return the error of fn")
	require.Equal(s, []string{"a"}, s.all(), "an Update whose fn fails must write nothing")
	err = s.store.View(context.Background(), func(controller.Reader) error { return errMine })
	require.ErrorIs(s, err, errMine, "View must return the error of fn")
	s.put("c")
	require.Equal(s, []string{"a", "c"}, s.all(), "the store must work as before")
}

func testPanic(s *suite) {
	s.put("a")
	require.PanicsWithValue(s, "mine", func() {
		_ = s.store.Update(context.Background(), func(w controller.Writer) error {
			_ = w.Put(s.table, "b", nil) // a run that comes to nothing may fail here
			panic("mine")
		})
	}, "the panic must leave Update with its value")
	require.PanicsWithValue(s, "mine", func() {
		_ = s.store.View(context.Background(), func(controller.Reader) error { panic("mine") })
	}, "the panic must leave View with its value")
	s.worksAfterUnwinding()
}

func testGoexit(s *suite) {
	s.put("a")
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.store.Update(context.Background(), func(w controller.Writer) error {
			_ = w.Put(s.table, "b", nil)
			runtime.Goexit() // as a failed assertion of a test does
			return nil
		})
	})
	group.Go(func() {
		_ = s.store.View(context.Background(), func(controller.Reader) error { runtime.Goexit(); return nil })
	})
	group.Wait()
	s.worksAfterUnwinding()
}

// worksAfterUnwinding expects record a, and not b, which a transaction put that did not return.
func (s *suite) worksAfterUnwinding() {
	s.Helper()
	require.Equal(s, []string{"a"}, s.all(), "an Update whose fn does not return must write nothing")
	s.put("c") // hangs if a lock was left behind
	require.Equal(s, []string{"a", "c"}, s.all(), "the store must work as before")
	require.NoError(s, s.store.Close(), "Close must not wait for a transaction whose fn did not return")
}

// methods are all of a Reader or Writer, called on key a.
func (s *suite) methods(r controller.Reader) map[string]error {
	errs := map[string]error{
		"Get":              only(r.Get(s.table, "a")),
		"GetMany":          only(r.GetMany([]controller.Key{s.key("a")})),
		"GetMany, no keys": only(r.GetMany(nil)),
		"Scan":             only(r.Scan(s.table, "", "", 1)),
	}
	if w, ok := r.(controller.Writer); ok {
		errs["Put"], errs["Delete"] = w.Put(s.table, "a", nil), w.Delete(s.table, "a")
	}
	return errs
}

func testOver(s *suite) {
	var r controller.Reader
	var w controller.Writer
	s.view(func(in controller.Reader) error { r = in; return nil })
	s.update(func(in controller.Writer) error { w = in; return nil })
	for of, reader := range map[string]controller.Reader{"View": r, "Update": w} {
		for method, err := range s.methods(reader) {
			require.ErrorIs(s, err, controller.ErrOver, "%s of %s must fail after fn returned", method, of)
		}
	}
	require.Empty(s, s.all(), "a Writer that is over must write nothing")
	require.ErrorIs(s, s.store.Update(context.Background(), func(in controller.Writer) error { w = in; return errMine }), errMine)
	for method, err := range s.methods(w) {
		require.ErrorIs(s, err, controller.ErrOver, "%s of Update must fail after fn returned an error", method)
	}
}

// testOverEarlier provokes conflicts, to see what fn can do with the argument of an earlier run.
func testOverEarlier(s *suite) {
	s.together(8, func(int) error {
		for range 10 {
			var earlier []controller.Writer
			var wrong error
			err := s.store.Update(context.Background(), func(w controller.Writer) error {
				for i, old := range earlier {
					for method, err := range s.methods(old) {
						if !errors.Is(err, controller.ErrOver) {
							wrong = fmt.Errorf("%s in run %d returned %w in a later run: want ErrOver", method, i+1, err)
						}
					}
				}
				earlier = append(earlier, w)
				n, err := s.number(w, "n")
				if err != nil {
					return err
				}
				return w.Put(s.table, "n", fmt.Append(nil, n+1))
			})
			if err = errors.Join(err, wrong); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(s, []string{"n"}, s.all(), "a Writer that is over must write nothing")
}

func testEndedBefore(s *suite) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ran := false
	err := s.store.Update(ctx, func(w controller.Writer) error { ran = true; return w.Put(s.table, "a", nil) })
	require.ErrorIs(s, err, context.Canceled, "Update must return the context's error")
	err = s.store.View(ctx, func(controller.Reader) error { ran = true; return nil })
	require.ErrorIs(s, err, context.Canceled, "View must return the context's error")
	require.False(s, ran, "fn must not run")
	require.Empty(s, s.all(), "nothing must be written")
}

func testEndedInside(s *suite) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var calls map[string]error
	err := s.store.Update(ctx, func(w controller.Writer) error {
		_ = w.Put(s.table, "a", nil) // a run that comes to nothing may fail here
		cancel()
		calls = s.methods(w)
		return nil
	})
	require.ErrorIs(s, err, context.Canceled, "Update must return the context's error, although fn returned nil")
	for method, err := range calls {
		require.ErrorIs(s, err, context.Canceled, "%s of Update must fail once the context has ended", method)
	}
	require.Empty(s, s.all(), "nothing must be written when the context ends before the commit")

	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	err = s.store.View(ctx, func(r controller.Reader) error {
		cancel()
		calls = s.methods(r)
		return nil
	})
	require.ErrorIs(s, err, context.Canceled, "View must return the context's error, although fn returned nil")
	for method, err := range calls {
		require.ErrorIs(s, err, context.Canceled, "%s of View must fail once the context has ended", method)
	}
	s.put("b")
	require.Equal(s, []string{"b"}, s.all(), "the store must work as before")
}

func testEndedCalling(s *suite) {
	s.put("a", "b", "c")
	read := func(r controller.Reader) error { // for much longer than the context lasts
		for range 100_000 {
			if _, err := r.Scan(s.table, "", "", 10); err != nil {
				return err
			}
			if _, err := r.GetMany([]controller.Key{s.key("a"), s.key("b")}); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*time.Millisecond/4)
		err := s.store.Update(ctx, func(w controller.Writer) error { return read(w) })
		require.ErrorIs(s, err, context.DeadlineExceeded, "a call of Update must return the context's error when that ends, not the engine's")
		cancel()
		ctx, cancel = context.WithTimeout(context.Background(), time.Duration(i)*time.Millisecond/4)
		err = s.store.View(ctx, read)
		require.ErrorIs(s, err, context.DeadlineExceeded, "a call of View must return the context's error when that ends, not the engine's")
		cancel()
	}
	require.Equal(s, []string{"a", "b", "c"}, s.all(), "the store must work as before")
}

func testEndedError(s *suite) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := false
	err := s.store.Update(ctx, func(w controller.Writer) error { ran = true; cancel(); return errMine })
	require.True(s, ran, "fn must run: the context had not ended")
	require.True(s, errors.Is(err, errMine) || errors.Is(err, context.Canceled), "Update must return the error of fn, or the context's if fn was to run again, not %v", err)
	require.Empty(s, s.all(), "nothing must be written")
}

func testEndedWaiting(s *suite) {
	inside, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- s.store.Update(context.Background(), func(w controller.Writer) error {
			err := w.Put(s.table, "a", nil)
			once.Do(func() { close(inside) })
			<-release
			return err
		})
	}()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	go func() {
		second <- s.store.Update(ctx, func(w controller.Writer) error { return w.Put(s.table, "a", nil) })
	}()
	var err error
	select {
	case err = <-second:
	case <-time.After(10 * time.Second):
		s.Error("an Update that waits for another must return when its context ends, not when the other has ended")
	}
	close(release)
	require.NoError(s, <-first, "the Update that the other waited for must commit")
	if err != nil { // nil: this store let it commit first
		require.ErrorIs(s, err, context.DeadlineExceeded, "the Update that waited must return the context's error")
	}
	require.Equal(s, []string{"a"}, s.all(), "the store must work as before")
}

func testClose(s *suite) {
	inside, release := make(chan struct{}), make(chan struct{})
	updated, closed := make(chan error, 1), make(chan error, 1)
	var once sync.Once
	go func() {
		updated <- s.store.Update(context.Background(), func(w controller.Writer) error {
			once.Do(func() { close(inside) })
			<-release
			return w.Put(s.table, "a", nil)
		})
	}()
	<-inside
	go func() { closed <- s.store.Close() }()
	for s.store.View(context.Background(), func(controller.Reader) error { return nil }) == nil { // until Close has begun
	}
	select {
	case <-closed:
		close(release)
		s.Fatal("Close must wait for the transaction that runs")
	default:
	}
	ran := false
	err := s.store.Update(context.Background(), func(controller.Writer) error { ran = true; return nil })
	require.ErrorIs(s, err, controller.ErrClosed, "no Update may begin while Close waits")
	close(release)
	require.NoError(s, <-updated, "a transaction that ran when Close began must commit")
	require.NoError(s, <-closed, "Close must succeed")
	err = s.store.View(context.Background(), func(controller.Reader) error { ran = true; return nil })
	require.ErrorIs(s, err, controller.ErrClosed, "no View may begin after Close")
	err = s.store.Update(context.Background(), func(controller.Writer) error { ran = true; return nil })
	require.ErrorIs(s, err, controller.ErrClosed, "no Update may begin after Close")
	require.False(s, ran, "fn must not run once Close has begun")
	require.ErrorIs(s, s.store.Close(), controller.ErrClosed, "a second Close must say that the store is closed")
}

func testDurable(s *suite) {
	first := s.open("durable")
	s.store = first
	for i := range 20 {
		s.put(fmt.Sprintf("%02d", i))
	}
	require.Error(s, first.Update(context.Background(), func(w controller.Writer) error {
		return errors.Join(w.Put(s.table, "torn", nil), errMine)
	}), "an Update whose fn fails must fail")
	second := s.open("durable")
	s.store = second
	require.Len(s, s.all(), 20, "a second Store on the database must see what the first committed, while that one is open")
	require.NoError(s, second.Close(), "Close of the second Store must succeed")
	s.store = first
	require.Len(s, s.all(), 20, "Close of the second Store must not disturb the first")
	require.NoError(s, first.Close(), "Close of the first Store must succeed")
	s.store = s.open("durable")
	require.Len(s, s.all(), 20, "what was committed, and nothing else, must be there when the store is opened again")
	require.Equal(s, "value of 07", string(s.get("07")), "values must be there when the store is opened again")
}

func testTwoStores(s *suite) {
	second := s.open("store")
	s.count(6, 10, s.store, second)
	s.put("z")
	s.store = second
	require.Equal(s, []string{"x", "y", "z"}, s.all(), "each Store must see what the other has committed")
}

func testFullDisk(s *suite) {
	s.put("before")
	mend := s.FullDisk(s.T, s.store)
	var first, next error
	err := s.store.Update(context.Background(), func(w controller.Writer) error {
		first = w.Put(s.table, "big", make([]byte, controller.MaxValue))
		next = w.Put(s.table, "small", nil)
		return nil
	})
	require.Error(s, err, "an Update with a write that failed must fail, although fn returned nil")
	require.False(s, first != nil && next == nil, "after a call that failed, the next must fail too: it must not be written by itself")
	require.Equal(s, []string{"before"}, s.all(), "Views must work meanwhile, and nothing of the Update may be written")
	mend()
	s.put("later")
	require.Equal(s, []string{"before", "later"}, s.all(), "Updates must work again once there is room")
}

func testFailCommits(s *suite) {
	s.put("before")
	mend := s.FailCommits(s.T, s.store)
	err := s.store.Update(context.Background(), func(w controller.Writer) error { return w.Put(s.table, "lost", nil) })
	require.Error(s, err, "an Update whose commit fails must fail")
	require.Equal(s, []string{"before"}, s.all(), "Views must work meanwhile, and nothing of the Update may be written")
	mend()
	s.put("later")
	require.Equal(s, []string{"before", "later"}, s.all(), "Updates must work again once the cause is gone")
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

var errMine = errors.New("mine")

func testRollback(t *testing.T, h Harness) {
	s := open(t, h)
	put(t, s, table, "a")
	err := s.Update(context.Background(), func(w controller.Writer) error {
		return errors.Join(w.Put(table, "b", nil), w.Delete(table, "a"), fmt.Errorf("wrapped: %w", errMine))
	})
	require.ErrorIs(t, err, errMine, "the error of fn comes through")
	require.Equal(t, []string{"a"}, keys(t, s, "", "", 10))
	require.ErrorIs(t, s.View(context.Background(), func(controller.Reader) error { return errMine }), errMine)
	put(t, s, table, "c") // and the store still works
	require.Equal(t, []string{"a", "c"}, keys(t, s, "", "", 10))
}

func testPanic(t *testing.T, h Harness) {
	s := open(t, h)
	put(t, s, table, "a")
	require.PanicsWithValue(t, "mine", func() {
		_ = s.Update(context.Background(), func(w controller.Writer) error {
			_ = w.Put(table, "b", nil) // an attempt that comes to nothing may fail here
			panic("mine")
		})
	})
	require.PanicsWithValue(t, "mine", func() {
		_ = s.View(context.Background(), func(controller.Reader) error { panic("mine") })
	})
	require.Equal(t, []string{"a"}, keys(t, s, "", "", 10))
	put(t, s, table, "c") // no lock was left behind
	require.NoError(t, s.Close())
}

func testValues(t *testing.T, h Harness) {
	s := open(t, h)
	value := []byte("before")
	var got []byte
	update(t, s, func(w controller.Writer) error {
		copy(value, "before")
		err := w.Put(table, "a", value)
		copy(value, "behind") // the store kept no part of it
		if err == nil {
			got, err = w.Get(table, "a")
		}
		return err
	})
	require.Equal(t, "before", string(got))
	require.Equal(t, "before", string(get(t, s, table, "a")))
	var kept []byte
	require.NoError(t, s.View(context.Background(), func(r controller.Reader) (err error) {
		kept, err = r.Get(table, "a")
		return err
	}))
	update(t, s, func(w controller.Writer) error { return w.Put(table, "a", []byte("after.")) })
	require.Equal(t, "before", string(kept), "what was returned stays what it was")
}

func testSnapshot(t *testing.T, h Harness) {
	s := open(t, h)
	put(t, s, table, "a")
	var first, second []controller.Record
	require.NoError(t, s.View(context.Background(), func(r controller.Reader) (err error) {
		if first, err = r.Scan(table, "", "", 100); err != nil {
			return err
		}
		done := make(chan error)
		go func() {
			done <- s.Update(context.Background(), func(w controller.Writer) error {
				return w.Put(table, "b", nil)
			})
		}()
		if err := <-done; err != nil { // readers hold no writer up
			return err
		}
		second, err = r.Scan(table, "", "", 100)
		return err
	}))
	require.Equal(t, first, second, "one state for the whole of fn")
	require.Equal(t, []string{"a", "b"}, keys(t, s, "", "", 10))
}

// testCounters adds to counters from many goroutines; each sum must come out whole, and no reader sees them differ.
func testCounters(t *testing.T, h Harness) {
	s := open(t, h)
	const workers, rounds = 8, 25
	var group sync.WaitGroup
	errs := make(chan error, workers*2)
	for range workers {
		group.Go(func() {
			for range rounds {
				errs <- s.Update(context.Background(), func(w controller.Writer) error {
					for _, key := range []string{"x", "y"} {
						n, err := number(w, key)
						if err != nil {
							return err
						}
						if err := w.Put(table, key, []byte(strconv.Itoa(n+1))); err != nil {
							return err
						}
					}
					return nil
				})
				errs <- s.View(context.Background(), func(r controller.Reader) error {
					x, err := number(r, "x")
					if err != nil {
						return err
					}
					y, err := number(r, "y")
					if err == nil && x != y {
						err = fmt.Errorf("a reader saw x = %d and y = %d", x, y)
					}
					return err
				})
			}
		})
	}
	go func() { group.Wait(); close(errs) }()
	for err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, strconv.Itoa(workers*rounds), string(get(t, s, table, "x")))
	require.Equal(t, strconv.Itoa(workers*rounds), string(get(t, s, table, "y")))
}

// testWriteSkew lets many goroutines each add a record only while a scan finds fewer than three: serializable
// transactions end with exactly three, weaker ones with more.
func testWriteSkew(t *testing.T, h Harness) {
	s := open(t, h)
	var group sync.WaitGroup
	errs := make(chan error, 16)
	for i := range 16 {
		group.Go(func() {
			errs <- s.Update(context.Background(), func(w controller.Writer) error {
				found, err := w.Scan(table, "", "", 10)
				if err != nil || len(found) >= 3 {
					return err
				}
				return w.Put(table, strconv.Itoa(i), nil)
			})
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, keys(t, s, "", "", 100), 3)
}

func testOver(t *testing.T, h Harness) {
	s := open(t, h)
	var r controller.Reader
	var w controller.Writer
	require.NoError(t, s.View(context.Background(), func(in controller.Reader) error { r = in; return nil }))
	update(t, s, func(in controller.Writer) error { w = in; return nil })
	for _, reader := range []controller.Reader{r, w} {
		_, err := reader.Get(table, "a")
		require.ErrorIs(t, err, controller.ErrOver)
		_, err = reader.Scan(table, "", "", 1)
		require.ErrorIs(t, err, controller.ErrOver)
	}
	require.ErrorIs(t, w.Put(table, "a", nil), controller.ErrOver)
	require.ErrorIs(t, w.Delete(table, "a"), controller.ErrOver)
	require.Empty(t, keys(t, s, "", "", 10))
	_, writes := r.(controller.Writer)
	require.False(t, writes, "the Reader of a View is no Writer in disguise")
}

func testCancel(t *testing.T, h Harness) {
	s := open(t, h)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.Update(ctx, func(w controller.Writer) error { return w.Put(table, "a", nil) }), context.Canceled)
	require.ErrorIs(t, s.View(ctx, func(controller.Reader) error { return nil }), context.Canceled)
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	err := s.Update(ctx, func(w controller.Writer) error {
		err := w.Put(table, "a", nil)
		cancel()
		return err
	})
	require.ErrorIs(t, err, context.Canceled, "cancelled before the commit: nothing is written")
	require.Empty(t, keys(t, s, "", "", 10))
	put(t, s, table, "b")
	require.Equal(t, []string{"b"}, keys(t, s, "", "", 10))
}

func testClose(t *testing.T, h Harness) {
	s := open(t, h)
	inside, goOn := make(chan struct{}), make(chan struct{})
	updated, closed := make(chan error, 1), make(chan error, 1)
	var once sync.Once
	go func() {
		updated <- s.Update(context.Background(), func(w controller.Writer) error {
			once.Do(func() { close(inside) })
			<-goOn
			return w.Put(table, "a", nil)
		})
	}()
	<-inside
	go func() { closed <- s.Close() }()
	// Close keeps new transactions out and waits for the running one.
	for s.View(context.Background(), func(controller.Reader) error { return nil }) == nil {
	}
	select {
	case <-closed:
		t.Fatal("Close did not wait for the running transaction")
	default:
	}
	close(goOn)
	require.NoError(t, <-updated)
	require.NoError(t, <-closed)
	require.ErrorIs(t, s.View(context.Background(), func(controller.Reader) error { return nil }), controller.ErrClosed)
	require.ErrorIs(t, s.Update(context.Background(), func(controller.Writer) error { return nil }), controller.ErrClosed)
	require.ErrorIs(t, s.Close(), controller.ErrClosed)
}

// testScanOracle compares scans with a sorted slice, on random keys and ranges.
func testScanOracle(t *testing.T, h Harness) {
	s := open(t, h)
	random := rand.New(rand.NewPCG(1, 2))
	key := func() string {
		b := make([]byte, 1+random.IntN(4))
		for i := range b {
			b[i] = []byte{0, 1, 'a', 'b', 0x7f, 0x80, 0xfe, 0xff}[random.IntN(8)]
		}
		return string(b)
	}
	var want []string
	for range 30 {
		var add, drop []string
		for range 10 {
			add, drop = append(add, key()), append(drop, key())
		}
		put(t, s, table, add...)
		update(t, s, func(w controller.Writer) error {
			for _, k := range drop {
				if err := w.Delete(table, k); err != nil {
					return err
				}
			}
			return nil
		})
		want = slices.DeleteFunc(append(want, add...), func(k string) bool { return slices.Contains(drop, k) })
		slices.Sort(want)
		want = slices.Compact(want)
		from, to, limit := key(), key(), 1+random.IntN(20)
		if random.IntN(4) == 0 {
			to = ""
		}
		var expected []string
		for _, k := range want {
			if k >= from && (to == "" || k < to) && len(expected) < limit {
				expected = append(expected, k)
			}
		}
		require.Equal(t, expected, keys(t, s, from, to, limit), "from %q to %q", from, to)
	}
}

func number(r controller.Reader, key string) (int, error) {
	value, err := r.Get(table, key)
	if err != nil || value == nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

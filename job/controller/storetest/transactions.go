package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

func testOwnWrites(s *suite) {
	s.put("a", "b")
	var written, deleted []byte
	var many [][]byte
	var records []controller.Record
	s.update(func(w controller.Writer) (err error) {
		if err = errors.Join(w.Put(s.table, "c", []byte("1")), w.Put(s.table, "c", []byte("2")), w.Delete(s.table, "a")); err != nil {
			return err
		}
		if written, err = w.Get(s.table, "c"); err != nil {
			return err
		}
		if deleted, err = w.Get(s.table, "a"); err != nil {
			return err
		}
		if many, err = w.GetMany([]controller.Key{s.key("c"), s.key("a"), s.key("b")}); err != nil {
			return err
		}
		records, err = w.Scan(s.table, "", "", 10)
		return err
	})
	require.Equal(s, "2", string(written), "Get must return what this Update put last")
	require.Nil(s, deleted, "Get must not return what this Update deleted")
	require.Equal(s, [][]byte{[]byte("2"), nil, []byte("value of b")}, many, "GetMany must see this Update's puts and deletes")
	require.Equal(s, []controller.Record{{Key: "b", Value: []byte("value of b")}, {Key: "c", Value: []byte("2")}}, records, "Scan must see this Update's puts and deletes")
	require.Equal(s, []string{"b", "c"}, s.all(), "the commit must write what the Update saw last")
}

func testSnapshot(s *suite) {
	s.put("a")
	type state struct {
		Value   []byte
		Many    [][]byte
		Records []controller.Record
	}
	read := func(r controller.Reader) (st state, err error) {
		if st.Value, err = r.Get(s.table, "a"); err != nil {
			return st, err
		}
		if st.Many, err = r.GetMany([]controller.Key{s.key("a"), s.key("b")}); err != nil {
			return st, err
		}
		st.Records, err = r.Scan(s.table, "", "", 100)
		return st, err
	}
	var first, second state
	s.view(func(r controller.Reader) (err error) {
		if first, err = read(r); err != nil {
			return err
		}
		done := make(chan error)
		go func() { // the View waits for this Update: the store must not make the Update wait for the View
			done <- s.store.Update(context.Background(), func(w controller.Writer) error {
				return errors.Join(w.Put(s.table, "a", []byte("changed")), w.Put(s.table, "b", nil))
			})
		}()
		if err := <-done; err != nil {
			return err
		}
		second, err = read(r)
		return err
	})
	require.Equal(s, first, second, "a View must see one state: an Update that commits meanwhile must not show")
	require.Equal(s, []string{"a", "b"}, s.all(), "the Update must have committed")
}

func testUncommitted(s *suite) {
	s.put("a")
	var value []byte
	var records []controller.Record
	s.update(func(w controller.Writer) error {
		if err := errors.Join(w.Put(s.table, "a", []byte("changed")), w.Put(s.table, "b", nil)); err != nil {
			return err
		}
		done := make(chan error)
		go func() { // the Update waits for this View: the store must not make the View wait for the Update
			done <- s.store.View(context.Background(), func(r controller.Reader) (err error) {
				if value, err = r.Get(s.table, "a"); err != nil {
					return err
				}
				records, err = r.Scan(s.table, "", "", 10)
				return err
			})
		}()
		return <-done
	})
	require.Equal(s, "value of a", string(value), "Get in a View must not see what is not committed yet")
	require.Len(s, records, 1, "Scan in a View must not see what is not committed yet")
}

func testReturnedBefore(s *suite) {
	for i := range 50 {
		s.update(func(w controller.Writer) error { return w.Put(s.table, "a", []byte(strconv.Itoa(i))) })
		require.Equal(s, strconv.Itoa(i), string(s.get("a")), "a View must see what the Update wrote that returned before it")
		var value []byte
		s.update(func(w controller.Writer) (err error) {
			value, err = w.Get(s.table, "a")
			return err
		})
		require.Equal(s, strconv.Itoa(i), string(value), "an Update must see what the Update wrote that returned before it")
	}
}

func (s *suite) number(r controller.Reader, key string) (int, error) {
	value, err := r.Get(s.table, key)
	if err != nil || value == nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// add adds one to the numbers under both keys.
func (s *suite) add(store controller.Store, x, y string) error {
	return store.Update(context.Background(), func(w controller.Writer) error {
		for _, key := range []string{x, y} {
			n, err := s.number(w, key)
			if err != nil {
				return err
			}
			if err := w.Put(s.table, key, []byte(strconv.Itoa(n+1))); err != nil {
				return err
			}
		}
		return nil
	})
}

// count lets some goroutines per store add to two counters and check in Views that these are equal.
func (s *suite) count(workers, rounds int, stores ...controller.Store) {
	var group sync.WaitGroup
	errs := make(chan error, workers)
	for i := range workers {
		store := stores[i%len(stores)]
		group.Go(func() {
			for range rounds {
				errs <- s.add(store, "x", "y")
				errs <- store.View(context.Background(), func(r controller.Reader) error {
					x, err := s.number(r, "x")
					if err != nil {
						return err
					}
					y, err := s.number(r, "y")
					if err == nil && x != y {
						err = fmt.Errorf("a View saw half of an Update: x is %d and y is %d", x, y)
					}
					return err
				})
			}
		})
	}
	go func() { group.Wait(); close(errs) }()
	for err := range errs {
		require.NoError(s, err, "transactions in conflict must run again until they succeed")
	}
	for _, key := range []string{"x", "y"} {
		require.Equal(s, strconv.Itoa(workers*rounds), string(s.get(key)), "every increment must count: none may be lost, none may be made twice")
	}
}

func testCounters(s *suite) { s.count(8, 25, s.store) }

// testConflictHidden lets goroutines count with an fn that hides why its calls fail.
func testConflictHidden(s *suite) {
	const workers, rounds = 8, 10
	s.together(workers, func(i int) error {
		var hidden error // what fn returns instead
		if i%2 == 0 {
			hidden = errMine
		}
		for range rounds {
			if err := s.store.Update(context.Background(), func(w controller.Writer) error {
				n, err := s.number(w, "n")
				if err != nil {
					return hidden
				}
				if err := w.Put(s.table, "n", fmt.Append(nil, n+1)); err != nil {
					return hidden
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(s, strconv.Itoa(workers*rounds), string(s.get("n")), "a run with a call that failed must not commit, though fn returned nil")
}

// testRangeSkew lets many goroutines each add a record only while a scan finds fewer than three: serializable
// transactions end with exactly three, weaker ones with more.
func testRangeSkew(s *suite) {
	s.together(16, func(i int) error {
		return s.store.Update(context.Background(), func(w controller.Writer) error {
			found, err := w.Scan(s.table, "", "", 10)
			if err != nil || len(found) >= 3 {
				return err
			}
			return w.Put(s.table, strconv.Itoa(i), nil)
		})
	})
	require.Len(s, s.all(), 3, "each Update added a record only if it saw fewer than three: more mean that two did not see each other's")
}

// testAbsentSkew lets goroutines each put a record of their own only if none of the others has one.
func testAbsentSkew(s *suite) {
	const workers, rounds = 8, 10
	for round := range rounds {
		keys := make([]controller.Key, workers)
		for i := range keys {
			keys[i] = s.key(fmt.Sprint(round, " ", i))
		}
		s.together(workers, func(i int) error {
			return s.store.Update(context.Background(), func(w controller.Writer) error {
				values, err := w.GetMany(keys)
				if err != nil || slices.ContainsFunc(values, func(v []byte) bool { return v != nil }) {
					return err
				}
				return w.Put(keys[i].Table, keys[i].Key, nil)
			})
		})
	}
	require.Len(s, s.all(), rounds, "each Update put a record only if it saw none of the round: more mean that two did not see each other's")
}

// together runs fn for 0 to n-1, each in a goroutine.
func (s *suite) together(n int, fn func(int) error) {
	s.Helper()
	var group sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		group.Go(func() { errs[i] = fn(i) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(s, err, "transactions in conflict must run again until they succeed")
	}
}

// testViewSkew looks for the anomaly that snapshot isolation allows to a transaction that only reads (Fekete, O'Neil,
// O'Neil 2004). A withdrawal of 10 from x costs 1 more if x and y together have too little. A deposit of 20 to y runs
// beside it, and then a View. If the View sees the deposit and not the withdrawal, then the deposit came first.
func testViewSkew(s *suite) {
	for round := range 30 {
		x, y := fmt.Sprint(round, " x"), fmt.Sprint(round, " y")
		var seenX, seenY int
		var besides sync.Once
		var group sync.WaitGroup
		var deposited, viewed error
		withdrawn := s.store.Update(context.Background(), func(w controller.Writer) error {
			inX, err := s.number(w, x)
			if err != nil {
				return err
			}
			inY, err := s.number(w, y)
			if err != nil {
				return err
			}
			besides.Do(func() {
				group.Go(func() {
					deposited = s.store.Update(context.Background(), func(w controller.Writer) error { return w.Put(s.table, y, []byte("20")) })
					viewed = s.store.View(context.Background(), func(r controller.Reader) (err error) {
						if seenX, err = s.number(r, x); err != nil {
							return err
						}
						seenY, err = s.number(r, y)
						return err
					})
				})
			})
			for range 20 { // time for the others, if the store lets them run
				if _, err := s.number(w, x); err != nil {
					return err
				}
			}
			left := inX - 10
			if left+inY < 0 {
				left--
			}
			return w.Put(s.table, x, []byte(strconv.Itoa(left)))
		})
		group.Wait()
		require.NoError(s, errors.Join(withdrawn, deposited, viewed), "transactions in conflict must run again until they succeed")
		if seenY == 20 && seenX == 0 {
			require.Equal(s, "-10", string(s.get(x)), "a View saw the deposit without the withdrawal, so the withdrawal must have seen the deposit too")
		}
	}
}

func testDisguise(s *suite) {
	s.view(func(r controller.Reader) error {
		if _, writes := r.(controller.Writer); writes {
			return errors.New("the Reader of a View has the methods of a Writer: hide them")
		}
		return nil
	})
}

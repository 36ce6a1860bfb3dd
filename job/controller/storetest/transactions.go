package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// transactions tests what a transaction sees.
var transactions = []test{
	{"a View sees one state, and holds no Update up", func(s *suite) {
		s.write("a=1")
		s.view(func(r controller.Reader) error {
			first, failed := s.read(r)
			s.write("a=2 b=")
			return errors.Join(failed, s.wants(r, first, "a View must see one state: an Update that commits meanwhile must not show"))
		})
		s.has("a=2 b=", "the Update must have committed")
	}},
	{"a View sees nothing uncommitted, and does not wait for it", func(s *suite) {
		s.write("a=1")
		s.update(func(w controller.Writer) error {
			err := s.change(w, "a=2 b=")
			s.has("a=1", "a View must not see what is not committed yet")
			return err
		})
	}},
	{"fn runs again after a conflict, whatever it returned, and no increment is lost", func(s *suite) { s.conflict(8, 25, s) }},
	// Goroutines each put a record of their own only if they read that there is none.
	{"Updates that read a range, or keys without a record, are serializable", func(s *suite) {
		names := strings.Fields("a b c d e f g h")
		for round := range 20 {
			s := s.on(s.table + controller.Table(fmt.Sprint(round)))
			s.together(len(names), func(i int) error {
				return s.store.Update(s.Context(), func(w controller.Writer) error {
					var found []controller.Record
					var values [][]byte
					var err error
					if round%2 == 0 {
						found, err = w.Scan(s.table, "", "", 10)
					} else {
						values, err = w.GetMany(s.keys(names...))
					}
					there := len(found) > 0 || slices.ContainsFunc(values, func(v []byte) bool { return v != nil })
					runtime.Gosched() // so that others get between
					if err != nil || there {
						return err
					}
					return w.Put(s.table, names[i], nil)
				})
			})
			s.view(func(r controller.Reader) error {
				found, err := s.read(r)
				if len(found) != 1 {
					err = errors.Join(err, fmt.Errorf("%d Updates put a record, each only if it saw none: they did not see each other's", len(found)))
				}
				return err
			})
		}
	}},
	// This looks for the anomaly that snapshot isolation allows to a
	// transaction that only reads (Fekete, O'Neil, O'Neil 2004). An Update puts
	// into x how many records it saw. Another puts y beside it, and then a View
	// reads. If the View sees y and not the first Update, then y came first.
	{"Views are serializable", func(s *suite) {
		for round := range 30 {
			s := s.on(s.table + controller.Table(fmt.Sprint(round)))
			var seen []controller.Record
			var besides sync.Once
			var group sync.WaitGroup
			var put, viewed error
			wrote := s.store.Update(s.Context(), func(w controller.Writer) error {
				saw, err := s.read(w)
				besides.Do(func() {
					group.Go(func() {
						put = s.store.Update(s.Context(), func(w controller.Writer) error { return s.change(w, "y=1") })
						viewed = s.store.View(s.Context(), func(r controller.Reader) (err error) {
							seen, err = s.read(r)
							return err
						})
					})
				})
				for range 20 { // time for the others, if the store lets them run
					err = errors.Join(err, only(w.Get(s.table, "x")))
				}
				return errors.Join(err, s.change(w, fmt.Sprint("x=", len(saw))))
			})
			group.Wait()
			require.NoError(s, errors.Join(wrote, put, viewed), "transactions in conflict must run again until they succeed")
			if len(seen) == 1 && seen[0].Key == "y" {
				s.has("x=1 y=1", "a View saw y without x, so the Update that put x must have seen y too")
			}
		}
	}},
	{"the Reader of a View is not a Writer", func(s *suite) {
		s.view(func(r controller.Reader) error {
			if _, writes := r.(controller.Writer); writes {
				return errors.New("the Reader of a View has the methods of a Writer: hide them")
			}
			return nil
		})
	}},
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
	require.NoError(s, errors.Join(errs...), "transactions in conflict must run again until they succeed")
}

// conflict lets goroutines add to two counters, and check in Views that these
// are equal. Some of them hide why calls fail, and all use the Writers of
// earlier runs, which are over.
func (s *suite) conflict(workers, rounds int, stores ...*suite) {
	equal := func(r controller.Reader) (n int, err error) {
		found, err := s.read(r)
		if len(found) > 0 {
			n, _ = strconv.Atoi(string(found[0].Value))
			err = errors.Join(err, same(parse(fmt.Sprintf("x=%[1]d y=%[1]d", n)), found, "a transaction must not see half of an Update"))
		}
		return n, err
	}
	s.together(workers, func(i int) error {
		store := stores[i%len(stores)].store
		for range rounds {
			var earlier []controller.Reader
			var wrong error
			err := store.Update(s.Context(), func(w controller.Writer) error {
				for _, old := range earlier {
					wrong = errors.Join(wrong, s.refuses(old, controller.ErrOver))
				}
				earlier = append(earlier, w)
				n, failed := equal(w)
				runtime.Gosched() // so that others get between
				if err := errors.Join(failed, s.change(w, fmt.Sprintf("x=%[1]d y=%[1]d", n+1))); err != nil {
					return []error{err, nil, errMine}[i/len(stores)%3]
				}
				return nil
			})
			viewed := store.View(s.Context(), func(r controller.Reader) error { return only(equal(r)) })
			if err := errors.Join(err, wrong, viewed); err != nil {
				return err
			}
		}
		return nil
	})
	s.has(fmt.Sprintf("x=%[1]d y=%[1]d", workers*rounds), "every increment must count: none may be lost, none may be made twice, "+
		"and a run with a call that failed must not commit, though fn returned nil")
}

func only[T any](_ T, err error) error { return err }

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// transactions tests what a transaction sees.
var transactions = []test{
	{"a Writer reads its own writes", func(s *suite) {
		s.update(s.fill("a", "b"))
		require.Equal(s, "2; -; [- vb]; [b=vb c=2]", s.update(s.put("c", "1"), s.put("c", "2"), s.remove("a"), s.get("c"), s.everything()),
			"Get, GetMany and Scan must return what this Update put last, and not what it deleted")
		require.Equal(s, "[b=vb c=2]", s.view(s.all()), "the commit must write what the Update saw last")
	}},
	{"a View sees one state, and holds no Update up", func(s *suite) {
		s.update(s.fill("a"))
		var first, second string
		s.view(into(&first, s.everything()), beside(func() error {
			return update(s.Context(), s.store, s.put("a", "changed"), s.put("b", ""))
		}), into(&second, s.everything()))
		require.Equal(s, first, second, "a View must see one state: an Update that commits meanwhile must not show")
		require.Equal(s, `[a=changed b=""]`, s.view(s.all()), "the Update must have committed")
	}},
	{"a View sees nothing uncommitted, and does not wait for it", func(s *suite) {
		s.update(s.fill("a"))
		var seen string
		s.update(s.put("a", "changed"), s.put("b", ""), beside(func() error {
			return view(s.Context(), s.store, into(&seen, s.everything()))
		}))
		require.Equal(s, "va; [va -]; [a=va]", seen, "a View must not see what is not committed yet")
	}},
	{"a transaction sees every Update that returned before", func(s *suite) {
		for i := range 50 {
			s.update(s.put("a", strconv.Itoa(i)))
			require.Equal(s, strconv.Itoa(i), s.view(s.get("a")), "a View must see what the Update wrote that returned before it")
			require.Equal(s, strconv.Itoa(i), s.update(s.get("a")), "an Update must see what the Update wrote that returned before it")
		}
	}},
	{"no increment is lost, and no View sees half of an Update", func(s *suite) { s.count(8, 25, s.store) }},
	// Goroutines count with an fn that hides why its calls fail.
	{"fn runs again after a conflict, whatever it returned", func(s *suite) {
		const workers, rounds = 8, 10
		s.together(workers, func(i int) error {
			var hidden error // what fn returns instead
			if i%2 == 0 {
				hidden = errMine
			}
			for range rounds {
				if err := s.store.Update(s.Context(), func(w controller.Writer) error {
					if _, err := s.increment("n")(w); err != nil {
						return hidden
					}
					return nil
				}); err != nil {
					return err
				}
			}
			return nil
		})
		require.Equal(s, strconv.Itoa(workers*rounds), s.view(s.get("n")), "a run with a call that failed must not commit, though fn returned nil")
	}},
	// Many goroutines each add a record only while a scan finds fewer than three: serializable
	// transactions end with exactly three, weaker ones with more.
	{"Updates that read a range are serializable", func(s *suite) {
		s.together(16, func(i int) error {
			return s.store.Update(s.Context(), func(w controller.Writer) error {
				found, err := w.Scan(controller.Table(s.table), "", "", 10)
				if err != nil || len(found) >= 3 {
					return err
				}
				return only(s.put(strconv.Itoa(i), "")(w))
			})
		})
		require.Equal(s, 3, strings.Count(s.view(s.all()), "="), "each Update added a record only if it saw fewer than three: more mean that two did not see each other's")
	}},
	// Goroutines each put a record of their own only if none of the others has one.
	{"Updates that read keys without a record are serializable", func(s *suite) {
		const workers, rounds = 8, 10
		for round := range rounds {
			var keys []string
			for i := range workers {
				keys = append(keys, fmt.Sprint(round, " ", i))
			}
			s.together(workers, func(i int) error {
				return s.store.Update(s.Context(), func(w controller.Writer) error {
					values, err := w.GetMany(s.keys(keys...))
					if err != nil || slices.ContainsFunc(values, func(v []byte) bool { return v != nil }) {
						return err
					}
					return only(s.put(keys[i], "")(w))
				})
			})
		}
		require.Equal(s, rounds, strings.Count(s.view(s.all()), "="), "each Update put a record only if it saw none of the round: more mean that two did not see each other's")
	}},
	// This looks for the anomaly that snapshot isolation allows to a transaction that only reads (Fekete, O'Neil,
	// O'Neil 2004). A withdrawal of 10 from x costs 1 more if x and y together have too little. A deposit of 20 to y runs
	// beside it, and then a View. If the View sees the deposit and not the withdrawal, then the deposit came first.
	{"Views are serializable", func(s *suite) {
		ctx := s.Context()
		for round := range 30 {
			x, y := fmt.Sprint(round, " x"), fmt.Sprint(round, " y")
			var seen string
			var besides sync.Once
			var group sync.WaitGroup
			var deposited, viewed error
			withdrawn := s.store.Update(ctx, func(w controller.Writer) error {
				inX, errX := s.number(w, x)
				inY, errY := s.number(w, y)
				if err := errors.Join(errX, errY); err != nil {
					return err
				}
				besides.Do(func() {
					group.Go(func() {
						deposited = update(ctx, s.store, s.put(y, "20"))
						viewed = view(ctx, s.store, into(&seen, s.get(x), s.get(y)))
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
				return only(s.put(x, strconv.Itoa(left))(w))
			})
			group.Wait()
			require.NoError(s, errors.Join(withdrawn, deposited, viewed), "transactions in conflict must run again until they succeed")
			if seen == "-; 20" {
				require.Equal(s, `"-10"`, s.view(s.get(x)), "a View saw the deposit without the withdrawal, so the withdrawal must have seen the deposit too")
			}
		}
	}},
	{"the Reader of a View is not a Writer", func(s *suite) {
		s.view(func(r controller.Reader) (string, error) {
			if _, writes := r.(controller.Writer); writes {
				return "", errors.New("the Reader of a View has the methods of a Writer: hide them")
			}
			return "", nil
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

// count lets goroutines add to two counters and check in Views that these are equal.
func (s *suite) count(workers, rounds int, stores ...controller.Store) {
	ctx := s.Context()
	s.together(workers, func(i int) error {
		store := stores[i%len(stores)]
		for range rounds {
			var seen string
			if err := errors.Join(update(ctx, store, s.increment("x", "y")), view(ctx, store, into(&seen, s.get("x"), s.get("y")))); err != nil {
				return err
			}
			if x, y, _ := strings.Cut(seen, "; "); x != y {
				return fmt.Errorf("a View saw half of an Update: x is %s and y is %s", x, y)
			}
		}
		return nil
	})
	require.Equal(s, fmt.Sprintf("[x=%[1]d y=%[1]d]", workers*rounds), s.view(s.all()), "every increment must count: none may be lost, none may be made twice")
}

package memstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/controller/storetest"
	"github.com/stretchr/testify/require"
)

func TestStore(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			if testing.Short() && seed > 1 {
				t.Skip("SKIPPED ALOUD: more seeds take a while; run without -short")
			}
			storetest.Run(t, storetest.Harness{Open: func(*testing.T, string) controller.Store {
				return memstore.New(memstore.Options{Seed: seed})
			}})
		})
	}
}

// A clone has what was committed, and from then on neither store sees what the other commits.
func TestClone(t *testing.T) {
	ctx := context.Background()
	put := func(s *memstore.Store, key, value string) {
		require.NoError(t, s.Update(ctx, func(w controller.Writer) error { return w.Put("t", key, []byte(value)) }))
	}
	has := func(s *memstore.Store) (all []string) {
		require.NoError(t, s.View(ctx, func(r controller.Reader) error {
			records, err := r.Scan("t", "", "", 100)
			all = nil
			for _, rec := range records {
				all = append(all, rec.Key+"="+string(rec.Value))
			}
			return err
		}))
		return all
	}
	first := memstore.New(memstore.Options{})
	put(first, "a", "1")
	var clone *memstore.Store
	require.NoError(t, first.Update(ctx, func(w controller.Writer) error {
		if err := w.Put("t", "b", []byte("later")); err != nil {
			return err
		}
		clone = first.Clone()
		return nil
	}))
	put(clone, "a", "2")
	put(clone, "c", "3")
	put(first, "d", "4")
	require.Equal(t, []string{"a=1", "b=later", "d=4"}, has(first))
	require.Equal(t, []string{"a=2", "c=3"}, has(clone), "what is not committed is not in it")
	require.NoError(t, first.Close())
	require.Len(t, has(clone), 2, "it outlives the first")
}

// TestMisbehaviour shows that a seed makes transactions run more than once, the
// same way each time, and without one never.
func TestMisbehaviour(t *testing.T) {
	history := func(seed uint64) (runs []int) {
		s := memstore.New(memstore.Options{Seed: seed})
		for i := range 50 {
			n := 0
			require.NoError(t, s.Update(context.Background(), func(w controller.Writer) error {
				n++
				return w.Put("t", fmt.Sprint(i), nil)
			}))
			runs = append(runs, n)
		}
		var records []controller.Record
		require.NoError(t, s.View(context.Background(), func(r controller.Reader) (err error) {
			records, err = r.Scan("t", "", "", 100)
			return err
		}))
		require.Len(t, records, 50)
		return runs
	}
	require.Subset(t, history(0), []int{1})
	require.NotContains(t, history(0), 2)
	require.Equal(t, history(7), history(7))
	require.NotEqual(t, history(7), history(8))
	require.Subset(t, history(7), []int{1, 2, 3})
}

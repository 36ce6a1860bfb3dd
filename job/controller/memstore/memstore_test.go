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
			storetest.Run(t, storetest.Harness{Open: func(*testing.T, string) controller.Store {
				return memstore.New(memstore.Options{Seed: seed})
			}})
		})
	}
}

// TestMisbehaviour shows that a seed makes transactions run more than once, the same way each time, and without one never.
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

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(*testing.B) controller.Store { return memstore.New(memstore.Options{}) })
}

package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
)

var errOwn = errors.New("its own error")

// Updates that come at the same time share commits, and remain transactions of
// their own: one that fails, panics or is not waited for any more leaves nothing
// behind, however much it wrote, and takes nothing away from the others.
func TestUpdatesShareCommits(t *testing.T) {
	s, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	const workers = 24
	each := 40
	if testing.Short() {
		each = 11
	}
	big := make([]byte, 3<<20)
	kept := make([]map[string]bool, workers)
	var counted atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		kept[w] = map[string]bool{}
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range each {
				name := fmt.Sprintf("w%02d-%03d", w, i)
				kind := rng.IntN(8)
				ctx, stop := context.WithCancel(t.Context())
				if kind == 1 {
					go func() { time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond); stop() }()
				}
				err := attempt(s, ctx, func(w controller.Writer) error {
					n, err := w.Get("count", "n")
					if err != nil {
						return err
					}
					var count int
					_, _ = fmt.Sscan(string(n), &count) // none yet is zero
					if err := errors.Join(w.Put("count", "n", fmt.Append(nil, count+1)), w.Put("kept", name, []byte("x"))); err != nil {
						return err
					}
					if kind <= 4 && i%10 == 0 { // more than is kept in memory: it is sent before the end
						for part := range 2 {
							if err := w.Put("big", fmt.Sprint(name, part), big); err != nil {
								return err
							}
						}
					}
					switch kind {
					case 2:
						return errOwn
					case 3:
						panic(errOwn)
					}
					return nil
				})
				stop()
				switch {
				case err == nil:
					kept[w][name] = true
					counted.Add(1)
				case kind == 2 || kind == 3:
					require.ErrorIs(t, err, errOwn)
				default:
					require.ErrorIs(t, err, context.Canceled)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.View(t.Context(), func(r controller.Reader) error {
		n, err := r.Get("count", "n")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(counted.Load()), string(n), "no increment is lost, and none of those that failed counts")
		list, err := r.Scan("kept", "", "", 10000)
		require.NoError(t, err)
		found := map[string]bool{}
		for _, rec := range list {
			found[rec.Key] = true
		}
		all := 0
		for _, names := range kept {
			for name := range names {
				require.True(t, found[name], name)
				all++
			}
		}
		require.Len(t, found, all)
		return nil
	}))
	require.NoError(t, s.Close())
}

// attempt is an Update whose panic is an error.
func attempt(s controller.Store, ctx context.Context, fn func(controller.Writer) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	return s.Update(ctx, fn)
}

// BenchmarkUpdates compares many Updates at the same time with one after the
// other: each of those waits for the disk.
func BenchmarkUpdates(b *testing.B) {
	s, err := sqlstore.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "s.db"))
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	const most = 32
	run := func(workers, n int) time.Duration {
		begun := time.Now()
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range n / workers {
					err := s.Update(b.Context(), func(tx controller.Writer) error { return tx.Put("t", fmt.Sprint(w, i), []byte("value")) })
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		return time.Since(begun) / time.Duration(n)
	}
	var alone, together time.Duration
	for b.Loop() {
		alone += run(1, 320)
		together += run(most, 3200)
	}
	b.ReportMetric(float64(together.Microseconds())/float64(b.N), "µs/update")
	b.ReportMetric(float64(alone)/float64(together), "times-as-fast-as-alone")
}

// An Update that stops waiting when another has just left its commit to it does
// not keep that one waiting.
func TestWhoeverLeavesIsReplaced(t *testing.T) {
	s, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	for i := range 300 {
		begun, end := make(chan bool), make(chan bool)
		first := make(chan error, 1)
		go func() {
			first <- s.Update(t.Context(), func(tx controller.Writer) error {
				close(begun)
				<-end
				return tx.Put("t", "k", fmt.Append(nil, i))
			})
		}()
		<-begun
		ctx, stop := context.WithCancel(t.Context())
		second := make(chan error, 1)
		go func() {
			second <- s.Update(ctx, func(controller.Writer) error { return nil })
		}()
		time.Sleep(time.Duration(i%3) * 100 * time.Microsecond) // so that it waits
		go stop()
		close(end)
		select {
		case err := <-first:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			require.Fail(t, "it waits for an Update that has gone")
		}
		if err := <-second; err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	require.NoError(t, s.Close())
}

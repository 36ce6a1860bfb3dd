package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Bench measures what a server does most: small durable writes, reads of one and of some records, and pages of big tables.
func Bench(b *testing.B, h func(*testing.B) controller.Store) {
	const t controller.Table = "bench"
	ctx, value := context.Background(), make([]byte, 300)
	key := func(i int) string { return fmt.Sprintf("%08d", i) }
	put := func(s controller.Store, n int, key func(int) string) error {
		return s.Update(ctx, func(w controller.Writer) error {
			for i := range n {
				if err := w.Put(t, key(i), value); err != nil {
					return err
				}
			}
			return nil
		})
	}
	filled := func(b *testing.B) controller.Store {
		s := h(b)
		if err := put(s, 10_000, key); err != nil {
			b.Fatal(err)
		}
		return s
	}
	run := func(name string, open func(*testing.B) controller.Store, once func(s controller.Store, i int) error) {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			for i := 0; b.Loop(); i++ {
				if err := once(s, i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("UpdateOne", h, func(s controller.Store, i int) error {
		return put(s, 1, func(int) string { return key(i % 10_000) })
	})
	run("Update1000", h, func(s controller.Store, i int) error {
		return put(s, 1000, func(j int) string { return fmt.Sprintf("%04d%04d", j, i%10) })
	})
	run("View", filled, func(s controller.Store, i int) error {
		return s.View(ctx, func(r controller.Reader) error { return only(r.Get(t, key(i%10_000))) })
	})
	run("Scan1000", filled, func(s controller.Store, _ int) error {
		return s.View(ctx, func(r controller.Reader) error { return only(r.Scan(t, key(4000), "", 1000)) })
	})
	// Both ways of reading eight records in turn, so that whatever else the machine does slows both.
	b.Run("GetMany8", func(b *testing.B) {
		s, random := filled(b), rand.New(rand.NewPCG(1, 2))
		timed := func(read func(controller.Reader, []controller.Key) error) time.Duration {
			keys := make([]controller.Key, 8)
			for i := range keys {
				keys[i] = controller.Key{Table: t, Key: key(random.IntN(10_000))}
			}
			start := time.Now()
			if err := s.View(ctx, func(r controller.Reader) error { return read(r, keys) }); err != nil {
				b.Fatal(err)
			}
			return time.Since(start)
		}
		var many, gets time.Duration
		for b.Loop() {
			many += timed(func(r controller.Reader, keys []controller.Key) error { return only(r.GetMany(keys)) })
			gets += timed(func(r controller.Reader, keys []controller.Key) error {
				for _, k := range keys {
					if _, err := r.Get(k.Table, k.Key); err != nil {
						return err
					}
				}
				return nil
			})
		}
		b.ReportMetric(0, "ns/op") // of both together
		b.ReportMetric(float64(many.Nanoseconds())/float64(b.N), "ns/getmany")
		b.ReportMetric(float64(gets.Nanoseconds())/float64(b.N), "ns/8gets")
		b.ReportMetric(float64(gets)/float64(many), "gets/many")
	})
}

package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

const table controller.Table = "bench"

// Bench measures what a server does most: small durable writes, reads of one and of some records, and pages of big tables.
func Bench(b *testing.B, h func(*testing.B) controller.Store) {
	ctx, value := context.Background(), make([]byte, 300)
	b.Run("UpdateOne", func(b *testing.B) {
		s := h(b)
		for i := 0; b.Loop(); i++ {
			if err := s.Update(ctx, func(w controller.Writer) error {
				return w.Put(table, fmt.Sprintf("%08d", i%10_000), value)
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Update1000", func(b *testing.B) {
		s := h(b)
		for i := 0; b.Loop(); i++ {
			if err := s.Update(ctx, func(w controller.Writer) error {
				for j := range 1000 {
					if err := w.Put(table, fmt.Sprintf("%04d%04d", j, i%10), value); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("View", func(b *testing.B) {
		s := h(b)
		fill(b, s, value)
		for i := 0; b.Loop(); i++ {
			if err := s.View(ctx, func(r controller.Reader) error {
				_, err := r.Get(table, fmt.Sprintf("%08d", i%10_000))
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Both ways of reading eight records in turn, so that whatever else the machine does slows both.
	b.Run("GetMany8", func(b *testing.B) {
		s := h(b)
		fill(b, s, value)
		random := rand.New(rand.NewPCG(1, 2))
		timed := func(read func(controller.Reader, []controller.Key) error) time.Duration {
			keys := make([]controller.Key, 8)
			for i := range keys {
				keys[i] = controller.Key{Table: table, Key: fmt.Sprintf("%08d", random.IntN(10_000))}
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
	b.Run("Scan1000", func(b *testing.B) {
		s := h(b)
		fill(b, s, value)
		for b.Loop() {
			if err := s.View(ctx, func(r controller.Reader) error {
				_, err := r.Scan(table, "00004000", "", 1000)
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func fill(b *testing.B, s controller.Store, value []byte) {
	b.Helper()
	if err := s.Update(context.Background(), func(w controller.Writer) error {
		for i := range 10_000 {
			if err := w.Put(table, fmt.Sprintf("%08d", i), value); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

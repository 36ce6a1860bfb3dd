package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Bench measures the three things a server does most: a small durable write, a read, and a page of a big table.
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

package storetest

import (
	"fmt"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// Bench measures what a server does most: small durable writes, and reads of
// one record or of a page, with 10,000 records.
func Bench(b *testing.B, open func(*testing.B) controller.Store) {
	const t controller.Table = "bench"
	s, value := open(b), make([]byte, 300)
	key := func(i int) string { return fmt.Sprintf("%08d", i*997%10_000) }
	put := func(first, n int) error {
		return s.Update(b.Context(), func(w controller.Writer) (err error) {
			for i := 0; i < n && err == nil; i++ {
				err = w.Put(t, key(first+i), value)
			}
			return err
		})
	}
	require.NoError(b, put(0, 10_000))
	for name, once := range map[string]func(i int) error{
		"UpdateOne":  func(i int) error { return put(i, 1) },
		"Update1000": func(i int) error { return put(i, 1000) },
		"View": func(i int) error {
			return s.View(b.Context(), func(r controller.Reader) error { return only(r.Get(t, key(i))) })
		},
		"Scan1000": func(int) error {
			return s.View(b.Context(), func(r controller.Reader) error { return only(r.Scan(t, "00004000", "", 1000)) })
		},
		"GetMany8": func(i int) error {
			keys := make([]controller.Key, 8)
			for j := range keys {
				keys[j] = controller.Key{Table: t, Key: key(i + j)}
			}
			return s.View(b.Context(), func(r controller.Reader) error { return only(r.GetMany(keys)) })
		},
	} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				require.NoError(b, once(i))
			}
		})
	}
}

func only[T any](_ T, err error) error { return err }

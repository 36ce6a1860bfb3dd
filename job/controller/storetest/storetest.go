package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// Harness says how to get at an implementation.
type Harness struct {
	// Open opens the store called name, creating it when the test has none of that name yet. The suite closes it.
	Open func(t *testing.T, name string) controller.Store
	// Durable says that a store opened again under its name holds what was committed.
	Durable bool
}

const table controller.Table = "t"

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"GetPutDelete", testGetPutDelete}, {"Bounds", testBounds}, {"ScanOrderAndRanges", testScan},
		{"ScanAgainstOracle", testScanOracle}, {"OwnWrites", testOwnWrites}, {"RollbackOnError", testRollback},
		{"RollbackOnPanic", testPanic}, {"ValuesAreNotShared", testValues}, {"SnapshotOfAView", testSnapshot},
		{"ConcurrentCounters", testCounters}, {"WriteSkew", testWriteSkew}, {"UseAfterEnd", testOver},
		{"Cancel", testCancel}, {"Close", testClose}, {"Durable", testDurable},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
}

func open(t *testing.T, h Harness) controller.Store {
	t.Helper()
	s := h.Open(t, "store")
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func update(t *testing.T, s controller.Store, fn func(controller.Writer) error) {
	t.Helper()
	require.NoError(t, s.Update(context.Background(), fn))
}

func put(t *testing.T, s controller.Store, table controller.Table, keys ...string) {
	t.Helper()
	update(t, s, func(w controller.Writer) error {
		for _, k := range keys {
			if err := w.Put(table, k, []byte("value of "+k)); err != nil {
				return err
			}
		}
		return nil
	})
}

func get(t *testing.T, s controller.Store, table controller.Table, key string) (value []byte) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), func(r controller.Reader) (err error) {
		value, err = r.Get(table, key)
		return err
	}))
	return value
}

func keys(t *testing.T, s controller.Store, from, to string, limit int) (found []string) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), func(r controller.Reader) error {
		records, err := r.Scan(table, from, to, limit)
		found = nil
		for _, rec := range records {
			found = append(found, rec.Key)
		}
		return err
	}))
	return found
}

func testGetPutDelete(t *testing.T, h Harness) {
	s := open(t, h)
	require.Nil(t, get(t, s, table, "a"), "nothing there: nil")
	put(t, s, table, "a", "b")
	require.Equal(t, "value of a", string(get(t, s, table, "a")))
	require.Nil(t, get(t, s, "other", "a"), "tables are apart")
	update(t, s, func(w controller.Writer) error { return w.Put(table, "a", []byte("new")) })
	require.Equal(t, "new", string(get(t, s, table, "a")))
	update(t, s, func(w controller.Writer) error { return w.Delete(table, "a") })
	require.Nil(t, get(t, s, table, "a"))
	require.Equal(t, "value of b", string(get(t, s, table, "b")))
	update(t, s, func(w controller.Writer) error { return w.Delete(table, "never there") })
	for _, empty := range [][]byte{nil, {}} {
		update(t, s, func(w controller.Writer) error { return w.Put(table, "empty", empty) })
		got := get(t, s, table, "empty")
		require.NotNil(t, got, "an empty value is not none")
		require.Empty(t, got)
	}
	binary := []byte{0, 1, 0xff, 0xfe, '\'', '"', ';', 0}
	for _, key := range []string{"\x00", "\xff\xfe", "quote'\"", "Ünïcode", string(binary)} {
		update(t, s, func(w controller.Writer) error { return w.Put(table, key, binary) })
		require.Equal(t, binary, get(t, s, table, key), "%q", key)
	}
}

func testBounds(t *testing.T, h Harness) {
	s := open(t, h)
	longest, name := strings.Repeat("k", controller.MaxKey), controller.Table(strings.Repeat("t", controller.MaxTable))
	biggest := make([]byte, controller.MaxValue)
	biggest[len(biggest)-1] = 7
	update(t, s, func(w controller.Writer) error { return w.Put(name, longest, biggest) })
	require.Equal(t, biggest, get(t, s, name, longest))

	short := "k"
	for name, use := range map[string]func(controller.Writer) error{
		"Put: long key":       func(w controller.Writer) error { return w.Put(table, longest+"k", nil) },
		"Put: no key":         func(w controller.Writer) error { return w.Put(table, "", nil) },
		"Put: long table":     func(w controller.Writer) error { return w.Put(name+"t", short, nil) },
		"Put: no table":       func(w controller.Writer) error { return w.Put("", short, nil) },
		"Put: big value":      func(w controller.Writer) error { return w.Put(table, short, make([]byte, controller.MaxValue+1)) },
		"Delete: no key":      func(w controller.Writer) error { return w.Delete(table, "") },
		"Delete: long key":    func(w controller.Writer) error { return w.Delete(table, longest+"k") },
		"Get: no key":         func(w controller.Writer) error { return reading(w.Get(table, "")) },
		"Get: long key":       func(w controller.Writer) error { return reading(w.Get(table, longest+"k")) },
		"Scan: negative":      func(w controller.Writer) error { return reading(w.Scan(table, "", "", -1)) },
		"Scan: limit 0":       func(w controller.Writer) error { return reading(w.Scan(table, "", "", 0)) },
		"Scan: limit too big": func(w controller.Writer) error { return reading(w.Scan(table, "", "", controller.MaxScan+1)) },
		"Scan: long from":     func(w controller.Writer) error { return reading(w.Scan(table, longest+"k", "", 1)) },
		"Scan: long to":       func(w controller.Writer) error { return reading(w.Scan(table, "", longest+"k", 1)) },
	} {
		var refused error
		update(t, s, func(w controller.Writer) error {
			refused = use(w)
			return w.Put(table, "after", []byte("a refusal does not end the transaction"))
		})
		var bound *controller.BoundError
		require.ErrorAs(t, refused, &bound, name)
	}
	update(t, s, func(w controller.Writer) error { return reading(w.Scan(table, longest, longest, controller.MaxScan)) })
	require.Equal(t, []string{"after"}, keys(t, s, "", "", 10))
}

func reading[T any](_ T, err error) error { return err }

func testScan(t *testing.T, h Harness) {
	s := open(t, h)
	put(t, s, "s", "a", "zz") // neighbours in the order of tables
	put(t, s, "u", "a", "zz")
	put(t, s, table, "b", "B", "a\x00", "a", "ab", "é", "z", "\xff", "10", "9", "a b")
	all := []string{"10", "9", "B", "a", "a\x00", "a b", "ab", "b", "z", "é", "\xff"}
	require.Equal(t, all, keys(t, s, "", "", 100), "in the order of bytes, whatever the language says")
	require.Equal(t, all[:3], keys(t, s, "", "", 3))
	require.Equal(t, []string{"a", "a\x00", "a b", "ab"}, keys(t, s, "a", "b", 100), "from is in, to is not")
	require.Equal(t, []string{"a\x00", "a b"}, keys(t, s, "a\x00", "", 2))
	require.Empty(t, keys(t, s, "b", "b", 10))
	require.Empty(t, keys(t, s, "c", "b", 10))
	require.Empty(t, keys(t, s, "\xff\xff", "", 10))
	var records []controller.Record
	require.NoError(t, s.View(context.Background(), func(r controller.Reader) (err error) {
		records, err = r.Scan(table, "z", "", 1)
		return err
	}))
	require.Equal(t, []controller.Record{{Key: "z", Value: []byte("value of z")}}, records)
}

func testOwnWrites(t *testing.T, h Harness) {
	s := open(t, h)
	put(t, s, table, "a", "b")
	var written, deleted []byte
	var records []controller.Record
	update(t, s, func(w controller.Writer) (err error) {
		if err = errors.Join(w.Put(table, "c", []byte("1")), w.Put(table, "c", []byte("2")), w.Delete(table, "a")); err != nil {
			return err
		}
		if written, err = w.Get(table, "c"); err != nil {
			return err
		}
		if deleted, err = w.Get(table, "a"); err != nil {
			return err
		}
		records, err = w.Scan(table, "", "", 10)
		return err
	})
	require.Equal(t, "2", string(written))
	require.Nil(t, deleted)
	require.Equal(t, []controller.Record{{Key: "b", Value: []byte("value of b")}, {Key: "c", Value: []byte("2")}}, records)
	require.Equal(t, []string{"b", "c"}, keys(t, s, "", "", 10))
}

func testDurable(t *testing.T, h Harness) {
	if !h.Durable {
		return // a store in memory promises nothing beyond Close
	}
	s := h.Open(t, "durable")
	for i := range 20 {
		put(t, s, table, fmt.Sprintf("%02d", i))
	}
	require.Error(t, s.Update(context.Background(), func(w controller.Writer) error {
		return errors.Join(w.Put(table, "torn", nil), context.Canceled)
	}))
	// A second handle sees what the first committed without its being closed.
	second := h.Open(t, "durable")
	require.Len(t, keys(t, second, "", "", 100), 20)
	require.NoError(t, second.Close())
	require.NoError(t, s.Close())
	s = h.Open(t, "durable")
	defer func() { require.NoError(t, s.Close()) }()
	require.Len(t, keys(t, s, "", "", 100), 20)
	require.Equal(t, "value of 07", string(get(t, s, table, "07")))
}

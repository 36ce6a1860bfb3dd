// Package storetest is the conformance suite of the controller.Store port. Each
// sub-test is named after the sentence of the port's documentation that it
// tests. Every implementation runs it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{Open: func(t *testing.T, name string) controller.Store { … }})
//	}
package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// Harness connects the suite to an implementation.
type Harness struct {
	// Open opens the store called name, and creates it if the sub-test t has
	// not opened that name before. The suite closes it. One database may serve
	// all names, all sub-tests and all runs: each sub-test uses tables of its
	// own, under random names, and leaves its records there.
	Open func(t *testing.T, name string) controller.Store
	// Durable says that a store keeps its records when it is closed, and that
	// one name can be open twice.
	Durable bool
	// Breaks holds functions by name, such as "full disk". Each makes every
	// Update of s that writes a lot fail until mend is called. Leave it empty
	// if the store cannot be made to fail.
	Breaks map[string]func(t *testing.T, s controller.Store) (mend func())
}

type test struct {
	holds string // the sentence
	run   func(*suite)
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	tests := slices.Concat(records, transactions, endings)
	if h.Durable {
		tests = append(tests, durable...)
	}
	for name, breakIt := range h.Breaks {
		tests = append(tests, test{name + " undoes an Update, and later ones work again", func(s *suite) { s.recovers(breakIt) }})
	}
	for _, c := range tests {
		t.Run(c.holds, func(t *testing.T) {
			s := &suite{T: t, open: h.Open, table: controller.Table("t_" + strings.ToLower(rand.Text()[:12]))}
			c.run(s.opened("store"))
		})
	}
}

// suite is what a sub-test works with. Nobody else uses its table, nor tables
// whose names begin with that one's.
type suite struct {
	*testing.T
	open  func(*testing.T, string) controller.Store
	table controller.Table
	store controller.Store
}

// opened is the suite with the store called name.
func (s *suite) opened(name string) *suite {
	other := *s
	other.store = s.open(s.T, name)
	s.Cleanup(func() { _ = other.store.Close() })
	return &other
}

// on is the suite with another table.
func (s *suite) on(table controller.Table) *suite {
	other := *s
	other.table = table
	return &other
}

// view and update run fn in a transaction that has to succeed.
func (s *suite) view(fn func(controller.Reader) error) {
	s.Helper()
	require.NoError(s, s.store.View(s.Context(), fn))
}

func (s *suite) update(fn func(controller.Writer) error) {
	s.Helper()
	require.NoError(s, s.store.Update(s.Context(), fn))
}

// write changes records in an Update of its own: a KEY=VALUE is put, a -KEY deleted.
func (s *suite) write(changes string) {
	s.Helper()
	s.update(func(w controller.Writer) error { return s.change(w, changes) })
}

func (s *suite) change(r controller.Reader, changes string) (err error) {
	w := r.(controller.Writer)
	for _, c := range parse(changes) {
		if c.Value == nil {
			err = errors.Join(err, w.Delete(s.table, c.Key))
		} else {
			err = errors.Join(err, w.Put(s.table, c.Key, c.Value))
		}
	}
	return err
}

// has wants a View to find these records and no others.
func (s *suite) has(want, why string) {
	s.Helper()
	s.view(func(r controller.Reader) error { return s.wants(r, parse(want), why) })
}

// wants is an error if a transaction does not find these records and no others.
func (s *suite) wants(r controller.Reader, want []controller.Record, why string) error {
	found, err := s.read(r)
	return errors.Join(err, same(want, found, why))
}

// read returns all records of the table, and an error if Get, GetMany and Scan
// do not agree on them.
func (s *suite) read(r controller.Reader) ([]controller.Record, error) {
	found, err := r.Scan(s.table, "", "", 1000)
	keys, scanned := s.keys("none"), [][]byte{nil}
	for _, rec := range found {
		keys, scanned = append(keys, s.keys(rec.Key)...), append(scanned, rec.Value)
	}
	values, failed := lookUp(r, keys)
	return found, errors.Join(err, failed, same(scanned, values, "Get must return what Scan does, and nil without a record"))
}

// lookUp returns what Get does, and an error if GetMany does not.
func lookUp(r controller.Reader, keys []controller.Key) (values [][]byte, err error) {
	given := slices.Clone(keys)
	many, err := r.GetMany(given)
	for _, k := range keys {
		value, failed := r.Get(k.Table, k.Key)
		values, err = append(values, value), errors.Join(err, failed)
	}
	return values, errors.Join(err, same(values, many, "GetMany must return what Get does, in the order of the keys"),
		same(keys, given, "GetMany must neither sort nor change the caller's list"))
}

// parse makes records of KEY=VALUE and -KEY, whose value is nil.
func parse(text string) (records []controller.Record) {
	for field := range strings.FieldsSeq(text) {
		if key, value, has := strings.Cut(field, "="); has {
			records = append(records, controller.Record{Key: key, Value: []byte(value)})
		} else {
			records = append(records, controller.Record{Key: key[1:]})
		}
	}
	return records
}

// same is an error if two lists differ, also in nil for an empty value. A run
// of fn that is discarded may return it.
func same[T any](want, got []T, why string) error {
	if len(want)+len(got) == 0 || reflect.DeepEqual(want, got) {
		return nil
	}
	return fmt.Errorf("%s (an empty value is not nil):\nwant %.1000q\ngot  %.1000q", why, any(want), any(got))
}

// calls makes one call of each method, and returns the errors.
func calls(r controller.Reader, table controller.Table, key string) map[string]error {
	errs := map[string]error{}
	_, errs["Get"] = r.Get(table, key)
	_, errs["GetMany"] = r.GetMany([]controller.Key{{Table: table, Key: "k"}, {Table: table, Key: key}})
	_, errs["Scan"] = r.Scan(table, key, "", 1)
	if w, writes := r.(controller.Writer); writes {
		errs["Put"] = w.Put(table, key, nil)
		errs["Delete"] = w.Delete(table, key)
	}
	return errs
}

// keys are keys of the table.
func (s *suite) keys(keys ...string) (all []controller.Key) {
	for _, key := range keys {
		all = append(all, controller.Key{Table: s.table, Key: key})
	}
	return all
}

// biggest is the suite on a table whose name is as long as the bounds, and a
// key and a value as big.
func (s *suite) biggest() (longest *suite, key string, value []byte) {
	longest = s.on(s.table + controller.Table(strings.Repeat("t", controller.MaxTable-len(s.table))))
	return longest, strings.Repeat("k", controller.MaxKey), append(bytes.Repeat([]byte("v"), controller.MaxValue-1), 'w')
}

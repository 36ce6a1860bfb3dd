package storetest

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// call is something that an fn does: a call of its Reader or Writer, or anything else. It returns what it read as text to
// compare, and no text if it reads nothing.
type call func(controller.Reader) (string, error)

// table makes calls on one table.
type table controller.Table

func (t table) get(key string) call {
	return func(r controller.Reader) (string, error) {
		value, err := r.Get(controller.Table(t), key)
		return show(value), err
	}
}

func (t table) many(keys ...string) call { return many(t.keys(keys...)...) }

func many(keys ...controller.Key) call {
	return func(r controller.Reader) (string, error) {
		values, err := r.GetMany(keys)
		return showAll(values), err
	}
}

func (t table) scan(from, to string, limit int) call {
	return func(r controller.Reader) (string, error) {
		records, err := r.Scan(controller.Table(t), from, to, limit)
		return showRecords(records), err
	}
}

func (t table) put(key, value string) call {
	return func(r controller.Reader) (string, error) {
		return "", r.(controller.Writer).Put(controller.Table(t), key, []byte(value))
	}
}

func (t table) remove(key string) call {
	return func(r controller.Reader) (string, error) {
		return "", r.(controller.Writer).Delete(controller.Table(t), key)
	}
}

// all scans a table of fewer than 100 records.
func (t table) all() call { return t.scan("", "", 100) }

// everything reads a and b in every way there is.
func (t table) everything() call { return both(t.get("a"), t.many("a", "b"), t.all()) }

// fill puts a value under each key: the key itself, and a v before it.
func (t table) fill(keys ...string) call {
	var puts []call
	for _, key := range keys {
		puts = append(puts, t.put(key, "v"+key))
	}
	return both(puts...)
}

// increment adds one to the number under each key.
func (t table) increment(keys ...string) call {
	return func(r controller.Reader) (string, error) {
		for _, key := range keys {
			n, err := t.number(r, key)
			if err != nil {
				return "", err
			}
			if _, err := t.put(key, strconv.Itoa(n+1))(r); err != nil {
				return "", err
			}
		}
		return "", nil
	}
}

func (t table) number(r controller.Reader, key string) (int, error) {
	value, err := r.Get(controller.Table(t), key)
	if err != nil || value == nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

func (t table) keys(keys ...string) (all []controller.Key) {
	for _, key := range keys {
		all = append(all, controller.Key{Table: controller.Table(t), Key: key})
	}
	return all
}

// both makes calls one after another, up to one that fails.
func both(calls ...call) call {
	return func(r controller.Reader) (string, error) {
		var read []string
		for _, c := range calls {
			text, err := c(r)
			if err != nil {
				return "", err
			}
			if text != "" {
				read = append(read, text)
			}
		}
		return strings.Join(read, "; "), nil
	}
}

// into keeps what calls read.
func into(read *string, calls ...call) call {
	return func(r controller.Reader) (_ string, err error) {
		*read, err = both(calls...)(r)
		return "", err
	}
}

// then does something else.
func then(do func() error) call { return func(controller.Reader) (string, error) { return "", do() } }

// beside waits for another transaction, so that one must not wait for this one.
func beside(transaction func() error) call {
	return then(func() error {
		done := make(chan error)
		go func() { done <- transaction() }()
		return <-done
	})
}

// update and view make calls in a transaction.
func update(ctx context.Context, s controller.Store, calls ...call) error {
	return s.Update(ctx, func(w controller.Writer) error { return only(both(calls...)(w)) })
}

func view(ctx context.Context, s controller.Store, calls ...call) error {
	return s.View(ctx, func(r controller.Reader) error { return only(both(calls...)(r)) })
}

var either = map[string]func(context.Context, controller.Store, ...call) error{"Update": update, "View": view}

// update makes calls in an Update that has to succeed, and returns what they read.
func (s *suite) update(calls ...call) (read string) {
	require.NoError(s, update(s.Context(), s.store, into(&read, calls...)), "an Update that has no reason to fail failed")
	return read
}

// view makes calls in a View that has to succeed, and returns what they read.
func (s *suite) view(calls ...call) (read string) {
	require.NoError(s, view(s.Context(), s.store, into(&read, calls...)), "a View that has no reason to fail failed")
	return read
}

// only is the error of a call whose result does not matter.
func only[T any](_ T, err error) error { return err }

var plain = regexp.MustCompile(`^\w+$`)

// show prints a value or key: quoted unless it is a plain word, and a dash for none.
func show(value []byte) string {
	switch {
	case value == nil:
		return "-"
	case plain.Match(value):
		return string(value)
	}
	return fmt.Sprintf("%q", value)
}

func showAll(values [][]byte) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = show(v)
	}
	return fmt.Sprint(texts)
}

func showRecords(records []controller.Record) string {
	texts := make([]string, len(records))
	for i, rec := range records {
		texts[i] = show([]byte(rec.Key)) + "=" + show(rec.Value)
	}
	return fmt.Sprint(texts)
}

// filled is what a scan of records shows that fill made.
func filled(keys ...string) string {
	var records []controller.Record
	for _, key := range keys {
		records = append(records, controller.Record{Key: key, Value: []byte("v" + key)})
	}
	return showRecords(records)
}

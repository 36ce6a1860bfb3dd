package memstore

import (
	"context"
	"slices"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// tx is one attempt at a transaction. Its state is its own once owned is set.
type tx struct {
	ctx       context.Context
	state     tables
	owned     bool
	over      bool
	failAfter int // calls after which an attempt meets its conflict; zero: never
}

// reader hides the writing half of a tx, so that a View cannot be talked into writing.
type reader struct{ controller.Reader }

func (t *tx) finish() { t.over = true }

func (t *tx) check() error {
	if t.over {
		return controller.ErrOver
	}
	if t.failAfter > 0 {
		if t.failAfter--; t.failAfter == 0 {
			t.failAfter = 1 // every later call meets it too
			return errConflict
		}
	}
	return t.ctx.Err()
}

// Get implements controller.Reader.
func (t *tx) Get(table controller.Table, key string) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := controller.CheckKey(table, key); err != nil {
		return nil, err
	}
	n := t.state.root(table).find(key)
	if n == nil {
		return nil, nil
	}
	return n.value, nil // which is never changed, by nobody
}

// Scan implements controller.Reader.
func (t *tx) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := controller.CheckScan(table, from, to, limit); err != nil {
		return nil, err
	}
	var found []controller.Record
	t.state.root(table).walk(from, to, func(n *node) bool {
		found = append(found, controller.Record{Key: n.key, Value: n.value})
		return len(found) < limit
	})
	return found, nil
}

// Put implements controller.Writer.
func (t *tx) Put(table controller.Table, key string, value []byte) error {
	if err := t.check(); err != nil {
		return err
	}
	if err := controller.CheckKey(table, key); err != nil {
		return err
	}
	if err := controller.CheckValue(value); err != nil {
		return err
	}
	t.own()
	t.state.set(table, t.state.root(table).put(key, append([]byte{}, value...)))
	return nil
}

// Delete implements controller.Writer.
func (t *tx) Delete(table controller.Table, key string) error {
	if err := t.check(); err != nil {
		return err
	}
	if err := controller.CheckKey(table, key); err != nil {
		return err
	}
	t.own()
	t.state.set(table, t.state.root(table).remove(key))
	return nil
}

func (t *tx) own() {
	if !t.owned {
		t.state, t.owned = slices.Clone(t.state), true
	}
}

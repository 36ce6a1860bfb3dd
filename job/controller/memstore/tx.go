package memstore

import (
	"context"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// tx is one run of a transaction's fn.
type tx struct {
	ctx       context.Context
	state     *node
	over      bool
	failAfter int // calls until this run meets a conflict; zero: never
}

// reader hides the writing half of a tx from type assertions.
type reader struct{ controller.Reader }

// check returns why a call with these bounds cannot be made.
func (t *tx) check(bounds error) error {
	if t.over {
		return controller.ErrOver
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if t.failAfter > 0 {
		if t.failAfter--; t.failAfter == 0 {
			t.failAfter = 1 // every later call meets it too
			return errConflict
		}
	}
	return bounds
}

// Get implements controller.Reader.
func (t *tx) Get(table controller.Table, key string) ([]byte, error) {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return nil, err
	}
	return t.state.find(controller.Key{Table: table, Key: key}), nil
}

// GetMany implements controller.Reader.
func (t *tx) GetMany(keys []controller.Key) ([][]byte, error) {
	if err := t.check(controller.CheckMany(keys)); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = t.state.find(k)
	}
	return values, nil
}

// Scan implements controller.Reader.
func (t *tx) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := t.check(controller.CheckScan(table, from, to, limit)); err != nil {
		return nil, err
	}
	var found []controller.Record
	t.state.walk(controller.Key{Table: table, Key: from}, func(n *node) bool {
		if n.key.Table != table || to != "" && n.key.Key >= to {
			return false
		}
		found = append(found, controller.Record{Key: n.key.Key, Value: n.value})
		return len(found) < limit
	})
	return found, nil
}

// Put implements controller.Writer.
func (t *tx) Put(table controller.Table, key string, value []byte) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	if err := controller.CheckValue(value); err != nil {
		return err
	}
	t.state = t.state.put(controller.Key{Table: table, Key: key}, append([]byte{}, value...))
	return nil
}

// Delete implements controller.Writer.
func (t *tx) Delete(table controller.Table, key string) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	t.state = t.state.remove(controller.Key{Table: table, Key: key})
	return nil
}

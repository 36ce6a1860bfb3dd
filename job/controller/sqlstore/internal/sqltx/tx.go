package sqltx

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// tx is one run of a transaction's fn.
type tx struct {
	ctx     context.Context
	dialect *Dialect
	side    *Side
	tx      *sql.Tx
	pending pending // what is written and not sent yet
	failed  error   // why it cannot commit any more
	group   *group  // with which it shares the transaction; nil: it has its own
	saved   bool    // what it wrote can be taken out of the group
	over    bool
}

// reader hides the writing half of a tx from type assertions.
type reader struct{ controller.Reader }

// run runs fn in a transaction, and commits it if fn and its calls succeeded.
func (t *tx) run(fn func(*tx) error) (err error) {
	if t.tx, err = t.side.DB.BeginTx(t.ctx, &t.side.Options); err != nil {
		return t.fail(err)
	}
	defer func() {
		t.over = true
		_ = t.tx.Rollback() // also when fn panics; does nothing after a commit
	}()
	if err := fn(t); err != nil {
		return err
	}
	if err := t.check(nil); err != nil {
		return err
	}
	if t.side.Discard {
		return t.fail(t.tx.Rollback())
	}
	if err := t.flush(); err != nil {
		return err
	}
	return t.fail(t.tx.Commit())
}

// check returns why a call with these bounds cannot be made.
func (t *tx) check(bounds error) error {
	switch {
	case t.over:
		return controller.ErrOver
	case t.failed != nil: // SQLite may have rolled back, and would commit every later statement at once
		return t.failed
	case t.ctx.Err() != nil:
		return t.fail(t.ctx.Err())
	}
	return bounds
}

// fail notes an error of the engine, which ends the run. Once the context has
// ended, that is the error: the driver only reports an interruption, or a
// transaction that is over.
func (t *tx) fail(err error) error {
	if err != nil && t.ctx.Err() != nil {
		err = t.ctx.Err()
	}
	t.failed = err
	return err
}

func (t *tx) statement(text string) *sql.Stmt {
	return t.tx.StmtContext(t.ctx, t.side.statements[text])
}

// Get implements controller.Reader.
func (t *tx) Get(table controller.Table, key string) ([]byte, error) {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return nil, err
	}
	if value, written := t.pending.of(controller.Key{Table: table, Key: key}); written {
		return value, nil
	}
	var value []byte
	err := t.statement(t.dialect.Get).QueryRowContext(t.ctx, string(table), []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, t.fail(err)
	}
	return present(value), nil
}

// GetMany implements controller.Reader.
func (t *tx) GetMany(keys []controller.Key) ([][]byte, error) {
	if err := t.check(controller.CheckMany(keys)); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	rows, err := t.statement(t.dialect.GetMany).QueryContext(t.ctx, t.dialect.Keys(keys)...)
	if err != nil {
		return nil, t.fail(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var position int
		var value []byte
		if err := rows.Scan(&position, &value); err != nil {
			return nil, t.fail(err)
		}
		values[position] = present(value)
	}
	for i, k := range keys {
		if value, written := t.pending.of(k); written {
			values[i] = value
		}
	}
	return values, t.fail(rows.Err())
}

// Scan implements controller.Reader.
func (t *tx) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := t.check(controller.CheckScan(table, from, to, limit)); err != nil {
		return nil, err
	}
	if to == "" {
		to = strings.Repeat("\xff", controller.MaxKey+1) // above every key
	}
	written := t.pending.in(table, from, to)
	if len(written) > maxMerged {
		if err := t.spill(); err != nil {
			return nil, err
		}
		written = nil
	}
	// Each record written may take the place of one that is found.
	rows, err := t.statement(t.dialect.Scan).QueryContext(t.ctx, string(table), []byte(from), []byte(to), limit+len(written))
	if err != nil {
		return nil, t.fail(err)
	}
	defer func() { _ = rows.Close() }()
	var found []controller.Record
	for rows.Next() {
		var key, value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return nil, t.fail(err)
		}
		found = append(found, controller.Record{Key: string(key), Value: present(value)})
	}
	return merged(found, written, limit), t.fail(rows.Err())
}

// Put implements controller.Writer.
func (t *tx) Put(table controller.Table, key string, value []byte) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	if err := controller.CheckValue(value); err != nil {
		return err
	}
	return t.write(controller.Key{Table: table, Key: key}, append([]byte{}, value...))
}

// Delete implements controller.Writer.
func (t *tx) Delete(table controller.Table, key string) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	return t.write(controller.Key{Table: table, Key: key}, nil)
}

// present keeps an empty value apart from none.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

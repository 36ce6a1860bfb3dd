package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// tx is one attempt at a transaction.
type tx struct {
	ctx      context.Context
	tx       *sql.Tx
	prepared statements
	over     bool
}

// reader hides the writing half of a tx, so that a View cannot be talked into writing.
type reader struct{ controller.Reader }

func (t *tx) check(bounds error) error {
	if t.over {
		return controller.ErrOver
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return bounds
}

// Get implements controller.Reader.
func (t *tx) Get(table controller.Table, key string) ([]byte, error) {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return nil, err
	}
	var value []byte
	err := t.tx.StmtContext(t.ctx, t.prepared.get).QueryRowContext(t.ctx, string(table), []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return present(value), nil
}

// Scan implements controller.Reader.
func (t *tx) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := t.check(controller.CheckScan(table, from, to, limit)); err != nil {
		return nil, err
	}
	statement, args := t.prepared.scan, []any{string(table), []byte(from), limit}
	if to != "" {
		statement, args = t.prepared.scanTo, []any{string(table), []byte(from), []byte(to), limit}
	}
	rows, err := t.tx.StmtContext(t.ctx, statement).QueryContext(t.ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []controller.Record
	for rows.Next() {
		var key, value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		found = append(found, controller.Record{Key: string(key), Value: present(value)})
	}
	return found, rows.Err()
}

// Put implements controller.Writer.
func (t *tx) Put(table controller.Table, key string, value []byte) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	if err := controller.CheckValue(value); err != nil {
		return err
	}
	_, err := t.tx.StmtContext(t.ctx, t.prepared.put).ExecContext(t.ctx, string(table), []byte(key), present(value))
	return err
}

// Delete implements controller.Writer.
func (t *tx) Delete(table controller.Table, key string) error {
	if err := t.check(controller.CheckKey(table, key)); err != nil {
		return err
	}
	_, err := t.tx.StmtContext(t.ctx, t.prepared.remove).ExecContext(t.ctx, string(table), []byte(key))
	return err
}

// present keeps an empty value apart from none.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

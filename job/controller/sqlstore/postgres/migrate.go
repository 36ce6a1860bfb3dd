package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
)

// ErrNewer says that a later release wrote the database. Nothing was changed.
var ErrNewer = errors.New("written by a later release")

// schema1 and those that follow lead from one version of the schema to the
// next. A step that a release had is never changed.
//
//go:embed schema1.sql
var schema1 string

var migrations = []string{schema1}

// migrate takes the database from the version of its schema to the newest, one
// transaction for each step. Several servers may do so at once.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	var err error
	for range 20 { // the others make progress meanwhile
		var version int
		err = db.QueryRowContext(ctx, "SELECT version FROM patchpolicy_schema").Scan(&version)
		switch {
		case code(err) == undefinedTable:
			err = begin(ctx, db)
		case err != nil:
			return err
		case version > len(steps):
			return fmt.Errorf("the database was %w: it has schema version %d, this program knows up to %d: use that release, or restore a backup",
				ErrNewer, version, len(steps))
		case version == len(steps):
			return nil
		default:
			err = advance(ctx, db, version, steps[version])
		}
		if err != nil && !raced(err) {
			break
		}
	}
	return fmt.Errorf("bring the database to version %d of its schema: %w", len(steps), err)
}

// raced reports whether an error may say that another server was faster. Which
// of the duplicates PostgreSQL names depends on how far the other one was: a
// table has a row type and an index too.
func raced(err error) bool {
	switch code(err) {
	case serializationFailure, deadlock, uniqueViolation, duplicateTable, duplicateObject:
		return true
	}
	return false
}

// begin makes the table of the version, which is 0.
func begin(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `CREATE TABLE patchpolicy_schema (one SMALLINT PRIMARY KEY CHECK (one = 1), version INT NOT NULL);
		INSERT INTO patchpolicy_schema VALUES (1, 0)`)
	return err
}

// advance takes one step, unless another server has.
func advance(ctx context.Context, db *sql.DB, version int, step string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	var now int
	if err := tx.QueryRowContext(ctx, "SELECT version FROM patchpolicy_schema FOR UPDATE").Scan(&now); err != nil || now != version {
		return err
	}
	if _, err := tx.ExecContext(ctx, step); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE patchpolicy_schema SET version = $1", version+1); err != nil {
		return err
	}
	return tx.Commit()
}

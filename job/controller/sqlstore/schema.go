package sqlstore

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
)

//go:embed schema.sql
var schema string

// latest is the version of the schema.
const latest = 1

// NewerSchemaError says that a later release has written the database. Use that
// release, or a backup.
type NewerSchemaError struct {
	Have int // version of the database
	Know int // newest version this program knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("this database was written by a later release: it has schema version %d, this program knows up to %d: use that release, or restore a backup", e.Have, e.Know)
}

// create makes the schema, and the identity in the file's header, in one
// transaction.
func create(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, latest)); err != nil {
		return err
	}
	return tx.Commit()
}

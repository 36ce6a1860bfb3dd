package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var steps embed.FS

// Versions of the schema.
const (
	sessions = 2 // the first that has the table session
	latest   = 2 // of this program
)

// NewerSchemaError says that a later release has written the database. Use that release, or a backup.
type NewerSchemaError struct {
	Have int // version of the database
	Know int // newest version this program knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("this database was written by a later release: it has schema version %d, this program knows up to %d: use that release, or restore a backup", e.Have, e.Know)
}

type migration struct {
	version int
	name    string
	sql     string
}

// migrations reads the numbered files; numbers run from 1 without gaps.
func migrations(fsys fs.FS, folder string) ([]migration, error) {
	entries, err := fs.ReadDir(fsys, folder) // sorted by name
	if err != nil {
		return nil, err
	}
	var found []migration
	for i, e := range entries {
		number, _, ok := strings.Cut(e.Name(), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: want it to be called %04d_NAME.sql", e.Name(), i+1)
		}
		text, err := fs.ReadFile(fsys, folder+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		found = append(found, migration{version, e.Name(), string(text)})
	}
	return found, nil
}

// migrate brings the schema up to date from the version it has, in one transaction, or refuses.
func migrate(ctx context.Context, db *sql.DB, have int, steps []migration) error {
	if have > len(steps) {
		return &NewerSchemaError{Have: have, Know: len(steps)}
	}
	if have == len(steps) {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, m := range steps[have:] {
		if _, err := tx.ExecContext(ctx, m.sql); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	// Both are in the file's header. The table is how the version was kept before.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; DROP TABLE IF EXISTS schema_versions", applicationID, len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

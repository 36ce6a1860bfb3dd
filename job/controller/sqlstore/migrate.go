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
var files embed.FS

// NewerSchemaError says that a newer program has changed the database's schema. Use that program, or a backup.
type NewerSchemaError struct {
	Have int // version of the database
	Know int // newest version this program knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d, this program knows up to %d: use the newer program, or restore a backup", e.Have, e.Know)
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

// migrate brings the schema up to date in one transaction, or refuses.
func migrate(ctx context.Context, db *sql.DB, steps []migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, name TEXT NOT NULL)"); err != nil {
		return err
	}
	var have int
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_versions").Scan(&have); err != nil {
		return err
	}
	if have > len(steps) {
		return &NewerSchemaError{Have: have, Know: len(steps)}
	}
	for _, m := range steps[have:] {
		if _, err := tx.ExecContext(ctx, m.sql); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO schema_versions (version, name) VALUES (?, ?)", m.version, m.name); err != nil {
			return err
		}
	}
	return tx.Commit()
}

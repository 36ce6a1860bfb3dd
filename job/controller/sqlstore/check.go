package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// applicationID is "PPOL" in the file's header: the database is one of this
// package's.
const applicationID = 0x50504f4c

// ForeignError says that a database belongs to another program.
type ForeignError struct {
	Path        string
	Application int // the id in its header; zero: none
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is a database of another program (application id %#x, want %#x): name another file", e.Path, e.Application, applicationID)
}

// DamagedError says that a database is damaged. Nothing was read from it.
type DamagedError struct {
	Path string
	What string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the database %s is damaged (%s): restore a backup", e.Path, e.What)
}

// CopiedError says that a database was copied without its log while a server
// ran, or that the log was deleted since: what was in the log is missing.
type CopiedError struct {
	Path string
}

func (e *CopiedError) Error() string {
	return fmt.Sprintf("the database %s was in use when it was last written, and its log %s-wal is missing: it is a copy of a running server's file, "+
		"or the log was deleted, and what was in the log is lost: restore a backup", e.Path, e.Path)
}

// suffixes name the database and what the engine keeps beside it.
var suffixes = []string{"", "-wal", "-shm", "-journal"}

// examine looks at a database before anything is written to it, without
// changing it. It returns the version of its schema, 0 for one that is missing
// or empty. Its lock is held.
func examine(ctx context.Context, path string, full bool) (version int, err error) {
	exists, size := map[string]bool{}, map[string]int64{}
	for _, suffix := range suffixes {
		err := owned.Check(path+suffix, owned.State)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if info, err := os.Stat(path + suffix); err == nil {
			exists[suffix], size[suffix] = true, info.Size()
		}
	}
	switch {
	case size[""] == 0 && size["-wal"] > 0:
		return 0, &MissingError{path}
	case size[""] == 0:
		return 0, nil
	}
	db, err := sql.Open("sqlite", source(path, look, !exists["-wal"]))
	if err != nil {
		return 0, err
	}
	defer func() {
		if err = errors.Join(err, db.Close()); broken(err) {
			err = &DamagedError{path, err.Error()}
		}
	}()
	db.SetMaxOpenConns(1)
	version, err = identify(ctx, db, path)
	if err != nil || version == 0 {
		return version, err
	}
	if full {
		if err := quickCheck(ctx, db, path); err != nil {
			return version, err
		}
	}
	var open bool
	if err := db.QueryRowContext(ctx, "SELECT open FROM session").Scan(&open); err != nil {
		if ctx.Err() != nil {
			return version, ctx.Err()
		}
		return version, &DamagedError{path, err.Error()}
	}
	if open && !exists["-wal"] {
		return version, &CopiedError{path}
	}
	return version, nil
}

// querier is a database, or one connection to it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// identify returns the version of the schema; 0: there is none yet.
func identify(ctx context.Context, db querier, path string) (version int, err error) {
	var application, tables int
	for text, to := range map[string]*int{
		"PRAGMA application_id":              &application,
		"PRAGMA user_version":                &version,
		"SELECT COUNT(*) FROM sqlite_schema": &tables,
	} {
		if err := db.QueryRowContext(ctx, text).Scan(to); err != nil {
			return 0, err
		}
	}
	switch {
	case application == applicationID && version > 0:
		return version, nil
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	}
	return 0, &ForeignError{path, application}
}

// quickCheck reads every page and compares what they say of each other. It does
// not compare indexes with their tables.
func quickCheck(ctx context.Context, db *sql.DB, path string) error {
	rows, err := db.QueryContext(ctx, "PRAGMA quick_check(5)")
	if err != nil {
		return err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(found) > 0 {
		return &DamagedError{path, strings.Join(strings.Fields(strings.Join(found, "; ")), " ")}
	}
	return nil
}

// broken says whether an error of the engine means that a file is no database,
// or no longer one.
func broken(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}

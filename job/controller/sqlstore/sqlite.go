package sqlstore

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/internal/sqltx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schema1 and those that follow lead from one version of the schema to the
// next. A step that a release had is never changed.
//
//go:embed schema1.sql
var schema1 string

var migrations = []string{schema1}

// latest is the version of the schema.
func latest() int { return len(migrations) }

// migrate takes a database from a version of the schema to the newest, one
// transaction for each step.
func migrate(ctx context.Context, db *sql.DB, have int, steps []string) error {
	for ; have < len(steps); have++ {
		_, err := db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", steps[have], applicationID, have+1))
		if err != nil {
			_, undone := db.ExecContext(ctx, "ROLLBACK")
			return errors.Join(fmt.Errorf("bring the database from version %d of its schema to %d: %w", have, have+1, err), undone)
		}
	}
	return nil
}

var dialect = sqltx.Dialect{
	Get: "SELECT value FROM records WHERE tbl = ? AND key = ?",
	GetMany: `SELECT k.key, r.value FROM json_each(?) AS k CROSS JOIN records AS r
		ON r.tbl = CAST(unhex(substr(k.value, 1, instr(k.value, ' ') - 1)) AS TEXT)
		AND r.key = unhex(substr(k.value, instr(k.value, ' ') + 1))`,
	Scan:   "SELECT key, value FROM records WHERE tbl = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
	Put:    "INSERT INTO records (tbl, key, value) VALUES (?, ?, ?) ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value",
	Delete: "DELETE FROM records WHERE tbl = ? AND key = ?",

	Keys: func(keys []controller.Key) []any { return []any{list(keys)} },
	Puts: func(rows []sqltx.Row) (executions [][]any) {
		for _, r := range rows {
			executions = append(executions, []any{string(r.Table), []byte(r.Key.Key), r.Value})
		}
		return executions
	},
	Deletes: func(keys []controller.Key) (executions [][]any) {
		for _, k := range keys {
			executions = append(executions, []any{string(k.Table), []byte(k.Key)})
		}
		return executions
	},
	Conflict: func(err error) bool {
		c := code(err)
		return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED
	},
	Shares: true,
	Tries:  8, // the engine waits by itself, for 5 s each time
}

// code returns the primary code of an error of the engine: a busy snapshot is a
// kind of busy. Zero: it is another error, or none.
func code(err error) int {
	e, ours := errors.AsType[*sqlite.Error](err)
	if !ours {
		return 0
	}
	return e.Code() & 0xff
}

// list makes one parameter of a list of keys, so that one statement serves
// every length: a JSON array with a text "TABLE KEY" for each, in hex, because
// JSON cannot hold all bytes. Statements with one pair of parameters per key
// are up to a quarter faster, but need a prepared text for each of several
// lengths.
func list(keys []controller.Key) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = fmt.Sprintf("%x %x", k.Table, k.Key)
	}
	text, _ := json.Marshal(texts) // texts of hex digits have no error
	return string(text)
}

// access is how a connection uses a file.
type access int

const (
	look  access = iota // reads, and changes nothing, whoever owns the file
	read                // reads
	write               // takes the lock when a transaction begins, so it never has to give up halfway
	plain               // as write, and leaves the file's journal mode as it is
)

// source names a file for the driver. A connection waits for other processes'
// transactions for 5 s. With still, nobody writes to the file, and it has no
// log.
func source(path string, by access, still bool) string {
	path = filepath.ToSlash(path)
	if path[0] != '/' {
		path = "/" + path // C:/… of Windows
	}
	q := url.Values{"_pragma": {"busy_timeout(5000)"}, "mode": {"rw"}}
	switch by {
	case look:
		q.Set("mode", "ro")
	case read:
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", "synchronous(FULL)", "query_only(1)")
	case write:
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", "synchronous(FULL)")
		q.Set("_txlock", "immediate")
	}
	if still {
		q.Set("immutable", "1")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

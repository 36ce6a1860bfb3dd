package sqlstore

import (
	"errors"
	"net/url"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is everything that one engine does its own way.
type dialect struct {
	driver     string
	migrations string // folder of the embedded migration files
	versions   string // statement that makes the table of applied migrations if there is none
	applied    string // statement that notes one
	get        string
	scan       string // tbl, from, limit
	scanTo     string // tbl, from, to, limit
	put        string
	remove     string
	retry      func(error) bool // whether a transaction that failed so should be run again
}

var sqliteDialect = dialect{
	driver:     "sqlite",
	migrations: "migrations",
	versions:   "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, name TEXT NOT NULL)",
	applied:    "INSERT INTO schema_versions (version, name) VALUES (?, ?)",
	get:        "SELECT value FROM records WHERE tbl = ? AND key = ?",
	scan:       "SELECT key, value FROM records WHERE tbl = ? AND key >= ? ORDER BY key LIMIT ?",
	scanTo:     "SELECT key, value FROM records WHERE tbl = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
	put:        "INSERT INTO records (tbl, key, value) VALUES (?, ?, ?) ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value",
	remove:     "DELETE FROM records WHERE tbl = ? AND key = ?",
	retry: func(err error) bool {
		var e *sqlite.Error
		// The low byte is the primary code: a busy snapshot is a kind of busy.
		return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
	},
}

// sqliteSource names a file for the driver. A writer takes the lock when it begins, so it never has to give up halfway.
func sqliteSource(path string, writer bool, busyMillis int) string {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout("+strconv.Itoa(busyMillis)+")")
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(FULL)")
	if writer {
		q.Set("_txlock", "immediate")
	} else {
		q.Add("_pragma", "query_only(1)")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

package sqlstore

import (
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"

	"github.com/patchpolicy/patchpolicy/job/controller"
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
	getMany    string // keys' arguments; a row with position and value for each record that is found
	scan       string // tbl, from, limit
	scanTo     string // tbl, from, to, limit
	put        string
	remove     string
	keys       func([]controller.Key) []any
	retry      func(error) bool // whether the error is a conflict: nothing was committed, and fn is to run again
}

var sqliteDialect = dialect{
	driver:     "sqlite",
	migrations: "migrations",
	versions:   "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, name TEXT NOT NULL)",
	applied:    "INSERT INTO schema_versions (version, name) VALUES (?, ?)",
	get:        "SELECT value FROM records WHERE tbl = ? AND key = ?",
	getMany: `SELECT k.key, r.value FROM json_each(?) AS k CROSS JOIN records AS r
		ON r.tbl = CAST(unhex(substr(k.value, 1, instr(k.value, ' ') - 1)) AS TEXT)
		AND r.key = unhex(substr(k.value, instr(k.value, ' ') + 1))`,
	scan:   "SELECT key, value FROM records WHERE tbl = ? AND key >= ? ORDER BY key LIMIT ?",
	scanTo: "SELECT key, value FROM records WHERE tbl = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
	put:    "INSERT INTO records (tbl, key, value) VALUES (?, ?, ?) ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value",
	remove: "DELETE FROM records WHERE tbl = ? AND key = ?",
	keys:   sqliteKeys,
	retry: func(err error) bool {
		var e *sqlite.Error
		// The low byte is the primary code: a busy snapshot is a kind of busy.
		return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
	},
}

// sqliteKeys makes one parameter of a list of keys, so that one statement serves every length: a JSON array with a text
// "TABLE KEY" for each, in hex, because JSON cannot hold all bytes. Statements with one pair of parameters per key are
// up to a quarter faster, but need a prepared text for each of several lengths.
func sqliteKeys(keys []controller.Key) []any {
	text := []byte{'['}
	for i, k := range keys {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, '"')
		text = hex.AppendEncode(text, []byte(k.Table))
		text = append(text, ' ')
		text = hex.AppendEncode(text, []byte(k.Key))
		text = append(text, '"')
	}
	return []any{string(append(text, ']'))}
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

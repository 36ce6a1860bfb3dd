package sqlstore

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"modernc.org/sqlite"
)

//go:embed schema.sql
var schema string

// latest is the version of the schema.
const latest = 1

const (
	get = "SELECT value FROM records WHERE tbl = ? AND key = ?"
	// getMany has a row with position and value for each record that is found.
	getMany = `SELECT k.key, r.value FROM json_each(?) AS k CROSS JOIN records AS r
		ON r.tbl = CAST(unhex(substr(k.value, 1, instr(k.value, ' ') - 1)) AS TEXT)
		AND r.key = unhex(substr(k.value, instr(k.value, ' ') + 1))`
	scan  = "SELECT key, value FROM records WHERE tbl = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
	put   = "INSERT INTO records (tbl, key, value) VALUES (?, ?, ?) ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value"
	erase = "DELETE FROM records WHERE tbl = ? AND key = ?"
)

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

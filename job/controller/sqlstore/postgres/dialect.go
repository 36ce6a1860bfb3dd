package postgres

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/internal/sqltx"
)

// PostgreSQL's codes of errors.
const (
	serializationFailure = "40001"
	deadlock             = "40P01"
	uniqueViolation      = "23505"
	duplicateTable       = "42P07"
	duplicateObject      = "42710"
	undefinedTable       = "42P01"
)

// code returns PostgreSQL's code of an error. Empty: it is another error, or
// none.
func code(err error) string {
	e, ours := errors.AsType[*pgconn.PgError](err)
	if !ours {
		return ""
	}
	return e.Code
}

// settings are those of each connection. Reading a table without its index, or
// an index from end to end, would conflict with everything that writes to it.
// A server that was suspended in a transaction does not keep others waiting for
// more than a minute.
var settings = map[string]string{
	"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"idle_in_transaction_session_timeout": "60000",
}

var dialect = sqltx.Dialect{
	Get: "SELECT value FROM patchpolicy_records WHERE tbl = $1 AND key = $2",
	// The LIMIT keeps the planner from anything but one look-up per key.
	GetMany: `SELECT k.position - 1, r.value FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS k (tbl, key, position)
		CROSS JOIN LATERAL (SELECT value FROM patchpolicy_records WHERE tbl = k.tbl AND key = k.key LIMIT 1) AS r`,
	Scan: "SELECT key, value FROM patchpolicy_records WHERE tbl = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4",
	Put: `INSERT INTO patchpolicy_records (tbl, key, value) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[])
		ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value`,
	// Of one table at a time: a join of both reads all of a small table.
	Delete: "DELETE FROM patchpolicy_records WHERE tbl = $1 AND key = ANY($2::bytea[])",

	Keys: columns,
	Puts: func(rows []sqltx.Row) [][]any {
		if len(rows) == 0 {
			return nil
		}
		keys, values := make([]controller.Key, len(rows)), make([][]byte, len(rows))
		for i, r := range rows {
			keys[i], values[i] = r.Key, r.Value
		}
		return [][]any{append(columns(keys), values)}
	},
	Deletes: func(keys []controller.Key) (executions [][]any) {
		for len(keys) > 0 {
			n := 1
			for n < len(keys) && keys[n].Table == keys[0].Table {
				n++
			}
			executions = append(executions, []any{string(keys[0].Table), columns(keys[:n])[1]})
			keys = keys[n:]
		}
		return executions
	},
	Conflict: func(err error) bool { c := code(err); return c == serializationFailure || c == deadlock },
	Tries:    100,
	Pause:    2 * time.Millisecond,
	MaxPause: 250 * time.Millisecond,
}

// columns makes two parameters of a list of keys, so that one statement serves
// every length.
func columns(keys []controller.Key) []any {
	tables, names := make([]string, len(keys)), make([][]byte, len(keys))
	for i, k := range keys {
		tables[i], names[i] = string(k.Table), []byte(k.Key)
	}
	return []any{tables, names}
}

// Package sqlstore keeps a controller's records in an SQL database, through database/sql.
//
// OpenSQLite opens or creates one file; the engine is pure Go and needs no C compiler. It runs in WAL mode with
// synchronous=FULL: what Update returned nil for is on disk. One writer at a time, readers never wait for it.
// One server process uses a file; a second that opens it waits for the first one's transactions and is correct, only slow.
//
// The schema is built by the numbered files in migrations, each applied once, in order, in one transaction. A file that a
// newer program has migrated is refused with *NewerSchemaError.
package sqlstore

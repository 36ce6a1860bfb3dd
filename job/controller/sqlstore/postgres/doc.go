// Package postgres keeps a controller's records in a PostgreSQL database, which
// several servers may share. It is sqlstore's code in another dialect, by
// jackc/pgx.
//
// The database has two tables: patchpolicy_records with everything, and
// patchpolicy_schema with the version of the schema. [Open] makes them in the
// first schema of the connection's search_path, and brings those of an earlier
// release up to date. It refuses those of a later release ([ErrNewer]).
//
// # Transactions
//
// View and Update are SERIALIZABLE. When PostgreSQL ends one because of another
// (40001, 40P01), it runs again after a random pause that grows up to a quarter
// of a second. After 100 runs the store gives up and returns PostgreSQL's error. An
// Update sends what it writes at its end, in one round trip, or earlier if that
// is more than 4 MiB.
//
// PostgreSQL locks what a transaction reads by row while it reads little, then
// by page, then by table. Where passes over a fleet meet many check-ins, raise
// max_pred_locks_per_transaction (to 1024) and max_pred_locks_per_page (to 32)
// in postgresql.conf, so that fewer of them run again.
//
// A commit is as durable as the database makes it: leave fsync and
// synchronous_commit on.
//
// # What it needs
//
// PostgreSQL 12 or later, and the rights to make two tables, or to read and
// write them once they exist. It uses no advisory locks, no LISTEN or NOTIFY, no
// triggers and no types of its own, so that databases that speak PostgreSQL's
// protocol and dialect can serve as well; only PostgreSQL 15 is tested.
//
// Back up with PostgreSQL's own tools, such as pg_dump.
package postgres

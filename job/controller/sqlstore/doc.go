// Package sqlstore keeps a controller's records in an SQL database, through
// database/sql.
//
// OpenSQLite opens or creates one file; the engine is pure Go and needs no C
// compiler. It runs in WAL mode with synchronous=FULL: what Update returned nil
// for is on disk. One writer at a time, readers never wait for it.
//
// One process uses a file. A lock beside it, NAME.lock, is held by the
// operating system until the process ends, however it ends; another process is
// refused with *InUseError. File, log and lock are for their owner alone (see
// internal/owned).
//
// # What is refused when a file is opened
//
// The file's header has an application id and, as user_version, the version of
// its schema. A database of another program (*ForeignError) or of a later
// release (*NewerSchemaError) is refused, and left as it is.
//
// All pages are read (PRAGMA quick_check); a file that is not whole is refused
// with *DamagedError, so that nothing answers from it. For a database of 500 MB
// that takes one to two seconds, and the time to read 500 MB from a cold disk;
// OpenUnchecked leaves it out.
//
// What was written last is in the log, NAME-wal, until the engine moves it into
// the file. The file says whether a server has it open. One that says so and
// has no log is a copy of a running server's file, or its log was deleted:
// *CopiedError. What cannot be detected is a copy whose log was copied at
// another moment, if the pages still fit together, and a copy that was put
// beside the log of another database. So do not copy: [Backup] works while a
// server runs, and [Restore] puts back what it wrote. A tool that opens the
// database after a crash, as sqlite3 does, deletes the log too, after it has
// merged it: Restore the file onto itself, with lossy, to say that nothing is
// missing.
package sqlstore

// Package sqlstore keeps a controller's records in an SQL database, through
// database/sql.
//
// OpenSQLite opens or creates one file; the engine is pure Go and needs no C
// compiler. It runs in WAL mode with synchronous=FULL: when Update returns nil,
// its writes are on disk. Updates run one at a time, and readers never wait for
// them.
//
// One process at a time uses a file. The operating system holds a lock on
// NAME.lock, beside the file, until the process ends, however it ends. Another
// process is refused ([ErrInUse]). Only their owner can read or write
// the file, its log and the lock (see internal/owned).
//
// # What is refused when a file is opened
//
// The file's header has an application id and, as user_version, the version of
// its schema. A database of another program ([ErrForeign]) or of a later
// release ([ErrNewer]) is refused, and left as it is.
//
// All pages are read (PRAGMA quick_check). A damaged file is refused
// ([ErrDamaged]), so no query is answered from it. For a database of 500 MB the
// check takes one to two seconds, plus the time to read 500 MB if the disk is
// cold. OpenUnchecked leaves it out.
//
// The newest writes are in the log, NAME-wal, until the engine moves them into
// the file. The file also records whether a server has it open. If it does and
// there is no log, it is a copy of a running server's file, or its log was
// deleted. It is refused ([ErrCopied]). Two mistakes cannot be detected:
// a log that was copied at another moment than the file, if the pages still fit
// together, and a file that was put beside the log of another database. So do
// not copy files: [Backup] works while a server runs, and [Restore] puts its
// file back. After a crash, a tool such as sqlite3 that opens the database
// merges the log and then deletes it. Nothing is missing then: confirm that by
// restoring the file onto itself, with lossy.
package sqlstore

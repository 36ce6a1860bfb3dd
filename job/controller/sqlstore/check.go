package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// applicationID is "PPOL" in the file's header: the database is one of this
// package's.
const applicationID = 0x50504f4c

// Why a database is refused. The errors of this package wrap these, with the
// path and what to do. Nothing was written to the file.
var (
	ErrInUse   = errors.New("in use")                        // by another process, or to be replaced while this one has it open
	ErrForeign = errors.New("a database of another program") // its application id is another, or none
	ErrNewer   = errors.New("written by a later release")    // use that release, or a backup
	ErrDamaged = errors.New("damaged")                       // nothing was read from it
	ErrCopied  = errors.New("what was in the log is lost")   // it was copied without its log while a server ran, or the log was deleted since
	ErrMissing = errors.New("missing or empty")              // and one was used here before
)

func damaged(path, what string) error {
	return fmt.Errorf("the database %s is %w (%s): restore a backup", path, ErrDamaged, what)
}

func missing(path string) error {
	return fmt.Errorf("the database %s is %w, and one was used here before: restore a backup, or, to begin with an empty one, remove %s.lock and %s-wal",
		path, ErrMissing, path, path)
}

// suffixes name the database and what the engine keeps beside it.
var suffixes = []string{"", "-wal", "-shm", "-journal"}

// examine looks at a database before anything is written to it, without
// changing it. It returns the version of its schema, 0 for one that is missing
// or empty. Its lock is held.
func examine(ctx context.Context, path string, full bool) (version int, err error) {
	size := map[string]int64{} // of what exists
	for _, suffix := range suffixes {
		err := owned.Check(path+suffix, owned.State)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if info, err := os.Stat(path + suffix); err == nil {
			size[suffix] = info.Size()
		}
	}
	switch {
	case size[""] == 0 && size["-wal"] > 0:
		return 0, missing(path)
	case size[""] == 0:
		return 0, nil
	}
	_, log := size["-wal"]
	db, err := sql.Open("sqlite", source(path, look, !log))
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, db.Close())
		switch code(err) {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB: // it is no database, or no longer one
			err = damaged(path, err.Error())
		}
	}()
	db.SetMaxOpenConns(1)
	version, err = identify(db.QueryRowContext(ctx, identity), path)
	if err != nil || version == 0 {
		return version, err
	}
	if full {
		// All pages, and what they say of each other, except of indexes.
		var found string
		err := db.QueryRowContext(ctx, "SELECT group_concat(quick_check, '; ') FROM (SELECT quick_check FROM pragma_quick_check LIMIT 5)").Scan(&found)
		if err == nil && found != "ok" {
			err = damaged(path, strings.Join(strings.Fields(found), " "))
		}
		if err != nil {
			return version, err
		}
	}
	var open bool
	if err := db.QueryRowContext(ctx, "SELECT open FROM session").Scan(&open); err != nil {
		if ctx.Err() != nil {
			return version, ctx.Err()
		}
		return version, damaged(path, err.Error())
	}
	if open && !log {
		return version, fmt.Errorf("the database %s was in use when it was last written, and its log %s-wal is missing: "+
			"it is a copy of a running server's file, or the log was deleted, and %w: restore a backup", path, path, ErrCopied)
	}
	return version, nil
}

// identity asks for what [identify] looks at.
const identity = `SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
	(SELECT COUNT(*) FROM sqlite_schema)`

// identify returns the version of the schema; 0: there is none yet.
func identify(row *sql.Row, path string) (version int, err error) {
	var application, tables int
	err = row.Scan(&application, &version, &tables)
	switch {
	case err != nil:
		return 0, err
	case application == applicationID && version > latest():
		return 0, fmt.Errorf("this database was %w: it has schema version %d, this program knows up to %d: use that release, or restore a backup",
			ErrNewer, version, latest())
	case application == applicationID && version > 0:
		return version, nil
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	}
	return 0, fmt.Errorf("%s is %w (application id %#x, want %#x): name another file", path, ErrForeign, application, applicationID)
}

package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// The errors of a Store, besides *[BoundError], the context's and the engine's.
var (
	// ErrClosed is returned by every call that begins after Close has begun. It
	// is a manifest.ErrUnavailable, so agents try again later.
	ErrClosed = fmt.Errorf("%w: the store is closed", manifest.ErrUnavailable)
	// ErrOver is returned by a Reader or Writer that is used after the function
	// it was passed to has returned.
	ErrOver = errors.New("the transaction is over")
)

// Table names one kind of record: 1 to [MaxTable] printable ASCII characters.
// Names are constants of the program, so any text column holds them.
type Table string

// Key names one record: its table, and its key in that table.
type Key struct {
	Table Table
	Key   string // 1 to MaxKey bytes
}

// Compare orders keys by table, then by key.
func (k Key) Compare(other Key) int {
	if k.Table == other.Table {
		return strings.Compare(k.Key, other.Key)
	}
	return strings.Compare(string(k.Table), string(other.Table))
}

// Record is one record of a table.
type Record struct {
	Key   string
	Value []byte
}

// Store keeps the server's records: tables of values under ordered keys, read
// and changed in transactions. It is safe for concurrent use. Every
// implementation must pass storetest, which tests the sentences below.
//
// # Keys, values and bounds
//
//   - A key is any 1 to [MaxKey] bytes. Zero bytes are common, and it need not
//     be UTF-8. Keys are compared and ordered byte by byte, and a key comes
//     before those it is a prefix of. Nothing is folded, normalized or trimmed.
//     An SQL column for keys is binary (BLOB, BYTEA): text columns refuse zero
//     bytes, and sort by language unless their collation is "C".
//   - A value is any 0 to [MaxValue] bytes. A record whose value is empty is
//     still a record. Put stores nil as an empty value.
//   - The same key in two tables names two records.
//   - A call that breaks a bound returns a *[BoundError] and has no effect. The
//     transaction goes on and can commit. [CheckKey], [CheckValue],
//     [CheckScan] and [CheckMany] check the bounds.
//   - The number of records that a transaction reads or writes has no bound.
//
// # Who owns slices
//
//   - The store keeps no slice that it is given, nor changes one: the caller
//     may reuse it as soon as the call returns.
//   - The store never changes a slice that it returned, not even after the
//     transaction or after Close. The caller must not change it either, because
//     others may hold the same one.
//
// # What a transaction sees
//
//   - Updates are serializable: the result is as if those that committed had
//     run one after another. That includes Updates that read whole ranges, or
//     keys without a record. In PostgreSQL, this is SERIALIZABLE.
//   - A View is serializable too: it sees the state between two Updates of that
//     order. In PostgreSQL, REPEATABLE READ is too weak for it.
//   - Each run of fn sees one committed state from its first call to its last,
//     and a Writer its own writes on top. Commits of others do not show.
//   - A transaction sees what every Update wrote that had returned before it
//     began, also through another Store on the same database.
//   - Views and Updates never wait for each other.
//   - The Reader of a View is not a Writer, not even to a type assertion.
//
// # What fn may do
//
//   - fn may run several times, in a View as well. So it assigns to the
//     variables it captures and never adds to them, and it does nothing else
//     that must not happen twice.
//   - fn uses the store only through its argument, from one goroutine. It must
//     not start another transaction, which may have to wait for this one.
//   - fn returns the errors of its calls; it may wrap them. Once a call has
//     failed, with anything but a *[BoundError], every later call of this run
//     fails, and nothing of it is committed even if fn returns nil.
//   - When fn has returned, the methods of its argument return [ErrOver]. That
//     also holds for the argument of an earlier run.
//
// # Conflicts
//
//   - When the engine ends a run because it conflicts with another transaction
//     (SQLite: BUSY; PostgreSQL: 40001 and 40P01), the store rolls it back and
//     runs fn again on a newer state, whatever fn returned.
//   - At least one of the transactions in conflict commits. The engine decides
//     which: usually the first to reach its commit, so that long transactions
//     give way to short ones. A store may also avoid conflicts by running one
//     Update at a time. The others wait, and none gives way.
//   - A run that is discarded also sees one committed state, though it may
//     be an old one, and leaves nothing.
//   - A store may give up after a number of runs. Then it returns the engine's
//     error, and nothing is written.
//
// # How a transaction ends
//
//   - An Update that returns nil has written everything, and a store on disk
//     keeps it through a crash or a power cut from then on.
//   - An Update that returns an error has written nothing. There is one
//     exception: if the connection to the database breaks during the commit,
//     either everything is written or nothing. The store does not run fn again
//     in that case; the caller has to look.
//   - An error that fn returns is returned as it is, unless fn runs again.
//   - When fn panics or calls [runtime.Goexit], nothing is written, the panic
//     reaches the caller, and the store is usable as before.
//   - When a write fails (a full disk), or the commit does, Update returns the
//     engine's error and nothing is written. Views still work, and so do
//     Updates once the cause is gone.
//   - When the context ends before fn runs, fn does not run; waiting for another
//     transaction stops. When it ends while fn runs, every later call fails,
//     and nothing is written. View and Update then return the context's error,
//     unless fn returns one of its own.
type Store interface {
	// View runs fn to read.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn to read and write, and commits its writes all at once.
	Update(ctx context.Context, fn func(Writer) error) error
	// Close waits until all transactions have ended and releases the store.
	// Once Close has begun, no other transaction starts: every later call,
	// Close included, returns ErrClosed.
	Close() error
}

// Reader reads in one transaction.
type Reader interface {
	// Get returns the key's value, or nil and no error if there is no record.
	// An empty value is not nil.
	Get(table Table, key string) ([]byte, error)
	// GetMany returns what Get would return for each of the keys, in their
	// order; a key that is listed twice has its value twice. There are at most
	// MaxMany keys; no keys give an empty list. A store on a database makes one
	// round trip of it.
	GetMany(keys []Key) ([][]byte, error)
	// Scan returns the table's records with from <= key < to in rising order of
	// their keys, the first limit of them (1 to MaxScan). Fewer than limit means
	// that there are no more. An empty from or to is no bound; if from is not
	// below to, there are none.
	Scan(table Table, from, to string, limit int) ([]Record, error)
}

// Writer reads and writes in one transaction. It reads its own writes.
type Writer interface {
	Reader
	// Put sets the key's value, whether or not there was one.
	Put(table Table, key string, value []byte) error
	// Delete removes the key's record. It is no error if there is none.
	Delete(table Table, key string) error
}

package controller

import "context"

// Table names one kind of record.
type Table string

// Record is one key and its value.
type Record struct {
	Key   string
	Value []byte
}

// Store keeps the server's records: tables of values under ordered text keys, changed in transactions.
//
// Keys are compared as bytes, are not empty and have at most MaxKey bytes. Values have at most MaxValue bytes and are
// not kept or changed by the store after the call, nor by the caller what the store returned.
// Implementations are safe for concurrent use. Every implementation must pass storetest.
type Store interface {
	// View runs fn on a consistent state. fn may be run again if the store asks for it, so it must set, not add to, what it captures.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn and makes its writes durable all at once, or none of them if fn or the commit fails.
	// Transactions are serializable; fn may be run more than once.
	Update(ctx context.Context, fn func(Writer) error) error
	// Close waits for running transactions. Every later call returns ErrClosed.
	Close() error
}

// Reader reads within one transaction. It must not be used after fn returned.
type Reader interface {
	// Get returns the value, or nil and no error if there is none.
	Get(table Table, key string) ([]byte, error)
	// Scan returns records with from <= key < to in rising order, limit at most. An empty to means no upper bound.
	Scan(table Table, from, to string, limit int) ([]Record, error)
}

// Writer reads and writes within one transaction; it reads its own writes.
type Writer interface {
	Reader
	Put(table Table, key string, value []byte) error
	// Delete removes a record; it is no error if there is none.
	Delete(table Table, key string) error
}

package controller

import (
	"context"
	"errors"
)

// The errors of a Store, beside *BoundError and the engine's own.
var (
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrOver is returned by a Reader or Writer used after its transaction ended.
	ErrOver = errors.New("the transaction is over")
)

// Table names one kind of record. It has 1 to MaxTable bytes.
type Table string

// Record is one key and its value.
type Record struct {
	Key   string
	Value []byte
}

// Store keeps the server's records: tables of values under ordered text keys, changed in transactions.
//
// Keys are compared as bytes, are not empty and have at most MaxKey bytes. Values have at most MaxValue bytes and are
// not kept or changed by the store after the call, nor by the caller what the store returned. What breaks a bound is
// refused with a *BoundError, and the transaction may go on.
// Implementations are safe for concurrent use. fn must not call the store again. Every implementation must pass storetest.
type Store interface {
	// View runs fn on a consistent state. fn may be run again if the store asks for it, so it must set, not add to, what it captures.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn and makes its writes durable all at once, or none of them if fn or the commit fails.
	// Transactions are serializable; fn may be run more than once.
	Update(ctx context.Context, fn func(Writer) error) error
	// Close waits for running transactions. Every later call returns ErrClosed.
	Close() error
}

// Reader reads within one transaction. It must not be used after fn returned, nor by two goroutines at once.
type Reader interface {
	// Get returns the value, or nil and no error if there is none. An empty value is not nil.
	Get(table Table, key string) ([]byte, error)
	// Scan returns records with from <= key < to in rising order, limit at most (1 to MaxScan).
	// An empty from means no lower bound, an empty to no upper bound.
	Scan(table Table, from, to string, limit int) ([]Record, error)
}

// Writer reads and writes within one transaction; it reads its own writes.
type Writer interface {
	Reader
	Put(table Table, key string, value []byte) error
	// Delete removes a record; it is no error if there is none.
	Delete(table Table, key string) error
}

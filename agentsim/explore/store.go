package explore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
)

// errHalted is the error of a transaction in which the server crashes.
var errHalted = errors.New("the server crashed")

// ledgerStore is a store in memory with a fuse and a hash of its contents. Each
// state has its own; stores share what they have in common.
type ledgerStore struct {
	*memstore.Store
	sum     [4]uint64                                           // the sum of the hashes of all records, in any order
	callers bool                                                // when an asset was last seen counts
	fuse    uint8                                               // see server
	halted  bool                                                // nothing is committed any more
	tamper  func(table, key string, value []byte) (made []byte) // tests only: what to store instead of a value; for nil, non-nil keeps the record
}

// Update implements controller.Store. A transaction that writes nothing is not
// a commit.
func (l *ledgerStore) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if l.halted {
		return errHalted
	}
	t := &ledgerTx{l: l, sum: l.sum}
	err := l.Store.Update(ctx, func(w controller.Writer) error {
		t.Writer = w
		err := fn(t)
		if err == nil && t.wrote && l.fuse == 1 {
			return errHalted
		}
		return err
	})
	if l.halted = errors.Is(err, errHalted); err != nil {
		return err
	}
	l.sum = t.sum
	if t.wrote && l.fuse > 0 {
		l.fuse--
		l.halted = l.fuse == 1
	}
	if l.halted {
		return errHalted
	}
	return nil
}

// ledgerTx updates the hash of the contents with each write.
type ledgerTx struct {
	controller.Writer
	l     *ledgerStore
	sum   [4]uint64
	wrote bool
}

func (t *ledgerTx) Put(table controller.Table, key string, value []byte) error {
	if t.l.tamper != nil {
		value = t.l.tamper(string(table), key, value)
	}
	old, err := t.Get(table, key)
	if err != nil {
		return err
	}
	if old != nil && bytes.Equal(old, value) {
		return nil
	}
	t.wrote = true
	t.count(table, key, old, -1)
	t.count(table, key, value, 1)
	return t.Writer.Put(table, key, value)
}

func (t *ledgerTx) Delete(table controller.Table, key string) error {
	old, err := t.Get(table, key)
	if err != nil || old == nil || t.l.tamper != nil && t.l.tamper(string(table), key, nil) != nil {
		return err
	}
	t.wrote = true
	t.count(table, key, old, -1)
	return t.Writer.Delete(table, key)
}

// count adds a record to the sum or takes it out. Unless a state can be lost, when
// an asset was last seen decides nothing.
func (t *ledgerTx) count(table controller.Table, key string, value []byte, sign int) {
	if table == "events" || table == "seen" && !t.l.callers || value == nil && sign < 0 {
		return
	}
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{[]byte(table), []byte(key), value} {
		binary.LittleEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	sum := h.Sum(nil)
	for i := range t.sum {
		part := binary.LittleEndian.Uint64(sum[8*i:])
		if sign < 0 {
			part = -part
		}
		t.sum[i] += part
	}
}

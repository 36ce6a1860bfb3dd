package storetest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/storetest"
)

// A store of one's own: the server's records in one bbolt file. bbolt runs one
// update at a time beside any number of readers, and each transaction sees one
// committed state. So nothing conflicts, and no function runs twice.
type boltStore struct {
	db      *bbolt.DB
	mu      sync.RWMutex
	closed  bool
	running sync.WaitGroup
	writing chan struct{} // holds one element while an Update runs
}

func openBolt(path string) (*boltStore, error) {
	db, err := bbolt.Open(path, 0o600, nil)
	return &boltStore{db: db, writing: make(chan struct{}, 1)}, err
}

func (s *boltStore) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.run(ctx, func() error {
		return s.db.View(func(bolt *bbolt.Tx) error {
			t := &boltTx{ctx: ctx, bolt: bolt}
			defer func() { t.over = true }()
			return t.end(fn(boltReader{t}))
		})
	})
}

func (s *boltStore) Update(ctx context.Context, fn func(controller.Writer) error) error {
	return s.run(ctx, func() error {
		select {
		case <-ctx.Done(): // bbolt's own wait cannot be ended
			return ctx.Err()
		case s.writing <- struct{}{}:
			defer func() { <-s.writing }()
		}
		return s.db.Update(func(bolt *bbolt.Tx) error {
			t := &boltTx{ctx: ctx, bolt: bolt}
			defer func() { t.over = true }()
			return t.end(fn(t))
		})
	})
}

// run counts the transactions, because Close waits for them.
func (s *boltStore) run(ctx context.Context, transaction func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return controller.ErrClosed
	}
	s.running.Add(1)
	s.mu.RUnlock()
	defer s.running.Done()
	return transaction()
}

func (s *boltStore) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return controller.ErrClosed
	}
	s.running.Wait()
	return s.db.Close()
}

type boltTx struct {
	ctx    context.Context
	bolt   *bbolt.Tx
	over   bool
	failed error // of the first call that failed: nothing is committed
}

// boltReader hides the methods that write.
type boltReader struct{ controller.Reader }

// end returns the error of a transaction whose function returned err.
func (t *boltTx) end(err error) error {
	switch {
	case err != nil:
		return err
	case t.failed != nil:
		return t.failed
	}
	return t.ctx.Err()
}

// may says whether a call may be made, with its arguments checked.
func (t *boltTx) may(check error) error {
	switch {
	case t.over:
		return controller.ErrOver
	case t.failed == nil:
		t.failed = t.ctx.Err()
	}
	if t.failed != nil {
		return t.failed
	}
	return check
}

// Each table is a bucket. Values begin with one byte, because bbolt does not
// tell an empty value from a missing one.
func (t *boltTx) Get(table controller.Table, key string) ([]byte, error) {
	if err := t.may(controller.CheckKey(table, key)); err != nil {
		return nil, err
	}
	bucket := t.bolt.Bucket([]byte(table))
	if bucket == nil {
		return nil, nil
	}
	return value(bucket.Get([]byte(key))), nil
}

// value copies what bbolt lends until the end of the transaction.
func value(stored []byte) []byte {
	if stored == nil {
		return nil
	}
	return append([]byte{}, stored[1:]...)
}

func (t *boltTx) GetMany(keys []controller.Key) ([][]byte, error) {
	if err := t.may(controller.CheckMany(keys)); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, k := range keys {
		v, err := t.Get(k.Table, k.Key)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (t *boltTx) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	if err := t.may(controller.CheckScan(table, from, to, limit)); err != nil {
		return nil, err
	}
	bucket := t.bolt.Bucket([]byte(table))
	if bucket == nil {
		return nil, nil
	}
	var records []controller.Record
	cursor := bucket.Cursor()
	for k, v := cursor.Seek([]byte(from)); k != nil && len(records) < limit; k, v = cursor.Next() {
		if to != "" && bytes.Compare(k, []byte(to)) >= 0 {
			break
		}
		records = append(records, controller.Record{Key: string(k), Value: value(v)})
	}
	return records, nil
}

func (t *boltTx) Put(table controller.Table, key string, v []byte) error {
	check := controller.CheckKey(table, key)
	if check == nil {
		check = controller.CheckValue(v)
	}
	if err := t.may(check); err != nil {
		return err
	}
	bucket, err := t.bolt.CreateBucketIfNotExists([]byte(table))
	if err == nil {
		err = bucket.Put([]byte(key), append([]byte{1}, v...))
	}
	t.failed = err
	return err
}

func (t *boltTx) Delete(table controller.Table, key string) error {
	if err := t.may(controller.CheckKey(table, key)); err != nil {
		return err
	}
	if bucket := t.bolt.Bucket([]byte(table)); bucket != nil {
		t.failed = bucket.Delete([]byte(key))
	}
	return t.failed
}

// The suite is all that a store has to pass.
func TestExampleStore(t *testing.T) {
	folder := t.TempDir()
	storetest.Run(t, storetest.Harness{Open: func(t *testing.T, name string) controller.Store {
		s, err := openBolt(filepath.Join(folder, fmt.Sprintf("%x", name)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}})
}

// A controller over a store of one's own.
func ExampleRun() {
	folder, err := os.MkdirTemp("", "records")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	store, err := openBolt(filepath.Join(folder, "records.bolt"))
	if err != nil {
		panic(err)
	}
	defer store.Close()
	err = store.Update(context.Background(), func(w controller.Writer) error { return w.Put("greetings", "hello", []byte("world")) })
	fmt.Println("written:", err == nil)
	err = store.View(context.Background(), func(r controller.Reader) error {
		v, err := r.Get("greetings", "hello")
		fmt.Printf("read: %s\n", v)
		return err
	})
	fmt.Println("no error:", err == nil)
	// Output:
	// written: true
	// read: world
	// no error: true
}

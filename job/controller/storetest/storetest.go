package storetest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// Harness connects the suite to an implementation.
type Harness struct {
	// Open opens the store called name, and creates it if the sub-test t has
	// not opened that name before. The suite closes it. One database may serve
	// all names, all sub-tests and all runs: each sub-test uses tables of its
	// own, under random names, and leaves its records there.
	Open func(t *testing.T, name string) controller.Store
	// Durable says that a store keeps its records when it is closed, and that
	// one name can be open twice.
	Durable bool
	// FullDisk makes all writes to s fail as on a full disk, until mend is
	// called. Nil leaves that out, for a store without a disk.
	FullDisk func(t *testing.T, s controller.Store) (mend func())
	// FailCommits makes the commit of every Update of s that writes fail, until
	// mend is called. Nil leaves that out, for a store whose commits cannot fail.
	FailCommits func(t *testing.T, s controller.Store) (mend func())
}

type test struct {
	holds string // the sentence
	run   func(*suite)
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	tests := []test{
		// Keys, values and bounds.
		{"Get returns what Put stored, and nil without a record", testGet},
		{"Put replaces the value", testPut},
		{"Delete removes one record, and none is no error", testDelete},
		{"an empty value is a record", testEmpty},
		{"keys and values are any bytes", testBytes},
		{"keys that differ in one byte are different", testDifferent},
		{"one key in two tables is two records", testTables},
		{"what is as big as the bounds is stored", testBiggest},
		{"a call beyond a bound has no effect, and the transaction commits", testBounds},
		{"Scan returns a range in the order of bytes", testScan},
		{"Scan returns fewer than limit only at the end", testScanLimit},
		{"Scan returns what a sorted list would", testScanOracle},
		{"GetMany returns the values in the order of the keys", testMany},
		{"GetMany of no keys is an empty list", testManyNone},
		{"GetMany takes MaxMany of the longest keys", testManyMost},
		{"GetMany returns what Get would", testManyOracle},

		// Who owns slices.
		{"the store keeps and changes no slice of the caller", testGiven},
		{"what the store returned never changes", testReturned},

		// What a transaction sees.
		{"a Writer reads its own writes", testOwnWrites},
		{"a View sees one state, and holds no Update up", testSnapshot},
		{"a View sees nothing uncommitted, and does not wait for it", testUncommitted},
		{"a transaction sees every Update that returned before", testReturnedBefore},
		{"no increment is lost, and no View sees half of an Update", testCounters},
		{"fn runs again after a conflict, whatever it returned", testConflictHidden},
		{"Updates that read a range are serializable", testRangeSkew},
		{"Updates that read keys without a record are serializable", testAbsentSkew},
		{"Views are serializable", testViewSkew},
		{"the Reader of a View is not a Writer", testDisguise},

		// What fn may do, and how a transaction ends.
		{"an error of fn undoes its writes and is returned", testError},
		{"a panic of fn undoes its writes and reaches the caller", testPanic},
		{"a Goexit of fn undoes its writes", testGoexit},
		{"a Reader or Writer is over when fn has returned", testOver},
		{"the Writer of an earlier run is over", testOverEarlier},
		{"fn does not run when the context has ended", testEndedBefore},
		{"a context that ends while fn runs undoes its writes", testEndedInside},
		{"a context that ends during a call is what the call returns", testEndedCalling},
		{"a context that ends keeps an error of fn", testEndedError},
		{"waiting for another transaction stops when the context ends", testEndedWaiting},
		{"Close waits, and lets nothing else begin", testClose},
	}
	if h.Durable {
		tests = append(tests, test{"what an Update wrote is there when the store is opened again", testDurable},
			test{"two Stores on one database are serializable together", testTwoStores})
	}
	if h.FullDisk != nil {
		tests = append(tests, test{"a write that fails undoes its Update, and later ones work again", testFullDisk})
	}
	if h.FailCommits != nil {
		tests = append(tests, test{"a commit that fails undoes its Update, and later ones work again", testFailCommits})
	}
	for _, c := range tests {
		t.Run(c.holds, func(t *testing.T) {
			s := &suite{T: t, Harness: h, table: controller.Table("t_" + strings.ToLower(rand.Text()[:12]))}
			s.store = s.open("store")
			c.run(s)
		})
	}
}

// suite is what a sub-test works with. Nobody else uses its table, nor tables whose names begin with that one's.
type suite struct {
	*testing.T
	Harness
	store controller.Store
	table controller.Table
}

func (s *suite) open(name string) controller.Store {
	s.Helper()
	store := s.Open(s.T, name)
	s.Cleanup(func() { _ = store.Close() })
	return store
}

func (s *suite) update(fn func(controller.Writer) error) {
	s.Helper()
	require.NoError(s, s.store.Update(context.Background(), fn), "an Update that has no reason to fail failed")
}

func (s *suite) view(fn func(controller.Reader) error) {
	s.Helper()
	require.NoError(s, s.store.View(context.Background(), fn), "a View that has no reason to fail failed")
}

// put stores "value of KEY" under each key.
func (s *suite) put(keys ...string) {
	s.Helper()
	s.putIn(s.table, keys...)
}

func (s *suite) putIn(table controller.Table, keys ...string) {
	s.Helper()
	s.update(func(w controller.Writer) error {
		for _, k := range keys {
			if err := w.Put(table, k, []byte("value of "+k)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *suite) get(key string) []byte {
	s.Helper()
	return s.getIn(s.table, key)
}

func (s *suite) getIn(table controller.Table, key string) (value []byte) {
	s.Helper()
	s.view(func(r controller.Reader) (err error) {
		value, err = r.Get(table, key)
		return err
	})
	return value
}

func (s *suite) getMany(keys ...controller.Key) (values [][]byte) {
	s.Helper()
	s.view(func(r controller.Reader) (err error) {
		values, err = r.GetMany(keys)
		return err
	})
	return values
}

func (s *suite) scan(from, to string, limit int) []controller.Record {
	s.Helper()
	return s.scanIn(s.table, from, to, limit)
}

func (s *suite) scanIn(table controller.Table, from, to string, limit int) (records []controller.Record) {
	s.Helper()
	s.view(func(r controller.Reader) (err error) {
		records, err = r.Scan(table, from, to, limit)
		return err
	})
	return records
}

// keys are those of the records that Scan returns.
func (s *suite) keys(from, to string, limit int) (found []string) {
	s.Helper()
	for _, rec := range s.scan(from, to, limit) {
		found = append(found, rec.Key)
	}
	return found
}

// all are the keys of the whole table, which has fewer than 100.
func (s *suite) all() []string {
	s.Helper()
	return s.keys("", "", 100)
}

// key names a record of the sub-test's table.
func (s *suite) key(key string) controller.Key { return controller.Key{Table: s.table, Key: key} }

// only is the error of a call whose result does not matter.
func only[T any](_ T, err error) error { return err }

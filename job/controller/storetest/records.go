package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

func testGet(s *suite) {
	require.Nil(s, s.get("a"), "Get must return nil for a key without a record")
	s.put("a", "b")
	require.Equal(s, "value of a", string(s.get("a")), "Get must return the bytes that Put stored")
	require.Nil(s, s.get("c"), "Get must return nil for a key between or after others")
}

func testPut(s *suite) {
	s.put("a", "b")
	s.update(func(w controller.Writer) error { return w.Put(s.table, "a", []byte("new")) })
	require.Equal(s, "new", string(s.get("a")), "the second Put must replace the value of the first")
	require.Equal(s, "value of b", string(s.get("b")), "Put must change no other record")
	require.Equal(s, []string{"a", "b"}, s.all(), "replacing a value must not add a record")
}

func testDelete(s *suite) {
	s.put("a", "b")
	s.update(func(w controller.Writer) error { return w.Delete(s.table, "a") })
	require.Nil(s, s.get("a"), "a deleted record must be gone")
	require.Equal(s, "value of b", string(s.get("b")), "Delete must leave other records")
	s.update(func(w controller.Writer) error { return w.Delete(s.table, "never there") })
	s.put("a")
	require.Equal(s, "value of a", string(s.get("a")), "a deleted key can be used again")
}

func testEmpty(s *suite) {
	for what, empty := range map[string][]byte{"nil": nil, "an empty slice": {}} {
		s.update(func(w controller.Writer) error { return w.Put(s.table, "empty", empty) })
		many, records := s.getMany(s.key("empty")), s.scan("", "", 10)
		require.Len(s, records, 1, "Put of %s must make a record", what)
		for call, got := range map[string][]byte{"Get": s.get("empty"), "GetMany": many[0], "Scan": records[0].Value} {
			require.NotNil(s, got, "after Put of %s, %s must not return nil: that means no record", what, call)
			require.Empty(s, got, "after Put of %s, the value that %s returns must be empty", what, call)
		}
	}
}

func testBytes(s *suite) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	keys := []string{"\x00", "\x00\x01\x00\xff", "\xff\xfe", "quote'\"`", `back\slash`, "%_", "Ünïcode", "\xc3", "line\r\n", string(every)}
	for _, key := range keys {
		s.update(func(w controller.Writer) error { return w.Put(s.table, key, every) })
		require.Equal(s, every, s.get(key), "Get must return every byte of the value under key %q", key)
		require.Equal(s, [][]byte{every}, s.getMany(s.key(key)), "GetMany must return every byte of the value under key %q", key)
	}
	slices.Sort(keys)
	require.Equal(s, keys, s.all(), "Scan must return the keys as they were put, every byte of them")
}

func testDifferent(s *suite) {
	keys := []string{"a", "A", "a ", " a", "a\x00", "a\x00\x00", "\x00a", "aa", "é", "e\u0301", "ß", "ss", "1", "01", "1.0", "\xff", "\xfe"}
	s.put(keys...)
	for _, key := range keys {
		require.Equal(s, "value of "+key, string(s.get(key)), "key %q must have a record of its own: no case, language, space or zero byte may be ignored", key)
	}
	require.Len(s, s.all(), len(keys), "each key must have a record of its own")
}

func testTables(s *suite) {
	before, after := s.table[:len(s.table)-1], s.table+"k"
	for _, table := range []controller.Table{before, s.table, after} {
		s.update(func(w controller.Writer) error {
			for _, key := range []string{"a", "k", "kk", "z"} {
				if err := w.Put(table, key, []byte(table)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.update(func(w controller.Writer) error { return w.Delete(after, "k") })
	require.Equal(s, string(s.table), string(s.getIn(s.table, "kk")), "table and key must not be joined: a key that ends another table's name was deleted there")
	require.Equal(s, string(before), string(s.getIn(before, "k")), "a key in two tables must have two values")
	require.Nil(s, s.getIn(after, "k"), "the record was deleted in this table")
	require.Equal(s, []string{"a", "k", "kk", "z"}, s.all(), "Scan must not leave its table, neither at its begin nor at its end")
	values := s.getMany(controller.Key{Table: before, Key: "k"}, s.key("k"), controller.Key{Table: after, Key: "k"})
	require.Equal(s, [][]byte{[]byte(before), []byte(s.table), nil}, values, "GetMany must read each key in its own table")
}

// biggest are a key and a table as long as the bounds, and a value as big.
func (s *suite) biggest() (controller.Table, string, []byte) {
	value := make([]byte, controller.MaxValue)
	value[len(value)-1] = 7
	return s.table + controller.Table(strings.Repeat("t", controller.MaxTable-len(s.table))), strings.Repeat("k", controller.MaxKey), value
}

func testBiggest(s *suite) {
	table, key, value := s.biggest()
	s.update(func(w controller.Writer) error { return w.Put(table, key, value) })
	require.Equal(s, value, s.getIn(table, key), "a value of MaxValue bytes under the longest key must be stored whole")
	require.Len(s, s.scanIn(table, key, "", controller.MaxScan), 1, "Scan must take the longest bounds and the highest limit")
	s.update(func(w controller.Writer) error { return w.Delete(table, key) })
	require.Nil(s, s.getIn(table, key), "Delete must take the longest key")
}

func testBounds(s *suite) {
	longestTable, longest, biggest := s.biggest()
	long, tooMany := longest+"k", slices.Repeat([]controller.Key{s.key("k")}, controller.MaxMany+1)
	for what, use := range map[string]func(controller.Writer) error{
		"Put with a long key":           func(w controller.Writer) error { return w.Put(s.table, long, nil) },
		"Put with no key":               func(w controller.Writer) error { return w.Put(s.table, "", nil) },
		"Put with a long table":         func(w controller.Writer) error { return w.Put(longestTable+"t", "k", nil) },
		"Put with no table":             func(w controller.Writer) error { return w.Put("", "k", nil) },
		"Put with a big value":          func(w controller.Writer) error { return w.Put(s.table, "k", append(biggest, 0)) },
		"Delete with no key":            func(w controller.Writer) error { return w.Delete(s.table, "") },
		"Delete with a long key":        func(w controller.Writer) error { return w.Delete(s.table, long) },
		"Get with no key":               func(w controller.Writer) error { return only(w.Get(s.table, "")) },
		"Get with a long key":           func(w controller.Writer) error { return only(w.Get(s.table, long)) },
		"GetMany with too many keys":    func(w controller.Writer) error { return only(w.GetMany(tooMany)) },
		"GetMany with no key second":    func(w controller.Writer) error { return only(w.GetMany([]controller.Key{s.key("k"), s.key("")})) },
		"GetMany with a long key":       func(w controller.Writer) error { return only(w.GetMany([]controller.Key{s.key(long)})) },
		"GetMany with no table":         func(w controller.Writer) error { return only(w.GetMany([]controller.Key{{Key: "k"}})) },
		"Scan with a negative limit":    func(w controller.Writer) error { return only(w.Scan(s.table, "", "", -1)) },
		"Scan with limit 0":             func(w controller.Writer) error { return only(w.Scan(s.table, "", "", 0)) },
		"Scan with a limit too high":    func(w controller.Writer) error { return only(w.Scan(s.table, "", "", controller.MaxScan+1)) },
		"Scan from a long key":          func(w controller.Writer) error { return only(w.Scan(s.table, long, "", 1)) },
		"Scan to a long key":            func(w controller.Writer) error { return only(w.Scan(s.table, "", long, 1)) },
		"Scan with no table":            func(w controller.Writer) error { return only(w.Scan("", "", "", 1)) },
		"Scan with a long table's name": func(w controller.Writer) error { return only(w.Scan(longestTable+"t", "", "", 1)) },
	} {
		var refused error
		s.update(func(w controller.Writer) error {
			refused = use(w)
			return w.Put(s.table, "after", []byte(what))
		})
		var bound *controller.BoundError
		require.ErrorAs(s, refused, &bound, "%s must be refused with a *controller.BoundError", what)
		require.Equal(s, what, string(s.get("after")), "after %s, the transaction must go on and commit", what)
	}
	require.Equal(s, []string{"after"}, s.all(), "a call that is refused must write nothing")
}

func testScan(s *suite) {
	s.put("b", "B", "a\x00", "a", "ab", "é", "z", "\xff", "10", "9", "a b")
	all := []string{"10", "9", "B", "a", "a\x00", "a b", "ab", "b", "z", "é", "\xff"}
	require.Equal(s, all, s.all(), "Scan must order keys as bytes, not as a language sorts them (collation \"C\")")
	require.Equal(s, []string{"a", "a\x00", "a b", "ab"}, s.keys("a", "b", 100), "from is in the range, to is not")
	require.Equal(s, []string{"ab", "b"}, s.keys("aa", "c", 100), "from and to need not have records")
	require.Equal(s, []string{"a\x00", "a b"}, s.keys("a\x00", "", 2), "an empty to is no bound")
	require.Equal(s, all[:3], s.keys("", "a", 100), "an empty from is no bound")
	require.Empty(s, s.keys("b", "b", 10), "a range from a key to itself is empty")
	require.Empty(s, s.keys("c", "b", 10), "a range whose from is after its to is empty")
	require.Empty(s, s.keys("\xff\xff", "", 10), "after the last key there is none")
	require.Equal(s, []controller.Record{{Key: "z", Value: []byte("value of z")}}, s.scan("z", "", 1), "Scan must return each key with its value")
}

func testScanLimit(s *suite) {
	s.put("a", "b", "c", "d")
	for limit := 1; limit <= 5; limit++ {
		require.Equal(s, []string{"a", "b", "c", "d"}[:min(limit, 4)], s.keys("", "", limit),
			"Scan must return the first records up to its limit, all of them: who gets fewer stops paging")
		require.Equal(s, []string{"b", "c"}[:min(limit, 2)], s.keys("b", "d", limit), "the limit must not go beyond the range")
	}
}

// alphabet has the bytes at which orders go wrong.
var alphabet = []byte{0, 1, 'a', 'b', 0x7f, 0x80, 0xfe, 0xff}

func randomKey(random *rand.Rand) string {
	b := make([]byte, 1+random.IntN(4))
	for i := range b {
		b[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(b)
}

// churn puts and deletes some random keys, and returns those that are in the table afterwards, of which before were already.
func (s *suite) churn(random *rand.Rand, before []string) (after []string) {
	s.Helper()
	var add, drop []string
	for range 10 {
		add, drop = append(add, randomKey(random)), append(drop, randomKey(random))
	}
	s.put(add...)
	s.update(func(w controller.Writer) error {
		for _, k := range drop {
			if err := w.Delete(s.table, k); err != nil {
				return err
			}
		}
		return nil
	})
	after = slices.DeleteFunc(append(before, add...), func(k string) bool { return slices.Contains(drop, k) })
	slices.Sort(after)
	return slices.Compact(after)
}

func testScanOracle(s *suite) {
	random := rand.New(rand.NewPCG(1, 2))
	var want []string
	for range 30 {
		want = s.churn(random, want)
		from, to, limit := randomKey(random), randomKey(random), 1+random.IntN(20)
		if random.IntN(4) == 0 {
			to = ""
		}
		var expected []string
		for _, k := range want {
			if k >= from && (to == "" || k < to) && len(expected) < limit {
				expected = append(expected, k)
			}
		}
		require.Equal(s, expected, s.keys(from, to, limit), "Scan from %q to %q must return these keys in this order", from, to)
	}
}

func testMany(s *suite) {
	other := s.table + "x"
	s.put("a", "b")
	s.putIn(other, "c")
	s.update(func(w controller.Writer) error { return w.Put(s.table, "empty", nil) })
	values := s.getMany(s.key("b"), s.key("none"), controller.Key{Table: other, Key: "c"}, s.key("a"), s.key("empty"), s.key("b"), s.key("c"), s.key("none"))
	want := [][]byte{[]byte("value of b"), nil, []byte("value of c"), []byte("value of a"), {}, []byte("value of b"), nil, nil}
	require.Equal(s, want, values, "GetMany must return one value per key in the order of the keys: "+
		"nil without a record, an empty value not nil, the value twice for a key that is there twice")
	require.Equal(s, [][]byte{nil}, s.getMany(s.key("none")), "one key without a record gives one nil")
}

func testManyNone(s *suite) {
	for what, keys := range map[string][]controller.Key{"nil": nil, "an empty list": {}} {
		require.Empty(s, s.getMany(keys...), "GetMany of %s must return an empty list in a View", what)
		values := [][]byte{{1}}
		s.update(func(w controller.Writer) (err error) {
			values, err = w.GetMany(keys)
			return err
		})
		require.Empty(s, values, "GetMany of %s must return an empty list in an Update", what)
	}
}

func testManyMost(s *suite) {
	keys, want := make([]controller.Key, controller.MaxMany), make([][]byte, controller.MaxMany)
	for i := range keys {
		number := fmt.Sprintf("%06d", i*7919%len(keys)) // 7919 is prime: every number once, out of order
		keys[i] = s.key(strings.Repeat("\xff", controller.MaxKey-len(number)) + number)
		if i%3 > 0 {
			want[i] = []byte(number)
		}
	}
	s.update(func(w controller.Writer) error {
		for i, k := range keys {
			if want[i] == nil {
				continue
			}
			if err := w.Put(k.Table, k.Key, want[i]); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(s, want, s.getMany(keys...), "MaxMany keys of MaxKey bytes are one call")
}

func testManyOracle(s *suite) {
	random := rand.New(rand.NewPCG(3, 4))
	var there []string
	for range 30 {
		there = s.churn(random, there)
		keys := make([]controller.Key, random.IntN(40))
		for i := range keys {
			if keys[i] = s.key(randomKey(random)); len(there) > 0 && random.IntN(2) == 0 {
				keys[i] = s.key(there[random.IntN(len(there))])
			}
		}
		var many, each [][]byte
		s.view(func(r controller.Reader) (err error) {
			each = make([][]byte, len(keys))
			for i, k := range keys {
				if each[i], err = r.Get(k.Table, k.Key); err != nil {
					return err
				}
			}
			many, err = r.GetMany(keys)
			return err
		})
		require.Len(s, many, len(keys), "GetMany must return one value per key")
		for i := range keys {
			require.Equal(s, each[i], many[i], "GetMany must return what Get does for key %q, number %d of %d", keys[i].Key, i, len(keys))
		}
	}
}

func testGiven(s *suite) {
	value := []byte("before")
	var got []byte
	s.update(func(w controller.Writer) error {
		copy(value, "before") // fn may run again
		err := w.Put(s.table, "a", value)
		copy(value, "behind")
		if err == nil {
			got, err = w.Get(s.table, "a")
		}
		return err
	})
	require.Equal(s, "before", string(got), "Put must copy the value: the caller changed its slice after Put, in the same transaction")
	require.Equal(s, "before", string(s.get("a")), "Put must copy the value: the caller changed its slice after Put, before the commit")
	require.Equal(s, "behind", string(value), "the store must not change the caller's value")

	keys := []controller.Key{s.key("b"), s.key("a"), s.key("b"), s.key("0")}
	list := slices.Clone(keys)
	require.Equal(s, [][]byte{nil, []byte("before"), nil, nil}, s.getMany(list...), "the values must be in the order of the keys")
	require.Equal(s, keys, list, "GetMany must neither sort nor change the caller's list")
}

func testReturned(s *suite) {
	s.put("a", "b")
	var got []byte
	var many [][]byte
	var records []controller.Record
	read := func(r controller.Reader) (err error) {
		if got, err = r.Get(s.table, "a"); err != nil {
			return err
		}
		if many, err = r.GetMany([]controller.Key{s.key("a"), s.key("b")}); err != nil {
			return err
		}
		records, err = r.Scan(s.table, "", "", 10)
		return err
	}
	check := func(when string) {
		require.Equal(s, "value of a", string(got), "what Get returned must stay as it was, %s", when)
		require.Equal(s, [][]byte{[]byte("value of a"), []byte("value of b")}, many, "what GetMany returned must stay as it was, %s", when)
		require.Equal(s, []controller.Record{{Key: "a", Value: []byte("value of a")}, {Key: "b", Value: []byte("value of b")}}, records,
			"what Scan returned must stay as it was, %s", when)
	}
	s.update(func(w controller.Writer) error {
		if err := w.Put(s.table, "a", []byte("value of a")); err != nil { // fn may run again
			return err
		}
		if err := read(w); err != nil {
			return err
		}
		return w.Put(s.table, "a", []byte("VALUE OF A"))
	})
	check("though the same Update put another value")
	s.put("a")
	s.view(read)
	s.update(func(w controller.Writer) error {
		if err := w.Delete(s.table, "b"); err != nil {
			return err
		}
		return w.Put(s.table, "a", []byte("VALUE OF A"))
	})
	require.Equal(s, "VALUE OF A", string(s.get("a")), "the Put must show")
	check("after another Update changed and deleted the records")
	require.NoError(s, s.store.Close(), "Close must succeed")
	check("after Close")
}

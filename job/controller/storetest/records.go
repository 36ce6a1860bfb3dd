package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// records tests keys, values and bounds, and who owns slices.
var records = []test{
	{"Get returns what Put stored, and nil without a record", func(s *suite) {
		require.Equal(s, "-", s.view(s.get("a")), "Get must return nil for a key without a record")
		s.update(s.fill("a", "b"))
		require.Equal(s, "va; -", s.view(s.get("a"), s.get("c")), "Get must return what Put stored, and nil for a key between or after others")
	}},
	{"Put replaces the value", func(s *suite) {
		s.update(s.fill("a", "b"))
		s.update(s.put("a", "new"))
		require.Equal(s, "new; [a=new b=vb]", s.view(s.get("a"), s.all()), "the second Put must replace the value of the first, change no other record, and add none")
	}},
	{"Delete removes one record, and none is no error", func(s *suite) {
		s.update(s.fill("a", "b"))
		s.update(s.remove("a"))
		require.Equal(s, "-; vb", s.view(s.get("a"), s.get("b")), "a deleted record must be gone, and no other")
		s.update(s.remove("never there"))
		s.update(s.fill("a"))
		require.Equal(s, "va", s.view(s.get("a")), "a deleted key can be used again")
	}},
	{"an empty value is a record", func(s *suite) {
		for what, empty := range map[string][]byte{"nil": nil, "an empty slice": {}} {
			s.update(func(r controller.Reader) (string, error) {
				return "", r.(controller.Writer).Put(controller.Table(s.table), "a", empty)
			})
			require.Equal(s, `""; ["" -]; [a=""]`, s.view(s.everything()), "Put of %s must make a record, whose value is empty and not nil, which means no record", what)
		}
	}},
	{"keys and values are any bytes, keys that differ in one are different, and Scan returns them in the order of bytes", func(s *suite) {
		var every []byte
		for i := range 256 {
			every = append(every, byte(i))
		}
		keys := []string{
			"\x00", "\x00\x01\x00\xff", "\xff\xfe", "quote'\"`", `back\slash`, "%_", "Ünïcode", "\xc3", "line\r\n", string(every),
			"a", "A", "a ", " a", "a\x00", "a\x00\x00", "\x00a", "aa", "é", "e\u0301", "ß", "ss", "1", "01", "1.0", "\xff", "\xfe",
			"b", "B", "ab", "z", "10", "9", "a b",
		}
		for _, key := range keys {
			s.update(s.put(key, string(every)+key))
		}
		slices.Sort(keys)
		var all []string
		for _, key := range keys {
			value := show(append(every, key...))
			require.Equal(s, fmt.Sprintf("%s; [%[1]s]", value), s.view(s.get(key), s.many(key)),
				"every byte of the value under key %q must be returned: no case, language, space or zero byte of the key may be ignored", key)
			all = append(all, show([]byte(key))+"="+value)
		}
		require.Equal(s, fmt.Sprint(all), s.view(s.all()), "Scan must return the keys as they were put, in the order of bytes, not of a language (collation \"C\")")
	}},
	{"one key in two tables is two records", func(s *suite) {
		before, after := s.table[:len(s.table)-1], s.table+"k"
		for i, t := range []table{before, s.table, after} {
			for _, key := range []string{"a", "k", "kk", "z"} {
				s.update(t.put(key, fmt.Sprint(i)))
			}
		}
		s.update(after.remove("k"))
		require.Equal(s, "1", s.view(s.get("kk")), "table and key must not be joined: a key that ends another table's name was deleted there")
		require.Equal(s, "0; -", s.view(before.get("k"), after.get("k")), "a key in two tables must have two values, and be deleted in one")
		require.Equal(s, "[a=1 k=1 kk=1 z=1]", s.view(s.all()), "Scan must not leave its table, neither at its begin nor at its end")
		keys := slices.Concat(before.keys("k"), s.keys("k"), after.keys("k"))
		require.Equal(s, "[0 1 -]", s.view(many(keys...)), "GetMany must read each key in its own table")
	}},
	{"what is as big as the bounds is stored", func(s *suite) {
		t, key, value := s.biggest()
		s.update(t.put(key, value))
		require.True(s, s.view(t.get(key)) == value, "a value of MaxValue bytes under the longest key must be stored whole")
		require.True(s, s.view(t.scan(key, "", controller.MaxScan)) == "["+key+"="+value+"]", "Scan must take the longest bounds and the highest limit")
		s.update(t.remove(key))
		require.Equal(s, "-", s.view(t.get(key)), "Delete must take the longest key")
	}},
	{"a call beyond a bound has no effect, and the transaction commits", func(s *suite) {
		longest, key, value := s.biggest()
		long, longTable, noTable := key+"k", longest+"t", table("")
		for what, refused := range map[string]call{
			"Put with a long key":           s.put(long, ""),
			"Put with no key":               s.put("", ""),
			"Put with a long table":         longTable.put("k", ""),
			"Put with no table":             noTable.put("k", ""),
			"Put with a big value":          s.put("k", value+"v"),
			"Delete with no key":            s.remove(""),
			"Delete with a long key":        s.remove(long),
			"Get with no key":               s.get(""),
			"Get with a long key":           s.get(long),
			"GetMany with too many keys":    s.many(slices.Repeat([]string{"k"}, controller.MaxMany+1)...),
			"GetMany with no key second":    s.many("k", ""),
			"GetMany with a long key":       s.many(long),
			"GetMany with no table":         noTable.many("k"),
			"Scan with a negative limit":    s.scan("", "", -1),
			"Scan with limit 0":             s.scan("", "", 0),
			"Scan with a limit too high":    s.scan("", "", controller.MaxScan+1),
			"Scan from a long key":          s.scan(long, "", 1),
			"Scan to a long key":            s.scan("", long, 1),
			"Scan with no table":            noTable.scan("", "", 1),
			"Scan with a long table's name": longTable.scan("", "", 1),
		} {
			var err error
			s.update(func(r controller.Reader) (string, error) { err = only(refused(r)); return "", nil }, s.put("after", what))
			var bound *controller.BoundError
			require.ErrorAs(s, err, &bound, "%s must be refused with a *controller.BoundError", what)
			require.Equal(s, "[after="+show([]byte(what))+"]", s.view(s.all()), "%s must write nothing, and the transaction go on and commit", what)
		}
	}},
	{"Scan returns a range, and fewer than limit only at its end", func(s *suite) {
		all := []string{"a", "a\x00", "ab", "b", "z"}
		s.update(s.fill(all...))
		for _, c := range []struct{ demand, from, to, want string }{
			{"an empty bound is none", "", "", filled(all...)},
			{"from is in the range, to is not", "a", "b", filled("a", "a\x00", "ab")},
			{"from and to need not have records", "aa", "c", filled("ab", "b")},
			{"an empty to is no bound", "a\x00", "", filled(all[1:]...)},
			{"an empty from is no bound", "", "ab", filled(all[:2]...)},
			{"a range from a key to itself is empty", "b", "b", "[]"},
			{"a range whose from is after its to is empty", "c", "b", "[]"},
			{"after the last key there is none", "\xff\xff", "", "[]"},
		} {
			require.Equal(s, c.want, s.view(s.scan(c.from, c.to, 100)), c.demand)
		}
		for limit := 1; limit <= 6; limit++ {
			require.Equal(s, filled(all[:min(limit, 5)]...), s.view(s.scan("", "", limit)),
				"Scan must return the first records up to its limit, all of them: who gets fewer stops paging")
			require.Equal(s, filled(all[2:min(2+limit, 4)]...), s.view(s.scan("ab", "z", limit)), "the limit must not go beyond the range")
		}
	}},
	{"Get, GetMany and Scan return what a sorted list would", func(s *suite) {
		random, want := rand.New(rand.NewPCG(1, 2)), map[string]string{}
		key := func() string {
			b := make([]byte, 1+random.IntN(4))
			for i := range b {
				b[i] = "\x00\x01ab\x7f\x80\xfe\xff"[random.IntN(8)] // the bytes at which orders go wrong
			}
			return string(b)
		}
		for range 30 {
			for range 10 {
				add, drop := key(), key()
				s.update(s.fill(add), s.remove(drop))
				want[add] = "v" + add
				delete(want, drop)
			}
			there := slices.Sorted(maps.Keys(want))
			from, to, limit := key(), key(), 1+random.IntN(20)
			if random.IntN(4) == 0 {
				to = ""
			}
			found := slices.DeleteFunc(slices.Clone(there), func(k string) bool { return k < from || to != "" && k >= to })
			require.Equal(s, filled(found[:min(limit, len(found))]...), s.view(s.scan(from, to, limit)), "Scan from %q to %q must return these keys in this order", from, to)
			for range random.IntN(40) {
				there = append(there, key())
			}
			values := make([]string, len(there))
			random.Shuffle(len(there), func(i, j int) { there[i], there[j] = there[j], there[i] })
			for i, k := range there {
				if values[i] = "-"; want[k] != "" {
					values[i] = show([]byte(want[k]))
				}
				require.Equal(s, values[i], s.view(s.get(k)))
			}
			require.Equal(s, fmt.Sprint(values), s.view(s.many(there...)), "GetMany must return what Get does for each of %q", there)
		}
	}},
	{"GetMany returns the values in the order of the keys", func(s *suite) {
		other := s.table + "x"
		s.update(s.fill("a", "b"), s.put("empty", ""), other.fill("c"))
		keys := slices.Concat(s.keys("b", "none"), other.keys("c"), s.keys("a", "empty", "b", "c", "none"))
		list := slices.Clone(keys)
		require.Equal(s, `[vb - vc va "" vb - -]`, s.view(many(list...)), "GetMany must return one value per key in the order of the keys: "+
			"nil without a record, an empty value not nil, the value twice for a key that is there twice")
		require.Equal(s, keys, list, "GetMany must neither sort nor change the caller's list")
		require.Equal(s, "[-]", s.view(s.many("none")), "one key without a record gives one nil")
	}},
	{"GetMany of no keys is an empty list", func(s *suite) {
		for what, none := range map[string][]controller.Key{"nil": nil, "an empty list": {}} {
			require.Equal(s, "[]", s.view(many(none...)), "GetMany of %s must return an empty list in a View", what)
			require.Equal(s, "[]", s.update(many(none...)), "GetMany of %s must return an empty list in an Update", what)
		}
	}},
	{"GetMany takes MaxMany of the longest keys", func(s *suite) {
		var keys, want []string
		var puts []call
		for i := range controller.MaxMany {
			number := fmt.Sprintf("%06d", i*7919%controller.MaxMany) // 7919 is prime: every number once, out of order
			keys, want = append(keys, strings.Repeat("\xff", controller.MaxKey-len(number))+number), append(want, "-")
			if i%3 > 0 {
				want[i] = number
				puts = append(puts, s.put(keys[i], number))
			}
		}
		s.update(puts...)
		require.Equal(s, fmt.Sprint(want), s.view(s.many(keys...)), "MaxMany keys of MaxKey bytes are one call")
	}},
	{"the store keeps and changes no slice of the caller", func(s *suite) {
		value := []byte("before")
		require.Equal(s, "before", s.update(func(r controller.Reader) (string, error) {
			copy(value, "before") // fn may run again
			err := r.(controller.Writer).Put(controller.Table(s.table), "a", value)
			copy(value, "behind")
			return "", err
		}, s.get("a")), "Put must copy the value: the caller changed its slice after Put, in the same transaction")
		require.Equal(s, "before", s.view(s.get("a")), "Put must copy the value: the caller changed its slice after Put, before the commit")
		require.Equal(s, "behind", string(value), "the store must not change the caller's value")
	}},
	{"what the store returned never changes", func(s *suite) {
		var got []byte
		var many [][]byte
		var found []controller.Record
		read := func(r controller.Reader) (_ string, err error) {
			if got, err = r.Get(controller.Table(s.table), "a"); err != nil {
				return "", err
			}
			if many, err = r.GetMany(s.keys("a", "b")); err != nil {
				return "", err
			}
			found, err = r.Scan(controller.Table(s.table), "", "", 10)
			return "", err
		}
		unchanged := func(when string) {
			require.Equal(s, "va [va vb] [a=va b=vb]", show(got)+" "+showAll(many)+" "+showRecords(found), "what a call returned must stay as it was, %s", when)
		}
		s.update(s.fill("a", "b"), read, s.put("a", "VA"))
		unchanged("though the same Update put another value")
		s.update(s.fill("a"))
		s.view(read)
		s.update(s.remove("b"), s.put("a", "VA"))
		require.Equal(s, "[a=VA]", s.view(s.all()), "a View must see the Put and the Delete")
		unchanged("after another Update changed and deleted the records")
		require.NoError(s, s.store.Close(), "Close must succeed")
		unchanged("after Close")
	}},
}

// biggest are a table and a key as long as the bounds, and a value as big.
func (s *suite) biggest() (t table, key, value string) {
	t = s.table + table(strings.Repeat("t", controller.MaxTable-len(s.table)))
	return t, strings.Repeat("k", controller.MaxKey), strings.Repeat("v", controller.MaxValue-1) + "w"
}

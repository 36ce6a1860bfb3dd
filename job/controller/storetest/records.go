package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// records tests keys, values and bounds, and who owns slices.
var records = []test{
	{"an empty value is a record", func(s *suite) {
		s.update(func(w controller.Writer) error {
			return errors.Join(w.Put(s.table, "empty", []byte{}), w.Put(s.table, "nil", nil))
		})
		s.has("empty= nil=", "Put of an empty value must make a record, whose value is empty and not nil, which means no record")
	}},
	{"keys and values are any bytes, keys that differ in one are different, and Scan returns them in the order of bytes", func(s *suite) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		keys := []string{
			"\x00", "\x00\x01\x00\xff", "\xff\xfe", "quote'\"`", `back\slash`, "%_", "Ünïcode", "\xc3", "line\r\n", string(every),
			"a", "A", "a ", " a", "a\x00", "a\x00\x00", "\x00a", "aa", "é", "e\u0301", "ß", "ss", "1", "01", "1.0", "\xff", "\xfe",
			"b", "B", "ab", "z", "10", "9", "a b",
		}
		slices.Sort(keys)
		var want []controller.Record
		s.update(func(w controller.Writer) (err error) {
			want = nil
			for _, key := range keys {
				want = append(want, controller.Record{Key: key, Value: append(slices.Clone(every), key...)})
				err = errors.Join(err, w.Put(s.table, key, append(every, key...)))
			}
			return err
		})
		s.view(func(r controller.Reader) error {
			return s.wants(r, want, "every byte must be returned, in the order of bytes, not of a language (collation \"C\"): "+
				"no case, language, space or zero byte of a key may be ignored")
		})
	}},
	{"one key in two tables is two records", func(s *suite) {
		before, after := s.on(s.table[:len(s.table)-1]), s.on(s.table+"k")
		after.write("a=2 k=2 kk=2 z=2")
		s.write("a=1 k=1 kk=1 z=1")
		before.write("a=0 k=0 kk=0 z=0")
		after.write("-k")
		before.has("a=0 k=0 kk=0 z=0", "a table must not have the records of one whose name begins like it")
		s.has("a=1 k=1 kk=1 z=1", "table and key must not be joined (a key that ends another table's name was deleted there), nor Scan leave its table")
		after.has("a=2 kk=2 z=2", "a key in two tables must be deleted in one")
	}},
	{"what is as big as the bounds is stored", func(s *suite) {
		s, key, value := s.biggest()
		s.update(func(w controller.Writer) error { return w.Put(s.table, key, value) })
		s.view(func(r controller.Reader) error {
			found, err := r.Scan(s.table, key, "", controller.MaxScan)
			return errors.Join(err, same([]controller.Record{{Key: key, Value: value}}, found, "Scan must take the longest bounds and the highest limit"),
				s.wants(r, found, "a value of MaxValue bytes under the longest key must be stored whole"))
		})
		s.update(func(w controller.Writer) error { return w.Delete(s.table, key) })
		s.has("", "Delete must take the longest key")
	}},
	{"a call beyond a bound has no effect, and the transaction commits", func(s *suite) {
		longest, key, value := s.biggest()
		s.update(func(w controller.Writer) error {
			refused := map[string]error{"Put of a big value": w.Put(s.table, "k", append(value, 'v'))}
			_, refused["GetMany of too many keys"] = w.GetMany(slices.Repeat(s.keys("k"), controller.MaxMany+1))
			_, refused["Scan to a long key"] = w.Scan(s.table, "", key+"k", 1)
			for _, limit := range []int{-1, 0, controller.MaxScan + 1} {
				_, refused[fmt.Sprint("Scan with limit ", limit)] = w.Scan(s.table, "", "", limit)
			}
			for what, at := range map[string]controller.Key{
				"no table": {Key: "k"}, "a long table's name": {Table: longest.table + "t", Key: "k"}, "a long key": {Table: s.table, Key: key + "k"},
				"no key": {Table: s.table},
			} {
				for method, err := range calls(w, at.Table, at.Key) {
					refused[method+" with "+what] = err
				}
			}
			delete(refused, "Scan with no key") // which is no bound
			for what, err := range refused {
				if bound := (*controller.BoundError)(nil); !errors.As(err, &bound) {
					return fmt.Errorf("%s must be refused with a *controller.BoundError, not %w", what, err)
				}
			}
			return s.change(w, "after=1")
		})
		s.has("after=1", "calls beyond a bound must write nothing, and the transaction go on and commit")
	}},
	{"Get, GetMany and Scan return what was put last, as a sorted list does", func(s *suite) {
		random, sorted, keys := rand.New(rand.NewPCG(1, 2)), map[string][]byte{}, []string{}
		records := func(from, to string, limit int) []controller.Record { return scanned(sorted, from, to, limit) }
		check := func(r controller.Reader) error {
			err := s.wants(r, records("", "", 1000), "a transaction must see what was put last, also by itself, and nothing that was deleted")
			var values [][]byte
			for _, k := range keys {
				values = append(values, sorted[k])
			}
			got, failed := lookUp(r, s.keys(keys...))
			return errors.Join(err, failed, same(values, got, "Get must return what was put last, and nil for what was deleted"))
		}
		for round := range 100 {
			key := make([]byte, 1+random.IntN(4))
			for i := range key {
				key[i] = "\x00\x01ab\x7f\x80\xfe\xff"[random.IntN(8)] // the bytes at which orders go wrong
			}
			keys = append(keys, string(key))
			value, drop := []byte{byte(round)}, keys[random.IntN(len(keys))]
			sorted[string(key)] = value
			delete(sorted, drop)
			s.update(func(w controller.Writer) error {
				return errors.Join(w.Put(s.table, string(key), value), w.Delete(s.table, drop), w.Delete(s.table, "never there"), check(w))
			})
			s.view(check)
			s.view(func(r controller.Reader) (err error) {
				for range 10 {
					from, to, limit := keys[random.IntN(len(keys))], keys[random.IntN(len(keys))], 1+random.IntN(20)
					switch random.IntN(5) {
					case 0:
						from = ""
					case 1:
						to = ""
					}
					found, failed := r.Scan(s.table, from, to, limit)
					err = errors.Join(err, failed, same(records(from, to, limit), found, fmt.Sprintf(
						"Scan must return the records with %q <= key < %q (an empty bound is none), the first %d of them and not fewer", from, to, limit)))
				}
				return err
			})
		}
	}},
	{"a Writer reads its own writes, few and many, like those of others", func(s *suite) {
		for _, writes := range []int{3, 20, 300} {
			s := s.on(s.table + controller.Table(fmt.Sprint(writes)))
			committed := map[string][]byte{}
			for round := range uint64(6) {
				var sorted map[string][]byte
				s.update(func(w controller.Writer) (err error) {
					random := rand.New(rand.NewPCG(round, 0)) // fn may run again
					sorted = maps.Clone(committed)
					key := func() string { return fmt.Sprintf("%03d", random.IntN(2*writes)) }
					for i := range writes {
						if k := key(); random.IntN(2) == 0 {
							delete(sorted, k)
							err = errors.Join(err, w.Delete(s.table, k))
						} else {
							sorted[k] = []byte{byte(round), byte(i)}
							err = errors.Join(err, w.Put(s.table, k, sorted[k]))
						}
						if i%(1+writes/10) == 0 {
							from, to, limit := key(), key(), 1+random.IntN(10)
							found, failed := w.Scan(s.table, from, to, limit)
							err = errors.Join(err, failed, same(scanned(sorted, from, to, limit), found, fmt.Sprintf(
								"after %d writes, Scan must return the first %d records with %q <= key < %q", i+1, limit, from, to)))
						}
					}
					return errors.Join(err, s.wants(w, scanned(sorted, "", "", 1000), "a Writer must find what it wrote"))
				})
				committed = sorted
				s.view(func(r controller.Reader) error {
					return s.wants(r, scanned(sorted, "", "", 1000), "a View must find what an Update wrote, and nothing it deleted")
				})
			}
		}
	}},
	{"GetMany returns the values in the order of the keys", func(s *suite) {
		other := s.on(s.table + "x")
		s.write("a=1 b=2 empty=")
		other.write("c=3")
		for _, keys := range [][]controller.Key{
			nil, {}, s.keys("none"), slices.Concat(s.keys("b", "none"), other.keys("c"), s.keys("a", "empty", "b", "c", "none")),
		} {
			s.view(func(r controller.Reader) error { return only(lookUp(r, keys)) })
			s.update(func(w controller.Writer) error { return only(lookUp(w, keys)) })
		}
	}},
	{"GetMany takes MaxMany of the longest keys", func(s *suite) {
		var keys []string
		for i := range controller.MaxMany {
			keys = append(keys, fmt.Sprintf("%0*d", controller.MaxKey, i*7919%controller.MaxMany)) // 7919 is prime: every number once, out of order
		}
		s.update(func(w controller.Writer) (err error) {
			for i, key := range keys {
				if i%3 > 0 {
					err = errors.Join(err, w.Put(s.table, key, []byte(strconv.Itoa(i))))
				}
			}
			return err
		})
		s.view(func(r controller.Reader) error { return only(lookUp(r, s.keys(keys...))) })
	}},
	{"the store keeps and changes no slice of the caller", func(s *suite) {
		value := []byte("before")
		s.update(func(w controller.Writer) error {
			copy(value, "before") // fn may run again
			err := w.Put(s.table, "a", value)
			copy(value, "behind")
			return errors.Join(err, s.wants(w, parse("a=before"), "Put must copy the value, which the caller changed in the same transaction"))
		})
		s.has("a=before", "Put must copy the value, which the caller changed before the commit")
		require.Equal(s, "behind", string(value), "the store must not change the caller's value")
	}},
	{"what the store returned never changes", func(s *suite) {
		var got []byte
		var many [][]byte
		var found []controller.Record
		read := func(r controller.Reader) error {
			var errs [3]error
			got, errs[0] = r.Get(s.table, "a")
			many, errs[1] = r.GetMany(s.keys("a", "b"))
			found, errs[2] = r.Scan(s.table, "", "", 10)
			return errors.Join(errs[:]...)
		}
		unchanged := func(when string) {
			a, b := []byte("1"), []byte("2")
			require.Equal(s, []any{a, [][]byte{a, b}, parse("a=1 b=2")}, []any{got, many, found}, "what a call returned must stay as it was, %s", when)
		}
		s.update(func(w controller.Writer) error {
			return errors.Join(s.change(w, "a=1 b=2"), read(w), s.change(w, "a=3"))
		})
		unchanged("though the same Update put another value")
		s.write("a=1")
		s.view(read)
		s.write("-b a=3")
		s.has("a=3", "a View must see the Put and the Delete")
		unchanged("after another Update changed and deleted the records")
		require.NoError(s, s.store.Close(), "Close must succeed")
		unchanged("after Close")
	}},
}

// scanned is what Scan returns of records, by their keys.
func scanned(records map[string][]byte, from, to string, limit int) (found []controller.Record) {
	for _, k := range slices.Sorted(maps.Keys(records)) {
		if k >= from && (to == "" || k < to) && len(found) < limit {
			found = append(found, controller.Record{Key: k, Value: records[k]})
		}
	}
	return found
}

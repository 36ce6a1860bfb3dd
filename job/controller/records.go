package controller

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// reader reads in one transaction. The first error ends it: from then on the
// reader finds nothing, and nothing is written. So code that reads returns no
// error and may go on. What it decides after an error is thrown away, and the
// use case returns the error.
type reader struct {
	from   Reader
	c      *Controller
	have   map[Key][]byte              // what was read or written before; nil: nothing is remembered
	revs   map[string]ledger.Revisions // of those, the records of tableRevisions as values
	failed error
}

// fail ends the transaction with an error, unless it has one already. A nil
// error changes nothing.
func (r *reader) fail(err error) { r.failed = cmp.Or(r.failed, err) }

func (r *reader) remember(k Key, value []byte) {
	if r.have != nil {
		r.have[k] = value
	}
}

// get returns a record's value; nil: there is none.
func (r *reader) get(table Table, key string) []byte {
	if r.failed != nil {
		return nil
	}
	k := Key{table, key}
	value, have := r.have[k]
	if !have {
		value, r.failed = r.from.Get(table, key)
		r.remember(k, value)
	}
	return value
}

// getMany returns the values of at most MaxMany records, and remembers none.
func (r *reader) getMany(keys []Key) [][]byte {
	if r.failed == nil {
		values, err := r.from.GetMany(keys)
		if err == nil {
			return values
		}
		r.failed = err
	}
	return make([][]byte, len(keys))
}

// fetch reads records that are about to be asked for, in few round trips.
func (r *reader) fetch(keys ...Key) {
	missing := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { _, have := r.have[k]; return have })
	for some := range slices.Chunk(missing, MaxMany) {
		for i, value := range r.getMany(some) {
			r.remember(some[i], value)
		}
	}
}

func (r *reader) scan(table Table, from, to string, limit int) []Record {
	if r.failed != nil {
		return nil
	}
	list, err := r.from.Scan(table, from, to, limit)
	r.fail(err)
	return list
}

// load reads a record; found is false, and the value zero, if there is none.
func load[T any](r *reader, table Table, key string) (value T, found bool) {
	data := r.get(table, key)
	if data == nil {
		return value, false
	}
	value = decode[T](r, table, Record{key, data})
	return value, r.failed == nil
}

func decode[T any](r *reader, table Table, rec Record) (value T) {
	if err := enum.Unmarshal(rec.Value, &value); err != nil {
		r.fail(fmt.Errorf("record %q of table %s: %w", rec.Key, table, err))
		return *new(T)
	}
	return value
}

// view reads something in one transaction.
func view[T any](ctx context.Context, c *Controller, read func(*reader) T) (v T, err error) {
	err = c.store.View(ctx, func(from Reader) error {
		r := &reader{from: from, c: c}
		if !c.formed.Load() && r.format() != 0 && r.failed == nil {
			c.formed.Store(true)
		}
		v = read(r)
		return r.failed
	})
	if err != nil {
		v = *new(T)
	}
	return v, err
}

// records reads those whose keys begin with prefix, from the key from on, page
// by page.
func (r *reader) records(table Table, prefix, from string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		const page = 500
		for from := max(from, prefix); ; {
			list := r.scan(table, from, after(prefix), page)
			for _, rec := range list {
				if r.failed != nil || !yield(rec) {
					return
				}
			}
			if len(list) < page {
				return
			}
			from = list[page-1].Key + "\x00"
		}
	}
}

// values reads the values of those records.
func values[T any](r *reader, table Table, prefix, from string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for rec := range r.records(table, prefix, from) {
			if v := decode[T](r, table, rec); r.failed != nil || !yield(v) {
				return
			}
		}
	}
}

// all reads the values of a small table.
func all[T any](r *reader, table Table) []T {
	return slices.AppendSeq([]T{}, values[T](r, table, "", ""))
}

// row is a record with the parts of its key.
type row struct {
	Record
	parts []string
}

// rows reads the records whose keys begin with prefix and have n parts. A key
// of another number of parts is an error.
func (r *reader) rows(table Table, prefix string, n int) iter.Seq[row] {
	return func(yield func(row) bool) {
		for rec := range r.records(table, prefix, "") {
			if x := (row{rec, r.parts(table, rec.Key, n)}); r.failed != nil || !yield(x) {
				return
			}
		}
	}
}

// parts takes a key of n parts apart.
func (r *reader) parts(table Table, k string, n int) []string {
	p, err := parts(k)
	if err == nil && len(p) != n {
		err = fmt.Errorf("key %q of table %s has %d parts; want %d", k, table, len(p), n)
	}
	if r.fail(err); err != nil {
		return make([]string, n)
	}
	return p
}

// names lists the last parts of the keys that begin with prefix.
func names[T ~string](r *reader, table Table, prefix string) (list []T) {
	for rec := range r.records(table, prefix, "") {
		name, err := last(rec.Key)
		r.fail(err)
		list = append(list, T(name))
	}
	return list
}

// collect reads a list of at most limit values (1 to MaxPage) in one
// transaction. Read stops when add says that the list is full.
func collect[T any](ctx context.Context, c *Controller, limit int, read func(r *reader, add func(T) (full bool))) ([]T, error) {
	if err := bound("page", limit, MaxPage); err != nil {
		return nil, err
	}
	return view(ctx, c, func(r *reader) []T {
		list := []T{}
		read(r, func(v T) bool {
			list = append(list, v)
			return len(list) == limit
		})
		return list
	})
}

// start is the first key after an id; of an empty id, the first of all.
func start[T ~string](prefix string, id T) string {
	if id == "" {
		return prefix
	}
	return after(prefix + key(string(id)))
}

// page reads up to limit values (1 to MaxPage), and returns what status makes
// of each.
func page[T, S any](r *reader, table Table, prefix, from string, limit int, status func(T) S) (list []S) {
	r.fail(bound("page", limit, MaxPage))
	for v := range values[T](r, table, prefix, from) {
		if list = append(list, status(v)); len(list) == limit {
			break
		}
	}
	return list
}

// empty says whether no key begins with prefix.
func (r *reader) empty(table Table, prefix string) bool {
	return len(r.scan(table, prefix, after(prefix), 1)) == 0
}

// last returns the last part of a key.
func last(k string) (string, error) {
	all, err := parts(k)
	if err != nil {
		return "", err
	}
	return all[len(all)-1], nil
}

// saveChunks writes data in pieces under prefix and removes the pieces of
// longer data before it. It returns their number.
func (t *tx) saveChunks(table Table, prefix string, data []byte, had int) (n int) {
	for piece := range slices.Chunk(data, snapshotChunk) {
		t.put(table, prefix+key(chunkPart(n)), piece)
		n++
	}
	for i := n; i < had; i++ {
		t.delete(table, prefix+key(chunkPart(i)))
	}
	return n
}

func (r *reader) loadChunks(table Table, prefix string, chunks int) (data []byte) {
	for i := range chunks {
		piece := r.get(table, prefix+key(chunkPart(i)))
		if piece == nil {
			r.fail(fmt.Errorf("piece %d of %d of %q is missing in table %s", i, chunks, prefix, table))
		}
		data = append(data, piece...)
	}
	return data
}

// RecordsFormat is the format of the records that this package writes, and the
// highest that it reads. It is stored beside them. Records of a higher format
// are refused with a *manifest.NewerFormat. Records of the same format are read
// even if a later release wrote them: unknown fields are ignored, and unknown
// names are kept as text (MAN-11).
const RecordsFormat = 1

var formatKey = key("format")

// format returns the format of the stored records, zero if there is none. It
// fails for one that this release does not read.
func (r *reader) format() int {
	format, _ := load[int](r, tableMeta, formatKey)
	if r.fail(manifest.CheckFormat("what is stored there", format, RecordsFormat)); r.failed != nil {
		r.failed = fmt.Errorf("the store cannot be used: %w", r.failed)
	}
	return format
}

package controller

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// load reads a record; found is false, and the value zero, if there is none.
func load[T any](r Reader, table Table, k string) (value T, found bool, err error) {
	data, err := r.Get(table, k)
	if err != nil || data == nil {
		return value, false, err
	}
	if err := enum.Unmarshal(data, &value); err != nil {
		return value, false, fmt.Errorf("record %q of table %s: %w", k, table, err)
	}
	return value, true, nil
}

func decode[T any](table Table, rec Record) (value T, err error) {
	if err := enum.Unmarshal(rec.Value, &value); err != nil {
		return value, fmt.Errorf("record %q of table %s: %w", rec.Key, table, err)
	}
	return value, nil
}

// view reads something in one transaction.
func view[T any](ctx context.Context, s Store, read func(Reader) (T, error)) (v T, err error) {
	err = s.View(ctx, func(r Reader) (err error) {
		v, err = read(r)
		return err
	})
	return v, err
}

// records reads those whose keys begin with prefix, from the key from on, page
// by page. An error is the last it yields.
func records(r Reader, table Table, prefix, from string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		const page = 500
		from := max(from, prefix)
		for {
			list, err := r.Scan(table, from, after(prefix), page)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, rec := range list {
				if !yield(rec, nil) {
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
func values[T any](r Reader, table Table, prefix, from string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for rec, err := range records(r, table, prefix, from) {
			var v T
			if err == nil {
				v, err = decode[T](table, rec)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// all reads the values of a small table.
func all[T any](r Reader, table Table) ([]T, error) {
	list := []T{}
	for v, err := range values[T](r, table, "", "") {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// row is a record with the parts of its key.
type row struct {
	Record
	parts []string
}

// rows reads the records whose keys begin with prefix and have n parts. A key
// of another number of parts is an error, the last that it yields.
func rows(r Reader, table Table, prefix string, n int) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for rec, err := range records(r, table, prefix, "") {
			x := row{Record: rec}
			if err == nil {
				x.parts, err = parts(rec.Key)
			}
			if err == nil && len(x.parts) != n {
				err = fmt.Errorf("key %q of table %s has %d parts; want %d", rec.Key, table, len(x.parts), n)
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
}

// names lists the last parts of the keys that begin with prefix.
func names[T ~string](r Reader, table Table, prefix string) (list []T, err error) {
	for rec, err := range records(r, table, prefix, "") {
		var name string
		if err == nil {
			name, err = last(rec.Key)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, T(name))
	}
	return list, nil
}

// collect reads a list of at most limit values (1 to MaxPage) in one
// transaction. Read stops when add says that the list is full.
func collect[T any](ctx context.Context, s Store, limit int, read func(r Reader, add func(T) (full bool)) error) ([]T, error) {
	if err := bound("page", limit, MaxPage); err != nil {
		return nil, err
	}
	return view(ctx, s, func(r Reader) ([]T, error) {
		list := []T{}
		err := read(r, func(v T) bool {
			list = append(list, v)
			return len(list) == limit
		})
		return list, err
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
func page[T, S any](r Reader, table Table, prefix, from string, limit int, status func(Reader, T) (S, error)) (list []S, err error) {
	if err := bound("page", limit, MaxPage); err != nil {
		return nil, err
	}
	for v, err := range values[T](r, table, prefix, from) {
		if err != nil {
			return nil, err
		}
		s, err := status(r, v)
		if err != nil {
			return nil, err
		}
		if list = append(list, s); len(list) == limit {
			break
		}
	}
	return list, nil
}

// empty says whether no key begins with prefix.
func empty(r Reader, table Table, prefix string) (bool, error) {
	records, err := r.Scan(table, prefix, after(prefix), 1)
	return len(records) == 0, err
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
		t.Put(table, prefix+key(chunkPart(n)), piece)
		n++
	}
	for i := n; i < had; i++ {
		t.Delete(table, prefix+key(chunkPart(i)))
	}
	return n
}

func loadChunks(r Reader, table Table, prefix string, chunks int) ([]byte, error) {
	var data []byte
	for i := range chunks {
		piece, err := r.Get(table, prefix+key(chunkPart(i)))
		if err != nil {
			return nil, err
		}
		if piece == nil {
			return nil, fmt.Errorf("piece %d of %d is missing in table %s", i, chunks, table)
		}
		data = append(data, piece...)
	}
	return data, nil
}

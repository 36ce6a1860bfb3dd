package controller

import (
	"encoding/json"
	"fmt"
)

// load reads a record; found is false, and the value zero, if there is none.
func load[T any](r Reader, table Table, k string) (value T, found bool, err error) {
	data, err := r.Get(table, k)
	if err != nil || data == nil {
		return value, false, err
	}
	if err := json.Unmarshal(data, &value); err != nil {
		return value, false, fmt.Errorf("record %q of table %s: %w", k, table, err)
	}
	return value, true, nil
}

func decode[T any](table Table, rec Record) (value T, err error) {
	if err := json.Unmarshal(rec.Value, &value); err != nil {
		return value, fmt.Errorf("record %q of table %s: %w", rec.Key, table, err)
	}
	return value, nil
}

func save[T any](w Writer, table Table, k string, value T) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("record %q of table %s: %w", k, table, err)
	}
	return w.Put(table, k, data)
}

// mark puts a record whose key says all.
func mark(w Writer, table Table, parts ...string) error { return w.Put(table, key(parts...), nil) }

func unmark(w Writer, table Table, parts ...string) error { return w.Delete(table, key(parts...)) }

// each visits the records whose keys begin with prefix, from the key from on, page by page, until visit says false.
func each(r Reader, table Table, prefix, from string, visit func(Record) (bool, error)) error {
	const page = 500
	if from == "" {
		from = prefix
	}
	for {
		records, err := r.Scan(table, from, after(prefix), page)
		if err != nil {
			return err
		}
		for _, rec := range records {
			if on, err := visit(rec); err != nil || !on {
				return err
			}
		}
		if len(records) < page {
			return nil
		}
		from = records[page-1].Key + "\x00"
	}
}

// empty says whether no key begins with prefix.
func empty(r Reader, table Table, prefix string) (bool, error) {
	records, err := r.Scan(table, prefix, after(prefix), 1)
	return len(records) == 0, err
}

// last returns the last part of a key.
func last(k string) (string, error) {
	all, err := parts(k)
	if err != nil || len(all) == 0 {
		return "", fmt.Errorf("key %q has no parts: %w", k, err)
	}
	return all[len(all)-1], nil
}

// saveChunks writes data in pieces under prefix and removes the pieces of longer data before it. It returns their number.
func saveChunks(w Writer, table Table, prefix string, data []byte, had int) (int, error) {
	n := 0
	for ; len(data) > 0; n++ {
		size := min(len(data), snapshotChunk)
		if err := w.Put(table, prefix+key(chunkPart(n)), data[:size]); err != nil {
			return 0, err
		}
		data = data[size:]
	}
	for i := n; i < had; i++ {
		if err := w.Delete(table, prefix+key(chunkPart(i))); err != nil {
			return 0, err
		}
	}
	return n, nil
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

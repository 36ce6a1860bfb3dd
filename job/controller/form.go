package controller

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// RecordsFormat is the format of the records that this package writes, and the
// highest that it reads. It is stored beside them. Records of a higher one are
// refused with a *manifest.NewerFormat. Those of the same one that a later
// release wrote are read: unknown fields are ignored, unknown names kept as
// text (MAN-11).
const RecordsFormat = 1

var formatKey = key("format")

// formed is a store whose records are of a format that this release reads. The
// number is looked at when the store is first used, and written with the first
// change if there is none.
type formed struct {
	Store
	read, written atomic.Bool
}

func (s *formed) View(ctx context.Context, fn func(Reader) error) error {
	if s.read.Load() {
		return s.Store.View(ctx, fn)
	}
	return s.Store.View(ctx, func(r Reader) error {
		if _, err := checkRecords(r); err != nil {
			return err
		}
		s.read.Store(true)
		return fn(r)
	})
}

func (s *formed) Update(ctx context.Context, fn func(Writer) error) error {
	if s.written.Load() {
		return s.Store.Update(ctx, fn)
	}
	err := s.Store.Update(ctx, func(w Writer) error {
		format, err := checkRecords(w)
		if err == nil && format == 0 {
			err = w.Put(tableMeta, formatKey, strconv.AppendInt(nil, RecordsFormat, 10))
		}
		if err != nil {
			return err
		}
		return fn(w)
	})
	if err == nil {
		s.read.Store(true)
		s.written.Store(true)
	}
	return err
}

// checkRecords returns the format of the records, zero if none is stored.
func checkRecords(from Reader) (format int, err error) {
	r := &reader{from: from}
	format, _ = load[int](r, tableMeta, formatKey)
	if r.fail(manifest.CheckFormat("what is stored there", format, RecordsFormat)); r.failed != nil {
		return format, fmt.Errorf("the store cannot be used: %w", r.failed)
	}
	return format, nil
}

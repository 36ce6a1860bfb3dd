package controller

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// RecordsFormat is the format of the records that this package writes, and the
// highest that it reads. It is stored beside them. Records of a higher one are
// refused with a *manifest.NewerFormat. Those of the same one that a later
// release wrote are read: unknown fields are ignored, unknown names kept as
// text (MAN-11).
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

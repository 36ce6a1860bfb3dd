package baseline

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Released returns when a version counts as published. This is the vendor's
// date, or the first listing if the vendor states no date or a later one
// (APR-4).
func Released(f catalog.Former) time.Time {
	if f.Published.IsZero() || !f.Listed.IsZero() && f.Listed.Before(f.Published) {
		return f.Listed
	}
	return f.Published
}

// Line returns the versions that a delay of a patch counts by: those on the
// patch's line that are newer than the installed version (APR-2). Versions that
// are on no line count as one line, and so do all versions of a product without
// lines. History is that of [catalog.Snapshot.History]. V is the verdict on the
// patch, and says what is installed.
func Line(product catalog.Product, history []catalog.Former, v catalog.Verdict) (line []catalog.Former) {
	own, _ := product.LineOf(v.To)
	for _, f := range history {
		at, _ := product.LineOf(f.Version)
		if order, ok := f.Version.Compare(v.From); ok && order > 0 && at.Prefix == own.Prefix {
			line = append(line, f)
		}
	}
	return line
}

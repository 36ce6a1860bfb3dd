package baseline

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Released returns from when on a version counts as published: when its vendor
// published it, or when it was first listed, if the vendor states no date or a
// later one (APR-4).
func Released(f catalog.Former) time.Time {
	if f.Published.IsZero() || !f.Listed.IsZero() && f.Listed.Before(f.Published) {
		return f.Listed
	}
	return f.Published
}

// Line returns the versions of a product's history that a delay of one of its
// patches counts by: those on the patch's line that are newer than what the
// asset has (APR-2). A product without lines has one, and so do the versions
// that are on none. History is that of [catalog.Snapshot.History], and v the
// verdict on the patch, which says what is installed.
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

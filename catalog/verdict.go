package catalog

import (
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Verdict says whether a patch can be deployed on an asset, with every reason
// (CAT-15).
type Verdict struct {
	Patch      PatchID         `json:"patch"`
	Feed       FeedID          `json:"feed,omitempty"` // of the patch (CAT-17); empty: the patch is not in the snapshot
	Product    ProductID       `json:"product"`
	From       version.Version `json:"from,omitzero"` // the installed version; zero: not installed
	To         version.Version `json:"to,omitzero"`
	Snapshot   uint64          `json:"snapshot"` // id of the snapshot it came from
	Deployable bool            `json:"deployable"`
	Reasons    []Reason        `json:"reasons"` // the blocking ones first
}

// With returns the verdict with one more reason, in its place. A blocking one
// makes the patch not deployable and removes the Upgrade reason. It does not
// change v.
func (v Verdict) With(r Reason) Verdict {
	v.Reasons = append(slices.Clone(v.Reasons), r)
	v.settle()
	return v
}

// settle sorts the reasons, the blocking ones first, and decides by them.
func (v *Verdict) settle() {
	v.Deployable = !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Code.Blocks() })
	if !v.Deployable {
		v.Reasons = slices.DeleteFunc(v.Reasons, func(r Reason) bool { return r.Code == Upgrade })
	}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return a.Code.place() - b.Code.place() })
}

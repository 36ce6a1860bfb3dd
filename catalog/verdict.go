package catalog

import (
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Verdict says whether a patch can be deployed on an asset, with every reason (CAT-15).
type Verdict struct {
	Patch      PatchID         `json:"patch"`
	Product    ProductID       `json:"product"`
	From       version.Version `json:"from,omitzero"` // installed; zero when not
	To         version.Version `json:"to,omitzero"`
	Snapshot   uint64          `json:"snapshot"` // the snapshot it came from
	Deployable bool            `json:"deployable"`
	Reasons    []Reason        `json:"reasons"` // the blocking ones first; for a deployable patch, why
}

// With returns the verdict with one more reason in its place. A blocking one makes the patch not deployable and takes
// the Upgrade reason away. The reasons of v itself stay as they are.
func (v Verdict) With(r Reason) Verdict {
	v.Reasons = append(slices.Clone(v.Reasons), r)
	v.settle()
	return v
}

// settle puts the reasons in order, the blocking ones first, and decides by them.
func (v *Verdict) settle() {
	v.Deployable = !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Code.Blocks() })
	if !v.Deployable {
		v.Reasons = slices.DeleteFunc(v.Reasons, func(r Reason) bool { return r.Code == Upgrade })
	}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return a.Code.place() - b.Code.place() })
}

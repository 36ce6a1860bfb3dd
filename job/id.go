package job

import "github.com/patchpolicy/patchpolicy/internal/problem"

// Identities. An ID and an AssetID are what ValidID accepts; the other two are made of them.
type (
	ID      string // of a job
	AssetID string // of an asset
	RunID   string // of one occurrence of a job: the ID, "@" and the start as 20060102T150405Z, or a local one without the Z
	OrderID string // of a run on one asset: the RunID, "/" and the AssetID
)

// ValidID says why s cannot be the identity of a job or an asset; nil if it can. The error is an *Invalid.
// Identities go into file names, keys and URLs: letters, digits and . _ - + ~ only,
// not beginning with a dot, 1 to MaxID bytes.
func ValidID(s string) error {
	var l problem.List
	checkID(&l, "", s)
	return l.Err("identity")
}

// MakeOrderID names the order of a run on an asset.
func MakeOrderID(run RunID, asset AssetID) OrderID {
	return OrderID(string(run) + "/" + string(asset))
}

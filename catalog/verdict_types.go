package catalog

import (
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// ReasonCode names why a patch is or is not deployable, or what is worth knowing about it.
type ReasonCode uint8

// Codes that block.
const (
	NotInstalled           ReasonCode = 1 + iota // CAT-3
	AlreadyInstalled                             // CAT-3
	NewerInstalled                               // CAT-3
	Unorderable                                  // CAT-3
	NotDownloadable                              // CAT-5: a Vendor artifact without a custom URL, or no artifact at all
	VersionNotDownloadable                       // CAT-6
	Deprecated                                   // CAT-9
	ArtifactUnreachable                          // CAT-10
	EOLVersion                                   // CAT-11
	Superseded                                   // CAT-14
	UnknownPatch                                 // CAT-9: not in the snapshot
	WrongPlatform                                // JOB-7
	Held                                         // CAT-5: the asset's package manager holds the package
	PinnedElsewhere                              // CAT-5: the asset's package manager prefers another version
	NeedsNewPackage                              // CAT-3: would bring in or remove a package
	DependencyUnmet                              // CAT-5: the asset's package manager cannot satisfy it
)

// Codes that only note.
const (
	Upgrade     ReasonCode = 32 + iota // CAT-3: why a deployable patch is deployable
	LeavesEOL                          // CAT-11: leaves an end-of-life line
	EOLMarked                          // CAT-10: marked, still honoured
	FeedStale                          // CAT-2
	FeedFailing                        // CAT-1
)

// Reason is one explained ground of a verdict (CAT-15).
type Reason struct {
	Code ReasonCode `json:"code"`
	Rule string     `json:"rule"`
	Have string     `json:"have,omitempty"` // the values compared
	Want string     `json:"want,omitempty"`
	Text string     `json:"text"` // one plain sentence
}

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

var _ = enum.Of[ReasonCode]

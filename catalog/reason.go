package catalog

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// ReasonCode names why a patch is or is not deployable, or what is worth knowing about it. Each belongs to one rule.
type ReasonCode uint8

// Codes that block.
const (
	NotInstalled ReasonCode = 1 + iota
	AlreadyInstalled
	NewerInstalled
	Unorderable
	NotDownloadable // a Vendor artifact without a custom URL, or no artifact at all
	VersionNotDownloadable
	Deprecated
	ArtifactUnreachable
	EOLVersion
	Superseded
	UnknownPatch // not in the snapshot
	WrongPlatform
	Held            // the asset's package manager holds the package
	PinnedElsewhere // the asset's package manager prefers another version
	NeedsNewPackage // would bring in or remove a package
	DependencyUnmet // the asset's package manager cannot satisfy it
)

// Codes that only note.
const (
	Upgrade   ReasonCode = 32 + iota // why a deployable patch is deployable
	LeavesEOL                        // leaves an end-of-life line
	EOLMarked                        // marked, still honoured
	FeedStale
	FeedFailing
)

var reasonCodes = enum.At[ReasonCode]("reason code", []string{
	NotInstalled:           "NotInstalled",
	AlreadyInstalled:       "AlreadyInstalled",
	NewerInstalled:         "NewerInstalled",
	Unorderable:            "Unorderable",
	NotDownloadable:        "NotDownloadable",
	VersionNotDownloadable: "VersionNotDownloadable",
	Deprecated:             "Deprecated",
	ArtifactUnreachable:    "ArtifactUnreachable",
	EOLVersion:             "EOLVersion",
	Superseded:             "Superseded",
	UnknownPatch:           "UnknownPatch",
	WrongPlatform:          "WrongPlatform",
	Held:                   "Held",
	PinnedElsewhere:        "PinnedElsewhere",
	NeedsNewPackage:        "NeedsNewPackage",
	DependencyUnmet:        "DependencyUnmet",
	Upgrade:                "Upgrade",
	LeavesEOL:              "LeavesEOL",
	EOLMarked:              "EOLMarked",
	FeedStale:              "FeedStale",
	FeedFailing:            "FeedFailing",
})

var reasonRules = [...]string{
	NotInstalled: "CAT-3", AlreadyInstalled: "CAT-3", NewerInstalled: "CAT-3", Unorderable: "CAT-3",
	NotDownloadable: "CAT-5", VersionNotDownloadable: "CAT-6", Deprecated: "CAT-9", ArtifactUnreachable: "CAT-10",
	EOLVersion: "CAT-11", Superseded: "CAT-14", UnknownPatch: "CAT-9", WrongPlatform: "JOB-7",
	Held: "CAT-5", PinnedElsewhere: "CAT-5", NeedsNewPackage: "CAT-3", DependencyUnmet: "CAT-5",
	Upgrade: "CAT-3", LeavesEOL: "CAT-11", EOLMarked: "CAT-10", FeedStale: "CAT-2", FeedFailing: "CAT-1",
}

// Blocks reports whether a patch with this reason is not deployable. A value that is no code blocks too.
func (c ReasonCode) Blocks() bool { return c < Upgrade || !reasonCodes.Valid(c) }

// Rule returns the id of the rule behind the code, and the empty text for a value that is no code.
func (c ReasonCode) Rule() string {
	if !reasonCodes.Valid(c) {
		return ""
	}
	return reasonRules[c]
}

// String returns the code's name, or "reason code(n)" for a value that is none.
func (c ReasonCode) String() string { return reasonCodes.String(c) }

// MarshalText returns the code's name, and the empty text for the zero value.
func (c ReasonCode) MarshalText() ([]byte, error) { return reasonCodes.MarshalText(c) }

// UnmarshalText is the inverse of MarshalText. The error lists the names there are.
func (c *ReasonCode) UnmarshalText(text []byte) error { return reasonCodes.UnmarshalText(text, c) }

// Reason is one explained ground of a verdict (CAT-15).
type Reason struct {
	Code ReasonCode `json:"code"`
	Rule string     `json:"rule"`
	Have string     `json:"have,omitempty"` // the values compared
	Want string     `json:"want,omitempty"`
	Text string     `json:"text"` // one plain sentence
}

// NewReason makes a reason with the rule of its code. Have and want are the values compared; either may be empty. The
// sentence is made from format and args.
func NewReason(code ReasonCode, have, want, format string, args ...any) Reason {
	return Reason{Code: code, Rule: code.Rule(), Have: have, Want: want, Text: fmt.Sprintf(format, args...)}
}

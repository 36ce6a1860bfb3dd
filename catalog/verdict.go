package catalog

import (
	"fmt"
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
	if len(v.Reasons) == 1 && v.Reasons[0].Code == Upgrade { // as of most patches
		v.Deployable = true
		return
	}
	v.Deployable = !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Code.Blocks() })
	if !v.Deployable {
		v.Reasons = slices.DeleteFunc(v.Reasons, func(r Reason) bool { return r.Code == Upgrade })
	}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return a.Code.place() - b.Code.place() })
}

// ReasonCode says why a patch is or is not deployable, or what else is worth
// knowing about it. The set is open: an importer may use a code of its own,
// which is written and read like any other and always blocks (CAT-15).
type ReasonCode string

// Codes that block.
const (
	NotInstalled           ReasonCode = "NotInstalled"
	AlreadyInstalled       ReasonCode = "AlreadyInstalled"
	NewerInstalled         ReasonCode = "NewerInstalled"
	Unorderable            ReasonCode = "Unorderable"
	NotDownloadable        ReasonCode = "NotDownloadable" // a Vendor artifact without a custom URL, or no artifact
	VersionNotDownloadable ReasonCode = "VersionNotDownloadable"
	Deprecated             ReasonCode = "Deprecated"
	ArtifactUnreachable    ReasonCode = "ArtifactUnreachable"
	EOLVersion             ReasonCode = "EOLVersion"
	LineNotKnown           ReasonCode = "LineNotKnown" // NoLine, with Options.KnownLines
	Superseded             ReasonCode = "Superseded"
	UnknownPatch           ReasonCode = "UnknownPatch" // it is not in the snapshot
	WrongPlatform          ReasonCode = "WrongPlatform"
	Held                   ReasonCode = "Held"            // the asset's package manager holds the product
	PinnedElsewhere        ReasonCode = "PinnedElsewhere" // the asset's package manager prefers another version
	NeedsNewPackage        ReasonCode = "NeedsNewPackage" // it would add or remove a package
	DependencyUnmet        ReasonCode = "DependencyUnmet" // the asset's package manager cannot satisfy it
)

// Codes that only note.
const (
	Upgrade     ReasonCode = "Upgrade"    // why a deployable patch is deployable
	Unfinished  ReasonCode = "Unfinished" // the asset's package manager left the product unfinished
	LeavesEOL   ReasonCode = "LeavesEOL"  // it leaves a line past its end of life
	NoLine      ReasonCode = "NoLine"     // it is on none of the product's lines
	EOLMarked   ReasonCode = "EOLMarked"  // it is marked and still honoured
	FeedStale   ReasonCode = "FeedStale"
	FeedFailing ReasonCode = "FeedFailing"
	MoreNewer   ReasonCode = "MoreNewer" // Missing leaves out some of the newer patches
)

// reasonCodes are the codes and their rules, in the order in which a verdict
// lists them.
var reasonCodes = []struct {
	code ReasonCode
	rule string
}{
	{NotInstalled, "CAT-3"}, {AlreadyInstalled, "CAT-3"}, {NewerInstalled, "CAT-3"}, {Unorderable, "CAT-3"},
	{NotDownloadable, "CAT-5"}, {VersionNotDownloadable, "CAT-6"}, {Deprecated, "CAT-9"}, {ArtifactUnreachable, "CAT-10"},
	{EOLVersion, "CAT-11"}, {LineNotKnown, "CAT-11"}, {Superseded, "CAT-14"}, {UnknownPatch, "CAT-9"}, {WrongPlatform, "JOB-7"},
	{Held, "CAT-5"}, {PinnedElsewhere, "CAT-5"}, {NeedsNewPackage, "CAT-3"}, {DependencyUnmet, "CAT-5"},
	ownCodes: {},
	{Upgrade, "CAT-3"}, {Unfinished, "JOB-17"}, {LeavesEOL, "CAT-11"}, {NoLine, "CAT-11"}, {EOLMarked, "CAT-10"}, {FeedStale, "CAT-2"}, {FeedFailing, "CAT-1"},
	{MoreNewer, "CAT-19"},
}

// ownCodes is the place of an importer's codes: the last of those that block.
const ownCodes = 17

// places are the indexes of reasonCodes.
var places = func() map[ReasonCode]int {
	at := make(map[ReasonCode]int, len(reasonCodes))
	for i, r := range reasonCodes {
		at[r.code] = i
	}
	return at
}()

func (c ReasonCode) place() int {
	if i, known := places[c]; known {
		return i
	}
	return ownCodes
}

// Blocks reports whether a patch with this reason is not deployable. A code
// that this package does not define blocks too.
func (c ReasonCode) Blocks() bool { return c.place() <= ownCodes }

// Rule returns the id of the rule that gives the code. It is empty for a code
// that this package does not define.
func (c ReasonCode) Rule() string { return reasonCodes[c.place()].rule }

// Reason is one reason of a verdict (CAT-15).
type Reason struct {
	Code ReasonCode `json:"code"`
	Rule string     `json:"rule"`           // of an importer's code, the importer's
	Have string     `json:"have,omitempty"` // the values compared
	Want string     `json:"want,omitempty"`
	Text string     `json:"text"` // one plain sentence
}

// NewReason makes a reason with the rule of its code. Have and want are the
// values compared, and either may be empty. Format and args make the sentence.
func NewReason(code ReasonCode, have, want, format string, args ...any) Reason {
	return reason(code, have, want, fmt.Sprintf(format, args...))
}

func reason(code ReasonCode, have, want, text string) Reason {
	return Reason{Code: code, Rule: code.Rule(), Have: have, Want: want, Text: text}
}

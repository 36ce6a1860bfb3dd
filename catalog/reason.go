package catalog

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// ReasonCode names why a patch is or is not deployable, or what is worth knowing about it. Each belongs to one rule.
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

var reasonTable = []struct {
	code ReasonCode
	name string
	rule string
}{
	{NotInstalled, "NotInstalled", "CAT-3"},
	{AlreadyInstalled, "AlreadyInstalled", "CAT-3"},
	{NewerInstalled, "NewerInstalled", "CAT-3"},
	{Unorderable, "Unorderable", "CAT-3"},
	{NotDownloadable, "NotDownloadable", "CAT-5"},
	{VersionNotDownloadable, "VersionNotDownloadable", "CAT-6"},
	{Deprecated, "Deprecated", "CAT-9"},
	{ArtifactUnreachable, "ArtifactUnreachable", "CAT-10"},
	{EOLVersion, "EOLVersion", "CAT-11"},
	{Superseded, "Superseded", "CAT-14"},
	{UnknownPatch, "UnknownPatch", "CAT-9"},
	{WrongPlatform, "WrongPlatform", "JOB-7"},
	{Held, "Held", "CAT-5"},
	{PinnedElsewhere, "PinnedElsewhere", "CAT-5"},
	{NeedsNewPackage, "NeedsNewPackage", "CAT-3"},
	{DependencyUnmet, "DependencyUnmet", "CAT-5"},
	{Upgrade, "Upgrade", "CAT-3"},
	{LeavesEOL, "LeavesEOL", "CAT-11"},
	{EOLMarked, "EOLMarked", "CAT-10"},
	{FeedStale, "FeedStale", "CAT-2"},
	{FeedFailing, "FeedFailing", "CAT-1"},
}

// ReasonCodes lists the codes, the blocking ones first.
func ReasonCodes() []ReasonCode {
	codes := make([]ReasonCode, len(reasonTable))
	for i, row := range reasonTable {
		codes[i] = row.code
	}
	return codes
}

// ParseReasonCode finds a code by its name. The error lists the names there are.
func ParseReasonCode(name string) (ReasonCode, error) {
	names := make([]string, len(reasonTable))
	for i, row := range reasonTable {
		if row.name == name {
			return row.code, nil
		}
		names[i] = row.name
	}
	return 0, &enum.UnknownError{Kind: "reason code", Value: name, Want: names}
}

// Blocks reports whether a patch with this reason is not deployable. A value that is no code blocks too.
func (c ReasonCode) Blocks() bool { return c < Upgrade || c.Rule() == "" }

// Rule returns the id of the rule behind the code, and the empty text for a value that is no code.
func (c ReasonCode) Rule() string {
	for _, row := range reasonTable {
		if row.code == c {
			return row.rule
		}
	}
	return ""
}

// String returns the code's name, or "reason code(n)" for a value that is none.
func (c ReasonCode) String() string {
	for _, row := range reasonTable {
		if row.code == c {
			return row.name
		}
	}
	return fmt.Sprintf("reason code(%d)", uint8(c))
}

// MarshalText returns the code's name, and the empty text for the zero value.
func (c ReasonCode) MarshalText() ([]byte, error) {
	if c != 0 && c.Rule() == "" {
		_, err := ParseReasonCode(fmt.Sprint(uint8(c)))
		return nil, err
	}
	if c == 0 {
		return []byte{}, nil
	}
	return []byte(c.String()), nil
}

// UnmarshalText is the inverse of MarshalText. The error lists the names there are.
func (c *ReasonCode) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = 0
		return nil
	}
	code, err := ParseReasonCode(string(text))
	if err != nil {
		return err
	}
	*c = code
	return nil
}

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

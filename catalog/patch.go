package catalog

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Severity is a vendor's or advisory's rating: data for selection, never a gate (CAT-4).
type Severity uint8

// The severities, rising.
const (
	Unrated Severity = 1 + iota
	Low
	Medium
	High
	Critical
)

var severities = enum.Of[Severity]("severity", "unrated", "low", "medium", "high", "critical")

// ParseSeverity finds a severity by its name. The error lists the names there are.
func ParseSeverity(name string) (Severity, error) { return severities.Parse(name) }

// String returns the severity's name.
func (s Severity) String() string { return severities.String(s) }

// MarshalText returns the severity's name, and the empty text for the zero value.
func (s Severity) MarshalText() ([]byte, error) { return severities.MarshalText(s) }

// UnmarshalText is the inverse of MarshalText.
func (s *Severity) UnmarshalText(text []byte) error { return severities.UnmarshalText(text, s) }

// Class is what a patch is for, as its feed states it: data for selection, never a gate.
type Class uint8

// The classes. The zero Class is one that the vendor did not state.
const (
	Security   Class = 1 + iota // it closes a vulnerability
	Bugfix                      // it mends something else
	Feature                     // it brings something new
	Driver                      // it drives a device, firmware included
	Definition                  // what a scanner looks for
)

var classes = enum.Of[Class]("class", "security", "bugfix", "feature", "driver", "definition")

// ParseClass finds a class by its name. The error lists the names there are.
func ParseClass(name string) (Class, error) { return classes.Parse(name) }

// String returns the class's name.
func (c Class) String() string { return classes.String(c) }

// MarshalText returns the class's name, and the empty text for the zero value.
func (c Class) MarshalText() ([]byte, error) { return classes.MarshalText(c) }

// UnmarshalText is the inverse of MarshalText.
func (c *Class) UnmarshalText(text []byte) error { return classes.UnmarshalText(text, c) }

// Patch is an upgrade of one product to one version.
type Patch struct {
	ID          PatchID         `json:"id"`
	Product     ProductID       `json:"product"`
	Version     version.Version `json:"version"`
	Title       string          `json:"title,omitempty"`
	Published   time.Time       `json:"published,omitzero"` // by the vendor; zero: not told
	Listed      time.Time       `json:"listed,omitzero"`    // first seen by a sync; Sync sets it
	Severity    Severity        `json:"severity,omitempty"`
	CVEs        []string        `json:"cves,omitempty"`
	Exploited   bool            `json:"exploited,omitempty"` // what it closes is known to be exploited; false: not known, never "not exploited"
	Class       Class           `json:"class,omitempty"`     // zero: not told
	Artifacts   []Artifact      `json:"artifacts"`
	EOLMarked   bool            `json:"eolMarked,omitempty"` // the vendor announced end of life; Sync sets it when EOL is set
	EOL         time.Time       `json:"eol,omitzero"`        // when; zero: no date given (CAT-10)
	Withdrawn   bool            `json:"withdrawn,omitempty"` // the vendor withdrew it explicitly (CAT-8)
	Supersedes  []PatchID       `json:"supersedes,omitempty"`
	Requires    []Requirement   `json:"requires,omitempty"`
	Reboot      bool            `json:"reboot,omitempty"`      // the patch declares that it needs a reboot (RBT-2)
	Transaction string          `json:"transaction,omitempty"` // patches of the same non-empty name are deployed together ("dpkg")
}

// Requirement is a co-dependency (JOB-14).
type Requirement struct {
	Patch  PatchID `json:"patch"`
	Reboot bool    `json:"reboot,omitempty"` // a reboot must come between
}

// Latency is how long after the vendor's publishing the catalog listed the patch; not ok when either time is not known.
// It is never negative (CAT-2).
func (p Patch) Latency() (latency time.Duration, ok bool) {
	if p.Published.IsZero() || p.Listed.IsZero() {
		return 0, false
	}
	return max(0, p.Listed.Sub(p.Published)), true
}

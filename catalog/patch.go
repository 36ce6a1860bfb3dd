package catalog

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Severity is the rating of a vendor or an advisory: data for selection, never
// a gate (CAT-4).
type Severity uint8

// The severities, from the lowest to the highest.
const (
	Unrated Severity = 1 + iota
	Low
	Medium
	High
	Critical
)

var severities = enum.Of[Severity]("severity", "unrated", "low", "medium", "high", "critical")

// ParseSeverity returns the severity of this name. The error lists the names.
func ParseSeverity(name string) (Severity, error) { return severities.Parse(name) }

// String returns the severity's name.
func (s Severity) String() string { return severities.String(s) }

// MarshalText returns the name. Of the zero value it is the empty text.
func (s Severity) MarshalText() ([]byte, error) { return severities.MarshalText(s) }

// UnmarshalText is the inverse of MarshalText.
func (s *Severity) UnmarshalText(text []byte) error { return severities.UnmarshalText(text, s) }

// Class is the purpose of a patch, as its feed states it: data for selection,
// never a gate.
type Class uint8

// The classes. Zero: the vendor did not state one.
const (
	Security   Class = 1 + iota // fixes a vulnerability
	Bugfix                      // fixes something else
	Feature                     // adds something new
	Driver                      // for a device, including firmware
	Definition                  // data of a scanner
)

var classes = enum.Of[Class]("class", "security", "bugfix", "feature", "driver", "definition")

// ParseClass returns the class of this name. The error lists the names.
func ParseClass(name string) (Class, error) { return classes.Parse(name) }

// String returns the class's name.
func (c Class) String() string { return classes.String(c) }

// MarshalText returns the name. Of the zero value it is the empty text.
func (c Class) MarshalText() ([]byte, error) { return classes.MarshalText(c) }

// UnmarshalText is the inverse of MarshalText.
func (c *Class) UnmarshalText(text []byte) error { return classes.UnmarshalText(text, c) }

// Patch is an upgrade of one product to one version.
type Patch struct {
	ID          PatchID         `json:"id"`
	Product     ProductID       `json:"product"`
	Version     version.Version `json:"version"`
	Source      version.Version `json:"source,omitzero"` // of the source package, which advisories compare; zero: as Version
	Title       string          `json:"title,omitempty"`
	Published   time.Time       `json:"published,omitzero"` // by the vendor; zero: unknown
	Listed      time.Time       `json:"listed,omitzero"`    // when a sync first listed it; Sync sets it
	Severity    Severity        `json:"severity,omitempty"`
	CVEs        []string        `json:"cves,omitempty"`
	Exploited   bool            `json:"exploited,omitempty"` // a vulnerability that it fixes is known to be exploited; false means unknown, never "not exploited"
	Class       Class           `json:"class,omitempty"`     // zero: unknown
	Artifacts   []Artifact      `json:"artifacts"`
	EOLMarked   bool            `json:"eolMarked,omitempty"` // the vendor announced its end of life; Sync sets it if EOL is set
	EOL         time.Time       `json:"eol,omitzero"`        // zero: no date (CAT-10)
	Withdrawn   bool            `json:"withdrawn,omitempty"` // the vendor withdrew it explicitly (CAT-8)
	Supersedes  []PatchID       `json:"supersedes,omitempty"`
	Requires    []Requirement   `json:"requires,omitempty"`
	Reboot      bool            `json:"reboot,omitempty"`      // the patch declares that it needs a reboot (RBT-2)
	Transaction string          `json:"transaction,omitempty"` // patches with the same non-empty name are deployed together, like "dpkg"
}

// Requirement is a co-dependency (JOB-14).
type Requirement struct {
	Patch  PatchID `json:"patch"`
	Reboot bool    `json:"reboot,omitempty"` // a reboot must come between the two
}

// Latency returns the time from the vendor's publishing to the catalog's
// listing. It is never negative. It is not ok if either time is unknown
// (CAT-2).
func (p Patch) Latency() (latency time.Duration, ok bool) {
	if p.Published.IsZero() || p.Listed.IsZero() {
		return 0, false
	}
	return max(0, p.Listed.Sub(p.Published)), true
}

// Lifecycle is the stage of a patch's life (CAT-8). A patch never leaves
// LifecycleDeprecated while its feed lists it.
type Lifecycle string

// The stages of a patch's life.
const (
	LifecycleActive     Lifecycle = "Active"     // listed, no end announced
	LifecycleEOLMarked  Lifecycle = "EOLMarked"  // the vendor announced its end of life: still honoured (CAT-10)
	LifecycleDeprecated Lifecycle = "Deprecated" // a sync ran at or after its EOL date, or saw it withdrawn (CAT-9)
)

// EOLInstant returns the end of life that a date without a time means: the end
// of that day, UTC (CAT-13).
func EOLInstant(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
}

// ParseEOL reads an end of life: a date like 2006-01-02, which means the end of
// that day UTC, or an instant in RFC 3339 (CAT-13).
func ParseEOL(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return EOLInstant(day.Date()), nil
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("end of life %q is neither a date like 2006-01-02 nor an instant like 2006-01-02T15:04:05Z", text)
	}
	return instant.UTC(), nil
}

// past reports whether an end of life has come. Zero never comes, and at the
// instant it has (CAT-13).
func past(eol, now time.Time) bool { return !eol.IsZero() && !now.Before(eol) }

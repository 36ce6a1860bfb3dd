package deadline

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Problem is one thing that is wrong with a table or an exception. Field is the
// JSON name of the field.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first.
type Invalid = problem.Invalid

// Answer says whether a fact holds. Zero: unknown.
type Answer uint8

// The answers.
const (
	Yes Answer = 1 + iota
	No
)

var answers = enum.Of[Answer]("answer", "yes", "no")

// String returns the answer's name.
func (a Answer) String() string { return answers.String(a) }

// MarshalText returns the answer's name, and the empty text if it is unknown.
func (a Answer) MarshalText() ([]byte, error) { return answers.MarshalText(a) }

// UnmarshalText is the inverse of MarshalText.
func (a *Answer) UnmarshalText(text []byte) error { return answers.UnmarshalText(text, a) }

// Facts are what is known of a vulnerability everywhere. The zero Facts know
// nothing, so a table assumes the worst (DUE-4).
type Facts struct {
	Exploited   Answer           `json:"exploited,omitempty"`   // it is known to be exploited
	Automatable Answer           `json:"automatable,omitempty"` // an attack can be automated
	TotalImpact Answer           `json:"totalImpact,omitempty"` // an attack gives total control
	Severity    catalog.Severity `json:"severity,omitempty"`    // zero and Unrated: unknown
	Published   time.Time        `json:"published,omitzero"`    // when its first fix was published; zero: unknown
	Listed      time.Time        `json:"listed,omitzero"`       // when it was listed as exploited; zero: unknown
}

// Asset is what is known of an asset with the vulnerability.
type Asset struct {
	Exposed Answer    `json:"exposed,omitempty"` // it can be reached from the public network, by whatever path
	Tags    []string  `json:"tags,omitempty"`
	Missing time.Time `json:"missing,omitzero"` // when a fix was first missing here; zero: unknown
}

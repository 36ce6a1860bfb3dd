package deadline

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Problem is one thing that is wrong with a table or an exception. Field is the
// JSON name of the field.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first.
type Invalid = problem.Invalid

// Facts are what is known of a vulnerability everywhere. In the zero Facts,
// everything is unknown (DUE-4).
type Facts struct {
	Exploited   catalog.Answer   `json:"exploited,omitempty"`   // it is known to be exploited
	Automatable catalog.Answer   `json:"automatable,omitempty"` // an attack can be automated
	TotalImpact catalog.Answer   `json:"totalImpact,omitempty"` // an attack gives total control
	Severity    catalog.Severity `json:"severity,omitempty"`    // zero and Unrated: unknown
	Published   time.Time        `json:"published,omitzero"`    // when its first fix was published; zero: unknown
	Listed      time.Time        `json:"listed,omitzero"`       // when it was listed as exploited; zero: unknown
}

// Asset is what is known of an asset with the vulnerability.
type Asset struct {
	Exposed catalog.Answer `json:"exposed,omitempty"` // it can be reached from the public network, by whatever path
	Tags    []string       `json:"tags,omitempty"`
	Missing time.Time      `json:"missing,omitzero"` // when a fix was first missing here; zero: unknown
}

// FirstMissing is when a fix was first missing on an asset: the later of when
// the product arrived there and when the first fix was published (DUE-2). Zero:
// one of the two is not known.
func FirstMissing(arrived, published time.Time) time.Time {
	if arrived.IsZero() || published.IsZero() {
		return time.Time{}
	}
	if arrived.After(published) {
		return arrived
	}
	return published
}

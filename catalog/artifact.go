package catalog

import (
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Availability says from where an artifact can be fetched (CAT-5).
type Availability uint8

// The availabilities.
const (
	Pinned     Availability = 1 + iota // a URL for this version alone
	LatestOnly                         // one URL for every version: only the newest can be fetched (CAT-6)
	Repository                         // the asset's own package manager fetches it
	Vendor                             // the customer supplies it: not downloadable until a custom URL is set
)

var availabilities = enum.Of[Availability]("availability", "Pinned", "LatestOnly", "Repository", "Vendor")

// String returns the availability's name.
func (a Availability) String() string { return availabilities.String(a) }

// MarshalText returns the name. Of the zero value it is the empty text.
func (a Availability) MarshalText() ([]byte, error) { return availabilities.MarshalText(a) }

// UnmarshalText is the inverse of MarshalText.
func (a *Availability) UnmarshalText(text []byte) error { return availabilities.UnmarshalText(text, a) }

// Artifact is one file of a patch.
type Artifact struct {
	Name         string             `json:"name"` // a plain file name, without a path
	Availability Availability       `json:"availability"`
	URL          string             `json:"url,omitempty"`       // http, https or file
	CustomURL    string             `json:"customUrl,omitempty"` // of a Vendor artifact; set by Snapshot.WithCustomURLs
	Size         int64              `json:"size,omitempty"`      // bytes; zero: unknown
	Digests      []integrity.Digest `json:"digests,omitempty"`
	Signer       string             `json:"signer,omitempty"`       // expected signer; empty: none (INT-4)
	SignatureURL string             `json:"signatureUrl,omitempty"` // of a detached signature
}

// Source returns the URL that the artifact is fetched from: CustomURL of a
// Vendor artifact, otherwise URL (CAT-5). It is empty if there is none: for a
// Vendor artifact without a custom URL, and for a Repository artifact without a
// URL.
func (a Artifact) Source() string {
	if a.Availability == Vendor {
		return a.CustomURL
	}
	return a.URL
}

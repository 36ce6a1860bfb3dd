package catalog

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Identities. Each is a non-empty text without control characters, unique in a snapshot.
type (
	ProductID string
	PatchID   string
	FeedID    string
)

// Platform is an operating-system family.
type Platform uint8

// The platforms.
const (
	Linux Platform = 1 + iota
	Windows
	MacOS
)

var platforms = enum.Of[Platform]("platform", "linux", "windows", "macos")

// Availability says where an artifact can be fetched (CAT-5).
type Availability uint8

// The availabilities.
const (
	Pinned     Availability = 1 + iota // a URL for this version alone
	LatestOnly                         // one URL for every version: only the newest can be fetched (CAT-6)
	Repository                         // the asset's own package manager fetches it
	Vendor                             // the customer supplies it: not downloadable until CustomURL is set
)

var availabilities = enum.Of[Availability]("availability", "Pinned", "LatestOnly", "Repository", "Vendor")

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

// Product is one software title on one platform, architecture and channel.
type Product struct {
	ID           ProductID      `json:"id"`
	Name         string         `json:"name"` // as the asset's inventory names it: a Debian package's name, say
	Vendor       string         `json:"vendor,omitempty"`
	Platform     Platform       `json:"platform"`
	Architecture string         `json:"architecture,omitempty"`
	Channel      string         `json:"channel,omitempty"`
	Scheme       version.Scheme `json:"scheme"`
	Lines        []Line         `json:"lines,omitempty"` // version lines with their end of life
}

// Line is one version line of a product: the versions that equal Prefix or continue it after a separator.
type Line struct {
	Prefix   string    `json:"prefix"`
	EOL      time.Time `json:"eol,omitzero"`      // zero: none announced (CAT-13)
	Extended time.Time `json:"extended,omitzero"` // end of extended support: kept as data, never moves EOL (CAT-12)
}

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
	Artifacts   []Artifact      `json:"artifacts"`
	EOLMarked   bool            `json:"eolMarked,omitempty"` // the vendor announced end of life
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

// Artifact is one file of a patch.
type Artifact struct {
	Name         string             `json:"name"` // file name: no path separators
	Availability Availability       `json:"availability"`
	URL          string             `json:"url,omitempty"`       // http, https or file
	CustomURL    string             `json:"customUrl,omitempty"` // set by the customer for a Vendor artifact
	Size         int64              `json:"size,omitempty"`      // bytes; zero: not told
	Digests      []integrity.Digest `json:"digests,omitempty"`
	Signer       string             `json:"signer,omitempty"`       // expected signer; empty: none (INT-4)
	SignatureURL string             `json:"signatureUrl,omitempty"` // of a detached signature
}

// Installed is one product as an asset's inventory found it.
type Installed struct {
	Product  ProductID       `json:"product"`
	Version  version.Version `json:"version"`
	Held     bool            `json:"held,omitempty"`     // the asset's package manager holds it back
	PinnedTo string          `json:"pinnedTo,omitempty"` // the version the asset's package manager prefers, when not the newest it knows
}

// Inventory is what is installed on one asset, sorted by product, each product once.
type Inventory struct {
	Platform  Platform    `json:"platform"`
	Installed []Installed `json:"installed"`
}

package job

import (
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Asset is what [Definition.Select] needs to know about an asset.
type Asset struct {
	ID       AssetID          `json:"id"`
	Platform catalog.Platform `json:"platform"`
	Tags     []string         `json:"tags,omitempty"`
}

// Assets selects assets: see [Definition.Select].
type Assets struct {
	Include     []AssetID `json:"include,omitempty"`
	Exclude     []AssetID `json:"exclude,omitempty"`
	IncludeTags []string  `json:"includeTags,omitempty"`
	ExcludeTags []string  `json:"excludeTags,omitempty"`
	Match       Match     `json:"match,omitempty"` // zero: Any
}

// Match says how included tags combine (JOB-7).
type Match uint8

// The matches. Any is the default.
const (
	Any Match = 1 + iota // one included tag is enough
	All                  // every included tag is needed
)

var matches = enum.Of[Match]("tag match", "any", "all")

func (m Match) String() string                   { return matches.String(m) }
func (m Match) MarshalText() ([]byte, error)     { return matches.MarshalText(m) }
func (m *Match) UnmarshalText(text []byte) error { return matches.UnmarshalText(text, m) }

// Select reports whether the job runs on the asset. The job's assets are ((in
// included tags − in excluded tags) ∪ explicitly included) − explicitly
// excluded, and of the job's platform (JOB-7).
func (d Definition) Select(asset Asset) bool {
	a := d.Assets
	switch {
	case asset.Platform != d.Platform, slices.Contains(a.Exclude, asset.ID):
		return false
	case slices.Contains(a.Include, asset.ID):
		return true
	}
	has := func(tag string) bool { return slices.Contains(asset.Tags, tag) }
	if len(a.IncludeTags) == 0 || slices.ContainsFunc(a.ExcludeTags, has) {
		return false
	}
	if a.Match == All {
		return !slices.ContainsFunc(a.IncludeTags, func(tag string) bool { return !has(tag) })
	}
	return slices.ContainsFunc(a.IncludeTags, has)
}

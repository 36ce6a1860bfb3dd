package catalog

import (
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Ids are unique in a snapshot: 1 to MaxID bytes of UTF-8 without control
// characters.
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

// ParsePlatform returns the platform of this name. The error lists the names.
func ParsePlatform(name string) (Platform, error) { return platforms.Parse(name) }

// String returns the platform's name.
func (p Platform) String() string { return platforms.String(p) }

// MarshalText returns the name. Of the zero value it is the empty text.
func (p Platform) MarshalText() ([]byte, error) { return platforms.MarshalText(p) }

// UnmarshalText is the inverse of MarshalText.
func (p *Platform) UnmarshalText(text []byte) error { return platforms.UnmarshalText(text, p) }

// Product is one software title on one platform, architecture and channel.
type Product struct {
	ID           ProductID      `json:"id"`
	Name         string         `json:"name"` // as an inventory names it, like the name of a Debian package
	Vendor       string         `json:"vendor,omitempty"`
	Platform     Platform       `json:"platform"`
	Architecture string         `json:"architecture,omitempty"`
	Channel      string         `json:"channel,omitempty"`
	Scheme       version.Scheme `json:"scheme"`
	Lines        []Line         `json:"lines,omitempty"`  // version lines with their end of life, by prefix
	Package      Package        `json:"package,omitzero"` // its name in advisories
}

// Line is one version line of a product: the versions that equal Prefix or
// continue it after a boundary, as in [Product.LineOf].
type Line struct {
	Prefix   string    `json:"prefix"`            // of version.Version.Upstream
	EOL      time.Time `json:"eol,omitzero"`      // zero: no date announced (CAT-13)
	Over     bool      `json:"over,omitempty"`    // it has ended on an unknown date (CAT-11)
	Extended time.Time `json:"extended,omitzero"` // end of extended support: kept as data, never moves EOL (CAT-12)
}

// Ended reports whether the line is past its end of life, from that instant on
// (CAT-13). A line that is Over has ended. Extended support plays no part
// (CAT-12).
func (l Line) Ended(now time.Time) bool { return l.Over || past(l.EOL, now) }

// LineOf returns the line of v: the one with the longest Prefix that v's
// upstream version equals or continues after a boundary. A boundary is any
// place except between two digits or between two letters (CAT-11). So 1.2 holds
// 1.2, 1.2.3, 1.2w and 1.2-rc.1, and not 1.20. A version of another scheme than
// the product's is on no line.
func (p Product) LineOf(v version.Version) (Line, bool) {
	if v.Scheme() != p.Scheme {
		return Line{}, false
	}
	text := v.Upstream()
	var best Line
	for _, line := range p.Lines {
		if len(line.Prefix) > len(best.Prefix) && onLine(text, line.Prefix) {
			best = line
		}
	}
	return best, best.Prefix != ""
}

func onLine(text, prefix string) bool {
	rest, has := strings.CutPrefix(text, prefix)
	if !has || rest == "" {
		return has
	}
	before, after := prefix[len(prefix)-1], rest[0]
	return !(isDigit(before) && isDigit(after)) && !(isLetter(before) && isLetter(after))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

package version

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Scheme is a way of writing and ordering versions.
type Scheme uint8

// The schemes.
const (
	Semver Scheme = 1 + iota // semantic versioning 2.0.0
	Debian                   // deb-version(7): epoch:upstream-revision
	Dotted                   // dot-separated decimal numbers, as Windows and Chrome use
)

var schemes = enum.Of[Scheme]("version scheme", "semver", "debian", "dotted")

// String returns the scheme's name.
func (s Scheme) String() string { return schemes.String(s) }

// MarshalText returns the scheme's name, and the empty text for the zero value.
func (s Scheme) MarshalText() ([]byte, error) { return schemes.MarshalText(s) }

// Unknown is the scheme of a version whose scheme, or whose text, this release does not know: see [Version.KeepUnknown].
const Unknown Scheme = enum.Unknown

// UnmarshalText is the inverse of MarshalText.
func (s *Scheme) UnmarshalText(text []byte) error { return schemes.UnmarshalText(text, s) }

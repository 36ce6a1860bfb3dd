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

// Version is a valid version of one scheme. Versions compare with == as texts and with Compare by their order.
// The zero Version is no version. The text form of MarshalText is "scheme:text".
type Version struct {
	scheme Scheme
	text   string
}

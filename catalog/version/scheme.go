package version

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Scheme is the name of a way to write and order versions: a built-in one, or
// an importer's, see [Own]. Zero means "not set".
type Scheme string

// The built-in schemes.
const (
	Semver Scheme = "semver" // semantic versioning 2.0.0
	Debian Scheme = "debian" // deb-version(7): epoch:upstream-revision
	Rpm    Scheme = "rpm"    // epoch:version-release, as rpm orders them
	Apk    Scheme = "apk"    // Alpine Linux
	Dotted Scheme = "dotted" // decimal numbers with dots between, as Windows and Chrome use
	Loose  Scheme = "loose"  // numbers and words, as in catalogs of Windows and macOS software
	Jdk    Scheme = "jdk"    // Java: 17.0.9+9, 1.8.0_391, 8u391
)

// Unknown is the scheme of a version whose scheme or text this release does not
// know, see [Version.KeepUnknown].
const Unknown Scheme = "unknown"

var schemes = []Scheme{Semver, Debian, Rpm, Apk, Dotted, Loose, Jdk}

// appendKey appends the key of a text of a built-in scheme, or says why it is
// not valid. It names the functions, so that a key may stay on its caller's
// stack.
func appendKey(k key, s Scheme, text string) (key, error) {
	switch s {
	case Semver:
		return semverKey(k, text)
	case Debian:
		return debianKey(k, text)
	case Rpm:
		return rpmKey(k, text)
	case Apk:
		return apkKey(k, text)
	case Dotted:
		return dottedKey(k, text)
	case Loose:
		return looseKey(k, text)
	case Jdk:
		return jdkKey(k, text)
	}
	return nil, fmt.Errorf("unknown scheme, want one of %v", schemes)
}

// Check returns an error that lists the built-in schemes if s is neither one of
// them nor the name of an [Own] scheme.
func (s Scheme) Check() error {
	if slices.Contains(schemes, s) || s.own() {
		return nil
	}
	unknown := &enum.UnknownError{Kind: "version scheme", Value: string(s)}
	for _, known := range append(schemes, ownPrefix+"…") {
		unknown.Want = append(unknown.Want, string(known))
	}
	return unknown
}

// shared returns the name in the memory of the built-in scheme, so that two of
// them are found equal without reading them.
func (s Scheme) shared() Scheme {
	if i := slices.Index(schemes, s); i >= 0 {
		return schemes[i]
	}
	return s
}

func (s Scheme) own() bool {
	name, has := strings.CutPrefix(string(s), ownPrefix)
	return has && name != "" && len(s) <= MaxScheme && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// UnmarshalText reads the name of a scheme. The empty text is the zero value.
// The error is that of [Scheme.Check].
func (s *Scheme) UnmarshalText(text []byte) error {
	name := Scheme(text)
	if err := name.Check(); err != nil && name != "" {
		return err
	}
	*s = name.shared()
	return nil
}

// KeepUnknown makes s Unknown: a later release wrote the name (MAN-11).
func (s *Scheme) KeepUnknown(string) { *s = Unknown }

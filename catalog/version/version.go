package version

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Version is a valid version of one scheme. Versions compare with == as texts and with Compare by their order.
// The zero Version is no version. The text form of MarshalText is "scheme:text". One of the scheme Unknown came from another
// release (MAN-11): it prints and is written as it came, and has no order.
type Version struct {
	scheme Scheme
	text   string
}

// Parse checks that text is a version of scheme s. It takes at most MaxLength bytes.
func Parse(s Scheme, text string) (Version, error) {
	if fault := faultOf(s, text); fault != "" {
		return Version{}, fmt.Errorf("%q is not a %s version: %s", problem.Clip(text, 80), s, fault)
	}
	return Version{scheme: s, text: text}, nil
}

func faultOf(s Scheme, text string) string {
	if text == "" {
		return "it is empty"
	}
	if len(text) > MaxLength {
		return fmt.Sprintf("it has %d bytes, the most is %d", len(text), MaxLength)
	}
	switch s {
	case Semver:
		return semverProblem(text)
	case Debian:
		return debianProblem(text)
	case Dotted:
		return dottedProblem(text)
	default:
		return fmt.Sprintf("there is no such scheme, want one of %v", schemes.All())
	}
}

// Compare orders v and w: -1 when v is older, 0 when neither is, 1 when v is newer. Not ok means that they cannot be
// ordered, being of different schemes or no versions at all (CAT-3). It allocates nothing.
func (v Version) Compare(w Version) (order int, ok bool) {
	if v.scheme != w.scheme {
		return 0, false
	}
	switch v.scheme {
	case Semver:
		return compareSemver(v.text, w.text), true
	case Debian:
		return compareDebian(v.text, w.text), true
	case Dotted:
		return compareDotted(v.text, w.text), true
	default:
		return 0, false
	}
}

// Scheme returns the scheme; zero for the zero Version.
func (v Version) Scheme() Scheme { return v.scheme }

// String returns the text as it was parsed, without the scheme; of an unknown scheme with it, as far as it prints.
func (v Version) String() string {
	if v.scheme == Unknown {
		return problem.Printable(v.text)
	}
	return v.text
}

// IsZero reports whether v is no version.
func (v Version) IsZero() bool { return v == Version{} }

// Upstream returns the version as its maker numbers it: of Debian, without epoch and revision; of the others, the text.
func (v Version) Upstream() string {
	if v.scheme != Debian {
		return v.text
	}
	_, upstream, _ := splitDebian(v.text)
	return upstream
}

// MarshalText returns "scheme:text", and the empty text for the zero Version.
func (v Version) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return []byte{}, nil
	}
	if v.scheme == Unknown {
		return []byte(v.text), nil
	}
	return []byte(v.scheme.String() + ":" + v.text), nil
}

// KeepUnknown makes v the version of an unknown scheme that has the given text form, cut to MaxLength bytes. Whoever reads
// what another release may have written calls it with what UnmarshalText refuses (MAN-11).
func (v *Version) KeepUnknown(text string) {
	*v = Version{scheme: Unknown, text: problem.Clip(text, MaxLength)}
}

// NotKnown names what this release does not know of a version, as `scheme "zap"`; empty: it knows all.
func (v Version) NotKnown() string {
	if v.scheme != Unknown {
		return ""
	}
	name, _, found := strings.Cut(v.text, ":")
	if _, err := schemes.Parse(name); found && err != nil {
		return fmt.Sprintf("scheme %q", problem.Clip(name, 80))
	}
	return fmt.Sprintf("version %q", problem.Clip(v.text, 80))
}

// UnmarshalText is the inverse of MarshalText. An unknown scheme is an error that lists the schemes.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	name, rest, found := strings.Cut(string(text), ":")
	if !found {
		return fmt.Errorf(`%q is not a version: there is no scheme in front, want "scheme:text"`, problem.Clip(string(text), 80))
	}
	s, err := schemes.Parse(name)
	if err != nil {
		return err
	}
	parsed, err := Parse(s, rest)
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// compareNumbers orders two runs of decimal digits by value, whatever their length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

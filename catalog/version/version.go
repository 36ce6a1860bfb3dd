package version

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Version is a valid version of one scheme. Versions compare with == as texts and with Compare by their order.
// The zero Version is no version. One of the scheme Unknown came from another release (MAN-11): it prints and is written as
// it came, and has no order.
type Version struct {
	scheme Scheme
	text   string
	key    string // what it sorts by
}

// SyntaxError says why a text is no version of a scheme.
type SyntaxError struct {
	Scheme Scheme
	Text   string
	Reason string // a plain phrase: "it is empty"
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a %s version: %s", problem.Clip(e.Text, 80), problem.Clip(string(e.Scheme), MaxScheme), e.Reason)
}

// Parse makes a version of a built-in scheme. It takes at most MaxLength bytes. Of an [Own] scheme it takes "key:text", as
// the text form has it. The error is a [*SyntaxError].
func Parse(s Scheme, text string) (Version, error) {
	if s.own() {
		return parseOwn(s, text)
	}
	var room [keyRoom]byte
	k, err := keyOf(room[:0], s, text)
	if err != nil {
		return Version{}, err
	}
	return Version{scheme: s, text: text, key: string(k)}, nil
}

// MustParse is [Parse] for a text that the program itself contains, as in a
// table or a test. It panics on an error. Use Parse for anything that comes from
// outside.
func MustParse(s Scheme, text string) Version {
	v, err := Parse(s, text)
	if err != nil {
		panic(err)
	}
	return v
}

// Compare orders two texts of one built-in scheme as Parse and [Version.Compare] do. It keeps
// nothing, so that it allocates nothing unless a text is unusually long: for a pair that is
// compared once. The error is a [*SyntaxError].
func Compare(s Scheme, a, b string) (int, error) {
	var room, other [keyRoom]byte
	k, err := keyOf(room[:0], s, a)
	if err != nil {
		return 0, err
	}
	l, err := keyOf(other[:0], s, b)
	if err != nil {
		return 0, err
	}
	return bytes.Compare(k, l), nil
}

// keyOf appends the key of a text of a built-in scheme.
func keyOf(k key, s Scheme, text string) (key, error) {
	err := checkLength(text)
	if err == nil {
		k, err = appendKey(k, s, text)
	}
	if err != nil {
		return nil, &SyntaxError{s, text, err.Error()}
	}
	return k, nil
}

func checkLength(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty")
	case len(text) > MaxLength:
		return fmt.Errorf("it has %d bytes, the most is %d", len(text), MaxLength)
	}
	return nil
}

// Compare orders v and w: -1 when v is older, 0 when neither is, 1 when v is newer. Not ok means that they cannot be
// ordered, being of different schemes or no versions at all (CAT-3). It parses and allocates nothing.
func (v Version) Compare(w Version) (order int, ok bool) {
	if v.scheme != w.scheme || v.key == "" || w.key == "" {
		return 0, false
	}
	return strings.Compare(v.key, w.key), true
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

// Upstream returns the version as its maker numbers it: of Debian, Rpm and Apk without what the packager adds, of Jdk
// as numbers between dots with 8.0.391 for 1.8.0_391; of the others, the text.
func (v Version) Upstream() string {
	for _, b := range builtIn {
		if b.scheme == v.scheme && b.upstream != nil {
			return b.upstream(v.text)
		}
	}
	return v.text
}

// MarshalText returns "scheme:text", of an [Own] scheme "scheme:key:text" with the key in hex, and the empty text for the
// zero Version.
func (v Version) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return []byte{}, nil
	}
	if v.scheme == Unknown {
		return []byte(v.text), nil
	}
	if v.scheme.own() {
		return []byte(string(v.scheme) + ":" + v.ownForm()), nil
	}
	return []byte(string(v.scheme) + ":" + v.text), nil
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
	if found && Scheme(name).Check() != nil {
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
	s := Scheme(name)
	if err := s.Check(); err != nil {
		return err
	}
	parsed, err := Parse(s, rest)
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

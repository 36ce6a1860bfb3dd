package version

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Version is a valid version of one scheme. == compares the texts, and Compare
// the order. The zero Version is no version. A version of scheme Unknown came
// from another release (MAN-11): it prints and is written as it came, and has
// no order.
type Version struct {
	scheme Scheme
	text   string
	key    string // its order is that of the bytes
}

// SyntaxError says why a text is not a valid version of a scheme.
type SyntaxError struct {
	Scheme Scheme
	Text   string
	Reason string // a plain phrase: "it is empty"
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a %s version: %s", problem.Clip(e.Text, 80), problem.Clip(string(e.Scheme), MaxScheme), e.Reason)
}

// Parse makes a version of a built-in scheme from at most MaxLength bytes. For
// an [Own] scheme it takes "key:text", as in the text form. The error is a
// [*SyntaxError].
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
// table or a test. It panics on an error. Use Parse for a text from outside.
func MustParse(s Scheme, text string) Version {
	v, err := Parse(s, text)
	if err != nil {
		panic(err)
	}
	return v
}

// Compare orders two texts of one built-in scheme as Parse and
// [Version.Compare] do. Use it for a pair that is compared once: it keeps
// nothing, and it allocates only for unusually long texts. The error is a
// [*SyntaxError].
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
		return fmt.Errorf("it has %d bytes, at most %d are allowed", len(text), MaxLength)
	}
	return nil
}

// Compare returns -1 if v is older than w, 0 if neither is older, and 1 if v is
// newer. It is not ok if they have no order: versions of different schemes, or
// a zero Version (CAT-3). It neither parses nor allocates.
func (v Version) Compare(w Version) (order int, ok bool) {
	if v.scheme != w.scheme || v.key == "" || w.key == "" {
		return 0, false
	}
	return strings.Compare(v.key, w.key), true
}

// Key returns the key by which v sorts: versions of one scheme compare as the
// bytes of their keys do. Empty: v has no order.
func (v Version) Key() string { return v.key }

// Scheme returns the scheme. Zero: the zero Version.
func (v Version) Scheme() Scheme { return v.scheme }

// String returns the text as it was parsed, without the scheme. Of an unknown
// scheme it returns the whole text form, escaped for printing.
func (v Version) String() string {
	if v.scheme == Unknown {
		return problem.Printable(v.text)
	}
	return v.text
}

// IsZero reports whether v is the zero Version.
func (v Version) IsZero() bool { return v == Version{} }

// Upstream returns the version as its maker numbers it. Of Debian, Rpm and Apk
// it leaves out what the packager adds. Of Jdk it returns numbers with dots
// between, like 8.0.391 for 1.8.0_391. Of others it returns the text.
func (v Version) Upstream() string {
	switch v.scheme {
	case Debian, Rpm:
		_, upstream, _, _, _ := splitPackage(v.text)
		return upstream
	case Apk:
		upstream, _, _ := strings.Cut(v.text, "-r")
		return upstream
	case Jdk: // so that 1.8.0_391 is on line 8
		numbers, _, _, _ := splitJdk(v.text)
		return numbers
	}
	return v.text
}

// MarshalText returns "scheme:text", of an [Own] scheme "scheme:key:text" with
// the key in hex, and of the zero Version the empty text.
func (v Version) MarshalText() ([]byte, error) {
	switch {
	case v.scheme == "" || v.scheme == Unknown:
		return []byte(v.text), nil
	case v.scheme.own():
		return []byte(string(v.scheme) + ":" + hex.EncodeToString([]byte(v.key)) + ":" + v.text), nil
	}
	return []byte(string(v.scheme) + ":" + v.text), nil
}

// KeepUnknown makes v a version of scheme Unknown with this text form, cut to
// MaxLength bytes. Readers of what another release may have written call it
// with what UnmarshalText refuses (MAN-11).
func (v *Version) KeepUnknown(text string) {
	*v = Version{scheme: Unknown, text: problem.Clip(text, MaxLength)}
}

// NotKnown returns what this release does not know of a version, like `scheme
// "zap"`. Empty: it knows all.
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

// UnmarshalText reads what MarshalText writes. The error about an unknown
// scheme lists the schemes.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	name, rest, found := strings.Cut(string(text), ":")
	if !found {
		return fmt.Errorf(`%q is not a version: it has no scheme, want "scheme:text"`, problem.Clip(string(text), 80))
	}
	s := Scheme(name).shared()
	if err := s.Check(); err != nil {
		return err
	}
	parsed, err := Parse(s, rest)
	if err == nil {
		*v = parsed
	}
	return err
}

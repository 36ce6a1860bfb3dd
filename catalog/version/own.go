package version

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ownPrefix begins the name of every scheme that is not built in, so that a later release cannot claim the name.
const ownPrefix = "x-"

// Own is a version scheme of an importer's own (CAT-20). There is nothing to register: the text form of its versions
// has their keys in it, so that servers, agents and stores that know nothing of the scheme still order them. Hold it to
// the suite in package versiontest.
type Own struct {
	Name Scheme // "x-" and lower-case letters, digits and dashes; at most MaxScheme bytes

	// Key returns what texts sort by: two versions compare as the bytes of their keys do. Its error says in a plain phrase
	// why text is no version of the scheme. Text is not empty, at most MaxLength bytes and printable. A key has 1 to
	// MaxKey bytes and depends on nothing but text. A change of the keys is a change of the scheme: use a new name for it.
	Key func(text string) ([]byte, error)
}

// Parse makes a version of the scheme. The error is a [*SyntaxError].
func (o Own) Parse(text string) (Version, error) {
	if !o.Name.own() {
		return Version{}, &SyntaxError{o.Name, text, fmt.Sprintf("its scheme's name is not %q and lower-case letters, digits and dashes", ownPrefix)}
	}
	if o.Key == nil {
		return Version{}, &SyntaxError{o.Name, text, "its scheme has no Key function: set Own.Key"}
	}
	return keep(o.Name, text, o.Key)
}

// keep makes a version of an own scheme.
func keep(s Scheme, text string, keyOf func(string) ([]byte, error)) (Version, error) {
	refuse := func(err error) (Version, error) { return Version{}, &SyntaxError{s, text, err.Error()} }
	if err := checkLength(text); err != nil {
		return refuse(err)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return refuse(errors.New("it contains control characters or is not UTF-8"))
	}
	key, err := keyOf(text)
	switch {
	case err != nil:
		return refuse(err)
	case len(key) == 0 || len(key) > MaxKey:
		return refuse(fmt.Errorf("its key has %d bytes, want 1 to %d", len(key), MaxKey))
	}
	return Version{scheme: s, text: text, key: string(key)}, nil
}

// ownForm writes the key and the text of a version.
func (v Version) ownForm() string { return hex.EncodeToString([]byte(v.key)) + ":" + v.text }

// parseOwn reads what ownForm wrote.
func parseOwn(s Scheme, form string) (Version, error) {
	digits, text, found := strings.Cut(form, ":")
	if !found {
		text = form
	}
	return keep(s, text, func(string) ([]byte, error) {
		key, err := hex.DecodeString(digits)
		if !found || err != nil || digits != strings.ToLower(digits) {
			return nil, errors.New(`there is no key in front, want "key:text" with the key in lower-case hex`)
		}
		return key, nil
	})
}

package version

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ownPrefix begins the name of every scheme that is not built in, so that no
// later release takes the name.
const ownPrefix = "x-"

// Own is an importer's own version scheme (CAT-20). There is nothing to
// register: the text form of a version contains its key, so servers, agents and
// stores that do not know the scheme still order it. Test it with package
// versiontest.
type Own struct {
	Name Scheme // "x-" and lower-case letters, digits and dashes; at most MaxScheme bytes

	// Key returns the key of a text: two versions compare as the bytes of their
	// keys do. Its error says in a plain phrase why the text is not valid. The
	// text is not empty, printable, and has at most MaxLength bytes. A key has
	// 1 to MaxKey bytes and depends only on the text. If you change the keys,
	// change the name of the scheme.
	Key func(text string) ([]byte, error)
}

// Parse makes a version of the scheme. The error is a [*SyntaxError].
func (o Own) Parse(text string) (Version, error) {
	if !o.Name.own() {
		return Version{}, &SyntaxError{o.Name, text, fmt.Sprintf("its scheme's name is not %q followed by lower-case letters, digits and dashes", ownPrefix)}
	}
	if o.Key == nil {
		return Version{}, &SyntaxError{o.Name, text, "its scheme has no Key function: set Own.Key"}
	}
	return keep(o.Name, text, o.Key)
}

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

// parseOwn reads "key:text", with the key in hex.
func parseOwn(s Scheme, form string) (Version, error) {
	digits, text, found := strings.Cut(form, ":")
	if !found {
		text = form
	}
	return keep(s, text, func(string) ([]byte, error) {
		key, err := hex.DecodeString(digits)
		if !found || err != nil || digits != strings.ToLower(digits) {
			return nil, errors.New(`it has no key, want "key:text" with the key in lower-case hex`)
		}
		return key, nil
	})
}

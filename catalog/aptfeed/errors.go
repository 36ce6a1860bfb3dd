package aptfeed

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Cause is the class of an Error.
type Cause uint8

// The causes.
const (
	Refused      Cause = 1 + iota // the configuration cannot be read, or asks for what this package does not do
	Unreachable                   // no answer, an incomplete answer, or no permission
	Missing                       // the repository, or the lists directory, does not have the file
	Unsigned                      // no signature
	UnknownKey                    // signed by keys that are not trusted for this repository
	BadSignature                  // a bad signature: altered, cut off, or by an expired or revoked key
	Expired                       // past its Valid-Until
	NotYetValid                   // dated in the future
	Malformed                     // not in its format
	Mismatch                      // another size or digest than the signed Release file promises
	TooLarge                      // over a bound
	Unsupported                   // a compression, digest or address that this package cannot handle
	Keyring                       // the keyring is missing or cannot be used
)

var causes = enum.Of[Cause]("cause", "Refused", "Unreachable", "Missing", "Unsigned", "UnknownKey", "BadSignature", "Expired",
	"NotYetValid", "Malformed", "Mismatch", "TooLarge", "Unsupported", "Keyring")

// String returns the cause's name.
func (c Cause) String() string { return causes.String(c) }

// MarshalText returns the cause's name, and the empty text for the zero value.
func (c Cause) MarshalText() ([]byte, error) { return causes.MarshalText(c) }

// UnmarshalText is the inverse of MarshalText.
func (c *Cause) UnmarshalText(text []byte) error { return causes.UnmarshalText(text, c) }

// Error says why a repository could not be used. Nothing of it is used.
type Error struct {
	Cause Cause
	Where string // the URL or file at fault
	Text  string // what is wrong and what to do
	Err   error  // the underlying error; may be nil
}

func (e *Error) Error() string {
	text := e.Where + ": " + e.Text
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// is reports whether err is an *Error of that cause.
func is(err error, cause Cause) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Cause == cause
}

// fail makes an *Error.
func fail(cause Cause, where string, err error, format string, args ...any) *Error {
	return &Error{Cause: cause, Where: where, Text: fmt.Sprintf(format, args...), Err: err}
}

package aptfeed

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Cause classes why a repository could not be used.
type Cause uint8

// The causes.
const (
	Refused      Cause = 1 + iota // the configuration asks for something this package does not do, or cannot be read
	Unreachable                   // no answer, an answer cut short, or no permission
	Missing                       // the repository, or the lists folder, does not have the file
	Unsigned                      // no signature at all
	UnknownKey                    // signed, by no key that is trusted for this repository
	BadSignature                  // a signature that does not hold: altered, cut off, by an expired or revoked key
	Expired                       // past its Valid-Until
	NotYetValid                   // dated in the future
	Malformed                     // breaks its format
	Mismatch                      // size or digest is not what the signed Release file promises
	TooLarge                      // over a bound
	Unsupported                   // a compression, digest or address this package cannot handle
	Keyring                       // the keyring that is to verify it is missing or cannot be used
)

var causes = enum.Of[Cause]("cause", "Refused", "Unreachable", "Missing", "Unsigned", "UnknownKey", "BadSignature", "Expired",
	"NotYetValid", "Malformed", "Mismatch", "TooLarge", "Unsupported", "Keyring")

// String returns the cause's name.
func (c Cause) String() string { return causes.String(c) }

// MarshalText returns the cause's name, and the empty text for the zero value.
func (c Cause) MarshalText() ([]byte, error) { return causes.MarshalText(c) }

// UnmarshalText is the inverse of MarshalText.
func (c *Cause) UnmarshalText(text []byte) error { return causes.UnmarshalText(text, c) }

// Error is why a repository could not be used. Nothing of it was taken.
type Error struct {
	Cause Cause
	Where string // the URL or file at fault
	Text  string // what is wrong and, where something helps, what to do
	Err   error  // underlying; may be nil
}

func (e *Error) Error() string {
	text := e.Where + ": " + e.Text
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// is reports whether err is of that cause.
func is(err error, cause Cause) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Cause == cause
}

// fail makes an *Error.
func fail(cause Cause, where string, err error, format string, args ...any) *Error {
	return &Error{Cause: cause, Where: where, Text: fmt.Sprintf(format, args...), Err: err}
}

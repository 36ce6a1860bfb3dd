package fault

import (
	"errors"
	"fmt"
	"io/fs"
)

// Cause is the class of an Error.
type Cause string

// The causes.
const (
	Refused      Cause = "Refused"      // the configuration cannot be read, or asks for what the feed does not do
	Unreachable  Cause = "Unreachable"  // no answer, an incomplete answer, or no permission
	Missing      Cause = "Missing"      // the source does not have the file
	Unsigned     Cause = "Unsigned"     // no signature
	UnknownKey   Cause = "UnknownKey"   // signed by keys that are not trusted for this repository
	BadSignature Cause = "BadSignature" // a bad signature: altered, cut off, or by an expired or revoked key
	Expired      Cause = "Expired"      // past its Valid-Until
	NotYetValid  Cause = "NotYetValid"  // dated in the future
	Malformed    Cause = "Malformed"    // not in its format
	Mismatch     Cause = "Mismatch"     // another size or digest than the signed file promises
	TooLarge     Cause = "TooLarge"     // over a bound
	Unsupported  Cause = "Unsupported"  // a compression, digest or address that the feed cannot handle
	Keyring      Cause = "Keyring"      // the keyring is missing or cannot be used
)

// Error says why a source could not be used. Nothing of it is used, and the
// catalog keeps what it has (CAT-1, CAT-18).
type Error struct {
	Cause Cause
	Where string // the URL, without a password, or the file at fault
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

// Is makes an Error with the cause Missing an [fs.ErrNotExist].
func (e *Error) Is(target error) bool { return target == fs.ErrNotExist && e.Cause == Missing }

// Is reports whether err is an *Error of that cause.
func Is(err error, cause Cause) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Cause == cause
}

// Any reports whether err is an *Error of any cause.
func Any(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}

// New makes an Error.
func New(cause Cause, where string, err error, format string, args ...any) *Error {
	return &Error{Cause: cause, Where: where, Text: fmt.Sprintf(format, args...), Err: err}
}

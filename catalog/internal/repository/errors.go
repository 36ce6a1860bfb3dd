package repository

import (
	"errors"
	"fmt"
)

// Cause is the class of an Error.
type Cause string

// The causes.
const (
	Refused      Cause = "Refused"      // the configuration cannot be read, or asks for what this package does not do
	Unreachable  Cause = "Unreachable"  // no answer, an incomplete answer, or no permission
	Missing      Cause = "Missing"      // the repository does not have the file
	Unsigned     Cause = "Unsigned"     // no signature
	UnknownKey   Cause = "UnknownKey"   // signed by keys that are not trusted for this repository
	BadSignature Cause = "BadSignature" // a bad signature: altered, cut off, or by an expired or revoked key
	Expired      Cause = "Expired"      // past its Valid-Until
	NotYetValid  Cause = "NotYetValid"  // dated in the future
	Malformed    Cause = "Malformed"    // not in its format
	Mismatch     Cause = "Mismatch"     // another size or digest than the signed file promises
	TooLarge     Cause = "TooLarge"     // over a bound
	Unsupported  Cause = "Unsupported"  // a compression, digest or address that this package cannot handle
	Keyring      Cause = "Keyring"      // the keyring is missing or cannot be used
)

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

// Is reports whether err is an *Error of that cause.
func Is(err error, cause Cause) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Cause == cause
}

// Fail makes an Error.
func Fail(cause Cause, where string, err error, format string, args ...any) *Error {
	return &Error{Cause: cause, Where: where, Text: fmt.Sprintf(format, args...), Err: err}
}

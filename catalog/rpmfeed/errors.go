package rpmfeed

import "github.com/patchpolicy/patchpolicy/catalog/internal/repository"

// Cause is the class of an Error.
type Cause = repository.Cause

// The causes.
const (
	Refused      = repository.Refused      // the configuration cannot be used
	Unreachable  = repository.Unreachable  // no answer, an incomplete answer, or no permission
	Missing      = repository.Missing      // the repository does not have the file
	Unsigned     = repository.Unsigned     // no signature
	UnknownKey   = repository.UnknownKey   // signed by keys that are not in the keyring
	BadSignature = repository.BadSignature // a bad signature: altered, cut off, or by an expired or revoked key
	NotYetValid  = repository.NotYetValid  // dated in the future
	Malformed    = repository.Malformed    // not in its format
	Mismatch     = repository.Mismatch     // another size or digest than repomd.xml promises
	TooLarge     = repository.TooLarge     // over a bound
	Unsupported  = repository.Unsupported  // a compression, digest or address that this package cannot handle
	Keyring      = repository.Keyring      // the keyring cannot be used
)

// Error says why a repository could not be used. Nothing of it is used.
type Error = repository.Error

var fail = repository.Fail

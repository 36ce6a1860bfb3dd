package integrity

import (
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Status is the answer about a signature (INT-9).
type Status uint8

// The four answers. Only Absent may lead to the checksum.
const (
	Valid       Status = 1 + iota // by Signature.Signer
	Bad                           // there is a signature, and it does not hold
	Absent                        // there is none
	Unsupported                   // there may be one, in a form that the verifier cannot judge
)

var statuses = enum.Of[Status]("signature status", "valid", "bad", "absent", "unsupported")

// String returns the status's name.
func (s Status) String() string { return statuses.String(s) }

// MarshalText returns the status's name, the empty text for zero, or an error
// for an unknown status.
func (s Status) MarshalText() ([]byte, error) { return statuses.MarshalText(s) }

// UnmarshalText sets the status called text; the empty text is zero.
func (s *Status) UnmarshalText(text []byte) error { return statuses.UnmarshalText(text, s) }

// Signature is a verifier's answer about one file.
type Signature struct {
	Status   Status    `json:"status"`
	Format   Format    `json:"format,omitempty"`  // of the signature; always set when Valid, otherwise if known
	Signer   string    `json:"signer,omitempty"`  // who signed, by the names of Expectation.Signer; set only when Valid
	SignedAt time.Time `json:"signedAt,omitzero"` // UTC; zero when not Valid or when the time is unknown
	Detail   string    `json:"detail,omitempty"`  // why, when Bad or Unsupported

	// Untrusted is set only with Bad. It means that nothing is wrong with the
	// signature except that the verifier trusts nobody who made it. If the
	// signer's key comes with the signature, the signature holds over the
	// content. If not, as with OpenPGP and plain keys, everything that can be
	// checked without the key is right.
	Untrusted bool `json:"untrusted,omitempty"`
}

// SignatureVerifier judges signatures of one or more formats.
//
// Verify reads the first size bytes of content, which it does not own and must
// not keep. Detached is the content of a signature file; nil: there is none. An
// empty signature file is not nil. Verify returns no error: if content cannot
// be read or ends before size, the answer is Unsupported or Bad. Changed
// content is never Untrusted, if the change can be detected. Only a Valid
// answer has Signer and SignedAt. Bad and Unsupported say why in Detail.
//
// A verifier must be safe for concurrent use, use bounded memory and terminate
// on any input. Every implementation must pass package integritytest.
type SignatureVerifier interface {
	Verify(content io.ReaderAt, size int64, detached []byte) Signature
}

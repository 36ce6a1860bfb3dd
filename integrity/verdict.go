package integrity

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Code is the failure code of a check (JOB-16).
type Code uint8

// The codes a failed check can give.
const (
	FileValidationFailed     Code = 7  // neither signature nor checksum (INT-3), or not the file that was promised
	FileSignatureFailed      Code = 11 // INT-1, INT-4, INT-9
	FileHashValidationFailed Code = 12 // INT-2, INT-5
)

var codes = enum.At[Code]("integrity code", []string{
	FileValidationFailed: "FileValidationFailed", FileSignatureFailed: "FileSignatureFailed", FileHashValidationFailed: "FileHashValidationFailed",
})

// String returns the code's published name, or "integrity code(n)".
func (c Code) String() string { return codes.String(c) }

// Reason is why a file passed or failed.
type Reason uint8

// The reasons.
const (
	SignatureValid       Reason = 1 + iota // INT-1
	ChecksumMatched                        // INT-2
	SignatureMissing                       // INT-4: a signer is expected, the file carries no signature
	SignatureBad                           // INT-1
	SignerUnexpected                       // INT-1: validly signed by somebody else
	SignatureUnsupported                   // INT-9
	ChecksumMismatch                       // INT-2, and INT-5 where there is a valid signature
	LegacyDigest                           // INT-7: the only checksum is SHA-1 or MD5, which is not allowed
	NoEvidence                             // INT-3
	SignedNotJudged                        // INT-9: signed in a form that is not judged, and the checksum matched (INT-2)
	FormatNotAllowed                       // INT-1: validly signed, in a format that the policy does not allow here
	NoClause                               // INT-4: no clause of the policy is about the product
	PolicyMismatch                         // INT-4: the order was made under another policy than the asset's
	NotTrusted                             // INT-1: signed by nobody whom the verifier trusts
)

var reasons = enum.Of[Reason]("integrity reason", "SignatureValid", "ChecksumMatched", "SignatureMissing", "SignatureBad",
	"SignerUnexpected", "SignatureUnsupported", "ChecksumMismatch", "LegacyDigest", "NoEvidence", "SignedNotJudged",
	"FormatNotAllowed", "NoClause", "PolicyMismatch", "NotTrusted")

// String returns the reason's name.
func (r Reason) String() string { return reasons.String(r) }

// MarshalText returns the reason's name, the empty text for zero, or an error
// for an unknown reason.
func (r Reason) MarshalText() ([]byte, error) { return reasons.MarshalText(r) }

// UnmarshalText sets the reason called text; the empty text is zero.
func (r *Reason) UnmarshalText(text []byte) error { return reasons.UnmarshalText(text, r) }

// Checksum is how the checksum compared, whatever decided (INT-5).
type Checksum uint8

// The outcomes.
const (
	NotCompared Checksum = 1 + iota
	Matched
	Mismatched
)

var checksums = enum.Of[Checksum]("checksum outcome", "not compared", "matched", "mismatched")

// String returns the outcome's name.
func (c Checksum) String() string { return checksums.String(c) }

// MarshalText returns the outcome's name, the empty text for zero, or an error
// for an unknown outcome.
func (c Checksum) MarshalText() ([]byte, error) { return checksums.MarshalText(c) }

// UnmarshalText sets the outcome called text; the empty text is zero.
func (c *Checksum) UnmarshalText(text []byte) error { return checksums.UnmarshalText(text, c) }

// Verdict is the result of [Judge].
type Verdict struct {
	Passed    bool      `json:"passed"`
	Code      Code      `json:"code,omitempty"` // zero when passed
	Reason    Reason    `json:"reason"`
	Rule      string    `json:"rule"`             // id of the rule that decided
	Text      string    `json:"text"`             // one plain sentence
	Clause    string    `json:"clause,omitempty"` // name of the policy's clause that decided; empty: there was none
	Checksum  Checksum  `json:"checksum"`
	Compared  Algorithm `json:"compared,omitempty"` // the algorithm compared; zero when NotCompared
	Signature Signature `json:"signature"`
}

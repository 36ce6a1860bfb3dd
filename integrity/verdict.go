package integrity

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Code is the failure code of a check, numbered as in JOB-16.
type Code uint8

// The codes a failed check can give.
const (
	FileValidationFailed     Code = 7  // neither signature nor checksum (INT-3), or not the file that was promised
	FileSignatureFailed      Code = 11 // INT-1, INT-4, INT-9
	FileHashValidationFailed Code = 12 // INT-2
)

// Reason says which clause decided.
type Reason uint8

// The reasons.
const (
	SignatureValid       Reason = 1 + iota // INT-1
	ChecksumMatched                        // INT-2
	SignatureMissing                       // INT-4: a signer is expected, the file carries no signature
	SignatureBad                           // INT-1
	SignerUnexpected                       // INT-1: validly signed by somebody else
	SignatureUnsupported                   // INT-9
	ChecksumMismatch                       // INT-2
	LegacyDigest                           // INT-7: only SHA-1 or MD5 to go by, and not allowed
	NoEvidence                             // INT-3
	StrictUnmet                            // INT-5: one of the two is missing or failed
)

var reasons = enum.Of[Reason]("integrity reason", "SignatureValid", "ChecksumMatched", "SignatureMissing", "SignatureBad",
	"SignerUnexpected", "SignatureUnsupported", "ChecksumMismatch", "LegacyDigest", "NoEvidence", "StrictUnmet")

// Checksum says how the checksum compared, whatever decided (INT-5).
type Checksum uint8

// The outcomes.
const (
	NotCompared Checksum = 1 + iota
	Matched
	Mismatched
)

var checksums = enum.Of[Checksum]("checksum outcome", "not compared", "matched", "mismatched")

// Verdict is the outcome of Judge.
type Verdict struct {
	Passed    bool      `json:"passed"`
	Code      Code      `json:"code,omitempty"` // zero when passed
	Reason    Reason    `json:"reason"`
	Rule      string    `json:"rule"` // id of the rule that decided
	Text      string    `json:"text"` // one plain sentence
	Checksum  Checksum  `json:"checksum"`
	Compared  Algorithm `json:"compared,omitempty"` // the algorithm compared; zero when NotCompared
	Signature Signature `json:"signature"`
}

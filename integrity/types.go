package integrity

import (
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Algorithm is a digest algorithm.
type Algorithm uint8

// The algorithms. SHA1 and MD5 carry trust only where Expectation.AllowLegacy says so (INT-7).
const (
	SHA256 Algorithm = 1 + iota
	SHA384
	SHA512
	SHA1
	MD5
)

var algorithms = enum.Of[Algorithm]("digest algorithm", "sha256", "sha384", "sha512", "sha1", "md5")

// Digest is the digest of some bytes. Its text form is "sha256:" and lower-case hex. Digests compare with ==.
type Digest struct {
	Algorithm Algorithm
	Sum       string // lower-case hex
}

// Expectation is what an order says a file must be.
type Expectation struct {
	Signer      string   `json:"signer,omitempty"`      // name of the expected signer; empty: none is expected
	Digests     []Digest `json:"digests,omitempty"`     // any of them; the strongest known one is compared
	Strict      bool     `json:"strict,omitempty"`      // signature and checksum must both pass (INT-5)
	AllowLegacy bool     `json:"allowLegacy,omitempty"` // SHA-1 and MD5 may carry trust (INT-7)
}

// Status is what could be found out about a signature (INT-9).
type Status uint8

// The four answers, never blurred. Only Absent may lead to the checksum.
const (
	Valid       Status = 1 + iota // by Signature.Signer
	Bad                           // there is a signature, and it does not hold
	Absent                        // there is none
	Unsupported                   // there may be one, in a form the verifier cannot judge
)

var statuses = enum.Of[Status]("signature status", "valid", "bad", "absent", "unsupported")

// Signature is a verifier's answer about one file.
type Signature struct {
	Status   Status    `json:"status"`
	Signer   string    `json:"signer,omitempty"`  // who signed, in the words of Expectation.Signer; set when Valid
	SignedAt time.Time `json:"signedAt,omitzero"` // UTC; zero when the signature does not tell
	Detail   string    `json:"detail,omitempty"`  // why, when not Valid
}

// SignatureVerifier judges signatures of one or more formats.
//
// Verify reads content, which it does not own and must not keep, and says what it found; it never returns an error,
// because trouble is one of the four answers. Detached is the content of a signature file, nil where there is none.
// It must be safe for concurrent use, use bounded memory and terminate on any input.
type SignatureVerifier interface {
	Verify(content io.ReaderAt, size int64, detached []byte) Signature
}

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

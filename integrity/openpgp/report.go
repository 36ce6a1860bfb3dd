package openpgp

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Outcome says whether a signature counts, and if not, why.
type Outcome string

// The outcomes. Only Good counts. Broken decides, whatever other signatures
// there are.
const (
	Good        Outcome = "good"
	Broken      Outcome = "broken"       // by a known key, over something else
	UnknownKey  Outcome = "unknown key"  // by no key of a signer
	WeakDigest  Outcome = "weak digest"  // over MD5, SHA-1 or the like: it proves nothing, whoever made it (INT-7)
	WeakKey     Outcome = "weak key"     // by a key that others can forge: DSA, ElGamal, RSA under 2048 bits
	Expired     Outcome = "expired"      // the key or the signature, or not valid yet
	Revoked     Outcome = "revoked"      // by a key that was revoked, before or after
	WrongUse    Outcome = "wrong use"    // by a key that is not meant to sign files
	NotCovering Outcome = "not covering" // it holds, but leaves a part of the file uncovered
	Unjudged    Outcome = "unjudged"     // of a kind or version that this package does not judge
	Excess      Outcome = "excess"       // beyond the first MaxSignatures
)

// SignatureInfo is what one signature says, and its outcome.
type SignatureInfo struct {
	Covers      string    `json:"covers"` // "file", "text", "header", or "header and payload"
	Outcome     Outcome   `json:"outcome"`
	Problem     string    `json:"problem,omitempty"`     // why it does not count, unless Good
	Signer      string    `json:"signer,omitempty"`      // name of the signer whose key made it, once that is proven
	KeyID       string    `json:"keyId,omitempty"`       // of the key that the signature names, 16 hex digits
	Fingerprint string    `json:"fingerprint,omitempty"` // of that key, if the signature names it or the key is known
	Key         string    `json:"key,omitempty"`         // its algorithm, with its bits or curve where the key is known
	Digest      string    `json:"digest,omitempty"`      // algorithm: "SHA-256"
	Version     int       `json:"version,omitempty"`     // of the signature packet: 3, 4 or 6
	Created     time.Time `json:"created,omitzero"`      // UTC, as the signer says
	Expires     time.Time `json:"expires,omitzero"`      // UTC; zero: never
}

// By names the key that made the signature, or that the signature names: "key "
// and hex digits, or "an unnamed key".
func (s SignatureInfo) By() string {
	if id := cmp.Or(s.Fingerprint, s.KeyID); id != "" {
		return "key " + id
	}
	return "an unnamed key"
}

// DigestInfo is a digest that a package has of itself.
type DigestInfo struct {
	Covers    string `json:"covers"`    // "header", "payload"
	Algorithm string `json:"algorithm"` // "SHA-256"
	Holds     bool   `json:"holds"`
}

// The values of Report.Kind.
const (
	KindNone        = "no signature"
	KindDetached    = "detached signature"
	KindClearsigned = "clear-signed text"
	KindInline      = "signed message"
	KindRPM         = "RPM package"
	KindDebian      = "Debian package with a signature inside"
)

// Report is everything that was found out about a file's signatures.
type Report struct {
	Kind       string              `json:"kind"` // one of the Kind constants
	Signatures []SignatureInfo     `json:"signatures,omitempty"`
	Digests    []DigestInfo        `json:"digests,omitempty"`
	Odd        []string            `json:"odd,omitempty"` // what a person should know, though it decides nothing
	Answer     integrity.Signature `json:"answer"`        // what Verify answers
}

const oddVersion3 = "signatures of version 3 are long out of use, except in old packages"

func (r Report) with(list []*found, answer integrity.Signature) Report {
	for _, f := range list {
		f.Problem = shown(f.Problem)
		if f.Version == 3 && !slices.Contains(r.Odd, oddVersion3) {
			r.Odd = append(r.Odd, oddVersion3)
		}
		r.Signatures = append(r.Signatures, f.SignatureInfo)
	}
	r.Answer = answer
	return r
}

// unjudgedError is about well-formed input of a kind or size that is not judged.
type unjudgedError struct{ error }

func notJudged(format string, args ...any) error { return &unjudgedError{fmt.Errorf(format, args...)} }

// failed completes the report of a file that cannot be taken apart. The error is set only if the
// file cannot be read.
func (r Report) failed(err error) (Report, error) {
	format := cmp.Or(r.Answer.Format, integrity.OpenPGP)
	if _, is := errors.AsType[*unreadable](err); is {
		r.Answer = answer(integrity.Unsupported, r.Answer.Format, "%v", err)
		return r, err
	}
	if _, is := errors.AsType[*unjudgedError](err); is {
		r.Answer = answer(integrity.Unsupported, format, "%v", err)
	} else {
		r.Answer = answer(integrity.Bad, format, "the %s is broken: %v", r.Kind, err)
	}
	return r, nil
}

func answer(status integrity.Status, format integrity.Format, text string, args ...any) integrity.Signature {
	return integrity.Signature{Status: status, Format: format, Detail: problem.Clip(fmt.Sprintf(text, args...), integrity.MaxDetail)}
}

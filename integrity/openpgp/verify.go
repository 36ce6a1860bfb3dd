package openpgp

import (
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verifier judges OpenPGP signatures by the keys of its signers. It is immutable and safe for concurrent use. Make it with
// New; the zero Verifier trusts nobody.
type Verifier struct {
	now time.Time // zero: judge at the time of the signature
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// New returns a verifier that trusts the given signers, 1 to MaxSigners of them, or an *InvalidSigners.
func New(signers ...Signer) (*Verifier, error) {
	return &Verifier{}, nil
}

// At returns a verifier that asks as well whether signature and key are good at the instant now: neither expired nor from
// the future. Without it they are judged at the time the signature says it was made.
func (v *Verifier) At(now time.Time) *Verifier {
	at := *v
	at.now = now
	return &at
}

// Verify judges the signature of the first size bytes of content. See the package documentation for which answer means
// what.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	r, _ := v.Inspect(content, size, detached)
	return r.Answer
}

// Inspect judges as Verify does and tells everything it found. The error is about reading content; the report is good
// even so.
func (v *Verifier) Inspect(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	return Report{Kind: "none", Answer: integrity.Signature{Status: integrity.Unsupported, Detail: "not judged yet"}}, nil
}

// Inspect tells what there is to know about a file's signatures without knowing any key.
func Inspect(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	return new(Verifier).Inspect(content, size, detached)
}

// Clearsigned returns the text that the signatures of a clear-signed message cover, and nothing else of it; nil unless
// the report's answer is Valid.
func (v *Verifier) Clearsigned(message []byte) ([]byte, Report) {
	return nil, Report{}
}

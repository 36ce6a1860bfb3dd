package authenticode

import (
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verifier judges signatures in files by its signers. It is immutable and safe for concurrent use. Make it with New.
type Verifier struct {
	policies []policy
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// New returns a verifier that trusts the given signers, 1 to MaxSigners of them, or an *InvalidSigners.
func New(signers ...Signer) (*Verifier, error) {
	var bad []SignerProblem
	if len(signers) == 0 || len(signers) > MaxSigners {
		bad = append(bad, SignerProblem{Index: -1, Text: fmt.Sprintf("%d signers; want 1 to %d", len(signers), MaxSigners)})
		signers = signers[:min(len(signers), MaxSigners)]
	}
	v := &Verifier{}
	for i, s := range signers {
		p, _ := check(s, func(field, format string, args ...any) {
			bad = append(bad, SignerProblem{Index: i, Name: s.Name, Field: field, Text: fmt.Sprintf(format, args...)})
		})
		v.policies = append(v.policies, p)
	}
	if bad != nil {
		return nil, &InvalidSigners{Problems: bad}
	}
	return v, nil
}

// Verify judges the signatures in the first size bytes of content. See the package documentation for which answer means
// what. A signature file says nothing about these formats and is ignored.
func (v *Verifier) Verify(content io.ReaderAt, size int64, _ []byte) integrity.Signature {
	return integrity.Signature{Status: integrity.Unsupported, Detail: "not judged"}
}

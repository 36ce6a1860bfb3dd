package integrity

import (
	"fmt"
	"io"
	"slices"
)

// Chain returns a verifier that asks all the given ones, for files that may be
// signed in several formats or not at all. Chain() is the verifier of an asset
// without keys. It panics if a verifier is nil.
//
// A Bad answer decides, because no other signature makes up for an invalid one.
// A Bad answer that is not Untrusted takes precedence over one that is.
// Otherwise the first Valid answer decides, then the first Unsupported one. If
// all answers are Absent, the result is Absent, or Unsupported if there is a
// signature file.
func Chain(verifiers ...SignatureVerifier) SignatureVerifier {
	if i := slices.Index(verifiers, nil); i >= 0 {
		panic(fmt.Sprintf("integrity.Chain: verifier %d is nil; leave it out", i))
	}
	return chain(slices.Clone(verifiers))
}

type chain []SignatureVerifier

func (c chain) Verify(content io.ReaderAt, size int64, detached []byte) Signature {
	best := Signature{Status: Absent}
	if detached != nil {
		best = Signature{Status: Unsupported, Detail: "no verifier on this asset knows this kind of signature file"}
	}
	found := false
	for _, v := range c {
		switch s := v.Verify(content, size, detached); {
		case s.Status == Bad && !s.Untrusted:
			return s
		case s.Status == Absent, best.Status == Bad:
		case !found, s.Status == Bad, s.Status == Valid && best.Status == Unsupported:
			best, found = s, true // an unknown status counts as Unsupported
		}
	}
	return best
}

package integrity

import (
	"fmt"
	"io"
	"slices"
)

// Chain returns a verifier that asks all the given ones, for files that may be signed in several formats, or in none.
//
// A Bad answer decides: a signature that does not hold is not mended by another that does. What is wrong in itself comes
// before what is merely Untrusted. Otherwise the first Valid answer decides, then the first Unsupported one. If all say
// Absent, so does the chain, unless there was a signature file that none of them knew: that is Unsupported. So Chain() is
// the verifier of an asset that has no keys. It panics if one of them is nil.
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
			best, found = s, true // what this package does not know counts as Unsupported
		}
	}
	return best
}

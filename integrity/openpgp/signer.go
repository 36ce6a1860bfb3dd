package openpgp

import (
	"fmt"
	"strings"
)

// Signer is somebody whose signatures count, and by which keys.
type Signer struct {
	Name string // in the words of integrity.Expectation.Signer
	// Keys is a keyring, binary or armored, one key or many; at most MaxKeyring bytes.
	Keys []byte
	// Fingerprints names the keys of the ring that count, in hex; empty: all of them. That of a primary key stands for its
	// subkeys too, unless "!" follows: then, and for a subkey, it is that very key.
	Fingerprints []string
	// Threshold is how many different primary keys, the keys of so many people, must have signed; zero: 1.
	Threshold int
}

// SignerProblem is one thing wrong with a signer.
type SignerProblem struct {
	Index int    // of the signer given to New; -1: the signers as a whole
	Name  string // of the signer
	Field string // as in Signer; empty: none in particular
	Text  string // what is wrong and what to do
}

// InvalidSigners is the error of New: every problem, not the first.
type InvalidSigners struct{ Problems []SignerProblem }

func (e *InvalidSigners) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.Text
		if p.Field != "" {
			texts[i] = p.Field + ": " + p.Text
		}
		if p.Index >= 0 {
			texts[i] = fmt.Sprintf("signer %d (%q): %s", p.Index, p.Name, texts[i])
		}
	}
	return "invalid OpenPGP signers: " + strings.Join(texts, "; ")
}

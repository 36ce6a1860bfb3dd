package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Key is a trusted public key. Several keys may share a name, as a signer's old and new one do.
type Key struct {
	Name string // of the signer, in the words of integrity.Expectation.Signer
	PEM  []byte // one block, PUBLIC KEY or RSA PUBLIC KEY
}

// KeyProblem is one thing wrong with a key.
type KeyProblem struct {
	Index int    // of the key given to New; -1: the keys as a whole
	Name  string // of the key
	Text  string // what is wrong and what to do
}

// InvalidKeys is the error of New: every problem, not the first.
type InvalidKeys struct{ Problems []KeyProblem }

func (e *InvalidKeys) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.Text
		if p.Index >= 0 {
			texts[i] = fmt.Sprintf("key %d (%q): %s", p.Index, p.Name, p.Text)
		}
	}
	return "invalid signature keys: " + strings.Join(texts, "; ")
}

// parse reads and checks one public key.
func parse(k Key) (crypto.PublicKey, error) {
	if err := (integrity.Expectation{Signer: k.Name}).Validate(); err != nil || k.Name == "" {
		return nil, fmt.Errorf("want a name that an order can expect: 1 to %d bytes of UTF-8 without control characters or space around it", integrity.MaxSigner)
	}
	if len(k.PEM) > MaxPEM {
		return nil, fmt.Errorf("the PEM has %d bytes; at most %d", len(k.PEM), MaxPEM)
	}
	block, rest := pem.Decode(k.PEM)
	switch {
	case block == nil:
		return nil, errors.New("not PEM; want one PUBLIC KEY block")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("more follows the first PEM block; give each key on its own")
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, errors.New("this is a private key; give the public one, and keep this one away from here")
	}
	pub, err := cryptoutils.UnmarshalPEMToPublicKey(k.PEM)
	if err != nil {
		return nil, fmt.Errorf("want a PUBLIC KEY block: %w", err)
	}
	return pub, check(pub)
}

// check says which kinds of key are trusted.
func check(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if _, ok := curveHash(k.Curve); !ok {
			return fmt.Errorf("ECDSA on %s; want P-256, P-384 or P-521", k.Params().Name)
		}
		return nil
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < MinRSA || bits > MaxRSA {
			return fmt.Errorf("RSA with %d bits; want %d to %d", bits, MinRSA, MaxRSA)
		}
		return nil
	default:
		return fmt.Errorf("a key of type %T; want Ed25519, ECDSA or RSA", pub)
	}
}

// curveHash is the digest that signers use with a curve.
func curveHash(c elliptic.Curve) (crypto.Hash, bool) {
	switch c {
	case elliptic.P256():
		return crypto.SHA256, true
	case elliptic.P384():
		return crypto.SHA384, true
	case elliptic.P521():
		return crypto.SHA512, true
	default:
		return 0, false
	}
}

// whole stands for no digest: the signature is over the content itself.
const whole = crypto.Hash(0)

// candidate is one way in which one key may have signed.
type candidate struct {
	signer   string
	verifier signature.Verifier
	hash     crypto.Hash // or whole
	min, max int         // bytes a signature of this kind has
	usual    bool        // tried before the others, because most signers do it so
}

// candidates lists the ways in which a key that passed check may have signed.
func candidates(name string, pub crypto.PublicKey) ([]candidate, error) {
	var out []candidate
	var errs error
	add := func(hash crypto.Hash, usual bool, min, max int, opts ...signature.LoadOption) {
		if hash != whole {
			opts = append(opts, options.WithHash(hash))
		}
		v, err := signature.LoadVerifierWithOpts(pub, opts...)
		errs = errors.Join(errs, err)
		out = append(out, candidate{signer: name, verifier: v, hash: hash, usual: usual, min: min, max: max})
	}
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	switch k := pub.(type) {
	case ed25519.PublicKey:
		n := ed25519.SignatureSize
		add(crypto.SHA512, true, n, n, options.WithED25519ph())
		add(whole, false, n, n)
	case *ecdsa.PublicKey:
		usual, _ := curveHash(k.Curve)
		n := (k.Params().BitSize + 7) / 8
		for _, h := range hashes {
			add(h, h == usual, 8, 2*n+16) // ASN.1, or both numbers end to end
		}
	case *rsa.PublicKey:
		for _, h := range hashes {
			add(h, h == crypto.SHA256, k.Size(), k.Size())
			add(h, h == crypto.SHA256, k.Size(), k.Size(), options.WithRSAPSS(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}))
		}
	}
	return out, errs
}

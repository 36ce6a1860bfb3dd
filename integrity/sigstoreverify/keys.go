package sigstoreverify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// parseKey reads and checks one public key.
func parseKey(text string) (crypto.PublicKey, error) {
	if len(text) > MaxPEM {
		return nil, fmt.Errorf("the PEM has %d bytes; at most %d", len(text), MaxPEM)
	}
	pub, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("want a PUBLIC KEY block: %w", err)
	}
	return pub, check(pub)
}

// check says which kinds of key are trusted.
func check(pub crypto.PublicKey) error {
	if weak := rules.Weak(pub); weak != "" {
		return errors.New(weak)
	}
	return nil
}

// curveHashes are the digests that signers use with a curve.
var curveHashes = map[elliptic.Curve]crypto.Hash{elliptic.P256(): crypto.SHA256, elliptic.P384(): crypto.SHA384, elliptic.P521(): crypto.SHA512}

// whole stands for no digest: the signature is over the content itself.
const whole = crypto.Hash(0)

// candidate is one way in which one key may have signed.
type candidate struct {
	key      int // index of the key, unique in its Verifier
	verifier signature.Verifier
	pure     ed25519.PublicKey // with whole; instead of verifier
	hash     crypto.Hash       // or whole
	fits     func(sig []byte) bool
	usual    bool // tried before the others, because most signers do it so
}

// candidates lists the ways in which a key that passed check may have signed.
func candidates(key int, pub crypto.PublicKey) ([]candidate, error) {
	var out []candidate
	var errs error
	add := func(hash crypto.Hash, usual bool, fits func([]byte) bool, opts ...signature.LoadOption) {
		opts = append(opts, options.WithHash(hash))
		v, err := signature.LoadVerifierWithOpts(pub, opts...)
		errs = errors.Join(errs, err)
		out = append(out, candidate{key: key, verifier: v, hash: hash, usual: usual, fits: fits})
	}
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	size := func(n int) func([]byte) bool { return func(sig []byte) bool { return len(sig) == n } }
	switch k := pub.(type) {
	case ed25519.PublicKey:
		add(crypto.SHA512, true, size(ed25519.SignatureSize), options.WithED25519ph())
		// The library would copy the content for each key.
		out = append(out, candidate{key: key, pure: k, hash: whole, fits: size(ed25519.SignatureSize)})
	case *ecdsa.PublicKey:
		// The library would take the two numbers at any even length; only the curve's own is taken here.
		n := (k.Params().BitSize + 7) / 8
		fits := func(sig []byte) bool { return len(sig) == 2*n || isPair(sig, 2*n+16) }
		for _, h := range hashes {
			add(h, h == curveHashes[k.Curve], fits)
		}
	case *rsa.PublicKey:
		for _, h := range hashes {
			add(h, h == crypto.SHA256, size(k.Size()))
			add(h, h == crypto.SHA256, size(k.Size()), options.WithRSAPSS(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}))
		}
	}
	return out, errs
}

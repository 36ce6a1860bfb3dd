package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// curveHashes are the digests that signers use with each curve.
var curveHashes = map[elliptic.Curve]crypto.Hash{elliptic.P256(): crypto.SHA256, elliptic.P384(): crypto.SHA384, elliptic.P521(): crypto.SHA512}

// whole means no digest: the signature covers the content itself.
const whole = crypto.Hash(0)

// candidate is one way in which one key may have signed.
type candidate struct {
	key   int         // index of the key, unique in its Verifier
	way   int         // of the signer whose key it is
	hash  crypto.Hash // or whole
	fits  func(sig []byte) bool
	holds func(digest, sig []byte) bool
	turn  int // to be tried: first what most signers do, last what needs the whole content in memory
}

// usualHash returns the digest that most signers, and Sign, use with a key.
func usualHash(pub crypto.PublicKey) crypto.Hash {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return crypto.SHA512
	case *ecdsa.PublicKey:
		return curveHashes[k.Curve]
	default:
		return crypto.SHA256
	}
}

// candidates lists the ways in which a key may have signed.
func candidates(key, way int, pub crypto.PublicKey) ([]candidate, error) {
	var out []candidate
	var errs error
	usual := usualHash(pub)
	add := func(hash crypto.Hash, fits func([]byte) bool, opts ...signature.LoadOption) {
		turn := 1
		if hash == usual {
			turn = 0
		}
		v, err := signature.LoadVerifierWithOpts(pub, append(opts, options.WithHash(hash))...)
		errs = errors.Join(errs, err)
		out = append(out, candidate{key, way, hash, fits, func(digest, sig []byte) bool {
			return v.VerifySignature(bytes.NewReader(sig), nil, options.WithDigest(digest)) == nil
		}, turn})
	}
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	size := func(n int) func([]byte) bool { return func(sig []byte) bool { return len(sig) == n } }
	switch k := pub.(type) {
	case ed25519.PublicKey:
		add(crypto.SHA512, size(ed25519.SignatureSize), options.WithED25519ph())
		// The library would copy the content for each key.
		pure := func(message, sig []byte) bool { return ed25519.Verify(k, message, sig) }
		out = append(out, candidate{key, way, whole, size(ed25519.SignatureSize), pure, 2})
	case *ecdsa.PublicKey:
		// The library would take the two numbers at any even length; only the curve's own is
		// taken here.
		n := (k.Params().BitSize + 7) / 8
		fits := func(sig []byte) bool { return len(sig) == 2*n || isPair(sig, 2*n+16) }
		for _, h := range hashes {
			add(h, fits)
		}
	case *rsa.PublicKey:
		for _, h := range hashes {
			add(h, size(k.Size()))
			add(h, size(k.Size()), options.WithRSAPSS(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}))
		}
	}
	return out, errs
}

package sigstoreverify

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// UnsupportedKey tells of a private key that Sign cannot use.
type UnsupportedKey struct{ Problem string }

func (e *UnsupportedKey) Error() string { return "unsupported signing key: " + e.Problem }

// Sign returns a raw signature over all of content that a Verifier with the public key accepts: Ed25519ph for Ed25519
// keys, so that content of any size streams; for ECDSA keys ASN.1 over the curve's own digest; for RSA keys PKCS #1 v1.5
// over SHA-256. The key must be in memory (ed25519.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey); else, or if New
// would refuse its public key, it returns an *UnsupportedKey. It is meant for tests, examples and small vendors.
func Sign(key crypto.Signer, content io.Reader) ([]byte, error) {
	if key == nil {
		return nil, &UnsupportedKey{"no key"}
	}
	if k, ok := key.(ed25519.PrivateKey); ok && len(k) != ed25519.PrivateKeySize {
		return nil, &UnsupportedKey{fmt.Sprintf("an Ed25519 key of %d bytes; want %d", len(k), ed25519.PrivateKeySize)}
	}
	if weak := rules.Weak(key.Public()); weak != "" {
		return nil, &UnsupportedKey{weak}
	}
	signer, err := signature.LoadSignerWithOpts(key, options.WithHash(usualHash(key.Public())), options.WithED25519ph())
	if err != nil {
		return nil, &UnsupportedKey{err.Error()}
	}
	sig, err := signer.SignMessage(content)
	if err != nil {
		return nil, fmt.Errorf("sign content: %w", err)
	}
	return sig, nil
}

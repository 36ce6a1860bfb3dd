package sigstoreverify

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Sign returns a raw signature over all of content that a [Verifier] with the
// public key accepts: Ed25519ph for Ed25519 keys, so content of any size
// streams; ASN.1 over the curve's own digest for ECDSA; PKCS #1 v1.5 over
// SHA-256 for RSA. The key must be in memory (ed25519.PrivateKey,
// *ecdsa.PrivateKey, *rsa.PrivateKey). If it is not, or if New would refuse its
// public key, the error is an [integrity.Invalid]. It is meant for tests,
// examples and small vendors.
func Sign(key crypto.Signer, content io.Reader) ([]byte, error) {
	if key == nil {
		return nil, problem.One("signing key", "", "", "there is none")
	}
	if k, ok := key.(ed25519.PrivateKey); ok && len(k) != ed25519.PrivateKeySize {
		return nil, problem.One("signing key", "", "", "an Ed25519 key of %d bytes; want %d", len(k), ed25519.PrivateKeySize)
	}
	if weak := rules.Weak(key.Public()); weak != "" {
		return nil, problem.One("signing key", "", "", "%s", weak)
	}
	signer, err := signature.LoadSignerWithOpts(key, options.WithHash(usualHash(key.Public())), options.WithED25519ph())
	if err != nil {
		return nil, problem.One("signing key", "", "", "%v", err)
	}
	sig, err := signer.SignMessage(content)
	if err != nil {
		return nil, fmt.Errorf("sign content: %w", err)
	}
	return sig, nil
}

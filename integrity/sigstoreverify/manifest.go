package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// ManifestSigner seals manifests by any signer of sigstore: a key in memory, in a file, or with a key service. It is a
// manifest.Signer.
type ManifestSigner struct {
	signer signature.Signer
	id     string
}

// NewManifestSigner asks s for its public key, once. It returns an *UnsupportedKey if that is of a kind that New would
// refuse, and what s says if it cannot tell.
func NewManifestSigner(s signature.Signer) (*ManifestSigner, error) {
	id, err := keyID(s)
	if err != nil {
		return nil, err
	}
	return &ManifestSigner{s, id}, nil
}

// KeyID names the key: "sha256:" and the SHA-256, in hex, of the public key, which is written as PKIX in DER. An Ed25519
// key is named by its 32 bytes alone, as manifest.Fingerprint does, so that both kinds of signer can hold it.
func (s *ManifestSigner) KeyID() string { return s.id }

// Sign returns the signature over message.
func (s *ManifestSigner) Sign(message []byte) ([]byte, error) {
	return s.signer.SignMessage(bytes.NewReader(message))
}

// ManifestVerifier opens what a ManifestSigner sealed. It is a manifest.Verifier.
type ManifestVerifier struct {
	verifier signature.Verifier
	id       string
}

// NewManifestVerifier pins v's key. V must verify in the way its signer signs, with the same digest and padding. The
// errors are those of NewManifestSigner.
func NewManifestVerifier(v signature.Verifier) (*ManifestVerifier, error) {
	id, err := keyID(v)
	if err != nil {
		return nil, err
	}
	return &ManifestVerifier{v, id}, nil
}

// KeyID names the key as ManifestSigner.KeyID does.
func (v *ManifestVerifier) KeyID() string { return v.id }

// Verify returns nil if signature is the key's over message; else what is wrong.
func (v *ManifestVerifier) Verify(message, signature []byte) error {
	return v.verifier.VerifySignature(bytes.NewReader(signature), bytes.NewReader(message))
}

func keyID(k signature.PublicKeyProvider) (string, error) {
	if k == nil {
		return "", &UnsupportedKey{"no key"}
	}
	public, err := k.PublicKey()
	if err != nil {
		return "", fmt.Errorf("ask for the public key: %w", err)
	}
	if err := check(public); err != nil {
		return "", &UnsupportedKey{err.Error()}
	}
	return nameOf(public)
}

func nameOf(public crypto.PublicKey) (string, error) {
	b, short := public.(ed25519.PublicKey)
	if !short {
		var err error
		if b, err = cryptoutils.MarshalPublicKeyToDER(public); err != nil {
			return "", &UnsupportedKey{err.Error()}
		}
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

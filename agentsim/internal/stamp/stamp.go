// Package stamp signs and verifies manifests by a keyed digest, where an Ed25519 signature would cost as much as all the rest of
// a simulation. It protects nothing: who can verify can sign.
package stamp

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Key is a manifest.Signer and the manifest.Verifier of its signatures: 32 bytes that stand for an Ed25519 public key.
type Key []byte

// New returns the key that belongs to some words.
func New(words string) Key {
	sum := sha256.Sum256([]byte(words))
	return sum[:]
}

// KeyID names the key as that of an Ed25519 key is named.
func (k Key) KeyID() string { return manifest.Fingerprint([]byte(k)) }

// Sign returns the digest of key and message.
func (k Key) Sign(message []byte) ([]byte, error) {
	h := sha256.New()
	h.Write(k)
	h.Write(message)
	return h.Sum(nil), nil
}

// KeyIDs names the key.
func (k Key) KeyIDs() []string { return []string{k.KeyID()} }

// Verify wants the signature that Sign makes.
func (k Key) Verify(keyID string, message, signature []byte) error {
	if want, _ := k.Sign(message); keyID != k.KeyID() || !bytes.Equal(want, signature) {
		return errors.New("not made with this key over these bytes")
	}
	return nil
}

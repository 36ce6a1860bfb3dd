// Package stamp signs and verifies manifests with a keyed digest. In a
// simulation, Ed25519 signatures would cost as much as all the rest. A stamp
// protects nothing: whoever can verify can sign.
package stamp

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Key is a [manifest.Signer] and the [manifest.Verifier] of its signatures: 32
// bytes in place of an Ed25519 public key.
type Key []byte

// New derives a key from words.
func New(words string) Key {
	sum := sha256.Sum256([]byte(words))
	return sum[:]
}

// KeyID returns the name of the key, made like that of an Ed25519 key.
func (k Key) KeyID() string { return manifest.Fingerprint([]byte(k)) }

// Sign returns the digest of key and message.
func (k Key) Sign(message []byte) ([]byte, error) {
	h := sha256.New()
	h.Write(k)
	h.Write(message)
	return h.Sum(nil), nil
}

// KeyIDs returns the name of the key.
func (k Key) KeyIDs() []string { return []string{k.KeyID()} }

// Verify returns an error unless the signature is the one that Sign makes.
func (k Key) Verify(keyID string, message, signature []byte) error {
	if want, _ := k.Sign(message); keyID != k.KeyID() || !bytes.Equal(want, signature) {
		return errors.New("not made with this key over these bytes")
	}
	return nil
}

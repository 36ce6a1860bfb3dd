package manifest

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// ErrBadKey is the error of a [Signer] that [NewSigner] made of something other
// than an Ed25519 private key.
var ErrBadKey = errors.New("not an Ed25519 private key")

// Signer signs with a key of the server. The key may be kept elsewhere, for
// example in a hardware module: see [NewP256Signer].
type Signer interface {
	// KeyID names the key, as [PublicKey.ID] does.
	KeyID() string
	// Sign returns the signature over message.
	Sign(message []byte) ([]byte, error)
}

// Verifier holds the trusted keys: the public halves of Signers. It must be
// safe for concurrent use.
type Verifier interface {
	// KeyIDs names the keys, as their Signers do. Empty: no key is trusted.
	KeyIDs() []string
	// Verify returns nil if keyID is one of KeyIDs and signature is that key's
	// signature over message. Otherwise the error says what is wrong.
	Verify(keyID string, message, signature []byte) error
}

// NewSigner returns a Signer that holds the key in memory. If key is not an
// Ed25519 private key, Sign returns [ErrBadKey].
func NewSigner(key ed25519.PrivateKey) Signer { return signer{key} }

type signer struct{ key ed25519.PrivateKey }

func (s signer) KeyID() string {
	if len(s.key) != ed25519.PrivateKeySize {
		return ""
	}
	return Fingerprint(ed25519.PublicKey(s.key[ed25519.SeedSize:]))
}

func (s signer) Sign(message []byte) ([]byte, error) {
	if len(s.key) != ed25519.PrivateKeySize {
		return nil, ErrBadKey
	}
	return ed25519.Sign(s.key, message), nil
}

// NewVerifier returns a Verifier that trusts one Ed25519 key. If key is not
// one, it trusts nothing.
func NewVerifier(key ed25519.PublicKey) Verifier { return Keys{Ed25519(key)} }

// Fingerprint names an Ed25519 key: "sha256:" and the SHA-256 of its 32 bytes
// in lower-case hex.
func Fingerprint(key ed25519.PublicKey) string { return digestOf(key) }

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// The kinds of keys that sign manifests and trust documents.
const (
	KindEd25519 = "ed25519"
	// KindP256 is ECDSA on P-256 over the SHA-256 of the message, with the
	// signature in ASN.1. It is for key services and hardware modules without
	// Ed25519.
	KindP256 = "ecdsa-p256-sha256"
)

// PublicKey is a key as a trust document names it.
type PublicKey struct {
	Kind  string `json:"kind"`
	Bytes []byte `json:"key"` // Ed25519: the 32 bytes; P-256: the uncompressed point, 65 bytes
}

// Ed25519 returns an Ed25519 key as a [PublicKey].
func Ed25519(key ed25519.PublicKey) PublicKey { return PublicKey{KindEd25519, key} }

// P256 returns a key on P-256 as a [PublicKey]. The error is a *job.Invalid if
// key is nil or on another curve.
func P256(key *ecdsa.PublicKey) (PublicKey, error) {
	if key == nil || key.Curve != elliptic.P256() {
		return PublicKey{}, problem.One("public key", "curve", "", "is not P-256; use a key on that curve")
	}
	point, err := key.Bytes()
	return PublicKey{KindP256, point}, err
}

// NewP256Signer returns a Signer for a P-256 key that is kept elsewhere
// ([KindP256]). It passes key the SHA-256 of the message, no randomness and
// crypto.SHA256, and expects a signature in ASN.1. The error is a *job.Invalid
// if key is nil or not ECDSA on P-256.
func NewP256Signer(key crypto.Signer) (Signer, error) {
	if key == nil {
		return nil, problem.One("public key", "key", "", "is missing")
	}
	public, is := key.Public().(*ecdsa.PublicKey)
	if !is {
		return nil, problem.One("public key", "kind", fmt.Sprintf("%T", key.Public()), "is not ECDSA; use a key on P-256")
	}
	named, err := P256(public)
	return p256Signer{key, named.ID()}, err
}

type p256Signer struct {
	key crypto.Signer
	id  string
}

func (s p256Signer) KeyID() string { return s.id }

func (s p256Signer) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return s.key.Sign(nil, sum[:], crypto.SHA256) // nil: RFC 6979, or the module's own randomness
}

// ID names the key: "sha256:" and the SHA-256 of its bytes in lower-case hex.
func (k PublicKey) ID() string { return digestOf(k.Bytes) }

// Validate returns what is wrong with the key. The error is a *job.Invalid. A
// key of an unknown kind is not valid and verifies nothing.
func (k PublicKey) Validate() error {
	_, err := k.verifier()
	return err
}

// verifier returns the function that verifies signatures by the key.
func (k PublicKey) verifier() (func(message, signature []byte) bool, error) {
	switch k.Kind {
	case KindEd25519:
		if len(k.Bytes) != ed25519.PublicKeySize {
			return nil, problem.One("public key", "key", "", "has %d bytes; an Ed25519 key has %d", len(k.Bytes), ed25519.PublicKeySize)
		}
		return func(message, signature []byte) bool { return ed25519.Verify(k.Bytes, message, signature) }, nil
	case KindP256:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), k.Bytes)
		if err != nil {
			return nil, problem.One("public key", "key", "", "is not a point on P-256")
		}
		return func(message, signature []byte) bool {
			sum := sha256.Sum256(message)
			return ecdsa.VerifyASN1(key, sum[:], signature)
		}, nil
	}
	return nil, problem.One("public key", "kind", k.Kind, "is not known; want %s or %s", KindEd25519, KindP256)
}

// Keys is a [Verifier] that trusts several keys. It ignores the ones that are
// not valid.
type Keys []PublicKey

// KeyIDs implements [Verifier].
func (k Keys) KeyIDs() []string {
	var ids []string
	for _, key := range k {
		if key.Validate() == nil {
			ids = append(ids, key.ID())
		}
	}
	return ids
}

// Verify implements [Verifier].
func (k Keys) Verify(keyID string, message, signature []byte) error {
	for _, key := range k {
		if verify, err := key.verifier(); err == nil && key.ID() == keyID {
			if verify(message, signature) {
				return nil
			}
			return errors.New("not a signature by this key over these bytes")
		}
	}
	return fmt.Errorf("key %.80q is not trusted", keyID)
}

// Secret is known only to one asset and its server. It authenticates requests
// and answers (MAN-12). Neither side sends it. The agent computes it from its
// own key and the server's exchange key, which is in the trust document. The
// server computes it from its private exchange key and the agent's exchange key,
// which was in the signed enrolment.
type Secret [sha256.Size]byte

// ErrExchange is the error for bytes that are not an X25519 key, or are one
// that agrees on no secret.
var ErrExchange = errors.New("not an X25519 key that can agree on a secret")

// AgentExchange returns the public half of the key with which an agent agrees
// on secrets. It is derived from the agent's own key. The error is [ErrBadKey].
func AgentExchange(key ed25519.PrivateKey) ([]byte, error) {
	own, err := agentExchange(key)
	if err != nil {
		return nil, err
	}
	return own.PublicKey().Bytes(), nil
}

// AgentSecret returns the secret that an asset, whose agent has key, shares
// with the server that has this exchange key. The error is [ErrBadKey] or
// [ErrExchange].
func AgentSecret(key ed25519.PrivateKey, asset job.AssetID, server []byte) (Secret, error) {
	own, err := agentExchange(key)
	if err != nil {
		return Secret{}, err
	}
	return agree(own, server, own.PublicKey().Bytes(), server, asset, Fingerprint(key.Public().(ed25519.PublicKey)))
}

// ServerSecrets returns the secrets that the server shares with an asset, one
// for each of its exchange keys, in their order. KeyID is the [Fingerprint] of
// the agent's own key, agent its exchange key. The error is [ErrExchange].
func ServerSecrets(exchange []*ecdh.PrivateKey, asset job.AssetID, keyID string, agent []byte) ([]Secret, error) {
	secrets := make([]Secret, len(exchange))
	for i, own := range exchange {
		if own == nil || own.Curve() != ecdh.X25519() {
			return nil, ErrExchange
		}
		var err error
		if secrets[i], err = agree(own, agent, agent, own.PublicKey().Bytes(), asset, keyID); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

// MAC authenticates a message of several parts. No part may contain a line
// break. Context says what the message is for; a MAC for one context is not
// valid for another.
func (s Secret) MAC(context string, parts ...string) []byte {
	h := hmac.New(sha256.New, s[:])
	h.Write([]byte(context + "\n" + strings.Join(parts, "\n") + "\n"))
	return h.Sum(nil)
}

func agentExchange(key ed25519.PrivateKey) (*ecdh.PrivateKey, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, ErrBadKey
	}
	seed, err := hkdf.Key(sha256.New, key.Seed(), nil, "patchpolicy-exchange-v1", 32)
	if err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPrivateKey(seed)
}

// probe is an arbitrary X25519 key.
var probe = func() *ecdh.PrivateKey {
	key, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	return key
}()

func exchangeKey(b []byte) (*ecdh.PublicKey, error) {
	key, err := ecdh.X25519().NewPublicKey(b)
	if err == nil {
		_, err = probe.ECDH(key) // fails for a point of small order, with any other key
	}
	if err != nil {
		return nil, ErrExchange
	}
	return key, nil
}

// agree is X25519 and HKDF, bound to both keys, the asset and the agent's own
// key.
func agree(own *ecdh.PrivateKey, other, agent, server []byte, asset job.AssetID, keyID string) (s Secret, err error) {
	key, err := ecdh.X25519().NewPublicKey(other)
	if err != nil {
		return s, ErrExchange
	}
	shared, err := own.ECDH(key)
	if err != nil {
		return s, ErrExchange // a point of small order
	}
	salt := append(append([]byte(nil), agent...), server...)
	derived, err := hkdf.Key(sha256.New, shared, salt, "patchpolicy-secret-v1\n"+string(asset)+"\n"+keyID, len(s))
	copy(s[:], derived)
	return s, err
}

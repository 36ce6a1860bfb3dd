package manifest

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
)

// Secret is known only to one asset and its server. It authenticates requests
// and answers (MAN-12). Both sides compute it and never send it: the agent from
// its own key and the server's exchange key, which the trust document names;
// the server from its exchange keys and the key that the agent's signed
// enrolment brought. So a server's database holds no secret.
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

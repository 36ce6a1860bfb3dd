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

// Secret is what one asset and its server alone know: requests and answers are authenticated by it (MAN-12). Both sides
// compute it, and it is sent nowhere: the agent of its own key and the server's exchange key, which the trust document names; the server of
// its exchange key and what the agent said when it enrolled, which it signed. So a server's database holds no secret.
type Secret [sha256.Size]byte

// ErrExchange is returned for what is no X25519 key, or one that agrees on nothing.
var ErrExchange = errors.New("not an X25519 key that a secret can be agreed with")

// AgentExchange is the public half of the key by which an agent agrees on secrets. It is made from the agent's own key.
func AgentExchange(key ed25519.PrivateKey) ([]byte, error) {
	own, err := agentExchange(key)
	if err != nil {
		return nil, err
	}
	return own.PublicKey().Bytes(), nil
}

// AgentSecret is the secret of the asset whose agent has key, with the server whose exchange key is given.
func AgentSecret(key ed25519.PrivateKey, asset job.AssetID, server []byte) (Secret, error) {
	own, err := agentExchange(key)
	if err != nil {
		return Secret{}, err
	}
	return agree(own, server, own.PublicKey().Bytes(), server, asset, Fingerprint(key.Public().(ed25519.PublicKey)))
}

// ServerSecret is the same of the server's side: agent is the agent's exchange key, keyID the Fingerprint of its own.
func ServerSecret(exchange *ecdh.PrivateKey, asset job.AssetID, keyID string, agent []byte) (Secret, error) {
	if exchange == nil || exchange.Curve() != ecdh.X25519() {
		return Secret{}, ErrExchange
	}
	return agree(exchange, agent, agent, exchange.PublicKey().Bytes(), asset, keyID)
}

// ServerSecrets are the secrets with each of the server's exchange keys, in their order.
func ServerSecrets(exchange []*ecdh.PrivateKey, asset job.AssetID, keyID string, agent []byte) ([]Secret, error) {
	secrets := make([]Secret, len(exchange))
	for i, own := range exchange {
		var err error
		if secrets[i], err = ServerSecret(own, asset, keyID, agent); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

// MAC authenticates a message of some parts, none of which has a line break in it. Context says what it is for: a MAC of one
// context is none of another.
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

// probe is any X25519 key.
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
		_, err = probe.ECDH(key) // a point of small order agrees on nothing, whoever has the other key
	}
	if err != nil {
		return nil, ErrExchange
	}
	return key, nil
}

// agree is X25519 and HKDF, bound to both keys, the asset and the agent's own key.
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

package controller

import (
	"crypto/ecdh"
	"sync"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// maxSecrets is how many assets' secrets are remembered: a secret costs thirty
// times as much to agree on as to use.
const maxSecrets = 100_000

// secrets remembers what was agreed on. The zero value remembers nothing yet.
// It is safe for concurrent use.
type secrets struct {
	lock  sync.Mutex
	known map[secretOf][]manifest.Secret
}

type secretOf struct {
	asset           job.AssetID
	keyID, exchange string
}

func (s *secrets) of(own []*ecdh.PrivateKey, asset job.AssetID, keyID string, agent []byte) ([]manifest.Secret, error) {
	k := secretOf{asset, keyID, string(agent)}
	s.lock.Lock()
	defer s.lock.Unlock()
	if known, ok := s.known[k]; ok {
		return known, nil
	}
	agreed, err := manifest.ServerSecrets(own, asset, keyID, agent)
	if err != nil {
		return nil, err
	}
	if s.known == nil || len(s.known) >= maxSecrets {
		s.known = map[secretOf][]manifest.Secret{} // cheaper than to know which is old
	}
	s.known[k] = agreed
	return agreed, nil
}

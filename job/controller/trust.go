package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// trustKey is the record of the trust document that the store was last used
// with.
const trustKey = "trust"

type trustRecord struct {
	Version     uint64 `json:"version"`
	Fingerprint string `json:"fingerprint"`
}

// TrustError is the error of CheckTrust: the agents of this store do not trust
// this server's keys.
type TrustError struct{ Have, Want string }

// Error says what to do.
func (e *TrustError) Error() string {
	return fmt.Sprintf("this server's trust document is %s, and the store was last used with %s: its agents would refuse every manifest; "+
		"give the server the keys and trust documents that belong to this store", e.Have, e.Want)
}

// bring adds to an answer the versions of the trust document that the agent
// lacks, and reports whether those are all of them. An agent that names no
// version gets its keys in another way.
func (c *Controller) bring(a *manifest.Answer, in manifest.CheckIn) (complete bool) {
	if in.Trust == 0 {
		return true
	}
	missing := c.config.Trust.After(in.Trust)
	a.Trust = missing[:min(len(missing), manifest.MaxTrustSent)]
	return len(a.Trust) == len(missing)
}

// CheckTrust checks that Config.Trust equals or continues the trust documents
// that the store was last used with, and stores it (MAN-13). Call it when a
// server starts. The error is a *TrustError, or the store's. Without trust
// documents it does nothing.
func (c *Controller) CheckTrust(ctx context.Context) error {
	chain := c.config.Trust
	if len(chain) == 0 {
		return nil
	}
	now := trustRecord{uint64(len(chain)), manifest.TrustFingerprint(chain[len(chain)-1])}
	return c.update(ctx, time.Time{}, func(t *tx) {
		t.fail(c.trusts(t.reader))
		if was, _ := load[trustRecord](t.reader, tableMeta, trustKey); was != now {
			t.save(tableMeta, trustKey, now)
		}
	})
}

// trusts returns a *TrustError if Config.Trust neither equals nor continues the
// trust documents that the store was last used with.
func (c *Controller) trusts(r *reader) error {
	chain := c.config.Trust
	was, found := load[trustRecord](r, tableMeta, trustKey)
	if len(chain) == 0 || !found || was.Version <= uint64(len(chain)) && manifest.TrustFingerprint(chain[was.Version-1]) == was.Fingerprint {
		return nil
	}
	return &TrustError{fmt.Sprintf("version %d, %s", len(chain), manifest.TrustFingerprint(chain[len(chain)-1])), fmt.Sprintf("version %d, %s", was.Version, was.Fingerprint)}
}

// maxSecrets is how many assets' secrets are remembered: a secret costs thirty
// times as much to agree on as to use.
const maxSecrets = 100_000

// secretOf is what a secret is agreed on for.
type secretOf struct {
	asset           job.AssetID
	keyID, exchange string
}

// secretsOf agrees on the secrets of an asset whose agent has that exchange key,
// one for each of the server's.
func (c *Controller) secretsOf(asset job.AssetID, keyID string, agent []byte) ([]manifest.Secret, error) {
	k := secretOf{asset, keyID, string(agent)}
	if known, ok := c.secrets.get(k); ok {
		return known, nil
	}
	agreed, err := manifest.ServerSecrets(c.config.Exchange, asset, keyID, agent)
	if err == nil {
		c.secrets.put(k, agreed, 0)
	}
	return agreed, err
}

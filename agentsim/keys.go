package agentsim

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// keys are the server's keys: every version of its trust document, and the
// names of the newest version's keys.
type keys struct {
	trust          manifest.Chain
	newest         manifest.Trust
	root, manifest string
	exchange       *ecdh.PrivateKey
}

func newKeys(now time.Time) (k keys, err error) {
	k = keys{root: "root", manifest: "server"}
	if k.exchange, err = ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32)); err != nil {
		return k, err
	}
	err = k.add(manifest.NewTrust(public(k.root), public(k.manifest), k.exchange.PublicKey().Bytes(), now), k.root)
	return k, err
}

func public(name string) manifest.PublicKey {
	return manifest.Ed25519(key(name).Public().(ed25519.PublicKey))
}

// rotate adds a version of the trust document with a new manifest key and, if
// wanted, a new root key (MAN-13).
func (k *keys) rotate(now time.Time, roots bool) error {
	t, old := k.newest, k.root
	t.Version++
	t.Issued, t.Expires = now, now.Add(manifest.TrustLifetime)
	if k.manifest = fmt.Sprintf("server %d", t.Version); roots {
		k.root = fmt.Sprintf("root %d", t.Version)
	}
	t.Manifest, t.Root = []manifest.PublicKey{public(k.manifest)}, []manifest.PublicKey{public(k.root)}
	return k.add(t, old, k.root)
}

func (k *keys) add(t manifest.Trust, signers ...string) error {
	var by []manifest.Signer
	for _, name := range signers {
		by = append(by, manifest.NewSigner(key(name)))
	}
	sealed, err := manifest.SealTrust(t, by...)
	if err != nil {
		return err
	}
	k.trust = append(k.trust, sealed)
	k.newest, err = manifest.OpenTrust(sealed)
	return err
}

package agentsim

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// keys are what the server signs with: the versions of its trust document, and the names of the keys of the newest.
type keys struct {
	trust          manifest.Chain
	newest         manifest.Trust
	signing        manifest.Keys // the manifest key of the newest
	root, manifest string
	exchange       *ecdh.PrivateKey
}

func newKeys(w *World) (keys, error) {
	k := keys{root: "root", manifest: "server"}
	var err error
	if k.exchange, err = ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32)); err != nil {
		return k, err
	}
	first := manifest.NewTrust(public(k.root), public(k.manifest), k.exchange.PublicKey().Bytes(), w.now)
	sealed, err := manifest.SealTrust(first, manifest.NewSigner(key(k.root)))
	if err != nil {
		return k, err
	}
	return k, k.add(sealed)
}

func public(name string) manifest.PublicKey {
	return manifest.Ed25519(key(name).Public().(ed25519.PublicKey))
}

// rotate makes the next version of the trust document, with a new manifest key, and new root keys if wanted (MAN-13).
func (k *keys) rotate(w *World, roots bool) error {
	t, err := k.trust.Newest()
	if err != nil {
		return err
	}
	old := k.root
	t.Version++
	t.Issued, t.Expires = w.now, w.now.Add(manifest.TrustLifetime)
	if k.manifest = fmt.Sprintf("server %d", t.Version); roots {
		k.root = fmt.Sprintf("root %d", t.Version)
	}
	t.Manifest, t.Root = []manifest.PublicKey{public(k.manifest)}, []manifest.PublicKey{public(k.root)}
	sealed, err := manifest.SealTrust(t, manifest.NewSigner(key(old)), manifest.NewSigner(key(k.root)))
	if err != nil {
		return err
	}
	return k.add(sealed)
}

func (k *keys) add(sealed []byte) (err error) {
	k.trust = append(k.trust, sealed)
	k.newest, err = manifest.OpenTrust(sealed)
	k.signing = k.newest.Manifest
	return err
}

package manifest_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A server seals a manifest; an agent opens and applies it. The same bytes are
// refused by an agent that holds a newer revision, and by another asset.
func Example() {
	serverKey := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)) // in production: ed25519.GenerateKey
	pinned := manifest.NewVerifier(serverKey.Public().(ed25519.PublicKey))
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

	run := job.MakeRunID("nightly", now.Add(2*time.Hour))
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: "web-1", Revision: 7, Issued: now, Expires: now.Add(manifest.Lifetime),
		Orders: []job.Order{{
			ID: job.MakeOrderID(run, "web-1"), Job: "nightly", Name: "Nightly", Run: run, Start: now.Add(2 * time.Hour),
			Post: []job.Action{{Name: "note", Command: []string{"/usr/bin/logger", "patched"}}},
		}},
	}, manifest.NewSigner(serverKey))
	if err != nil {
		fmt.Println(err)
		return
	}

	doc, err := manifest.Open(sealed, pinned, "web-1", 6, "", now)
	if err != nil {
		fmt.Println(err)
		return
	}
	queue, changes := manifest.Queue{}.Apply(doc, nil, nil)
	fmt.Println("revision", doc.Revision, "queued", len(queue), "received", changes.Received)

	_, err = manifest.Open(sealed, pinned, "web-1", 8, "", now)
	fmt.Println(err)
	var refused *manifest.Refused
	_, err = manifest.Open(sealed, pinned, "web-2", 0, "", now)
	fmt.Println(errors.As(err, &refused), refused.Reason)
	// Output:
	// revision 7 queued 1 received [nightly@20260131T140000Z/web-1]
	// manifest refused (LowerRevision): have revision 7, want 8 or higher: if the server was restored from a backup, enrol this agent again; if not, find out what replays old answers
	// true WrongAsset
}

// The orders of an asset's next manifest, the earliest first.
func ExampleHold() {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	hold, err := manifest.Hold([]job.Order{
		{ID: "later@20260131T200000Z/web-1", Start: now.Add(8 * time.Hour)},
		{ID: "soon@20260131T140000Z/web-1", Start: now.Add(2 * time.Hour)},
	})
	if err != nil {
		fmt.Println(err)
	}
	for _, o := range hold {
		fmt.Println("hold", o.ID)
	}
	// Output:
	// hold soon@20260131T140000Z/web-1
	// hold later@20260131T200000Z/web-1
}

func ExampleBound() {
	fmt.Println(manifest.Bound(manifest.Every))
	fmt.Println(manifest.Bound(30*time.Minute) <= manifest.MaxPropagation)
	// Output:
	// 23m0s
	// false
}

// module stands for a hardware module or a key service. All it offers is a
// public key and signatures over digests: a [crypto.Signer].
func module() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// The key that signs manifests never leaves its module. The server passes the
// module to NewP256Signer; the trust document names the public half.
func ExampleNewP256Signer() {
	hsm, err := module()
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := manifest.NewP256Signer(hsm)
	if err != nil {
		fmt.Println(err)
		return
	}
	public, err := manifest.P256(hsm.Public().(*ecdsa.PublicKey))
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: "web-1", Revision: 1, Issued: now, Expires: now.Add(manifest.Lifetime),
	}, signer)
	if err != nil {
		fmt.Println(err)
		return
	}
	trusted := manifest.Keys{public} // an agent takes them from Trust.Manifest
	doc, err := manifest.Open(sealed, trusted, "web-1", 0, "", now)
	fmt.Println(doc.Asset, doc.Revision, err)
	fmt.Println(public.Kind, manifest.SignedBy(sealed) == public.ID())
	// Output:
	// web-1 1 <nil>
	// ecdsa-p256-sha256 true
}

package agenthttp_test

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// shelf is a server with one sealed manifest per asset. A real one is a
// job/controller.
type shelf struct {
	key      manifest.Signer
	exchange *ecdh.PrivateKey
	trust    []byte

	mu     sync.Mutex
	assets map[job.AssetID]manifest.Enrolment
}

func (s *shelf) Enrol(_ context.Context, e manifest.Enrolment, _ time.Time) (manifest.Enrolled, error) {
	if e.Token != "from the administrator" {
		return manifest.Enrolled{}, manifest.ErrBadToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assets[e.Asset] = e
	return manifest.Enrolled{Asset: e.Asset, Every: 15 * time.Minute}, nil
}

func (s *shelf) Trust() manifest.Chain { return manifest.Chain{s.trust} }

func (s *shelf) Secrets(_ context.Context, asset job.AssetID, keyID string) ([]manifest.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, enrolled := s.assets[asset]
	if !enrolled || manifest.Fingerprint(e.Key) != keyID {
		return nil, manifest.ErrUnknownAsset
	}
	return manifest.ServerSecrets([]*ecdh.PrivateKey{s.exchange}, asset, keyID, e.Exchange)
}

func (s *shelf) Leave(_ context.Context, asset job.AssetID, _ string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.assets, asset)
	return nil
}

func (s *shelf) CheckIn(_ context.Context, in manifest.CheckIn, now time.Time) (manifest.Answer, error) {
	answer := manifest.Answer{At: now}
	if in.Held >= 1 {
		return answer, nil // nothing new
	}
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: in.Asset, Revision: 1, Issued: now, Expires: now.Add(manifest.Lifetime),
	}, s.key)
	answer.Manifest = sealed
	return answer, err
}

// A server, and an agent that enrols, checks in and opens its manifest.
func Example() {
	public, serverKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	own, signer := manifest.Ed25519(public), manifest.NewSigner(serverKey)
	sealed, err := manifest.SealTrust(manifest.NewTrust(own, own, exchange.PublicKey().Bytes(), time.Now()), signer)
	if err != nil {
		fmt.Println(err)
		return
	}
	backend := &shelf{key: signer, exchange: exchange, trust: sealed, assets: map[job.AssetID]manifest.Enrolment{}}
	server := httptest.NewServer(agenthttp.NewHandler(backend, agenthttp.Options{})) // in production: agenthttp.NewServer(addr, handler)
	defer server.Close()

	ctx := context.Background()
	_, agentKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	config := agenthttp.Config{Server: server.URL, Asset: "web-1", Key: agentKey}
	enrolment := manifest.Enrolment{Token: "guessed", Platform: catalog.Linux, Architecture: "amd64"}
	fingerprint := manifest.TrustFingerprint(sealed) // the administrator gives it to the agent
	_, _, err = agenthttp.Enrol(ctx, config, enrolment, fingerprint)
	fmt.Println(errors.Is(err, manifest.ErrBadToken))

	enrolment.Token = "from the administrator"
	enrolled, believed, err := agenthttp.Enrol(ctx, config, enrolment, fingerprint)
	if err != nil {
		fmt.Println(err)
		return
	}
	trust, err := manifest.OpenTrust(believed)
	if err != nil {
		fmt.Println(err)
		return
	}
	config.Trust = believed
	client, err := agenthttp.NewClient(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	var held manifest.Revision
	for range 2 {
		answer, err := client.CheckIn(ctx, manifest.CheckIn{Asset: enrolled.Asset, At: time.Now(), Held: held})
		if err != nil {
			fmt.Println(err)
			return
		}
		if answer.Manifest == nil {
			fmt.Println("nothing new")
			continue
		}
		doc, err := manifest.Open(answer.Manifest, manifest.Keys(trust.Manifest), enrolled.Asset, held, "", answer.At)
		if err != nil {
			fmt.Println(err)
			return
		}
		held = doc.Revision
		fmt.Println("holds revision", held, "with", len(doc.Orders), "orders")
	}
	// Output:
	// true
	// holds revision 1 with 0 orders
	// nothing new
}

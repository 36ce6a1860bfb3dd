package agenthttp_test

import (
	"context"
	"crypto/ed25519"
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

// shelf is a server that has one sealed manifest for every asset. A real one is a job/controller.
type shelf struct {
	key ed25519.PrivateKey

	mu     sync.Mutex
	assets map[job.AssetID]ed25519.PublicKey
}

func (s *shelf) Enrol(_ context.Context, e manifest.Enrolment) (manifest.Enrolled, error) {
	if e.Token != "from the administrator" {
		return manifest.Enrolled{}, manifest.ErrBadToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assets[e.Asset] = e.Key
	key := s.key.Public().(ed25519.PublicKey)
	return manifest.Enrolled{Asset: e.Asset, ManifestKey: key, Every: 15 * time.Minute, Fingerprint: manifest.Fingerprint(key)}, nil
}

func (s *shelf) AssetKey(_ context.Context, asset job.AssetID) (ed25519.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.assets[asset]; ok {
		return key, nil
	}
	return nil, manifest.ErrUnknownAsset
}

func (s *shelf) CheckIn(_ context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	now := time.Now()
	answer := manifest.Answer{At: now}
	if in.Held >= 1 {
		return answer, nil // nothing new
	}
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: in.Asset, Revision: 1, Issued: now, Expires: now.Add(manifest.Lifetime),
	}, manifest.NewSigner(s.key))
	answer.Manifest = sealed
	return answer, err
}

// A server, and an agent that enrols, checks in, and opens the manifest it gets.
func Example() {
	_, serverKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	backend := &shelf{key: serverKey, assets: map[job.AssetID]ed25519.PublicKey{}}
	server := httptest.NewServer(agenthttp.NewHandler(backend, agenthttp.Options{})) // a real one: agenthttp.NewServer(addr, handler)
	defer server.Close()

	ctx := context.Background()
	_, agentKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	config := agenthttp.Config{Server: server.URL, Asset: "web-1", Key: agentKey}
	enrolment := manifest.Enrolment{Token: "guessed", Platform: catalog.Linux, Architecture: "amd64"}
	_, err = agenthttp.Enrol(ctx, config, enrolment, "")
	fmt.Println(errors.Is(err, manifest.ErrBadToken))

	enrolment.Token = "from the administrator"
	enrolled, err := agenthttp.Enrol(ctx, config, enrolment, "")
	if err != nil {
		fmt.Println(err)
		return
	}
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
		doc, err := manifest.Open(answer.Manifest, manifest.NewVerifier(enrolled.ManifestKey), enrolled.Asset, held, "", answer.At)
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

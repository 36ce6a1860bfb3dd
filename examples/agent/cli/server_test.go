package cli

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// server is a server of one asset that hands out the test's orders.
type server struct {
	url      string
	private  ed25519.PrivateKey
	exchange *ecdh.PrivateKey
	trust    []byte

	mu        sync.Mutex
	enrolment manifest.Enrolment
	orders    []job.Order
	revision  manifest.Revision
	reports   []job.Report
	inventory *catalog.Inventory
	calls     int
}

const token = "let-me-in"

func newServer(t *testing.T) *server {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	own := manifest.Ed25519(public)
	trust, err := manifest.SealTrust(manifest.NewTrust(own, own, exchange.PublicKey().Bytes(), time.Now()), manifest.NewSigner(private))
	require.NoError(t, err)
	s := &server{private: private, exchange: exchange, trust: trust, revision: 1}
	h := httptest.NewServer(agenthttp.NewHandler(s, agenthttp.Options{}))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *server) Enrol(_ context.Context, e manifest.Enrolment, _ time.Time) (manifest.Enrolled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Token != token {
		return manifest.Enrolled{}, manifest.ErrBadToken
	}
	s.enrolment = e
	return manifest.Enrolled{Asset: e.Asset, Every: time.Minute}, nil
}

func (s *server) Trust() manifest.Chain { return manifest.Chain{s.trust} }

func (s *server) Secrets(_ context.Context, asset job.AssetID, keyID string) ([]manifest.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enrolment.Asset != asset || manifest.Fingerprint(s.enrolment.Key) != keyID {
		return nil, manifest.ErrUnknownAsset
	}
	return manifest.ServerSecrets([]*ecdh.PrivateKey{s.exchange}, asset, keyID, s.enrolment.Exchange)
}

func (s *server) Leave(context.Context, job.AssetID, string, time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enrolment = manifest.Enrolment{}
	return nil
}

func (s *server) CheckIn(_ context.Context, in manifest.CheckIn, _ time.Time) (manifest.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	acknowledged := job.Sequence(len(s.reports))
	for _, r := range in.Reports {
		if r.Sequence == acknowledged+1 {
			s.reports = append(s.reports, r)
			acknowledged++
		}
	}
	if in.Inventory != nil {
		s.inventory = in.Inventory
	}
	now := time.Now()
	answer := manifest.Answer{At: now, Acknowledged: acknowledged, WantInventory: s.inventory == nil}
	if in.Held == s.revision {
		return answer, nil
	}
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: in.Asset, Revision: s.revision, Issued: now, Expires: now.Add(time.Hour), Orders: s.orders,
	}, manifest.NewSigner(s.private))
	answer.Manifest = sealed
	return answer, err
}

// hand sets the next manifest's orders.
func (s *server) hand(revision manifest.Revision, orders ...job.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders, s.revision = orders, revision
}

// said returns what the asset said: its enrolment, its inventory and its
// reports.
func (s *server) said() (manifest.Enrolment, *catalog.Inventory, []job.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enrolment, s.inventory, slices.Clone(s.reports)
}

// result is the final report on an order.
func (s *server) result(order job.OrderID) job.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reports {
		if r.Order == order && r.Result != 0 {
			return r.Result
		}
	}
	return 0
}

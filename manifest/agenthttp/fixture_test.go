package agenthttp

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

var (
	t0        = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	agentKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	serverKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	otherKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	exchange  = must(ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{4}, 32)))
	trust     = must(manifest.SealTrust(manifest.NewTrust(manifest.Ed25519(public(serverKey)), manifest.Ed25519(public(serverKey)), exchange.PublicKey().Bytes(), t0),
		manifest.NewSigner(serverKey)))
	secret = must(manifest.AgentSecret(agentKey, asset, exchange.PublicKey().Bytes()))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

const asset job.AssetID = "web-1"

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// backend knows one token and the assets that used it, and gives preset
// answers.
type backend struct {
	mu     sync.Mutex
	keys   map[job.AssetID]ed25519.PublicKey
	agents map[job.AssetID][]byte // exchange keys
	left   []job.AssetID
	answer manifest.Answer
	err    error // of CheckIn
	calls  []manifest.CheckIn
}

func newBackend() *backend {
	return &backend{
		keys:   map[job.AssetID]ed25519.PublicKey{asset: public(agentKey)},
		agents: map[job.AssetID][]byte{asset: must(manifest.AgentExchange(agentKey))},
		answer: manifest.Answer{At: t0, Acknowledged: 3},
	}
}

func (b *backend) Enrol(_ context.Context, e manifest.Enrolment, _ time.Time) (manifest.Enrolled, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Token != "token" {
		return manifest.Enrolled{}, manifest.ErrBadToken
	}
	if known, ok := b.keys[e.Asset]; ok && !known.Equal(e.Key) {
		return manifest.Enrolled{}, manifest.ErrAssetExists
	}
	b.keys[e.Asset], b.agents[e.Asset] = e.Key, e.Exchange
	return manifest.Enrolled{Asset: e.Asset, Every: 15 * time.Minute}, nil
}

func (b *backend) Trust() manifest.Chain { return manifest.Chain{trust} }

func (b *backend) Secrets(_ context.Context, a job.AssetID, keyID string) ([]manifest.Secret, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key, ok := b.keys[a]; ok && manifest.Fingerprint(key) == keyID {
		return manifest.ServerSecrets([]*ecdh.PrivateKey{exchange}, a, keyID, b.agents[a])
	}
	return nil, manifest.ErrUnknownAsset
}

func (b *backend) Leave(_ context.Context, a job.AssetID, _ string, _ time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = append(b.left, a)
	return b.err
}

func (b *backend) CheckIn(_ context.Context, in manifest.CheckIn, _ time.Time) (manifest.Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, in)
	return b.answer, b.err
}

func (b *backend) last(t *testing.T) manifest.CheckIn {
	require.NotEmpty(t, b.calls)
	return b.calls[len(b.calls)-1]
}

func clock() time.Time { return t0 }

func handlerOf(b Backend) http.Handler { return NewHandler(b, Options{Clock: clock}) }

// clientOf is an agent that calls the handler through a real connection.
func clientOf(t *testing.T, h http.Handler, change ...func(*Config)) *Client {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := NewClient(configOf(server.URL, change...))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func configOf(url string, change ...func(*Config)) Config {
	config := Config{Server: url, Asset: asset, Key: agentKey, Trust: trust, Clock: clock}
	for _, f := range change {
		f(&config)
	}
	return config
}

func enrolment() manifest.Enrolment {
	return manifest.Enrolment{Token: "token", Asset: asset, Key: public(agentKey), Exchange: must(manifest.AgentExchange(agentKey)), Platform: catalog.Linux, Architecture: "amd64"}
}

func reports(n int, text string) (list []job.Report) {
	for i := range n {
		list = append(list, job.Report{Sequence: job.Sequence(4 + i), At: t0, Order: "a@20260131T120000Z/web-1", Progress: job.Received, Text: text})
	}
	return list
}

func marshal(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// claim is what a request of the asset claims.
func claim(method, target string, body []byte) signed {
	return signed{method: method, target: target, asset: asset, key: manifest.Fingerprint(public(agentKey)), time: t0, content: contentOf(body)}
}

func prove(h http.Header, s signed, by manifest.Secret) {
	s.headers(h, by.MAC(requestContext, s.parts()...))
}

// proving authenticates whatever a handler answers, like a server gone mad.
func proving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		w.Header().Set(HeaderProof, answerProof(secret, r.Header.Get(HeaderProof), rec.Code, rec.Body.Bytes()))
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// send signs a request, lets change spoil it afterwards, and serves it.
func send(h http.Handler, method, target string, body []byte, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", mediaJSON)
	}
	if target == PathEnrol {
		s := claim(method, target, body)
		s.headers(r.Header, ed25519.Sign(agentKey, s.message()))
	} else {
		prove(r.Header, claim(method, target, body), secret)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(b string) func(*http.Request) {
	return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(b)), int64(len(b)) }
}

// requireProblem checks a whole refusal: status, kind, and a text and a hint
// for people.
func requireProblem(t testing.TB, w *httptest.ResponseRecorder, want Kind) *Problem {
	t.Helper()
	require.Equal(t, mediaProblem, w.Header().Get("Content-Type"), w.Body.String())
	p := readProblem(w.Code, w.Header().Get("Content-Type"), w.Body.Bytes())
	require.Equal(t, want, p.Kind, p.Text)
	require.Equal(t, about[want].status, w.Code)
	require.NotEmpty(t, p.Text)
	require.NotEmpty(t, p.Hint)
	require.Equal(t, http.StatusText(w.Code), p.Title)
	return p
}

package agenthttp

import (
	"bytes"
	"context"
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
)

const asset job.AssetID = "web-1"

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// backend knows one token and the assets that used it, and answers what it is told to.
type backend struct {
	mu     sync.Mutex
	keys   map[job.AssetID]ed25519.PublicKey
	answer manifest.Answer
	err    error // of CheckIn
	calls  []manifest.CheckIn
}

func newBackend() *backend {
	return &backend{
		keys:   map[job.AssetID]ed25519.PublicKey{asset: public(agentKey)},
		answer: manifest.Answer{At: t0, Acknowledged: 3},
	}
}

func (b *backend) Enrol(_ context.Context, e manifest.Enrolment) (manifest.Enrolled, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Token != "token" {
		return manifest.Enrolled{}, manifest.ErrBadToken
	}
	if known, ok := b.keys[e.Asset]; ok && !known.Equal(e.Key) {
		return manifest.Enrolled{}, manifest.ErrAssetExists
	}
	b.keys[e.Asset] = e.Key
	return manifest.Enrolled{
		Asset: e.Asset, ManifestKey: public(serverKey), Every: 15 * time.Minute, Fingerprint: manifest.Fingerprint(public(serverKey)),
	}, nil
}

func (b *backend) AssetKey(_ context.Context, a job.AssetID) (ed25519.PublicKey, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key, ok := b.keys[a]; ok {
		return key, nil
	}
	return nil, manifest.ErrUnknownAsset
}

func (b *backend) CheckIn(_ context.Context, in manifest.CheckIn) (manifest.Answer, error) {
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
	config := Config{Server: url, Asset: asset, Key: agentKey, Clock: clock}
	for _, f := range change {
		f(&config)
	}
	return config
}

func enrolment() manifest.Enrolment {
	return manifest.Enrolment{Token: "token", Asset: asset, Key: public(agentKey), Platform: catalog.Linux, Architecture: "amd64"}
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

// send makes a signed request, lets change spoil it after it was signed, and serves it.
func send(h http.Handler, method, target string, body []byte, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", mediaJSON)
	}
	signed{method: method, target: target, asset: asset, time: t0, body: body}.sign(r.Header, agentKey)
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

// requireProblem checks a refusal in full: status, kind, and a text and a hint for people.
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

package agenthttp

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// record notes the method and path of every request.
func record(list *[]string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*list = append(*list, r.Method+" "+r.URL.Path)
		h.ServeHTTP(w, r)
	})
}

func inventory(t *testing.T, n int) *catalog.Inventory {
	v, err := version.Parse(version.Debian, "1.0-1")
	require.NoError(t, err)
	installed := make([]catalog.Installed, n)
	for i := range installed {
		installed[i] = catalog.Installed{Product: catalog.ProductID("p" + strings.Repeat("0", 5-len(strconv.Itoa(i))) + strconv.Itoa(i)), Version: v}
	}
	inv, err := catalog.NewInventory(catalog.Linux, installed)
	require.NoError(t, err)
	return &inv
}

// The backend gets what the agent sends, and the agent gets what the backend
// answers.
func TestCheckInRoundTrip(t *testing.T) {
	own := t0.Add(-7*time.Minute + 5*time.Nanosecond) // the agent's own clock, uncorrected
	for _, c := range []struct {
		name   string
		in     manifest.CheckIn
		answer manifest.Answer
	}{
		{"idle, nothing new", manifest.CheckIn{Held: 7, Digest: "sha256:00", Boot: "b 1/ü"}, manifest.Answer{Acknowledged: 3}},
		{"the first call", manifest.CheckIn{}, manifest.Answer{WantInventory: true}},
		{"idle, a new manifest", manifest.CheckIn{Held: 7}, manifest.Answer{Manifest: []byte("sealed"), Acknowledged: 9}},
		{"idle, a large one", manifest.CheckIn{Held: 7}, manifest.Answer{Manifest: make([]byte, manifest.MaxSealed)}},
		{"MAN-7: a last call", manifest.CheckIn{Held: 7, LastCall: true}, manifest.Answer{Acknowledged: 1}},
		{"MAN-8: a clock that is off", manifest.CheckIn{Held: 7, Offset: -90 * time.Minute}, manifest.Answer{}},
		{"MAN-6: reports", manifest.CheckIn{Held: 7, Reports: reports(3, "hello"), LastCall: true, Offset: time.Minute}, manifest.Answer{Acknowledged: 6}},
		{"many reports", manifest.CheckIn{Reports: reports(manifest.MaxReports, "hello")}, manifest.Answer{Acknowledged: 103, Manifest: []byte("sealed")}},
		{"an inventory", manifest.CheckIn{Held: manifest.MaxNumber, Inventory: inventory(t, 3000), Digest: "d"}, manifest.Answer{Acknowledged: manifest.MaxNumber}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBackend()
			var routes []string
			client := clientOf(t, record(&routes, handlerOf(b)))
			c.in.Asset, c.in.At, c.answer.At = asset, own, t0.Add(time.Nanosecond)
			c.in.Key = manifest.Fingerprint(public(agentKey)) // the handler sets it, whatever the agent sends
			b.answer = c.answer

			got, err := client.CheckIn(t.Context(), c.in)
			require.NoError(t, err)
			require.Equal(t, c.answer, got)
			diff := cmp.Diff(c.in, b.last(t), cmp.Comparer(func(a, b version.Version) bool { return a == b }),
				cmp.Comparer(func(a, b catalog.Inventory) bool { return a.Platform == b.Platform && a.Digest() == b.Digest() }), cmpopts.EquateEmpty())
			require.Empty(t, diff)
			require.Equal(t, []string{"POST " + PathCheckIn}, routes)
		})
	}
}

// A sealed manifest of the largest size passes the wire and opens.
func TestManifestThroughTheWire_MAN5(t *testing.T) {
	b := newBackend()
	client := clientOf(t, handlerOf(b))
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: asset, Revision: 8, Issued: t0, Expires: t0.Add(manifest.Lifetime),
	}, manifest.NewSigner(serverKey))
	require.NoError(t, err)
	b.answer.Manifest = sealed
	answer, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0, Held: 7})
	require.NoError(t, err)
	d, err := manifest.Open(answer.Manifest, manifest.NewVerifier(public(serverKey)), asset, 7, "", answer.At)
	require.NoError(t, err)
	require.Equal(t, manifest.Revision(8), d.Revision)
}

func TestEnrol(t *testing.T) {
	b := newBackend()
	b.keys = map[job.AssetID]ed25519.PublicKey{}
	server := httptest.NewServer(handlerOf(b))
	defer server.Close()
	fingerprint := manifest.TrustFingerprint(trust)
	e := enrolment()
	e.Key, e.Asset = nil, "" // filled in from the settings

	for range 2 { // the first answer may be lost
		enrolled, believed, err := Enrol(t.Context(), configOf(server.URL), e, fingerprint)
		require.NoError(t, err)
		require.Equal(t, manifest.Enrolled{Asset: asset, Every: 15 * time.Minute}, enrolled)
		require.Equal(t, trust, believed)
	}
	_, _, err := Enrol(t.Context(), configOf(server.URL), e, "")
	require.NoError(t, err)

	client, err := NewClient(configOf(server.URL))
	require.NoError(t, err)
	defer client.Close()
	_, err = client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	require.NoError(t, err)

	_, _, err = Enrol(t.Context(), configOf(server.URL), e, "sha256:00")
	var wrong *manifest.Distrusted
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Have, fingerprint)
	require.Contains(t, wrong.Want, "sha256:00")

	_, _, err = Enrol(t.Context(), configOf(server.URL, func(c *Config) { c.Key = otherKey }), e, "")
	require.ErrorIs(t, err, manifest.ErrAssetExists)
	e.Token = "guessed"
	_, _, err = Enrol(t.Context(), configOf(server.URL), e, "")
	require.ErrorIs(t, err, manifest.ErrBadToken)
	require.NotContains(t, err.Error(), "guessed")
	e.Architecture = "\x00"
	_, _, err = Enrol(t.Context(), configOf(server.URL), e, "")
	var invalid *job.Invalid
	require.ErrorAs(t, err, &invalid)
	_, _, err = Enrol(t.Context(), Config{}, e, "")
	require.ErrorAs(t, err, &invalid)
}

// The handler works below a path that a proxy or StripPrefix removes.
func TestBasePath(t *testing.T) {
	b := newBackend()
	client := clientOf(t, http.StripPrefix("/patch", handlerOf(b)), func(c *Config) { c.Server += "/patch/" })
	_, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0, Boot: "a&b=c"})
	require.NoError(t, err)
	require.Equal(t, "a&b=c", b.last(t).Boot)
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(handlerOf(newBackend()))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are expected
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	call := func(change func(*Config)) error {
		client, err := NewClient(configOf(server.URL, change))
		require.NoError(t, err)
		defer client.Close()
		_, err = client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
		return err
	}
	require.NoError(t, call(func(c *Config) { c.Roots = roots }))
	require.ErrorContains(t, call(func(*Config) {}), "certificate")
	require.ErrorContains(t, call(func(c *Config) { c.Roots = x509.NewCertPool() }), "certificate")
}

func TestCancelledContext(t *testing.T) {
	client := clientOf(t, handlerOf(newBackend()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.CheckIn(ctx, manifest.CheckIn{Asset: asset, At: t0})
	require.ErrorIs(t, err, context.Canceled)
}

package agenthttp

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// An agent whose clock is wrong gets the time once, signs again, and remembers
// (MAN-8). Its own clock in the call does not change.
func TestWrongClock_MAN8(t *testing.T) {
	for _, off := range []time.Duration{-48 * time.Hour, -ReplayWindow - time.Second, ReplayWindow + time.Second, 100 * 24 * time.Hour} {
		b := newBackend()
		var routes []string
		own := t0.Add(off)
		client := clientOf(t, record(&routes, handlerOf(b)), func(c *Config) { c.Clock = func() time.Time { return own } })
		for range 2 {
			answer, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: own, Offset: -off})
			require.NoError(t, err)
			require.Equal(t, t0, answer.At, "the server's clock")
			require.Equal(t, own, b.last(t).At, "the agent's own")
			require.Equal(t, -off, b.last(t).Offset)
		}
		require.Len(t, routes, 3, "one refusal, then two calls that are right at once")
	}
}

// A server with a runaway or lying clock gets two requests and no more.
func TestClockIsTakenOnce(t *testing.T) {
	n := 0
	client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		p := newProblem(Clock, "no")
		p.Now = t0.AddDate(n, 0, 0)
		body := p.body()
		w.Header().Set(HeaderProof, answerProof(secret, r.Header.Get(HeaderProof), p.Status, body))
		p.write(w, body)
	}))
	_, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	var p *Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, Clock, p.Kind)
	require.Equal(t, 2, n)
}

// Whatever answers, the client's error says what it got, and the client reads
// no more than it must.
func TestStrangeAnswers(t *testing.T) {
	text := func(status int, contentType, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"a login page":              {text(200, "text/html", "<html>"), "not from a Patchpolicy server"},
		"a proxy's error":           {text(502, "text/html", "<html>"), "502"},
		"no JSON":                   {text(200, mediaJSON, "hello"), "read answer"},
		"cut JSON":                  {text(200, mediaJSON, `{"at":"2026-01-31T12:00:00Z"`), "read answer"},
		"wrong types":               {text(200, mediaJSON, `{"at":5}`), "read answer"},
		"deep nesting":              {text(200, mediaJSON, strings.Repeat("[", 1<<20)), "read answer"},
		"too large":                 {text(200, mediaJSON, strings.Repeat(" ", MaxAnswer+1)), "larger than"},
		"too large an error":        {text(400, mediaProblem, strings.Repeat(" ", MaxAnswer+1)), "larger than"},
		"a gzip bomb":               {text(200, mediaJSON, string(zip(make([]byte, MaxAnswer+1))), "Content-Encoding", "gzip"), "larger than"},
		"damaged gzip":              {text(200, mediaJSON, "hello, this is not gzip", "Content-Encoding", "gzip"), "gzip"},
		"a length that is a lie":    {text(200, mediaJSON, "{", "Content-Length", "100"), "EOF"},
		"a redirect":                {text(302, mediaJSON, "", "Location", "http://127.0.0.1:1/elsewhere"), "302"},
		"a redirect that keeps it":  {text(307, mediaJSON, "", "Location", "http://127.0.0.1:1/elsewhere"), "307"},
		"not really a problem":      {text(400, mediaProblem, "hello"), "400"},
		"a problem of a later kind": {text(418, mediaProblem, `{"type":"urn:patchpolicy:problem:teapot","error":"short and stout"}`), "short and stout"},
		"a clock problem, no clock": {text(401, mediaProblem, `{"type":"urn:patchpolicy:problem:clock","error":"no"}`), "no"},
		"unchanged, unasked":        {text(304, "", ""), "304"},
		"headers without end":       {text(200, mediaJSON, "{}", "X-Long", strings.Repeat("x", 1<<20)), "header"},
		"the connection cut":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := clientOf(t, proving(c.serve)).CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
			require.ErrorContains(t, err, c.want)
			require.Zero(t, answer)
		})
	}
	answer, err := clientOf(t, proving(text(200, mediaJSON, `{"at":"2026-01-31T12:00:00Z","acknowledged":3,"later":true}`))).
		CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	require.NoError(t, err, "a later release may say more")
	require.Equal(t, manifest.Answer{At: t0, Acknowledged: 3}, answer)

	_, _, err = Enrol(t.Context(), configOf(httptestURL(t, text(304, "", ""))), enrolment(), "")
	require.Error(t, err)
}

func httptestURL(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// Of too many reports the oldest are sent, so that an agent with many is never
// stuck (MAN-6).
func TestTooManyReports_MAN6(t *testing.T) {
	for name, c := range map[string]struct {
		reports []job.Report
		want    int
	}{
		"too many":       {reports(3*manifest.MaxReports, "x"), manifest.MaxReports},
		"too large":      {reports(8, strings.Repeat("x", MaxRequest/6)), 4},
		"one just right": {reports(2, strings.Repeat("x", MaxRequest-1000)), 1},
	} {
		b := newBackend()
		_, err := clientOf(t, handlerOf(b)).CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0, Reports: c.reports})
		require.NoError(t, err, name)
		require.Equal(t, c.reports[:c.want], b.last(t).Reports, name)
	}
	_, err := clientOf(t, handlerOf(newBackend())).CheckIn(t.Context(),
		manifest.CheckIn{Asset: asset, At: t0, Reports: reports(1, strings.Repeat("x", MaxRequest))})
	require.ErrorContains(t, err, "at most")
}

func TestClientRefusesAnotherAsset(t *testing.T) {
	b := newBackend()
	_, err := clientOf(t, handlerOf(b)).CheckIn(t.Context(), manifest.CheckIn{Asset: "web-2", At: t0})
	require.ErrorContains(t, err, "web-2")
	require.Empty(t, b.calls)
}

func TestConfigValidate(t *testing.T) {
	require.NoError(t, configOf("https://patch.example:8443/base").Validate())
	for server, field := range map[string]string{
		"": "server", "patch.example": "server", "ftp://patch.example": "server", "http://": "server", "http://a b/": "server",
		"https://user:pass@patch.example": "server", "https://patch.example?x=1": "server", "https://patch.example#x": "server",
	} {
		err := configOf(server).Validate()
		var invalid *job.Invalid
		require.ErrorAs(t, err, &invalid, server)
		require.Equal(t, field, invalid.Problems[0].Field)
		require.NotContains(t, err.Error(), "pass@")
	}
	_, err := NewClient(Config{Server: "x", Asset: "a/b", Key: ed25519.PrivateKey("short"), Timeout: -1})
	var invalid *job.Invalid
	require.ErrorAs(t, err, &invalid)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
	}
	require.Equal(t, []string{"server", "asset", "key", "timeout"}, fields)
}

// Large requests are compressed, small ones are not, and both are signed as sent.
func TestClientCompresses(t *testing.T) {
	var encodings []string
	var lengths []int64
	client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encodings, lengths = append(encodings, r.Header.Get("Content-Encoding")), append(lengths, r.ContentLength)
		handlerOf(newBackend()).ServeHTTP(w, r)
	}))
	for _, list := range [][]job.Report{reports(1, ""), reports(100, "hello")} {
		_, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0, Reports: list})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"", "gzip"}, encodings)
	require.Less(t, lengths[1], int64(2000))
}

// The authenticated bytes, so that another implementation can be written from
// the package comment.
func TestProvenMessage(t *testing.T) {
	s := signed{method: "POST", target: PathCheckIn, asset: asset, key: "sha256:00", time: t0, content: contentOf([]byte("{}"))}
	require.Equal(t, "patchpolicy-request-v1\nPOST\n/v1/agent/check-in\nweb-1\nsha256:00\n2026-01-31T12:00:00Z\n"+
		"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n", string(s.message()))
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(s.message())
	require.True(t, s.provenBy(secret, base64.StdEncoding.EncodeToString(mac.Sum(nil))))
	require.False(t, s.provenBy(manifest.Secret{}, base64.StdEncoding.EncodeToString(mac.Sum(nil))))
	require.False(t, s.provenBy(secret, ""))
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(agentKey, s.message()))
	require.True(t, s.signedBy(public(agentKey), signature))
	require.False(t, s.signedBy(public(otherKey), signature))
	require.False(t, s.signedBy(nil, signature))
}

func FuzzReadProblem(f *testing.F) {
	f.Add(400, mediaProblem, []byte(`{"type":"urn:patchpolicy:problem:invalid","error":"x"}`))
	f.Add(200, "", []byte(nil))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		p := readProblem(status, contentType, body)
		require.Equal(t, status, p.Status)
		require.NotEmpty(t, p.Error())
		_ = errors.Is(p, manifest.ErrInvalid)
	})
}

func TestCompressLeavesWhatDoesNotShrink(t *testing.T) {
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(i*i*31 + i*i*i>>5 + (i*2654435761)>>13)
	}
	once := zip(bytes.Repeat(noise, 1))
	b, compressed := compress(once)
	require.False(t, compressed)
	require.Equal(t, once, b)
}

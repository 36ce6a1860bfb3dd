package agenthttp

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// between is an attacker on the network: it may change the server's answers,
// including headers.
func between(h http.Handler, change func(*http.Request, *httptest.ResponseRecorder) (status int, body []byte)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		status, body := change(r, rec)
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

// An attacker in between cannot change an answer, make one up, or pass off
// another call's (MAN-12).
func TestLyingAboutAnswers_MAN12(t *testing.T) {
	var recorded *httptest.ResponseRecorder
	edit := func(from, to string) func(*http.Request, *httptest.ResponseRecorder) (int, []byte) {
		return func(_ *http.Request, rec *httptest.ResponseRecorder) (int, []byte) {
			require.Contains(t, rec.Body.String(), from)
			return rec.Code, []byte(strings.Replace(rec.Body.String(), from, to, 1))
		}
	}
	for name, change := range map[string]func(*http.Request, *httptest.ResponseRecorder) (int, []byte){
		"more acknowledged than was sent": edit(`"acknowledged":3`, `"acknowledged":18446744073709551615`),
		"less":                            edit(`"acknowledged":3`, `"acknowledged":2`),
		"another time":                    edit("2026-01-31T12", "2026-01-31T18"),
		"another manifest":                edit(`"acknowledged":3`, `"acknowledged":3,"manifest":"e30="`),
		"a trust document":                edit(`"acknowledged":3`, `"acknowledged":3,"trust":["e30="]`),
		"the proof is gone": func(_ *http.Request, rec *httptest.ResponseRecorder) (int, []byte) {
			rec.Header().Del(HeaderProof)
			return rec.Code, rec.Body.Bytes()
		},
		"the request's proof is sent back": func(r *http.Request, rec *httptest.ResponseRecorder) (int, []byte) {
			rec.Header().Set(HeaderProof, r.Header.Get(HeaderProof))
			return rec.Code, rec.Body.Bytes()
		},
		"the answer to another call": func(_ *http.Request, rec *httptest.ResponseRecorder) (int, []byte) {
			rec.Header()[HeaderProof] = recorded.Header()[HeaderProof]
			return recorded.Code, recorded.Body.Bytes()
		},
		"a refusal in its place": func(_ *http.Request, rec *httptest.ResponseRecorder) (int, []byte) {
			rec.Header().Set("Content-Type", mediaProblem)
			return http.StatusUnauthorized, newProblem(UnknownAsset, "you were removed").body()
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := t0
			h := NewHandler(newBackend(), Options{Clock: func() time.Time { return now }})
			recorded = send(h, "POST", PathCheckIn, checkInBody(t))
			client := clientOf(t, between(h, change), func(c *Config) { c.Clock = func() time.Time { return now.Add(time.Second) } })
			answer, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
			require.Error(t, err)
			require.NotErrorIs(t, err, manifest.ErrRefused, "nobody but the server refuses for good (MAN-7)")
			require.Zero(t, answer)
		})
	}
}

// A refusal that is not the server's own is a failed call, and its time does
// not count (MAN-7, MAN-12).
func TestAuthenticRefusals_MAN7_MAN12(t *testing.T) {
	b := newBackend()
	b.err = manifest.ErrUnknownAsset
	_, err := clientOf(t, handlerOf(b)).CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	require.ErrorIs(t, err, manifest.ErrRefused)
	require.ErrorIs(t, err, manifest.ErrUnknownAsset)
	for _, busy := range []error{manifest.ErrUnavailable, errors.New("disk full")} {
		b.err = busy
		_, err = clientOf(t, handlerOf(b)).CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
		require.Error(t, err)
		require.NotErrorIs(t, err, manifest.ErrRefused, "it may succeed later")
	}
	calls := 0
	client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		p := newProblem(Clock, "it is later than you think")
		p.Now = t0.AddDate(1, 0, 0)
		p.write(w, p.body())
	}))
	_, err = client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	require.Error(t, err)
	require.Equal(t, 1, calls, "nothing is sent again with a made-up time")
	require.Zero(t, client.skew.Load())
}

// unread fails the test when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read before its sender is known")
	return 0, io.EOF
}
func (unread) Close() error { return nil }

// No byte of an unproven request's body is read, and its answer does not reveal
// which names exist.
func TestNothingIsReadBeforeTheProof_MAN12(t *testing.T) {
	answers := map[string]bool{}
	for name, change := range map[string]func(*http.Request){
		"a proof that does not hold": header(HeaderProof, encodeProof(make([]byte, 32))),
		"an unknown asset":           header(HeaderAsset, "web-9"),
		"another key":                header(HeaderKey, "sha256:00"),
	} {
		w := send(handlerOf(newBackend()), "POST", PathCheckIn, checkInBody(t), change, func(r *http.Request) { r.Body = unread{t} })
		requireProblem(t, w, NotSigned)
		require.Empty(t, w.Header().Get(HeaderProof), name)
		answers[w.Body.String()] = true
	}
	require.Len(t, answers, 1)
}

// One bound covers all bodies in progress: a slow sender holds no more than it
// has sent.
func TestBodiesAreBoundedTogether_MAN12(t *testing.T) {
	const limit = 4 << 20
	h := NewHandler(newBackend(), Options{Clock: clock, MaxBodies: limit})
	server := httptest.NewServer(h)
	defer server.Close()
	big := append(checkInBody(t), bytes.Repeat([]byte(" "), limit*3/4)...)
	post := func(send io.Reader) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+PathCheckIn, send)
		require.NoError(t, err)
		req.ContentLength = int64(len(big))
		req.Header.Set("Content-Type", mediaJSON)
		prove(req.Header, claim("POST", PathCheckIn, big), secret)
		return server.Client().Do(req)
	}
	var writers []*io.PipeWriter
	done := make(chan int)
	for range 6 { // each sends 1 MiB and then nothing: more than fit together
		r, w := io.Pipe()
		writers = append(writers, w)
		go func() {
			resp, err := post(r)
			if err != nil {
				done <- 0
				return
			}
			_ = resp.Body.Close()
			done <- resp.StatusCode
		}()
		go func() { _, _ = w.Write(big[:1<<20]) }()
	}
	require.Equal(t, http.StatusServiceUnavailable, <-done, "too many at a time")
	for _, w := range writers {
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
	}
	for range 5 {
		<-done
	}
	require.Eventually(t, func() bool {
		resp, err := post(bytes.NewReader(big))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond, "what they held is given back")
}

// Nothing secret is sent before the server is known to be the right one. Over
// plain http beyond the loopback that takes a fingerprint and a setting that
// allows it.
func TestNothingSecretGoesToTheWrongServer_MAN12(t *testing.T) {
	var said []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		said = append(said, r.URL.Path+" "+string(body))
		handlerOf(newBackend()).ServeHTTP(w, r)
	}))
	defer server.Close()
	e := enrolment()
	e.Token = "a secret"
	_, _, err := Enrol(t.Context(), configOf(server.URL), e, "sha256:"+strings.Repeat("0", 64))
	_, ok := errors.AsType[*manifest.Distrusted](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []string{PathTrust + " "}, said)

	for _, server := range []string{"http://patch.example", "http://10.1.2.3:8443", "http://localhost.example"} {
		_, _, err := Enrol(t.Context(), configOf(server), e, manifest.TrustFingerprint(trust))
		require.ErrorContains(t, err, "plain http", server)
		_, _, err = Enrol(t.Context(), configOf(server, func(c *Config) { c.PlainHTTP = true }), e, "")
		require.ErrorContains(t, err, "fingerprint", server)
	}
	for _, server := range []string{"http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://patch.example"} {
		require.NoError(t, configOf(server).Validate(), server)
	}
}

// The client follows trust documents and uses the exchange key that the newest
// names. An answer with a version that it does not accept is passed on for the
// agent to report.
func TestClientFollowsTrust_MAN13(t *testing.T) {
	first, err := manifest.OpenTrust(trust)
	require.NoError(t, err)
	second := first
	second.Version++
	second.Exchange = must(manifest.AgentExchange(otherKey)) // any other X25519 key
	sealed := must(manifest.SealTrust(second, manifest.NewSigner(serverKey)))
	b := newBackend()
	b.answer.Trust = [][]byte{sealed}
	client := clientOf(t, handlerOf(b))
	_, err = client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	require.NoError(t, err)
	require.Equal(t, must(manifest.AgentSecret(agentKey, asset, second.Exchange)), client.server.Load().secret)

	forged := must(manifest.SealTrust(second, manifest.NewSigner(otherKey)))
	b.answer.Trust = [][]byte{forged}
	client = clientOf(t, handlerOf(b))
	answer, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
	require.NoError(t, err)
	require.Len(t, answer.Trust, 1)
	require.Equal(t, secret, client.server.Load().secret)
}

func TestLeave(t *testing.T) {
	b := newBackend()
	client := clientOf(t, handlerOf(b))
	require.NoError(t, client.Leave(t.Context()))
	require.Len(t, b.left, 1)
	b.err = manifest.ErrUnknownAsset
	require.ErrorIs(t, client.Leave(t.Context()), manifest.ErrRefused)
	requireProblem(t, send(handlerOf(b), "POST", PathLeave, []byte("{}"), header(HeaderProof, "AA==")), NotSigned)
	require.Len(t, b.left, 2)
}

// An enrolment is refused if another key than its own sent it, or if its sender
// did not sign the exchange key.
func TestEnrolmentCannotBeSplit_MAN12(t *testing.T) {
	e := enrolment()
	signedBody := marshal(t, e)
	e.Exchange = must(manifest.AgentExchange(otherKey))
	swapped := marshal(t, e)
	w := send(handlerOf(newBackend()), "POST", PathEnrol, signedBody, body(string(swapped)))
	requireProblem(t, w, NotSigned)
	s := claim("POST", PathEnrol, swapped)
	w = send(handlerOf(newBackend()), "POST", PathEnrol, swapped, func(r *http.Request) {
		s.headers(r.Header, ed25519.Sign(otherKey, s.message()))
	})
	requireProblem(t, w, NotSigned)
}

// BenchmarkCheckIn measures a call with nothing new in the handler alone,
// against the signature that it replaces.
func BenchmarkCheckIn(b *testing.B) {
	in, err := json.Marshal(manifest.CheckIn{Asset: asset, At: t0, Held: 7})
	require.NoError(b, err)
	h := handlerOf(newBackend())
	b.Run("call", func(b *testing.B) {
		for b.Loop() {
			if w := send(h, "POST", PathCheckIn, in); w.Code != http.StatusOK {
				b.Fatal(w.Code)
			}
		}
	})
	b.Run("MAC", func(b *testing.B) {
		s := claim("POST", PathCheckIn, in)
		proof := encodeProof(secret.MAC(requestContext, s.parts()...))
		for b.Loop() {
			if !s.provenBy(secret, proof) {
				b.Fatal("not proven")
			}
		}
	})
	b.Run("agreement", func(b *testing.B) {
		public := must(manifest.AgentExchange(agentKey))
		for b.Loop() {
			must(manifest.ServerSecrets([]*ecdh.PrivateKey{exchange}, asset, "sha256:00", public))
		}
	})
	b.Run("Ed25519", func(b *testing.B) {
		s := claim("POST", PathCheckIn, in)
		proof := encodeProof(ed25519.Sign(agentKey, s.message()))
		for b.Loop() {
			if !s.signedBy(public(agentKey), proof) {
				b.Fatal("not signed")
			}
		}
	})
}

// A damaged body or compression is refused without a proof. To the agent that
// is a failed call, not an answer after which nothing starts (MAN-7).
func TestNobodyElseMakesRefusals_MAN7_MAN12(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"a byte of the body":       body(strings.Replace(string(checkInBody(t)), "hello", "hullo", 1)),
		"a packing nobody knows":   header("Content-Encoding", "br"),
		"a packing it has not got": header("Content-Encoding", "gzip"),
		"another type":             header("Content-Type", "text/plain"),
	} {
		w := send(handlerOf(newBackend()), "POST", PathCheckIn, checkInBody(t), spoil)
		require.NotEqual(t, http.StatusOK, w.Code, name)
		require.Empty(t, w.Header().Get(HeaderProof), name)
	}
	w := send(handlerOf(newBackend()), "POST", PathEnrol, marshal(t, manifest.Enrolment{
		Token: "token", Asset: asset, Key: public(agentKey), Platform: 1, Architecture: "amd64",
	}))
	requireProblem(t, w, Invalid)
}

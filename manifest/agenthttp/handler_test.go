package agenthttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func checkInBody(t testing.TB) []byte {
	return marshal(t, manifest.CheckIn{Asset: asset, At: t0, Held: 7, Reports: reports(1, "hello")})
}

func zip(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b)
	_ = z.Close()
	return buf.Bytes()
}

// A request reaches the backend's CheckIn only if the asset's own key signed
// exactly this request, just now.
func TestUnsignedIsRefused(t *testing.T) {
	good := checkInBody(t)
	resign := func(change func(*signed)) func(*http.Request) {
		return func(r *http.Request) {
			s := claim("POST", PathCheckIn, good)
			change(&s)
			h := http.Header{}
			prove(h, s, secret)
			r.Header.Set(HeaderProof, h.Get(HeaderProof))
		}
	}
	dated := func(at time.Time) func(*http.Request) {
		return func(r *http.Request) {
			s := claim("POST", PathCheckIn, good)
			s.time = at
			prove(r.Header, s, secret)
		}
	}
	for _, c := range []struct {
		name   string
		want   Kind
		change func(*http.Request)
	}{
		{"no signature", NotSigned, func(r *http.Request) { r.Header.Del(HeaderProof) }},
		{"no time", NotSigned, func(r *http.Request) { r.Header.Del(HeaderTime) }},
		{"no asset", NotSigned, func(r *http.Request) { r.Header.Del(HeaderAsset) }},
		{"two signatures", NotSigned, func(r *http.Request) { r.Header.Add(HeaderProof, r.Header.Get(HeaderProof)) }},
		{"two assets", NotSigned, func(r *http.Request) { r.Header.Add(HeaderAsset, "web-2") }},
		{"an empty signature", NotSigned, header(HeaderProof, "")},
		{"a signature that is no base64", NotSigned, header(HeaderProof, "!")},
		{"a signature of zeroes", NotSigned, header(HeaderProof, strings.Repeat("A", 43)+"=")},
		{"a signature with a line break", NotSigned, func(r *http.Request) {
			r.Header.Set(HeaderProof, r.Header.Get(HeaderProof)[:8]+"\n"+r.Header.Get(HeaderProof)[8:])
		}},
		{"another's key", NotSigned, func(r *http.Request) {
			s := claim("POST", PathCheckIn, good)
			s.key = manifest.Fingerprint(public(otherKey))
			prove(r.Header, s, must(manifest.AgentSecret(otherKey, asset, exchange.PublicKey().Bytes())))
		}},
		{"the body swapped", NotSigned, body(strings.Replace(string(good), "hello", "hullo", 1))},
		{"the body gone", NotSigned, body("")},
		{"signed for another method", NotSigned, resign(func(s *signed) { s.method = "GET" })},
		{"signed for another route", NotSigned, resign(func(s *signed) { s.target = PathEnrol })},
		{"signed for another query", NotSigned, resign(func(s *signed) { s.target += "?x=1" })},
		{"signed for another time", NotSigned, resign(func(s *signed) { s.time = t0.Add(time.Second) })},
		{"signed as another asset", NotSigned, resign(func(s *signed) { s.asset = "web-2" })},
		{"the time changed", NotSigned, header(HeaderTime, "2026-01-31T12:00:01Z")},
		{"a time in another zone", NotSigned, header(HeaderTime, "2026-01-31T13:00:00+01:00")},
		{"a time in other digits", NotSigned, header(HeaderTime, "2026-01-31T12:00:00.0Z")},
		{"not a time", NotSigned, header(HeaderTime, "now")},
		{"a query added", NotSigned, func(r *http.Request) { r.URL.RawQuery = "held=9" }},
		{"not an asset's name", NotSigned, header(HeaderAsset, "../web-1")},
		{"another's secret, our key's name", NotSigned, func(r *http.Request) {
			prove(r.Header, claim("POST", PathCheckIn, good), must(manifest.AgentSecret(otherKey, asset, exchange.PublicKey().Bytes())))
		}},
		{"a signature by the asset's key, as a thief of the database could not make either", NotSigned, func(r *http.Request) {
			s := claim("POST", PathCheckIn, good)
			s.headers(r.Header, ed25519.Sign(agentKey, s.message()))
		}},
		{"an asset nobody knows", NotSigned, header(HeaderAsset, "web-2")},
		{"too old", Clock, dated(t0.Add(-ReplayWindow - 1))},
		{"too far ahead", Clock, dated(t0.Add(ReplayWindow + 1))},
		{"ages old", Clock, dated(time.Time{})},
		{"ages ahead", Clock, dated(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))},
		{"ages old, and not proven", NotSigned, header(HeaderTime, "0001-01-01T00:00:00Z")},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBackend()
			w := send(handlerOf(b), "POST", PathCheckIn, good, c.change)
			p := requireProblem(t, w, c.want)
			require.Empty(t, b.calls)
			if w.Code == http.StatusUnauthorized {
				require.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
			}
			require.Equal(t, c.want == Clock, p.Now.Equal(t0), "the server's time is sent where it helps")
		})
	}

	b := newBackend()
	require.Equal(t, http.StatusOK, send(handlerOf(b), "POST", PathCheckIn, good).Code, "the table's own request is good")
	require.Len(t, b.calls, 1)
}

// A recorded request can be replayed for five minutes by the server's clock,
// and no longer.
func TestReplayWindow(t *testing.T) {
	for away, want := range map[time.Duration]int{
		0: 200, ReplayWindow: 200, -ReplayWindow: 200, ReplayWindow + 1: 401, -ReplayWindow - 1: 401,
	} {
		b := newBackend()
		h := NewHandler(b, Options{Clock: func() time.Time { return t0.Add(away) }})
		require.Equal(t, want, send(h, "POST", PathCheckIn, checkInBody(t)).Code, "%v", away)
		require.Len(t, b.calls, map[int]int{200: 1, 401: 0}[want])
	}
}

// An enrolment proves that its sender owns the key it brings.
func TestEnrolmentIsSigned(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   Kind // empty: accepted
		change func(*manifest.Enrolment)
	}{
		{"good", "", func(*manifest.Enrolment) {}},
		{"somebody else's key", Invalid, func(e *manifest.Enrolment) { e.Key = public(otherKey) }},
		{"no key", Invalid, func(e *manifest.Enrolment) { e.Key = nil }},
		{"another name than it signs as", Invalid, func(e *manifest.Enrolment) { e.Asset = "web-2" }},
		{"a bad token", BadToken, func(e *manifest.Enrolment) { e.Token = "guessed" }},
		{"no token", Invalid, func(e *manifest.Enrolment) { e.Token = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := enrolment()
			c.change(&e)
			w := send(handlerOf(newBackend()), "POST", PathEnrol, marshal(t, e))
			if c.want == "" {
				require.Equal(t, http.StatusOK, w.Code)
				return
			}
			requireProblem(t, w, c.want)
		})
	}
	e := marshal(t, enrolment())
	requireProblem(t, send(handlerOf(newBackend()), "POST", PathEnrol, e, body(strings.Replace(string(e), "amd64", "arm64", 1))), NotSigned)
	s := claim("POST", PathEnrol, e)
	s.time = t0.AddDate(-1, 0, 0)
	requireProblem(t, send(handlerOf(newBackend()), "POST", PathEnrol, e, func(r *http.Request) {
		s.headers(r.Header, ed25519.Sign(agentKey, s.message()))
	}), Clock)
	s.key = manifest.Fingerprint(public(otherKey))
	requireProblem(t, send(handlerOf(newBackend()), "POST", PathEnrol, e, func(r *http.Request) {
		s.headers(r.Header, ed25519.Sign(otherKey, s.message()))
	}), Invalid)
}

func TestBadRequests(t *testing.T) {
	gzipped := header("Content-Encoding", "gzip")
	enrol := marshal(t, enrolment())
	bomb := zip(make([]byte, MaxRequest+1))
	require.Less(t, len(bomb), 20_000)
	says := func(more string) []byte { return []byte(`{"asset":"web-1","at":"2026-01-31T12:00:00Z",` + more + `}`) }
	deep := []byte(strings.Repeat("[", 1<<20))

	for _, c := range []struct {
		name           string
		want           Kind
		method, target string
		body           []byte
		change         []func(*http.Request)
	}{
		{"no JSON", Invalid, "POST", PathCheckIn, []byte("hello"), nil},
		{"an empty body", Invalid, "POST", PathCheckIn, nil, nil},
		{"cut JSON", Invalid, "POST", PathCheckIn, checkInBody(t)[:40], nil},
		{"more after it", Invalid, "POST", PathCheckIn, append(checkInBody(t), '}'), nil},
		{"deep nesting", Invalid, "POST", PathCheckIn, deep[:MaxElements], nil},
		{"null", Invalid, "POST", PathCheckIn, []byte("null"), nil},
		{"an enrolment's deep nesting", Invalid, "POST", PathEnrol, deep[:MaxEnrolment], nil},
		{"wrong types", Invalid, "POST", PathCheckIn, []byte(`{"asset":"web-1","held":-1}`), nil},
		{"no time", Invalid, "POST", PathCheckIn, []byte(`{"asset":"web-1"}`), nil},
		{"another asset's check-in", Invalid, "POST", PathCheckIn, []byte(`{"asset":"web-2","at":"2026-01-31T12:00:00Z"}`), nil},
		{"reports with a gap", Invalid, "POST", PathCheckIn, []byte(`{"asset":"web-1","at":"2026-01-31T12:00:00Z","reports":[{"sequence":1},{"sequence":3}]}`), nil},
		{"not gzip", Invalid, "POST", PathCheckIn, checkInBody(t), []func(*http.Request){gzipped}},
		{"cut gzip", Invalid, "POST", PathCheckIn, zip(checkInBody(t))[:60], []func(*http.Request){gzipped}},
		{"gzip with more after it", Invalid, "POST", PathCheckIn, append(zip(checkInBody(t)), 'x'), []func(*http.Request){gzipped}},
		{"gzip not announced", Invalid, "POST", PathCheckIn, zip(checkInBody(t)), nil},
		{"another compression", WrongType, "POST", PathCheckIn, checkInBody(t), []func(*http.Request){header("Content-Encoding", "br")}},
		{"a gzip bomb", TooLarge, "POST", PathCheckIn, bomb, []func(*http.Request){gzipped}},
		{"a gzip bomb in an enrolment", TooLarge, "POST", PathEnrol, bomb, []func(*http.Request){gzipped}},
		{"too large", TooLarge, "POST", PathCheckIn, make([]byte, MaxRequest+1), nil},
		{"too large, length unknown", TooLarge, "POST", PathCheckIn, make([]byte, MaxRequest+1), []func(*http.Request){func(r *http.Request) { r.ContentLength = -1 }}},
		{"a list that would take half a gigabyte", TooLarge, "POST", PathCheckIn, []byte(`{"reports":[{}` + strings.Repeat(",{}", MaxRequest/3-10) + `]}`), nil},
		{"the same in an inventory", TooLarge, "POST", PathCheckIn, []byte(`{"inventory":{"installed":[0` + strings.Repeat(",0", MaxElements) + `]}}`), nil},
		{"too large an enrolment", TooLarge, "POST", PathEnrol, make([]byte, MaxEnrolment+1), nil},
		{"form data", WrongType, "POST", PathCheckIn, checkInBody(t), []func(*http.Request){header("Content-Type", "application/x-www-form-urlencoded")}},
		{"no type", WrongType, "POST", PathEnrol, enrol, []func(*http.Request){func(r *http.Request) { r.Header.Del("Content-Type") }}},
		{"GET check-in", WrongMethod, "GET", PathCheckIn, nil, nil},
		{"GET enrol", WrongMethod, "GET", PathEnrol, nil, nil},
		{"HEAD check-in", WrongMethod, "HEAD", PathCheckIn, nil, nil},
		{"a method nobody knows", WrongMethod, "BREW", PathCheckIn, nil, nil},
		{"no route", NotFound, "GET", "/", nil, nil},
		{"below a route", NotFound, "POST", PathCheckIn + "/x", nil, nil},
		{"no clock", Invalid, "POST", PathCheckIn, []byte(`{"asset":"web-1","held":7}`), nil},
		{"a negative revision", Invalid, "POST", PathCheckIn, says(`"held":-7`), nil},
		{"a revision too large", Invalid, "POST", PathCheckIn, says(`"held":18446744073709551616`), nil},
		{"not an offset", Invalid, "POST", PathCheckIn, says(`"offset":"1h"`), nil},
		{"not a flag", Invalid, "POST", PathCheckIn, says(`"lastCall":"perhaps"`), nil},
		{"a boot identity too long", Invalid, "POST", PathCheckIn, says(`"boot":"` + strings.Repeat("b", manifest.MaxWord+1) + `"`), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBackend()
			w := send(handlerOf(b), c.method, c.target, c.body, c.change...)
			requireProblem(t, w, c.want)
			require.Empty(t, b.calls)
			if c.want == WrongMethod {
				require.NotEmpty(t, w.Header().Get("Allow"))
			}
		})
	}
}

func TestRequestAtTheLimit(t *testing.T) {
	pad := func(b []byte, n int) []byte { return append(b, bytes.Repeat([]byte(" "), n-len(b))...) }
	h := handlerOf(newBackend())
	require.Equal(t, 200, send(h, "POST", PathCheckIn, pad(checkInBody(t), MaxRequest)).Code)
	require.Equal(t, 200, send(h, "POST", PathCheckIn, zip(pad(checkInBody(t), MaxRequest)), header("Content-Encoding", "gzip")).Code)
	require.Equal(t, 200, send(h, "POST", PathEnrol, pad(marshal(t, enrolment()), MaxEnrolment)).Code)
}

func TestElements(t *testing.T) {
	for text, want := range map[string]int{
		``: 0, `{}`: 0, `{"a":1,"b":2}`: 0, `[1]`: 1, `[1,2,3]`: 3, `[null,{},"x"]`: 3, `{"a":[1,2],"b":[{"c":1,"d":[5,6]}]}`: 5,
		`["a,b","c\",d","e\\",4]`: 4, `{"a,[":"[,,,]"}`: 0, `]]],,`: 0, `[{"a":1,"b":2},{"a":1,"b":2}]`: 2,
	} {
		require.Equal(t, want, elements([]byte(text)), text)
	}
	fits := []byte(`{"asset":"web-1","at":"2026-01-31T12:00:00Z","later":[0` + strings.Repeat(",0", MaxElements-1) + `]}`)
	require.Equal(t, 200, send(handlerOf(newBackend()), "POST", PathCheckIn, fits).Code)
}

// The agent sees the backend's refusals. The backend's own failures are logged
// and not sent.
func TestBackendErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Kind
		text string
	}{
		{fmt.Errorf("%w: it was removed", manifest.ErrUnknownAsset), UnknownAsset, "it was removed"},
		{fmt.Errorf("%w: report 3: no such order", manifest.ErrInvalid), Invalid, "no such order"},
		{&job.Invalid{What: "check-in", Problems: []job.Problem{{Field: "held", Text: "is from the future"}}}, Invalid, "is from the future"},
		{fmt.Errorf("%w: starting up", manifest.ErrUnavailable), Unavailable, "starting up"},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), Unavailable, ""},
		{fmt.Errorf("query: %w", context.Canceled), Unavailable, ""},
		{manifest.ErrBadToken, BadToken, ""},
		{manifest.ErrAssetExists, AssetExists, ""},
		{errors.New("disk I/O error at /secret/path"), Internal, ""},
	} {
		var log bytes.Buffer
		b := newBackend()
		b.err = c.err
		h := NewHandler(b, Options{Clock: clock, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		w := send(h, "POST", PathCheckIn, checkInBody(t))
		p := requireProblem(t, w, c.want)
		require.Contains(t, p.Text, c.text)
		require.NotContains(t, w.Body.String(), "secret")
		require.Equal(t, c.want == Internal, strings.Contains(log.String(), "secret"), "logged: %q", log.String())
		require.Equal(t, c.want == Unavailable, w.Header().Get("Retry-After") != "")
	}
}

func TestAnswersAreNotCachedAndCompressedOnRequest(t *testing.T) {
	b := newBackend()
	b.answer.Manifest = make([]byte, 100_000)
	for accept, compressed := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip;q=x": false, "identity": false, "*": false, ";;": false,
	} {
		w := send(handlerOf(b), "POST", PathCheckIn, checkInBody(t), header("Accept-Encoding", accept))
		require.Equal(t, 200, w.Code)
		require.Equal(t, compressed, w.Header().Get("Content-Encoding") == "gzip", accept)
		require.Equal(t, compressed, w.Body.Len() < 10_000, accept)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

func TestKinds(t *testing.T) {
	for k := range about {
		require.True(t, strings.HasPrefix(string(k), "urn:patchpolicy:problem:"))
		w := httptest.NewRecorder()
		p := newProblem(k, "because")
		p.write(w, p.body())
		p = requireProblem(t, w, k)
		require.Contains(t, p.Error(), "because")
		require.Contains(t, p.Error(), p.Hint)
		if is := about[k].is; is != nil {
			require.ErrorIs(t, p, is)
		}
		require.NotErrorIs(t, p, context.Canceled)
	}
}

// FuzzHandler: an enrolled asset that sends anything gets an answer, never an
// internal error.
func FuzzHandler(f *testing.F) {
	f.Add(uint8(0), false, checkInBody(f))
	f.Add(uint8(0), true, zip(checkInBody(f)))
	f.Add(uint8(1), false, marshal(f, enrolment()))
	f.Fuzz(func(t *testing.T, route uint8, gzipped bool, body []byte) {
		target := []string{PathCheckIn, PathEnrol}[route%2]
		r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(body))
		r.Header.Set("Content-Type", mediaJSON)
		if gzipped {
			r.Header.Set("Content-Encoding", "gzip")
		}
		s := claim(http.MethodPost, target, body)
		if prove(r.Header, s, secret); target == PathEnrol {
			s.headers(r.Header, ed25519.Sign(agentKey, s.message()))
		}
		b := newBackend()
		w := httptest.NewRecorder()
		handlerOf(b).ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK:
			for _, in := range b.calls {
				require.NoError(t, in.Validate())
				require.Equal(t, asset, in.Asset)
			}
		case http.StatusInternalServerError:
			t.Fatal(w.Code)
		default:
			require.Empty(t, b.calls)
			p := readProblem(w.Code, w.Header().Get("Content-Type"), w.Body.Bytes())
			require.NotZero(t, p.Kind)
		}
	})
}

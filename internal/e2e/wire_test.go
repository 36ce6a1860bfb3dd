package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// wire is the network between agents and a server. Its address stays the same
// when the server starts again at another one. A test can look at what passes
// and cut it.
type wire struct {
	url   string
	mu    sync.Mutex
	at    string
	watch watch
}

// watch is called for each check-in that brings something, and returns what
// happens to it.
type watch func(manifest.CheckIn) fate

// fate is what happens to a check-in.
type fate struct {
	cut  bool                             // it does not reach the server
	lose bool                             // the answer does not reach the agent
	lie  func(*httptest.ResponseRecorder) // changes the answer; may be nil
	then func()                           // called before the connection ends or the answer is sent; may be nil
}

func newWire(t *testing.T) *wire {
	w := &wire{}
	listener := httptest.NewServer(w)
	t.Cleanup(listener.Close)
	w.url = listener.URL
	return w
}

// to sets the server's address; empty: no server runs, and check-ins are not
// watched.
func (w *wire) to(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = addr
}

// watching sets the watch; nil: none.
func (w *wire) watching(f watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch = f
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	at, watch := w.at, w.watch
	w.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, agenthttp.MaxRequest))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if at == "" {
		panic(http.ErrAbortHandler)
	}
	var f fate
	if watch != nil && r.URL.Path == agenthttp.PathCheckIn {
		f = watch(checkIn(r, body))
	}
	answer := httptest.NewRecorder()
	if f.lie != nil {
		r.Header.Del("Accept-Encoding") // so that it can be read
	}
	down := f.cut
	if !f.cut {
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: at})
		proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { down = true }
		proxy.ServeHTTP(answer, r)
	}
	if f.lie != nil && !down {
		f.lie(answer)
	}
	if f.then != nil {
		f.then()
	}
	if down || f.lose { // no answer comes
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		rw.Header()[name] = values
	}
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes())
}

// checkIn reads a check-in; one that cannot be read is empty.
func checkIn(r *http.Request, body []byte) (in manifest.CheckIn) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return in
		}
		if body, err = io.ReadAll(io.LimitReader(z, agenthttp.MaxRequest)); err != nil {
			return in
		}
	}
	_ = json.Unmarshal(body, &in)
	return in
}

// brings reports whether a check-in has a result.
func brings(in manifest.CheckIn, result job.Result) bool {
	return slices.ContainsFunc(in.Reports, func(r job.Report) bool { return r.Result == result })
}

// once makes a watch that acts on the first check-in with a result, and on no
// other. Acted is closed afterwards.
func once(result job.Result, act func() fate) (w watch, acted <-chan struct{}) {
	done := make(chan struct{})
	var mu sync.Mutex
	begun := false
	return func(in manifest.CheckIn) fate {
		mu.Lock()
		defer mu.Unlock()
		if begun || !brings(in, result) {
			return fate{}
		}
		begun = true
		f := act()
		then := f.then
		f.then = func() {
			if then != nil {
				then()
			}
			close(done)
		}
		return f
	}, done
}

func TestWireReadsCheckIns(t *testing.T) {
	sent := manifest.CheckIn{Asset: "a", Reports: []job.Report{{Sequence: 1, Result: job.Completed}}}
	plain, err := json.Marshal(sent)
	require.NoError(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(plain)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	r := httptest.NewRequest(http.MethodPost, agenthttp.PathCheckIn, nil)
	require.True(t, brings(checkIn(r, plain), job.Completed))
	r.Header.Set("Content-Encoding", "gzip")
	require.True(t, brings(checkIn(r, packed.Bytes()), job.Completed))
	require.False(t, brings(checkIn(r, packed.Bytes()), job.Failed))
	require.False(t, brings(checkIn(r, plain), job.Completed), "no gzip")
}

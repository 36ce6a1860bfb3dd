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

// wire is the network between agents and a server: it stays where it is when the server is started anew elsewhere, and a test can
// look at what passes and cut it.
type wire struct {
	url string
	mu  sync.Mutex
	at  string
	// watch is told of every check-in before the server is, and, when it returned a function, that one after the server answered.
	// Cut means that nobody gets an answer.
	watch func(manifest.CheckIn) (cut bool, after func())
}

func newWire(t *testing.T) *wire {
	w := &wire{}
	listener := httptest.NewServer(w)
	t.Cleanup(listener.Close)
	w.url = listener.URL
	return w
}

// to sets where the server is.
func (w *wire) to(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = addr
}

// watching sets who looks at the check-ins; nil: nobody.
func (w *wire) watching(f func(manifest.CheckIn) (cut bool, after func())) {
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
	var after func()
	if watch != nil && r.URL.Path == agenthttp.PathCheckIn {
		var cut bool
		if cut, after = watch(checkIn(r, body)); cut {
			panic(http.ErrAbortHandler)
		}
	}
	answer := httptest.NewRecorder()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: at})
	down := false
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { down = true }
	proxy.ServeHTTP(answer, r)
	if after != nil {
		after()
	}
	if down { // a server that is not there answers nothing
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

// tells reports whether a check-in brings the result of an order.
func tells(in manifest.CheckIn, result job.Result) bool {
	return slices.ContainsFunc(in.Reports, func(r job.Report) bool { return r.Result == result })
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
	require.True(t, tells(checkIn(r, plain), job.Completed))
	r.Header.Set("Content-Encoding", "gzip")
	require.True(t, tells(checkIn(r, packed.Bytes()), job.Completed))
	require.False(t, tells(checkIn(r, packed.Bytes()), job.Failed))
	require.False(t, tells(checkIn(r, plain), job.Completed), "no gzip")
}

package agenthttp

import (
	"context"
	"net/http"
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// NewServer returns a server for handler with timeouts that keep a slow or
// silent peer from holding a connection: 10 s for the headers, 1 min for a
// whole request, 1 min for the handler and its answer, 2 min between requests.
// Headers have at most [MaxHeader] bytes.
//
// An agent that sends less than 140 kB/s may need more time for a request of
// [MaxRequest]; for such agents use a server with other timeouts. NewServer
// panics if handler is nil, because net/http would then serve whatever else the
// program has registered.
func NewServer(addr string, handler http.Handler) *http.Server {
	if handler == nil {
		panic("agenthttp.NewServer: the handler is nil")
	}
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute, // from the end of the headers: 1 min to read, 1 min to answer
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    MaxHeader,
	}
}

// FromController returns the Server of package job/runner for an agent in the
// same process as its server. A nil clock is time.Now. It panics if c is nil.
func FromController(c Backend, clock func() time.Time) Local {
	if c == nil {
		panic("agenthttp.FromController: the controller is nil")
	}
	if clock == nil {
		clock = time.Now
	}
	return Local{c, clock}
}

// Local calls a server in the same process. Make one with [FromController]. It is
// safe for concurrent use.
type Local struct {
	backend Backend
	now     func() time.Time
}

// CheckIn calls the server.
func (l Local) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	return l.backend.CheckIn(ctx, in, l.now())
}

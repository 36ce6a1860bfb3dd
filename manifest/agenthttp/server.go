package agenthttp

import (
	"net/http"
	"time"
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

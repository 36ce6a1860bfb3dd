package agenthttp

import (
	"net/http"
	"time"
)

// NewServer returns a server for handler with the timeouts that keep a slow or silent peer from holding a connection:
// 10 s for the headers, 1 min for a whole request, 1 min for the handler and its answer, 2 min between requests.
// Headers are bounded by MaxHeader. An agent that needs longer for a request of MaxRequest has under 140 kB/s; put a
// server with its own timeouts around the handler for such. It panics if handler is nil, for which package http would
// serve whatever else the program has registered.
func NewServer(addr string, handler http.Handler) *http.Server {
	if handler == nil {
		panic("agenthttp.NewServer: the handler is nil")
	}
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute, // counted from the end of the headers: a minute to read, one to answer
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    MaxHeader,
	}
}

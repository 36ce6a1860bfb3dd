package agenthttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// pipes is a listener without a network, so that time in these tests is virtual.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve runs a NewServer on pipes until the bubble's test ends. A goroutine
// left by server or client fails the bubble.
func serve(t *testing.T, h http.Handler) *pipes {
	listener := newPipes()
	server := NewServer("", h)
	server.ErrorLog = log.New(io.Discard, "", 0)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return listener
}

func pipeClient(t *testing.T, p *pipes, change ...func(*Config)) *Client {
	c, err := NewClient(configOf("http://server", append(change, func(c *Config) {
		c.PlainHTTP, c.Clock, c.Transport = true, time.Now, &http.Transport{DialContext: p.dial}
	})...))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// Server and client leave no goroutine: the bubble would not end.
func TestNothingIsLeftRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend()
		client := pipeClient(t, serve(t, NewHandler(b, Options{})))
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				in := manifest.CheckIn{Asset: asset, At: time.Now(), Held: 7}
				if i%2 == 0 {
					in.Reports = reports(50, "hello")
				}
				if _, err := client.CheckIn(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Len(t, b.calls, 20)
	})
}

// A peer that sends nothing, stops in the headers, or sends a byte per second
// is disconnected.
func TestSlowPeersAreLetGo(t *testing.T) {
	for name, c := range map[string]struct {
		say   string
		drip  bool
		most  time.Duration
		least time.Duration
	}{
		"silent":            {"", false, 10 * time.Second, 10 * time.Second},
		"stops in a header": {"POST " + PathCheckIn + " HTTP/1.1\r\nHost: x\r\nX-Slow: ", false, 10 * time.Second, 10 * time.Second},
		"drips its headers": {"POST " + PathCheckIn + " HTTP/1.1\r\nHost: x\r\nX-Slow: ", true, 11 * time.Second, 10 * time.Second},
		"idle after a call": {"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", false, 2 * time.Minute, 2 * time.Minute},
		"drips its body":    {signedHead(), true, 62 * time.Second, 59 * time.Second},
		"stops in its body": {signedHead() + "{", false, 62 * time.Second, 59 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := serve(t, NewHandler(newBackend(), Options{Clock: clock}))
				conn, err := p.dial(t.Context(), "", "")
				require.NoError(t, err)
				began := time.Now()
				gone := make(chan struct{})
				go func() { // read whatever comes, until the server hangs up
					defer close(gone)
					_, _ = io.Copy(io.Discard, bufio.NewReader(conn))
				}()
				_, err = io.WriteString(conn, c.say)
				require.NoError(t, err)
				for c.drip {
					time.Sleep(time.Second) // virtual
					if _, err := io.WriteString(conn, "x"); err != nil {
						require.True(t, errors.Is(err, io.ErrClosedPipe), "%v", err)
						break
					}
				}
				<-gone
				took := time.Since(began)
				require.LessOrEqual(t, took, c.most)
				require.GreaterOrEqual(t, took, c.least)
				require.NoError(t, conn.Close())
			})
		})
	}
}

// signedHead is the headers of a check-in whose body of 1,000 bytes never
// arrives in time.
func signedHead() string {
	h := http.Header{}
	prove(h, claim("POST", PathCheckIn, nil), secret)
	h.Set("Content-Type", mediaJSON)
	h.Set("Content-Length", "1000")
	var head strings.Builder
	_ = h.Write(&head)
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n", PathCheckIn, head.String())
}

// A server that does not answer costs the client its timeout and no more.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}))
		defer close(release)
		client := pipeClient(t, p)
		began := time.Now()
		_, err := client.CheckIn(t.Context(), manifest.CheckIn{Asset: asset, At: t0})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 30*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), lastCallWait)
		defer cancel()
		began = time.Now()
		_, err = client.CheckIn(ctx, manifest.CheckIn{Asset: asset, At: t0, LastCall: true})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, lastCallWait, time.Since(began), "MAN-7: a last call is waited for 10 s at most")
	})
}

const lastCallWait = 10 * time.Second

package agenthttp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Config is a client's settings.
type Config struct {
	// Server is the base URL, http or https, with or without a path.
	//
	// Over plain http a manifest can be neither forged nor altered, because it is signed (MAN-5). But whoever sits on the way can
	// read it, hold it back, and make up the rest of an answer: the server's time, and the acknowledgement of reports it never
	// passed on. Use https wherever the network is not trusted.
	Server string
	// Asset is who calls; of Enrol, the wanted name.
	Asset job.AssetID
	// Key signs every request.
	Key ed25519.PrivateKey
	// Roots are the certificate authorities trusted for https. Default: the system's.
	Roots *x509.CertPool
	// Timeout bounds one request with its answer; a context may end it earlier. Default 30 s (manifest.Timing.Network).
	Timeout time.Duration
	// Clock is the agent's own clock, uncorrected. Default time.Now.
	Clock func() time.Time
	// Transport replaces the client's own, and Roots with it. Default: one that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	Transport http.RoundTripper
}

// Validate says everything that is wrong with the settings. The error is a *job.Invalid.
func (c Config) Validate() error {
	var list problem.List
	u, err := url.Parse(c.Server)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		list.Add("server", c.Server, "is no http or https URL, as https://patch.example:8443")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		list.Add("server", u.Redacted(), "has a user, a query or a fragment; give the base URL alone")
	}
	list.Under("asset", job.ValidID(string(c.Asset)))
	if len(c.Key) != ed25519.PrivateKeySize {
		list.Add("key", "", "has %d bytes; an Ed25519 private key has %d", len(c.Key), ed25519.PrivateKeySize)
	}
	if c.Timeout < 0 {
		list.Add("timeout", c.Timeout.String(), "is negative")
	}
	return list.Err("agent's connection")
}

// Client calls a server. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
	skew   atomic.Int64 // what to add to the own clock when signing, as the server last told, in ns
}

// NewClient returns a client, or the *job.Invalid of Config.Validate. It does not connect.
func NewClient(config Config) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	if config.Transport == nil {
		config.Transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: config.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    1,
			MaxResponseHeaderBytes: MaxHeader,
			ForceAttemptHTTP2:      true,
		}
	}
	return &Client{
		config: config,
		http: &http.Client{
			Transport: config.Transport,
			Timeout:   cmp.Or(config.Timeout, 30*time.Second),
			// A signature is for one place: nothing is followed anywhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close closes idle connections. The client can be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// CheckIn calls the server.
//
// Of more reports than one request may carry only the oldest are sent: the answer acknowledges those, and the caller
// calls again with the rest (MAN-6). The errors are a *Problem when the server refused, and the network's.
func (c *Client) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	if in.Asset != c.config.Asset {
		return manifest.Answer{}, fmt.Errorf("check in: asset %q is not the client's, %q", in.Asset, c.config.Asset)
	}
	in.At = in.At.UTC()
	var answer manifest.Answer
	body, err := encode(in)
	if err == nil {
		err = c.call(ctx, PathCheckIn, body, &answer)
	}
	if err != nil {
		return manifest.Answer{}, fmt.Errorf("check in: %w", err)
	}
	return answer, nil
}

// encode writes a check-in with as many of its reports as fit.
func encode(in manifest.CheckIn) ([]byte, error) {
	in.Reports = in.Reports[:min(len(in.Reports), manifest.MaxReports)]
	for {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		if len(body) <= MaxRequest {
			return body, nil
		}
		if len(in.Reports) <= 1 {
			return nil, fmt.Errorf("the request has %d bytes; at most %d are allowed", len(body), MaxRequest)
		}
		in.Reports = in.Reports[:len(in.Reports)/2]
	}
}

// call posts JSON, a second time if the server objects to the clock, and reads the answer into v.
func (c *Client) call(ctx context.Context, path string, body []byte, v any) error {
	err := c.once(ctx, path, body, v)
	if p, ok := errors.AsType[*Problem](err); ok && p.Kind == Clock && !p.Now.IsZero() {
		c.skew.Store(int64(p.Now.Sub(c.config.Clock())))
		err = c.once(ctx, path, body, v)
	}
	return err
}

func (c *Client) once(ctx context.Context, path string, body []byte, v any) error {
	body, compressed := compress(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.config.Server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaJSON)
	if compressed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	// Every call may be repeated, so one that met a connection just closed is; the empty header itself is not sent.
	req.Header["Idempotency-Key"] = nil
	signed{
		method: http.MethodPost, target: path, asset: c.config.Asset, body: body,
		time: c.config.Clock().Add(time.Duration(c.skew.Load())),
	}.sign(req.Header, c.config.Key)

	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, MaxAnswer))
	switch {
	case isTooLarge(err):
		return fmt.Errorf("the answer is over %d bytes", MaxAnswer)
	case err != nil:
		return fmt.Errorf("read answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return readProblem(resp.StatusCode, resp.Header.Get("Content-Type"), answer)
	case !isMedia(resp.Header.Get("Content-Type"), mediaJSON):
		return readProblem(resp.StatusCode, "", nil)
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

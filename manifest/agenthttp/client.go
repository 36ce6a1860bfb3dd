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
	"net/http"
	"net/url"
	"strconv"
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

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    1,
			MaxResponseHeaderBytes: MaxHeader,
			ForceAttemptHTTP2:      true,
		}
	}
	return c
}

// Validate says everything that is wrong with the settings. The error is a *job.Invalid.
func (c Config) Validate() error {
	var l problem.List
	u, err := url.Parse(c.Server)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		l.Add("server", c.Server, "is no http or https URL, as https://patch.example:8443")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		l.Add("server", u.Redacted(), "has a user, a query or a fragment; give the base URL alone")
	}
	l.Under("asset", job.ValidID(string(c.Asset)))
	if len(c.Key) != ed25519.PrivateKeySize {
		l.Add("key", "", "has %d bytes; an Ed25519 private key has %d", len(c.Key), ed25519.PrivateKeySize)
	}
	if c.Timeout < 0 {
		l.Add("timeout", c.Timeout.String(), "is negative")
	}
	return l.Err("agent's connection")
}

// Client calls a server. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
	base   string
	skew   atomic.Int64 // what to add to the own clock when signing, as the server last told, in ns
}

// NewClient returns a client, or the *job.Invalid of Config.Validate. It does not connect.
func NewClient(config Config) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	return &Client{
		config: config,
		base:   strings.TrimRight(config.Server, "/"),
		http: &http.Client{
			Transport: config.Transport,
			Timeout:   config.Timeout,
			// A signature is for one place: nothing is followed anywhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close closes idle connections. The client can be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// CheckIn calls the server. A call that carries neither reports nor an inventory goes as a conditional GET.
//
// Of more reports than one request may carry only the oldest are sent: the answer acknowledges those, and the caller
// calls again with the rest (MAN-6). The errors are a *Problem when the server refused, and the network's.
func (c *Client) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	if in.Asset != c.config.Asset {
		return manifest.Answer{}, fmt.Errorf("check in: asset %q is not the client's, %q", in.Asset, c.config.Asset)
	}
	in.At = in.At.UTC()
	call := call{method: http.MethodGet, path: PathManifest}
	if len(in.Reports) > 0 || in.Inventory != nil {
		body, err := encode(in)
		if err != nil {
			return manifest.Answer{}, fmt.Errorf("check in: %w", err)
		}
		call = call.post(PathCheckIn, body)
	} else {
		call.query = query(in)
		call.header = http.Header{"If-None-Match": {etag(in.Held)}}
	}
	var answer manifest.Answer
	header, err := c.do(ctx, call, &answer)
	if err == nil && header != nil {
		answer, err = unchanged(header)
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

// unchanged makes the answer that a 304 stands for.
func unchanged(h http.Header) (manifest.Answer, error) {
	at, err := parseTime(h.Get(HeaderTime))
	if err != nil {
		return manifest.Answer{}, fmt.Errorf("header %s: %w", HeaderTime, err)
	}
	n, err := strconv.ParseUint(h.Get(HeaderAcknowledged), 10, 64)
	if err != nil {
		return manifest.Answer{}, fmt.Errorf("header %s: %w", HeaderAcknowledged, err)
	}
	return manifest.Answer{At: at, Acknowledged: job.Sequence(n)}, nil
}

// call is one request, to be signed as often as it takes.
type call struct {
	method, path, query string
	header              http.Header
	body                []byte
}

// post makes the call carry JSON, compressed where that pays.
func (c call) post(path string, body []byte) call {
	c.method, c.path = http.MethodPost, path
	c.header = http.Header{"Content-Type": {mediaJSON}}
	if small, compressed, err := compress(body); err == nil && compressed {
		body = small
		c.header.Set("Content-Encoding", "gzip")
	}
	c.body = body
	return c
}

// do sends the call, a second time if the server objects to the clock, and reads the answer into v.
// The header is that of a 304, nil otherwise.
func (c *Client) do(ctx context.Context, call call, v any) (http.Header, error) {
	header, err := c.once(ctx, call, v)
	if p, ok := errors.AsType[*Problem](err); ok && p.Kind == Clock && !p.Now.IsZero() {
		c.skew.Store(int64(p.Now.Sub(c.config.Clock())))
		header, err = c.once(ctx, call, v)
	}
	return header, err
}

func (c *Client) once(ctx context.Context, call call, v any) (http.Header, error) {
	target := call.path
	if call.query != "" {
		target += "?" + call.query
	}
	req, err := http.NewRequestWithContext(ctx, call.method, c.base+target, bytes.NewReader(call.body))
	if err != nil {
		return nil, err
	}
	if call.header != nil {
		req.Header = call.header.Clone()
	}
	signed{
		method: call.method, target: target, asset: c.config.Asset, body: call.body,
		time: c.config.Clock().Add(time.Duration(c.skew.Load())),
	}.sign(req.Header, c.config.Key)

	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified {
		return resp.Header, nil
	}
	body, err := readAll(resp.Body, MaxAnswer)
	if err != nil {
		if errors.Is(err, errTooLarge) {
			return nil, fmt.Errorf("the answer is over %d bytes", MaxAnswer)
		}
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, readProblem(resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	if !isMedia(resp.Header.Get("Content-Type"), mediaJSON) {
		return nil, readProblem(resp.StatusCode, "", nil)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return nil, nil
}

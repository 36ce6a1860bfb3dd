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
	"net/netip"
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
	// Server is the base URL, with or without a path. It is https, or http on
	// the loopback.
	Server string
	// PlainHTTP allows http elsewhere. Anyone in between can then read
	// everything, including the enrolment token, but can forge or change nothing
	// (MAN-5, MAN-12).
	PlainHTTP bool
	// Asset is the caller. For Enrol it is the name asked for.
	Asset job.AssetID
	// Key is the agent's own key. It signs the enrolment. The secret that
	// authenticates calls comes from it and from the trust document.
	Key ed25519.PrivateKey
	// Trust is the newest accepted version of the server's trust document,
	// sealed. Enrol returns it and does not need it.
	Trust []byte
	// Roots are the certificate authorities trusted for https. Default: the
	// system's.
	Roots *x509.CertPool
	// Timeout bounds one request with its answer; a context may end it earlier.
	// Default 30 s.
	Timeout time.Duration
	// Clock is the agent's own clock, uncorrected. Default time.Now.
	Clock func() time.Time
	// Transport replaces the client's own, and Roots with it. The default honours
	// HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	Transport http.RoundTripper
}

// Validate returns every problem of the settings. The error is a *job.Invalid.
func (c Config) Validate() error {
	var list problem.List
	u, err := url.Parse(c.Server)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		list.Add("server", c.Server, "is not an http or https URL such as https://patch.example:8443")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		list.Add("server", u.Redacted(), "has a user, a query or a fragment; give only the base URL")
	}
	if err == nil && u.Scheme == "http" && !c.PlainHTTP && !Loopback(u.Hostname()) {
		list.Add("server", u.Redacted(), "is plain http, which others can read; give an https URL or allow plain http")
	}
	list.Under("asset", job.ValidID(string(c.Asset)))
	if len(c.Key) != ed25519.PrivateKeySize {
		list.Add("key", "", "has %d bytes; an Ed25519 private key has %d", len(c.Key), ed25519.PrivateKeySize)
	}
	if c.Timeout < 0 {
		list.Add("timeout", c.Timeout.String(), "is negative; give a positive duration, or 0 for 30s")
	}
	return list.Err("agent's connection")
}

// Loopback reports whether host is this machine itself, so that nobody else can
// read plain http.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Client calls a server. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
	skew   atomic.Int64 // ns to add to the own clock when signing; from the server's last refusal
	server atomic.Pointer[trusted]
}

// trusted is what a client trusts its server by.
type trusted struct {
	trust  manifest.Trust
	secret manifest.Secret
}

// NewClient returns a client that trusts Config.Trust. It does not connect. The
// error is the *job.Invalid of [Config.Validate], a *manifest.Distrusted, or
// manifest.ErrExchange.
func NewClient(config Config) (*Client, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	trust, err := manifest.OpenTrust(config.Trust)
	if err == nil {
		err = c.accept(trust)
	}
	return c, err
}

// accept uses a version of the trust document from the next call on.
func (c *Client) accept(trust manifest.Trust) error {
	secret, err := manifest.AgentSecret(c.config.Key, c.config.Asset, trust.Exchange)
	if err != nil {
		return err
	}
	c.server.Store(&trusted{trust, secret})
	return nil
}

func newClient(config Config) (*Client, error) {
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
			// A proof is for one target, so redirects are not followed.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close closes idle connections. The client can be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// CheckIn calls the server. It accepts only an answer that is authenticated as
// the server's answer to this very call (MAN-12), and follows the trust
// documents in it (MAN-13).
//
// If in has more reports than one request may carry, only the oldest are sent.
// The answer acknowledges those, and the caller calls again with the rest
// (MAN-6).
//
// The error wraps a [*Problem] if the server refused, or a network error. If
// the server itself refused, errors.Is finds manifest.ErrRefused.
func (c *Client) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	if in.Asset != c.config.Asset {
		return manifest.Answer{}, fmt.Errorf("check in: the call is for asset %q, but the client's asset is %q", in.Asset, c.config.Asset)
	}
	in.At = in.At.UTC()
	var answer manifest.Answer
	body, err := encode(in)
	if err == nil {
		err = c.proven(ctx, PathCheckIn, body, &answer)
	}
	if err != nil {
		return manifest.Answer{}, fmt.Errorf("check in: %w", err)
	}
	if trust, sealed, _ := c.server.Load().trust.FollowAll(answer.Trust); sealed != nil { // the agent reports a version that is not accepted
		if err := c.accept(trust); err != nil {
			return manifest.Answer{}, fmt.Errorf("check in: %w", err)
		}
	}
	return answer, nil
}

// Leave removes this asset from the server. The errors are those of
// [Client.CheckIn].
func (c *Client) Leave(ctx context.Context) error {
	var nothing struct{}
	if err := c.proven(ctx, PathLeave, []byte("{}"), &nothing); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
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
			return nil, fmt.Errorf("the request has %d bytes, and at most %d are allowed", len(body), MaxRequest)
		}
		in.Reports = in.Reports[:len(in.Reports)/2]
	}
}

// proven posts JSON that is authenticated by the secret and reads the answer
// into v.
func (c *Client) proven(ctx context.Context, path string, body []byte, v any) error {
	secret := c.server.Load().secret
	return c.send(ctx, path, body, func(s signed) []byte { return secret.MAC(requestContext, s.parts()...) }, secret, v)
}

// send is post. If the server objects to the clock, it remembers the server's
// time, for signing, and tries once more. For an enrolment the objection need not
// be authentic: a false time only dates its signature.
func (c *Client) send(ctx context.Context, path string, body []byte, prove func(signed) []byte, secret manifest.Secret, v any) error {
	err := c.post(ctx, path, body, prove, secret, v)
	p, refused := errors.AsType[*Problem](err)
	if !refused || p.Kind != Clock || p.Now.IsZero() || !p.Authentic && path != PathEnrol {
		return err
	}
	c.skew.Store(int64(p.Now.Sub(c.config.Clock())))
	return c.post(ctx, path, body, prove, secret, v)
}

func (c *Client) post(ctx context.Context, path string, body []byte, prove func(signed) []byte, secret manifest.Secret, v any) error {
	body, compressed := compress(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(path), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaJSON)
	if compressed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	// Every call may be repeated. This header makes net/http do so if a
	// connection was just closed; being empty, it is not sent.
	req.Header["Idempotency-Key"] = nil
	s := signed{
		method: http.MethodPost, target: path, asset: c.config.Asset, key: manifest.Fingerprint(ed25519.PublicKey(c.config.Key[ed25519.SeedSize:])),
		time: c.config.Clock().Add(time.Duration(c.skew.Load())), content: contentOf(body),
	}
	s.headers(req.Header, prove(s))
	status, answer, header, err := c.do(req)
	if err != nil {
		return err
	}
	authentic := header.Get(HeaderProof) == answerProof(secret, req.Header.Get(HeaderProof), status, answer)
	if status == http.StatusOK && !authentic {
		return &Problem{
			Status: status, Title: http.StatusText(status), Text: "the answer is not authenticated as the server's answer to this call",
			Hint: "Find out what changes this agent's traffic. If the server lost its exchange key, enrol this agent again.",
		}
	}
	return decodeAnswer(status, header, answer, authentic, v)
}

func (c *Client) do(req *http.Request) (status int, answer []byte, header http.Header, err error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(http.MaxBytesReader(nil, resp.Body, MaxAnswer))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		err = fmt.Errorf("the answer is larger than %d bytes", MaxAnswer)
	} else if err != nil {
		err = fmt.Errorf("read answer: %w", err)
	}
	return resp.StatusCode, answer, resp.Header, err
}

func decodeAnswer(status int, header http.Header, answer []byte, authentic bool, v any) error {
	switch contentType := header.Get("Content-Type"); {
	case status != http.StatusOK:
		p := readProblem(status, contentType, answer)
		p.Authentic = authentic
		return p
	case !isMedia(contentType, mediaJSON):
		return readProblem(status, "", nil)
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

func (c *Client) url(path string) string { return strings.TrimRight(c.config.Server, "/") + path }

// Enrol makes this machine an asset of the server. It fills in Asset, Key and
// Exchange of e from config and sends e, signed by the key. Trust is the newest
// version of the server's trust document, for [Config.Trust] and
// agent.Config.Trust.
//
// Want is the fingerprint of a version of the trust document
// (manifest.TrustFingerprint), as the administrator gave it. It is checked
// before anything secret is sent. If it is empty, the server's trust document
// is accepted because the server's certificate vouches for it. Over plain http
// beyond the loopback there is no certificate, so want is required.
//
// Enrol may be repeated until it succeeds. The error is a *job.Invalid, or
// wraps a [*Problem] (errors.Is finds manifest.ErrBadToken and
// manifest.ErrAssetExists), a *manifest.Distrusted, or a network error.
func Enrol(ctx context.Context, config Config, e manifest.Enrolment, want string) (enrolled manifest.Enrolled, trust []byte, err error) {
	client, err := newClient(config)
	if err != nil {
		return enrolled, nil, err
	}
	defer client.Close()
	if want == "" && !strings.HasPrefix(config.Server, "https:") && config.PlainHTTP {
		return enrolled, nil, problem.One("enrolment", "fingerprint", "", "is missing; over plain http it is required")
	}
	e.Asset = config.Asset
	e.Key = ed25519.PublicKey(config.Key[ed25519.SeedSize:])
	if e.Exchange, err = manifest.AgentExchange(config.Key); err != nil {
		return enrolled, nil, err
	}
	if err := e.Validate(); err != nil {
		return enrolled, nil, err
	}
	if trust, err = client.fetchTrust(ctx, want); err != nil {
		return enrolled, nil, fmt.Errorf("enrol: %w", err)
	}
	body, err := json.Marshal(e)
	if err != nil {
		return enrolled, nil, fmt.Errorf("enrol: %w", err)
	}
	sign := func(s signed) []byte { return ed25519.Sign(config.Key, s.message()) }
	err = client.send(ctx, PathEnrol, body, sign, client.server.Load().secret, &enrolled)
	if err == nil {
		err = manifest.CheckFormat("the server's answer", enrolled.Format, manifest.Format)
	}
	switch {
	case err != nil:
	case enrolled.Asset != config.Asset:
		err = fmt.Errorf("the server's answer is for asset %q", enrolled.Asset)
	case enrolled.Every <= 0:
		err = errors.New("the server's answer has no check-in interval")
	}
	if err != nil {
		return manifest.Enrolled{}, nil, fmt.Errorf("enrol: %w", err)
	}
	return enrolled, trust, nil
}

// fetchTrust requests the server's trust documents and accepts the newest that
// follows the one with the fingerprint.
func (c *Client) fetchTrust(ctx context.Context, want string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(PathTrust), nil)
	if err != nil {
		return nil, err
	}
	status, body, header, err := c.do(req)
	if err != nil {
		return nil, err
	}
	var answer trustAnswer
	if err := decodeAnswer(status, header, body, false, &answer); err != nil {
		return nil, err
	}
	trust, sealed, err := answer.Trust.Pin(want)
	if err != nil {
		return nil, err
	}
	return sealed, c.accept(trust)
}

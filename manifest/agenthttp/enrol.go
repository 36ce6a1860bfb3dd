package agenthttp

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/manifest"
)

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

package agenthttp

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// The routes, relative to the server's base URL.
const (
	PathEnrol   = "/v1/agent/enrol"
	PathCheckIn = "/v1/agent/check-in"
)

// The headers of a request.
const (
	HeaderAsset     = "Patchpolicy-Asset"     // who signs
	HeaderTime      = "Patchpolicy-Time"      // when, RFC 3339
	HeaderSignature = "Patchpolicy-Signature" // base64
)

const (
	mediaJSON    = "application/json"
	mediaProblem = "application/problem+json"
)

// formatTime writes an instant for a header.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseTime reads what formatTime wrote and nothing else.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || formatTime(t) != s {
		return time.Time{}, fmt.Errorf("%.64q is not a time in UTC such as 2026-01-31T12:00:00Z", s)
	}
	return t.UTC(), nil
}

// signed is everything a request's signature covers.
type signed struct {
	method string
	target string // route and query, without the base URL's path, which a proxy may change
	asset  job.AssetID
	time   time.Time
	body   []byte // as sent, compressed or not
}

// message is the text that is signed: six lines, none of which can hold a line break.
func (s signed) message() []byte {
	sum := sha256.Sum256(s.body)
	return []byte(strings.Join([]string{
		"patchpolicy-request-v1", s.method, s.target, string(s.asset), formatTime(s.time), hex.EncodeToString(sum[:]),
	}, "\n") + "\n")
}

// sign sets the three headers.
func (s signed) sign(h http.Header, key ed25519.PrivateKey) {
	h.Set(HeaderAsset, string(s.asset))
	h.Set(HeaderTime, formatTime(s.time))
	h.Set(HeaderSignature, base64.StdEncoding.EncodeToString(ed25519.Sign(key, s.message())))
}

// holds says whether the signature is key's over s.
func (s signed) holds(key ed25519.PublicKey, signature string) bool {
	sig, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && base64.StdEncoding.EncodeToString(sig) == signature && // one way to write it, no other
		len(key) == ed25519.PublicKeySize && ed25519.Verify(key, s.message(), sig)
}

package agenthttp

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// The routes, relative to the server's base URL.
const (
	PathTrust   = "/v1/agent/trust"
	PathEnrol   = "/v1/agent/enrol"
	PathCheckIn = "/v1/agent/check-in"
	PathLeave   = "/v1/agent/leave"
)

// The headers of a request. An answer carries HeaderProof.
const (
	HeaderAsset   = "Patchpolicy-Asset"   // the sender
	HeaderKey     = "Patchpolicy-Key"     // the id of its key, manifest.Fingerprint
	HeaderTime    = "Patchpolicy-Time"    // the time of sending, RFC 3339
	HeaderContent = "Patchpolicy-Content" // SHA-256 of the body as sent, in lower-case hex
	HeaderProof   = "Patchpolicy-Proof"   // base64
)

const (
	mediaJSON    = "application/json"
	mediaProblem = "application/problem+json"
)

// The contexts of MACs and signatures.
const (
	requestContext = "patchpolicy-request-v1"
	answerContext  = "patchpolicy-answer-v1"
)

// formatTime writes an instant for a header.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseTime reads only what formatTime writes.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || formatTime(t) != s {
		return time.Time{}, fmt.Errorf("%.64q is not a time in UTC such as 2026-01-31T12:00:00Z", s)
	}
	return t.UTC(), nil
}

// signed is everything that the proof of a request covers. No part can contain
// a line break.
type signed struct {
	method  string
	target  string // route and query; without the base URL's path, which a proxy may change
	asset   job.AssetID
	key     string // the id of the asset's key
	time    time.Time
	content string // SHA-256 of the body as sent, in lower-case hex
}

func (s signed) parts() []string {
	return []string{s.method, s.target, string(s.asset), s.key, formatTime(s.time), s.content}
}

// message is the text that an enrolment's signature covers. A MAC covers the
// same text.
func (s signed) message() []byte {
	return []byte(requestContext + "\n" + strings.Join(s.parts(), "\n") + "\n")
}

func (s signed) headers(h http.Header, proof []byte) {
	h.Set(HeaderAsset, string(s.asset))
	h.Set(HeaderKey, s.key)
	h.Set(HeaderTime, formatTime(s.time))
	h.Set(HeaderContent, s.content)
	h.Set(HeaderProof, encodeProof(proof))
}

func (s signed) signedBy(key ed25519.PublicKey, proof string) bool {
	sig := decodeProof(proof)
	return len(key) == ed25519.PublicKeySize && sig != nil && ed25519.Verify(key, s.message(), sig)
}

func (s signed) provenBy(secret manifest.Secret, proof string) bool {
	return hmac.Equal(decodeProof(proof), secret.MAC(requestContext, s.parts()...))
}

// answerProof authenticates the answer to the request with the given proof, and
// to no other. Body is the body before compression.
func answerProof(secret manifest.Secret, request string, status int, body []byte) string {
	return encodeProof(secret.MAC(answerContext, request, strconv.Itoa(status), contentOf(body)))
}

func encodeProof(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// decodeProof reads only what encodeProof writes; for anything else it returns
// nil.
func decodeProof(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || encodeProof(b) != s {
		return nil
	}
	return b
}

func contentOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

package manifest

import (
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// The refusals a server gives an agent. A server wraps them with what is worth saying; the wire's adapter turns them into its own codes.
var (
	// ErrBadToken: the enrolment token is unknown, used up, expired, or not for the wanted name.
	ErrBadToken = errors.New("enrolment token not accepted")
	// ErrAssetExists: the wanted name belongs to an asset with another key.
	ErrAssetExists = errors.New("an asset of this name is enrolled with another key")
	// ErrUnknownAsset: no such asset is enrolled, or it was removed.
	ErrUnknownAsset = errors.New("asset is not enrolled")
	// ErrInvalid: the request breaks a bound or contradicts itself; the wrapping text says where.
	ErrInvalid = errors.New("invalid request")
	// ErrUnavailable: the server cannot answer now; the same request may succeed later.
	ErrUnavailable = errors.New("server is not available now")
)

// Enrolment is an agent's request to become an asset of a server.
type Enrolment struct {
	Token        string            `json:"token"`        // from the administrator
	Asset        job.AssetID       `json:"asset"`        // the wanted name
	Key          ed25519.PublicKey `json:"key"`          // the agent's own: it signs every later request
	Platform     catalog.Platform  `json:"platform"`     //
	Architecture string            `json:"architecture"` // in the platform's words: "amd64"
	Hostname     string            `json:"hostname,omitempty"`
	Version      string            `json:"version,omitempty"` // of the agent
}

// Enrolled is the server's answer. The same enrolment sent twice, because the first answer was lost, is answered the same.
// It hands out an Ed25519 key. A server that signs by another kind (see Signer) gives its agents the public half on
// another way, such as with their installation, and they are made with its Verifier.
type Enrolled struct {
	Asset       job.AssetID       `json:"asset"`
	ManifestKey ed25519.PublicKey `json:"manifestKey"` // to be pinned: the agent believes manifests by this key alone (MAN-5)
	Every       time.Duration     `json:"every"`       // between check-ins (MAN-3)
	Fingerprint string            `json:"fingerprint"` // Fingerprint(ManifestKey), for people to compare
}

// Validate says everything that is wrong with the enrolment. The error is a *job.Invalid.
func (e Enrolment) Validate() error {
	var l problem.List
	if e.Token == "" || len(e.Token) > MaxToken { // a secret: its value does not go into errors
		l.Add("token", "", "has %d bytes; ask the administrator for one, of at most %d", len(e.Token), MaxToken)
	}
	l.Under("asset", job.ValidID(string(e.Asset)))
	if len(e.Key) != ed25519.PublicKeySize {
		l.Add("key", "", "has %d bytes; an Ed25519 public key has %d", len(e.Key), ed25519.PublicKeySize)
	}
	if _, err := e.Platform.MarshalText(); err != nil || e.Platform == 0 {
		l.Add("platform", e.Platform.String(), "is not known; choose linux, windows or macos")
	}
	l.Text("architecture", e.Architecture, MaxWord)
	l.Text("hostname", e.Hostname, MaxWord)
	l.Text("version", e.Version, MaxWord)
	return l.Err("enrolment")
}

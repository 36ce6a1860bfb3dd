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
	Key          ed25519.PublicKey `json:"key"`          // the agent's own: it signs the enrolment
	Exchange     []byte            `json:"exchange"`     // AgentExchange of it: what later calls are authenticated by (MAN-12); empty where nothing is sent over a network
	Platform     catalog.Platform  `json:"platform"`     //
	Architecture string            `json:"architecture"` // in the platform's words: "amd64"
	Hostname     string            `json:"hostname,omitempty"`
	Version      string            `json:"version,omitempty"` // of the agent
	Format       int               `json:"format,omitempty"`  // Format; 0 is read as 1
}

// Enrolled is the server's answer. The same enrolment sent twice, because the first answer was lost, is answered the same.
// What an agent believes from then on, it has from the trust document, which it fetched and checked before it sent anything.
type Enrolled struct {
	Asset  job.AssetID   `json:"asset"`
	Every  time.Duration `json:"every"`            // between check-ins (MAN-3)
	Format int           `json:"format,omitempty"` // Format; 0 is read as 1
}

// Validate says everything that is wrong with the enrolment. The error is a *job.Invalid, or a *NewerFormat.
func (e Enrolment) Validate() error {
	if err := CheckFormat("the enrolment", e.Format, Format); err != nil {
		return err
	}
	var l problem.List
	if e.Token == "" || len(e.Token) > MaxToken { // a secret: its value does not go into errors
		l.Add("token", "", "has %d bytes; ask the administrator for one, of at most %d", len(e.Token), MaxToken)
	}
	l.Under("asset", job.ValidID(string(e.Asset)))
	if len(e.Key) != ed25519.PublicKeySize {
		l.Add("key", "", "has %d bytes; an Ed25519 public key has %d", len(e.Key), ed25519.PublicKeySize)
	}
	if _, err := exchangeKey(e.Exchange); len(e.Exchange) > 0 && err != nil {
		l.Add("exchange", "", "is no X25519 key: %v", err)
	}
	if _, err := e.Platform.MarshalText(); err != nil || e.Platform == 0 {
		l.Add("platform", e.Platform.String(), "is not known; choose linux, windows or macos")
	}
	l.Text("architecture", e.Architecture, MaxWord)
	l.Text("hostname", e.Hostname, MaxWord)
	l.Text("version", e.Version, MaxWord)
	return l.Err("enrolment")
}

package manifest

import (
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// A server refuses an agent with these errors. It wraps them with details, and
// the wire's adapter maps them to its own codes.
var (
	// ErrBadToken: the enrolment token is unknown, used up, expired, or not for
	// the name asked for.
	ErrBadToken = errors.New("enrolment token not accepted")
	// ErrAssetExists: an asset with another key has the name asked for.
	ErrAssetExists = errors.New("an asset of this name is enrolled with another key")
	// ErrUnknownAsset: no such asset is enrolled, or it was removed.
	ErrUnknownAsset = errors.New("asset is not enrolled")
	// ErrInvalid: the request exceeds a bound or contradicts itself. The
	// wrapping error says where.
	ErrInvalid = errors.New("invalid request")
	// ErrUnavailable: the server cannot answer now; the same request may
	// succeed later.
	ErrUnavailable = errors.New("server is not available now")
)

// Enrolment is an agent's request to become an asset of a server.
type Enrolment struct {
	Token string      `json:"token"` // from the administrator
	Asset job.AssetID `json:"asset"` // the name asked for
	// Key is the agent's own key. It signs the enrolment.
	Key ed25519.PublicKey `json:"key"`
	// Exchange is [AgentExchange] of that key; it authenticates later calls
	// (MAN-12). Empty if nothing is sent over a network.
	Exchange     []byte           `json:"exchange"`
	Platform     catalog.Platform `json:"platform"`
	Architecture string           `json:"architecture"` // as the platform names it: "amd64"
	Hostname     string           `json:"hostname,omitempty"`
	Version      string           `json:"version,omitempty"` // the agent's
	Format       int              `json:"format,omitempty"`  // [Format]; 0 is read as 1
}

// Enrolled is the server's answer. The same enrolment sent again, because the
// first answer was lost, gets the same answer. It names no keys: the agent
// takes them from the trust document, which it fetched and checked before it
// sent anything.
type Enrolled struct {
	Asset  job.AssetID   `json:"asset"`
	Every  time.Duration `json:"every"`            // the check-in interval (MAN-3)
	Format int           `json:"format,omitempty"` // [Format]; 0 is read as 1
}

// Validate returns every problem of the enrolment. The error is a *job.Invalid
// or a [*NewerFormat].
func (e Enrolment) Validate() error {
	if err := CheckFormat("the enrolment", e.Format, Format); err != nil {
		return err
	}
	var l problem.List
	if e.Token == "" || len(e.Token) > MaxToken { // errors never show a secret's value
		l.Add("token", "", "has %d bytes; ask the administrator for one, of at most %d", len(e.Token), MaxToken)
	}
	l.Under("asset", job.ValidID(string(e.Asset)))
	if len(e.Key) != ed25519.PublicKeySize {
		l.Add("key", "", "has %d bytes; an Ed25519 public key has %d", len(e.Key), ed25519.PublicKeySize)
	}
	if _, err := exchangeKey(e.Exchange); len(e.Exchange) > 0 && err != nil {
		l.Add("exchange", "", "is %v", err)
	}
	if _, err := e.Platform.MarshalText(); err != nil || e.Platform == 0 {
		l.Add("platform", e.Platform.String(), "is not known; choose linux, windows or macos")
	}
	l.Text("architecture", e.Architecture, MaxWord)
	l.Text("hostname", e.Hostname, MaxWord)
	l.Text("version", e.Version, MaxWord)
	return l.Err("enrolment")
}

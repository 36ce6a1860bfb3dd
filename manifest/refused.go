package manifest

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// RefusalReason says why a manifest was refused (MAN-5).
type RefusalReason uint8

// The reasons.
const (
	BadSignature  RefusalReason = 1 + iota // no whole envelope, or not signed by the pinned key: nothing in it may be believed
	WrongAsset                             // signed for another asset
	LowerRevision                          // older than the one the agent holds
	Expired                                // its expiry is not after now
	TooLarge                               // over MaxSealed
	Malformed                              // signed, and yet no document, of a later format (MAN-11), or breaking a bound
	OtherContent                           // of the revision that the agent holds, and says something else
	ExpiresLate                            // its expiry is more than MaxLifetime after now
)

var refusalReasons = enum.Of[RefusalReason]("manifest refusal", "BadSignature", "WrongAsset", "LowerRevision", "Expired", "TooLarge", "Malformed", "OtherContent", "ExpiresLate")

// String returns the reason's name.
func (r RefusalReason) String() string { return refusalReasons.String(r) }

// MarshalText returns the reason's name.
func (r RefusalReason) MarshalText() ([]byte, error) { return refusalReasons.MarshalText(r) }

// UnmarshalText sets the reason to the one called text.
func (r *RefusalReason) UnmarshalText(text []byte) error {
	return refusalReasons.UnmarshalText(text, r)
}

// Refused is the error of Open. The agent keeps the queue it has and reports it (MAN-5).
type Refused struct {
	Reason RefusalReason
	Have   string // what was found
	Want   string // what was expected
}

// Error says what was found, what was expected and what to do.
func (r *Refused) Error() string {
	return fmt.Sprintf("manifest refused (%v): have %s, want %s: %s", r.Reason, r.Have, r.Want, r.remedy())
}

func (r *Refused) remedy() string {
	switch r.Reason {
	case BadSignature:
		return "look for who alters this agent's traffic; if the server lost its keys, enrol the agent again"
	case WrongAsset:
		return "look for two agents that share an identity, or for a server or proxy that mixes up their answers"
	case LowerRevision:
		return "if the server was restored from a backup, enrol this agent again; if not, look for who replays old answers"
	case OtherContent:
		return "look for two servers that hand out manifests under one key; the server goes on above this revision when the agent calls"
	case Expired:
		return "check the clocks of the server and of this asset, and look for a cache between them"
	case ExpiresLate:
		return "check the clock of the server, and of this asset"
	case TooLarge:
		return "spread the jobs of this asset over more time"
	case Malformed:
		return "bring this agent to the server's release"
	default:
		return "report this as a bug"
	}
}

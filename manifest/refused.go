package manifest

import (
	"cmp"
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// RefusalReason says why a manifest was refused (MAN-5).
type RefusalReason uint8

// The reasons.
const (
	BadSignature  RefusalReason = 1 + iota // not a valid envelope, or not signed by a pinned key: nothing in it can be trusted
	WrongAsset                             // signed for another asset
	LowerRevision                          // lower than the revision the agent holds
	Expired                                // it expires at or before now
	TooLarge                               // over MaxSealed
	Malformed                              // signed, but not a document, in a later format (MAN-11), or invalid
	OtherContent                           // the revision that the agent holds, with other content
	ExpiresLate                            // it expires more than MaxLifetime and MaxSkew after now
)

var refusals = enum.Of[RefusalReason]("manifest refusal", "BadSignature", "WrongAsset", "LowerRevision", "Expired", "TooLarge", "Malformed", "OtherContent", "ExpiresLate")

func (r RefusalReason) String() string                { return refusals.String(r) }
func (r RefusalReason) MarshalText() ([]byte, error)  { return refusals.MarshalText(r) }
func (r *RefusalReason) UnmarshalText(t []byte) error { return refusals.UnmarshalText(t, r) }

// Refused is the error of [Open]. The agent keeps its queue and reports the
// refusal (MAN-5).
type Refused struct {
	Reason RefusalReason
	Have   string // what was found
	Want   string // what was expected
}

// Error says what was found, what was expected and what to do.
func (r *Refused) Error() string {
	return fmt.Sprintf("manifest refused (%v): have %s, want %s: %s", r.Reason, r.Have, r.Want, cmp.Or(remedies[r.Reason], "report this as a bug"))
}

var remedies = map[RefusalReason]string{
	BadSignature:  "find out what changes this agent's traffic; if the server lost its keys, enrol the agent again",
	WrongAsset:    "find out whether two agents share an identity, or whether a server or proxy mixes up answers",
	LowerRevision: "if the server was restored from a backup, enrol this agent again; if not, find out what replays old answers",
	Expired:       "check the clocks of the server and of this asset, and whether a cache is between them",
	TooLarge:      "spread this asset's jobs over more time",
	Malformed:     "update this agent to the server's release",
	OtherContent:  "find out whether two servers use one key; the server continues above this revision when the agent calls",
	ExpiresLate:   "check the clocks of the server and of this asset",
}

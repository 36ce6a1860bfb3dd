package manifest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// PayloadType is the DSSE payload type of a manifest. The signature covers it.
const PayloadType = "application/vnd.patchpolicy.manifest.v1+json"

// envelope is DSSE v1 with exactly one signature. With an array, too many or
// too few signatures show when it is encoded again, and a million of them take
// no memory.
type envelope struct {
	PayloadType string       `json:"payloadType"`
	Payload     []byte       `json:"payload"`
	Signatures  [1]signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// ErrTooLarge is returned by [Seal] when the sealed document would be larger
// than [MaxSealed]. Hand out fewer of its orders, the earliest first: see
// [Hold].
var ErrTooLarge = fmt.Errorf("sealed manifest would be over %d bytes", MaxSealed)

// pae is DSSE's pre-authentication encoding: the bytes that are signed.
func pae(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+len(payloadType)+64)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(append(b, ' '), payloadType...)
	b = strconv.AppendInt(append(b, ' '), int64(len(payload)), 10)
	return append(append(b, ' '), payload...)
}

// Seal validates the document, encodes it in canonical form and signs it.
// [Open] accepts what Seal returns. The error is a *job.Invalid, [ErrTooLarge],
// or wraps the signer's.
func Seal(d Document, k Signer) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	payload, err := d.encode()
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	// encoding/json writes invalid UTF-8 as this escape. It changes nothing else
	// that Validate accepts.
	if bytes.Contains(payload, []byte(`\ufffd`)) {
		again, err := decode(payload)
		if err == nil {
			var written []byte
			if written, err = again.encode(); err == nil && !bytes.Equal(written, payload) {
				err = errors.New("a text is not UTF-8")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("encode manifest: encoding would change the document: %w", err)
		}
	}
	sig, err := k.Sign(pae(PayloadType, payload))
	if err != nil {
		return nil, fmt.Errorf("sign manifest: %w", err)
	}
	sealed, err := json.Marshal(envelope{PayloadType, payload, [1]signature{{k.KeyID(), sig}}})
	if err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	if len(sealed) > MaxSealed {
		return nil, ErrTooLarge
	}
	return sealed, nil
}

// Digest returns the SHA-256 of a sealed manifest's document, in hex. Two
// manifests with one revision and different digests come from a server that was
// restored from a backup (MAN-5). It returns "" if sealed is not an envelope.
func Digest(sealed []byte) string {
	var e envelope
	if json.Unmarshal(sealed, &e) != nil {
		return ""
	}
	sum := sha256.Sum256(e.Payload)
	return hex.EncodeToString(sum[:])
}

// SignedBy returns the id of the key that a sealed manifest claims as its
// signer. The claim is true if [Open] accepted the manifest. It returns "" if
// sealed is not an envelope.
func SignedBy(sealed []byte) string {
	var e envelope
	if json.Unmarshal(sealed, &e) != nil {
		return ""
	}
	return e.Signatures[0].KeyID
}

// Open checks a sealed manifest and returns its document (MAN-5). It accepts
// only a manifest that
//
//   - is signed by a key of pinned,
//   - is for asset,
//   - has a revision of held or higher,
//   - has the given digest, if its revision is held and digest is not empty,
//   - expires after now, by at most [MaxLifetime] plus [MaxSkew], and
//   - is valid by [Document.Validate].
//
// Held is the revision the agent holds, digest that manifest's [Digest] (empty:
// unknown), and now the corrected clock (MAN-8). The error is always a
// [*Refused], and then the document is zero.
func Open(sealed []byte, pinned Verifier, asset job.AssetID, held Revision, digest string, now time.Time) (Document, error) {
	payload, refused := verify(sealed, pinned)
	if refused != nil {
		return Document{}, refused
	}
	d, err := decode(payload)
	newer, isNewer := errors.AsType[*NewerFormat](err)
	latest := now.Add(MaxLifetime + MaxSkew)
	switch {
	case isNewer:
		return Document{}, &Refused{Malformed, fmt.Sprintf("format %d, which needs a later release of the agent", newer.Have), fmt.Sprintf("format %d at most", Format)}
	case err != nil:
		return Document{}, &Refused{Malformed, "a document that cannot be read: " + problem.Clip(err.Error(), problem.MaxValue), "a document"}
	case d.Asset != asset:
		return Document{}, &Refused{WrongAsset, fmt.Sprintf("a manifest for asset %q", problem.Clip(string(d.Asset), problem.MaxValue)), fmt.Sprintf("one for %q", asset)}
	case d.Revision < held:
		return Document{}, &Refused{LowerRevision, fmt.Sprintf("revision %d", d.Revision), fmt.Sprintf("%d or higher", held)}
	case d.Revision == held && digest != "" && Digest(sealed) != digest:
		return Document{}, &Refused{OtherContent, fmt.Sprintf("revision %d with other content", d.Revision), "the content held, or a higher revision"}
	case !now.Before(d.Expires):
		return Document{}, &Refused{Expired, "expiry at " + d.Expires.Format(time.RFC3339), "one after " + now.UTC().Format(time.RFC3339)}
	case d.Expires.After(latest):
		return Document{}, &Refused{ExpiresLate, "expiry at " + d.Expires.Format(time.RFC3339), "one by " + latest.UTC().Format(time.RFC3339)}
	}
	if err := d.Validate(); err != nil {
		return Document{}, &Refused{Malformed, problem.Clip(err.Error(), problem.MaxValue), "a valid document"}
	}
	return d, nil
}

// verify returns the payload if its signature is valid. Before that the author
// is unknown, so every problem is BadSignature.
func verify(sealed []byte, pinned Verifier) ([]byte, *Refused) {
	if len(sealed) > MaxSealed {
		return nil, &Refused{TooLarge, fmt.Sprintf("%d bytes", len(sealed)), fmt.Sprintf("at most %d", MaxSealed)}
	}
	const shape = "a DSSE envelope with one signature"
	bad := func(have, want string) ([]byte, *Refused) { return nil, &Refused{BadSignature, have, want} }
	if pinned == nil || len(pinned.KeyIDs()) == 0 {
		return bad("no valid pinned key", "the server's manifest key")
	}
	var e envelope
	if err := json.Unmarshal(sealed, &e); err != nil {
		return bad("bytes that cannot be read: "+problem.Clip(err.Error(), problem.MaxValue), shape)
	}
	if len(e.Signatures[0].Sig) == 0 {
		return bad("no signature", shape)
	}
	if again, err := json.Marshal(e); err != nil || !bytes.Equal(again, sealed) {
		return bad("an envelope with additions, or in another encoding", shape)
	}
	sig, want := e.Signatures[0], "one by the pinned key "+strings.Join(pinned.KeyIDs(), " or ")
	if !slices.Contains(pinned.KeyIDs(), sig.KeyID) {
		return bad(fmt.Sprintf("a signature by key %q", problem.Clip(sig.KeyID, problem.MaxValue)), want)
	}
	if err := pinned.Verify(sig.KeyID, pae(e.PayloadType, e.Payload), sig.Sig); err != nil {
		return bad("an invalid signature: "+problem.Clip(err.Error(), problem.MaxValue), want)
	}
	if e.PayloadType != PayloadType {
		return nil, &Refused{Malformed, fmt.Sprintf("payload type %q", problem.Clip(e.PayloadType, problem.MaxValue)), fmt.Sprintf("%q", PayloadType)}
	}
	return e.Payload, nil
}

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
	ExpiresLate                            // it expires more than MaxLifetime plus MaxSkew after now
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

package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// PayloadType is the DSSE payload type of a manifest. The signature covers it.
const PayloadType = "application/vnd.patchpolicy.manifest.v1+json"

// ErrTooLarge is returned by Seal when the sealed document would be over MaxSealed. Hand out fewer of its orders, the earliest first.
var ErrTooLarge = fmt.Errorf("sealed manifest would be over %d bytes", MaxSealed)

// pae is DSSE's pre-authentication encoding: what is signed.
func pae(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+len(payloadType)+64)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(append(b, ' '), payloadType...)
	b = strconv.AppendInt(append(b, ' '), int64(len(payload)), 10)
	return append(append(b, ' '), payload...)
}

// Seal writes the document in canonical form and signs it. It validates first: what Seal returns, Open accepts.
// The errors are a *job.Invalid, ErrTooLarge, and those of the signer.
func Seal(d Document, k Signer) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	payload, err := d.encode()
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	// A text that is no UTF-8 is written with this escape, and nothing else that Validate lets through is changed by writing it.
	if bytes.Contains(payload, []byte(`\ufffd`)) {
		again, err := decode(payload)
		if err == nil {
			var written []byte
			if written, err = again.encode(); err == nil && !bytes.Equal(written, payload) {
				err = errors.New("a text is not UTF-8")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("encode manifest: the document cannot be written without loss: %w", err)
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

// Digest names what a sealed manifest says: the SHA-256 of its document, in hex. Two of one revision with different digests
// come of a server that was put back to a backup (MAN-5). What is no envelope has the empty digest.
func Digest(sealed []byte) string {
	var e envelope
	if json.Unmarshal(sealed, &e) != nil {
		return ""
	}
	sum := sha256.Sum256(e.Payload)
	return hex.EncodeToString(sum[:])
}

// SignedBy names the key that a sealed manifest says it is signed by: it is, if Open opened it. What is no envelope has the empty name.
func SignedBy(sealed []byte) string {
	var e envelope
	if json.Unmarshal(sealed, &e) != nil {
		return ""
	}
	return e.Signatures[0].KeyID
}

// Open checks a sealed manifest (MAN-5) and returns its document: signed by the pinned key, meant for asset, not lower than the held
// revision, the same as the held one if it has its revision, not expired at now (at the very instant it is), its expiry at most
// MaxLifetime and MaxSkew after now, and in every point valid. Now is the corrected clock (MAN-8). Digest is the Digest of the
// manifest held; empty: not known.
//
// The error is always a *Refused. Nothing of a refused manifest is returned.
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
		return Document{}, &Refused{Malformed, fmt.Sprintf("format %d, which a later release of the agent knows", newer.Have), fmt.Sprintf("format %d at most", Format)}
	case err != nil:
		return Document{}, &Refused{Malformed, "a document that cannot be read: " + problem.Clip(err.Error(), problem.MaxValue), "a document"}
	case d.Asset != asset:
		return Document{}, &Refused{WrongAsset, fmt.Sprintf("a manifest for asset %q", problem.Clip(string(d.Asset), problem.MaxValue)), fmt.Sprintf("one for %q", asset)}
	case d.Revision < held:
		return Document{}, &Refused{LowerRevision, fmt.Sprintf("revision %d", d.Revision), fmt.Sprintf("%d or higher", held)}
	case d.Revision == held && digest != "" && Digest(sealed) != digest:
		return Document{}, &Refused{OtherContent, fmt.Sprintf("revision %d with other content", d.Revision), "the one held already, or a higher one"}
	case !now.Before(d.Expires):
		return Document{}, &Refused{Expired, "expiry at " + d.Expires.Format(time.RFC3339), "one after " + now.UTC().Format(time.RFC3339)}
	case d.Expires.After(latest):
		return Document{}, &Refused{ExpiresLate, "expiry at " + d.Expires.Format(time.RFC3339), "one until " + latest.UTC().Format(time.RFC3339)}
	}
	if err := d.Validate(); err != nil {
		return Document{}, &Refused{Malformed, problem.Clip(err.Error(), problem.MaxValue), "a valid document"}
	}
	return d, nil
}

// verify returns the payload once its signature holds. Everything in front of that is BadSignature: who wrote it is not known.
func verify(sealed []byte, pinned Verifier) ([]byte, *Refused) {
	if len(sealed) > MaxSealed {
		return nil, &Refused{TooLarge, fmt.Sprintf("%d bytes", len(sealed)), fmt.Sprintf("at most %d", MaxSealed)}
	}
	const shape = "a DSSE envelope with one signature"
	bad := func(have, want string) ([]byte, *Refused) { return nil, &Refused{BadSignature, have, want} }
	if pinned == nil || len(pinned.KeyIDs()) == 0 {
		return bad("no pinned key, or one that is none", "the server's manifest key")
	}
	var e envelope
	if err := json.Unmarshal(sealed, &e); err != nil {
		return bad("bytes that cannot be read: "+problem.Clip(err.Error(), problem.MaxValue), shape)
	}
	if len(e.Signatures[0].Sig) == 0 {
		return bad("no signature", shape)
	}
	if again, err := json.Marshal(e); err != nil || !bytes.Equal(again, sealed) {
		return bad("an envelope that has more in it, or is written in another way", shape)
	}
	sig, want := e.Signatures[0], "one by the pinned key "+strings.Join(pinned.KeyIDs(), " or ")
	if !slices.Contains(pinned.KeyIDs(), sig.KeyID) {
		return bad(fmt.Sprintf("a signature by key %q", problem.Clip(sig.KeyID, problem.MaxValue)), want)
	}
	if err := pinned.Verify(sig.KeyID, pae(e.PayloadType, e.Payload), sig.Sig); err != nil {
		return bad("a signature that does not hold: "+problem.Clip(err.Error(), problem.MaxValue), want)
	}
	if e.PayloadType != PayloadType {
		return nil, &Refused{Malformed, fmt.Sprintf("payload type %q", problem.Clip(e.PayloadType, problem.MaxValue)), fmt.Sprintf("%q", PayloadType)}
	}
	return e.Payload, nil
}

package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// TrustPayloadType is the DSSE payload type of a trust document. The signatures
// cover it.
const TrustPayloadType = "application/vnd.patchpolicy.trust.v1+json"

// Trust is one version of the trust document: the keys a server signs with
// (MAN-13). The server keeps every version. Each is signed by as many root keys
// of the version before it as that version's threshold says, and by as many of
// its own as its own threshold says.
type Trust struct {
	Format    int         `json:"format"`    // [Format]
	Version   uint64      `json:"version"`   // from 1 without gaps
	Issued    time.Time   `json:"issued"`    // UTC
	Expires   time.Time   `json:"expires"`   // UTC; see [Trust.Expired]
	Root      []PublicKey `json:"root"`      // they sign trust documents, and may be offline
	Threshold int         `json:"threshold"` // how many root keys must sign
	Manifest  []PublicKey `json:"manifest"`  // each may sign manifests
	Exchange  []byte      `json:"exchange"`  // the server's X25519 key, for [AgentSecret]
}

// Bounds of trust documents.
const (
	// MaxTrust is the most bytes of a sealed trust document.
	MaxTrust = 32 << 10
	// MaxTrustKeys is the most root keys, and the most manifest keys, of one.
	MaxTrustKeys = 16
	// MaxTrustVersions is the most versions. After that every agent must enrol
	// again.
	MaxTrustVersions = 100
	// MaxTrustSent is the most versions in one answer.
	MaxTrustSent = 8
	// TrustNotice is how long before a trust document expires the administrator
	// is warned.
	TrustNotice = 90 * 24 * time.Hour
)

// Distrusted is the error for a trust document that is not accepted. Nothing of
// it is returned.
type Distrusted struct {
	Have string // what was found
	Want string // what was expected
}

// Error says what was found, what was expected and what to do.
func (e *Distrusted) Error() string {
	return fmt.Sprintf("trust document not accepted: have %s, want %s: if the server lost its keys, enrol this agent again; if not, find out what changes its traffic", e.Have, e.Want)
}

// Validate returns every problem of the document. The error is a *job.Invalid.
func (t Trust) Validate() error {
	var l problem.List
	if t.Format != Format {
		l.Add("format", fmt.Sprint(t.Format), "is not %d", Format)
	}
	if t.Version == 0 || t.Version > MaxTrustVersions {
		l.Add("version", fmt.Sprint(t.Version), "is not from 1 to %d", MaxTrustVersions)
	}
	if t.Issued.IsZero() || !t.Expires.After(t.Issued) {
		l.Add("expires", t.Expires.Format(time.RFC3339), "is not after issued, %s", t.Issued.Format(time.RFC3339))
	}
	for _, list := range []struct {
		name string
		keys []PublicKey
	}{{"root", t.Root}, {"manifest", t.Manifest}} {
		if n := len(list.keys); n == 0 || n > MaxTrustKeys {
			l.Add(list.name, fmt.Sprint(n), "keys are not from 1 to %d", MaxTrustKeys)
		}
		seen := map[string]bool{}
		for i, k := range list.keys {
			field := fmt.Sprintf("%s[%d]", list.name, i)
			if k.Kind == KindEd25519 || k.Kind == KindP256 { // a later release may have other kinds, which sign nothing here (MAN-11)
				l.Under(field, k.Validate())
			}
			if seen[k.ID()] {
				l.Add(field, k.ID(), "is named twice")
			}
			seen[k.ID()] = true
		}
	}
	if t.Threshold < 1 || t.Threshold > len(t.Root) {
		l.Add("threshold", fmt.Sprint(t.Threshold), "is not from 1 to the number of root keys, %d", len(t.Root))
	}
	if _, err := exchangeKey(t.Exchange); err != nil {
		l.Add("exchange", "", "is %v", err)
	}
	return l.Err("trust document")
}

// Expired reports whether the document has expired at now. Its keys stay
// trusted, and a newer version is still followed. The administrator is warned
// [TrustNotice] before (MAN-13).
func (t Trust) Expired(now time.Time) bool { return !now.Before(t.Expires) }

// trustEnvelope is DSSE v1 with several signatures.
type trustEnvelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

// SealTrust validates, encodes and signs the document. [SignTrust] adds
// signatures of keys that are kept elsewhere. SealTrust does not count
// signatures; [OpenTrust] and [Trust.Follow] do. The error is a *job.Invalid or
// a signer's.
func SealTrust(t Trust, keys ...Signer) ([]byte, error) {
	t.Issued, t.Expires = instant(t.Issued), instant(t.Expires)
	if err := t.Validate(); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode trust document: %w", err)
	}
	sealed, err := json.Marshal(trustEnvelope{TrustPayloadType, payload, []signature{}})
	if err != nil {
		return nil, fmt.Errorf("encode trust document: %w", err)
	}
	return SignTrust(sealed, keys...)
}

// SignTrust adds signatures to a sealed document. A key's second signature
// replaces its first. The error is a [*Distrusted] or a signer's.
func SignTrust(sealed []byte, keys ...Signer) ([]byte, error) {
	e, _, err := readTrust(sealed)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		id := k.KeyID()
		sig, err := k.Sign(pae(e.PayloadType, e.Payload))
		if err != nil {
			return nil, fmt.Errorf("sign trust document: %w", err)
		}
		e.Signatures = slices.DeleteFunc(e.Signatures, func(s signature) bool { return s.KeyID == id })
		e.Signatures = append(e.Signatures, signature{id, sig})
	}
	return json.Marshal(e)
}

// TrustFingerprint names a sealed trust document, for people and for pinning
// when an agent enrols: "sha256:" and the SHA-256 of its payload in lower-case
// hex. It covers the version and all keys, but not the signatures. It returns
// "" if sealed is not a trust document.
func TrustFingerprint(sealed []byte) string {
	e, _, err := readTrust(sealed)
	if err != nil {
		return ""
	}
	return digestOf(e.Payload)
}

// OpenTrust reads a document that is signed by enough of its own root keys.
// That does not prove who wrote it: compare its [TrustFingerprint], or use it
// only on a document that was trusted before. The error is a [*Distrusted].
func OpenTrust(sealed []byte) (Trust, error) {
	e, t, err := readTrust(sealed)
	if err == nil {
		err = t.signed(e)
	}
	if err != nil {
		return Trust{}, err
	}
	return t, nil
}

// Follow reads the next version after t. It must be signed by enough root keys
// of t and by enough of its own. The error is a [*Distrusted].
func (t Trust) Follow(sealed []byte) (Trust, error) {
	e, next, err := readTrust(sealed)
	switch {
	case err != nil:
		return Trust{}, err
	case next.Version != t.Version+1:
		return Trust{}, &Distrusted{fmt.Sprintf("version %d", next.Version), fmt.Sprintf("version %d, the next one", t.Version+1)}
	}
	for _, by := range []Trust{t, next} {
		if err := by.signed(e); err != nil {
			return Trust{}, err
		}
	}
	return next, nil
}

// FollowAll follows the versions of a chain that are newer than t and skips the
// others. It returns the newest, as a document and as it was signed; sealed is
// nil if none is newer. At the first version that is not accepted it returns a
// [*Distrusted] with the newest one before it.
func (t Trust) FollowAll(chain [][]byte) (newest Trust, sealed []byte, err error) {
	newest = t
	for _, s := range chain {
		if _, next, err := readTrust(s); err == nil && next.Version <= newest.Version {
			continue
		}
		next, err := newest.Follow(s)
		if err != nil {
			return newest, sealed, err
		}
		newest, sealed = next, s
	}
	return newest, sealed, nil
}

// signed checks that t.Threshold of t's root keys signed the envelope.
func (t Trust) signed(e trustEnvelope) error {
	message, keys := pae(e.PayloadType, e.Payload), Keys(t.Root)
	by := map[string]bool{}
	for _, s := range e.Signatures {
		if !by[s.KeyID] && keys.Verify(s.KeyID, message, s.Sig) == nil {
			by[s.KeyID] = true
		}
	}
	if len(by) < t.Threshold {
		return &Distrusted{fmt.Sprintf("%d good signatures by root keys of version %d", len(by), t.Version), fmt.Sprintf("%d", t.Threshold)}
	}
	return nil
}

// readTrust reads a document without checking who signed it.
func readTrust(sealed []byte) (e trustEnvelope, t Trust, err error) {
	bad := func(have, want string) (trustEnvelope, Trust, error) {
		return trustEnvelope{}, Trust{}, &Distrusted{have, want}
	}
	if len(sealed) > MaxTrust {
		return bad(fmt.Sprintf("%d bytes", len(sealed)), fmt.Sprintf("at most %d", MaxTrust))
	}
	if err := json.Unmarshal(sealed, &e); err != nil {
		return bad("bytes that cannot be read: "+problem.Clip(err.Error(), problem.MaxValue), "a DSSE envelope")
	}
	if e.PayloadType != TrustPayloadType || len(e.Signatures) > 2*MaxTrustKeys {
		return bad(fmt.Sprintf("payload type %q, signed %d times", problem.Clip(e.PayloadType, problem.MaxValue), len(e.Signatures)),
			fmt.Sprintf("%q, at most %d times", TrustPayloadType, 2*MaxTrustKeys))
	}
	var format struct {
		Format int `json:"format"`
	}
	if json.Unmarshal(e.Payload, &format) == nil && format.Format > Format {
		return bad(fmt.Sprintf("format %d", format.Format), fmt.Sprintf("format %d; a higher one needs a later release of the agent", Format))
	}
	if err := json.Unmarshal(e.Payload, &t); err != nil {
		return bad("a document that cannot be read: "+problem.Clip(err.Error(), problem.MaxValue), "a trust document")
	}
	if err := t.Validate(); err != nil {
		return bad(problem.Clip(err.Error(), problem.MaxValue), "a valid document")
	}
	return e, t, nil
}

// Chain is every version of a server's trust document, sealed, from the first
// on.
type Chain [][]byte

// Newest checks that every version follows the one before it, and returns the
// last. The error is a [*Distrusted]. For an empty chain it returns the zero
// [Trust].
func (c Chain) Newest() (Trust, error) {
	if len(c) == 0 {
		return Trust{}, nil
	}
	if len(c) > MaxTrustVersions {
		return Trust{}, &Distrusted{fmt.Sprintf("%d versions", len(c)), fmt.Sprintf("at most %d", MaxTrustVersions)}
	}
	t, err := OpenTrust(c[0])
	if err != nil {
		return Trust{}, err
	}
	for _, sealed := range c[1:] {
		if t, err = t.Follow(sealed); err != nil {
			return Trust{}, err
		}
	}
	return t, nil
}

// After returns the versions after the given one.
func (c Chain) After(version uint64) Chain { return c[min(version, uint64(len(c))):] }

// Pin finds the version with the given fingerprint, follows the chain from
// there, and returns the newest version, also as it was signed. An empty
// fingerprint accepts the first version, whoever wrote it. The error is a
// [*Distrusted].
func (c Chain) Pin(fingerprint string) (Trust, []byte, error) {
	at := slices.IndexFunc(c, func(sealed []byte) bool { return fingerprint == "" || TrustFingerprint(sealed) == fingerprint })
	if at < 0 {
		have := "no trust document"
		if len(c) > 0 {
			have = "fingerprint " + TrustFingerprint(c[len(c)-1])
		}
		return Trust{}, nil, &Distrusted{have, "fingerprint " + fingerprint}
	}
	t, err := c[at:].Newest()
	return t, bytes.Clone(c[len(c)-1]), err
}

// TrustLifetime is how long a trust document is valid, unless its author sets
// another expiry.
const TrustLifetime = 2 * 365 * 24 * time.Hour

// NewTrust returns the first version, with one root key, one manifest key (they
// may be the same) and the server's exchange key.
func NewTrust(root, signing PublicKey, exchange []byte, issued time.Time) Trust {
	return Trust{
		Format: Format, Version: 1, Issued: issued, Expires: issued.Add(TrustLifetime),
		Root: []PublicKey{root}, Threshold: 1, Manifest: []PublicKey{signing}, Exchange: exchange,
	}
}

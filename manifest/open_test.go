package manifest_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// envelope signs any payload, as only the server can.
func envelope(payloadType string, payload []byte) []byte {
	sig := ed25519.Sign(key, dsse.PAE(payloadType, payload))
	return fmt.Appendf(nil, `{"payloadType":%q,"payload":%q,"signatures":[{"keyid":%q,"sig":%q}]}`,
		payloadType, base64.StdEncoding.EncodeToString(payload), manifest.Fingerprint(public), base64.StdEncoding.EncodeToString(sig))
}

// payload returns the document inside an envelope.
func payload(t testing.TB, sealed []byte) []byte {
	var e struct{ Payload []byte }
	require.NoError(t, json.Unmarshal(sealed, &e))
	return e.Payload
}

func refusal(t testing.TB, d manifest.Document, err error) *manifest.Refused {
	t.Helper()
	refused, ok := err.(*manifest.Refused)
	require.True(t, ok, "error is %T: %v", err, err)
	require.Zero(t, d, "a refused manifest says something")
	require.NotEmpty(t, refused.Have)
	require.NotEmpty(t, refused.Want)
	require.Less(t, len(refused.Error()), 1000)
	return refused
}

// What an attacker in between can do without the server's key.
func TestOpenRefusesTampering_MAN5(t *testing.T) {
	good := seal(t, document(jobs(1)...))
	edit := func(change func(*dsse.Envelope)) []byte {
		var e dsse.Envelope
		require.NoError(t, json.Unmarshal(good, &e))
		change(&e)
		sealed, err := json.Marshal(e)
		require.NoError(t, err)
		return sealed
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	theirs, err := manifest.Seal(document(), manifest.NewSigner(other))
	require.NoError(t, err)
	require.Equal(t, string(good), string(edit(func(*dsse.Envelope) {})))

	for name, sealed := range map[string][]byte{
		"nothing":                     nil,
		"an empty object":             []byte("{}"),
		"null":                        []byte("null"),
		"another kind of text":        []byte("<html>Please log in</html>"),
		"nothing but the payload":     payload(t, good),
		"another's key":               theirs,
		"another's key, our key's id": bytes.Replace(theirs, []byte(manifest.Fingerprint(other.Public().(ed25519.PublicKey))), []byte(manifest.Fingerprint(public)), 1),
		"the signature stripped":      edit(func(e *dsse.Envelope) { e.Signatures = []dsse.Signature{} }),
		"the signatures absent":       edit(func(e *dsse.Envelope) { e.Signatures = nil }),
		"an empty signature":          edit(func(e *dsse.Envelope) { e.Signatures[0].Sig = "" }),
		"a shorter signature":         edit(func(e *dsse.Envelope) { e.Signatures[0].Sig = e.Signatures[0].Sig[:4] }),
		"two signatures":              edit(func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) }),
		"a bad one before the good":   edit(func(e *dsse.Envelope) { e.Signatures = append([]dsse.Signature{{Sig: "AA=="}}, e.Signatures...) }),
		"another key id":              edit(func(e *dsse.Envelope) { e.Signatures[0].KeyID = "sha256:00" }),
		"no key id":                   edit(func(e *dsse.Envelope) { e.Signatures[0].KeyID = "" }),
		"another payload type":        edit(func(e *dsse.Envelope) { e.PayloadType = "application/vnd.in-toto+json" }),
		"another payload":             edit(func(e *dsse.Envelope) { e.Payload = base64.StdEncoding.EncodeToString([]byte("{}")) }),
		"base64 of another alphabet":  edit(func(e *dsse.Envelope) { e.Payload = strings.NewReplacer("+", "-", "/", "_").Replace(e.Payload) + "-" }),
		"a line break in the base64":  edit(func(e *dsse.Envelope) { e.Payload = e.Payload[:8] + "\n" + e.Payload[8:] }),
		"something after it":          append(bytes.Clone(good), '{', '}'),
		"a line break after it":       append(bytes.Clone(good), '\n'),
		"one more field":              bytes.Replace(good, []byte(`{"payloadType"`), []byte(`{"x":1,"payloadType"`), 1),
		"a field twice":               bytes.Replace(good, []byte(`{"payloadType"`), []byte(`{"payloadType":"a","payloadType"`), 1),
		"deep nesting":                []byte(strings.Repeat(`{"a":[`, 500_000)),
		"deep nesting in a field":     []byte(`{"signatures":` + strings.Repeat("[", manifest.MaxSealed-20)),
		"many empty signatures":       []byte(`{"signatures":[{}` + strings.Repeat(",{}", 1_000_000) + `]}`),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := open(sealed)
			require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason)
		})
	}

	d, err := open(good)
	require.NoError(t, err)
	require.Len(t, d.Orders, 1)
}

// With any bit flipped, or cut to any length, a manifest is refused as
// BadSignature.
func TestOpenRefusesEveryBitFlipAndTruncation_MAN5(t *testing.T) {
	good := seal(t, document(jobs(1)...))
	for n := range good {
		d, err := open(good[:n])
		require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason, "cut to %d", n)
	}
	for i := range good {
		for bit := range 8 {
			flipped := bytes.Clone(good)
			flipped[i] ^= 1 << bit
			d, err := open(flipped)
			require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason, "bit %d of byte %d", bit, i)
		}
	}
}

func TestOpenNeedsAKey(t *testing.T) {
	good := seal(t, document())
	for _, bad := range []ed25519.PublicKey{nil, public[:31], append(bytes.Clone(public), 0)} {
		v := manifest.NewVerifier(bad)
		require.Empty(t, v.KeyIDs())
		require.Error(t, v.Verify(manifest.Fingerprint(bad), nil, make([]byte, ed25519.SignatureSize)))
		d, err := manifest.Open(good, v, asset, 0, "", t0)
		require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason)
	}
	d, err := manifest.Open(good, nil, asset, 0, "", t0)
	require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason)
	d, err = manifest.Open(good, manifest.NewVerifier(make(ed25519.PublicKey, ed25519.PublicKeySize)), asset, 0, "", t0)
	require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason)
}

// The server's own manifests that are not for this agent now; above all
// replays.
func TestOpenRefusesWhatIsNotForNow_MAN5(t *testing.T) {
	for _, c := range []struct {
		name   string
		asset  job.AssetID
		held   manifest.Revision
		now    time.Time
		reason manifest.RefusalReason // zero: accepted
	}{
		{"new", asset, 6, t0, 0},
		{"the first", asset, 0, t0, 0},
		{"the same again", asset, 7, t0, 0},
		{"rolled back", asset, 8, t0, manifest.LowerRevision},
		{"another asset's", "web-2", 0, t0, manifest.WrongAsset},
		{"another asset's by case", "Web-1", 0, t0, manifest.WrongAsset},
		{"the last instant", asset, 7, t0.Add(manifest.Lifetime - 1), 0},
		{"at the instant", asset, 7, t0.Add(manifest.Lifetime), manifest.Expired},
		{"long after", asset, 7, t0.AddDate(100, 0, 0), manifest.Expired},
		{"before it was issued", asset, 7, t0.Add(manifest.Lifetime - manifest.MaxLifetime - manifest.MaxSkew), 0}, // clocks differ
		{"too long before", asset, 7, t0.Add(manifest.Lifetime - manifest.MaxLifetime - manifest.MaxSkew - 1), manifest.ExpiresLate},
		{"in another zone", asset, 7, t0.Add(manifest.Lifetime).In(time.FixedZone("", 3600)), manifest.Expired},
		{"another asset's, old and expired", "web-2", 8, t0.AddDate(1, 0, 0), manifest.WrongAsset},
		{"old and expired", asset, 8, t0.AddDate(1, 0, 0), manifest.LowerRevision},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := manifest.Open(seal(t, document()), pinned, c.asset, c.held, "", c.now)
			if c.reason == 0 {
				require.NoError(t, err)
				require.Equal(t, manifest.Revision(7), d.Revision)
				return
			}
			require.Equal(t, c.reason, refusal(t, d, err).Reason)
		})
	}
}

// The same revision again is accepted if the content is the same. With other
// content, two manifests share a number.
func TestOpenRefusesOtherContentOfTheSameRevision_MAN5(t *testing.T) {
	held, other := seal(t, document()), seal(t, document(jobs(1)...))
	for _, c := range []struct {
		revision manifest.Revision
		digest   string
		sealed   []byte
		reason   manifest.RefusalReason // zero: accepted
	}{
		{7, manifest.Digest(held), held, 0},
		{7, manifest.Digest(held), other, manifest.OtherContent},
		{7, "", other, 0}, // not known
		{6, manifest.Digest(held), other, 0},
		{8, manifest.Digest(held), other, manifest.LowerRevision},
	} {
		d, err := manifest.Open(c.sealed, pinned, asset, c.revision, c.digest, t0)
		if c.reason == 0 {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, c.reason, refusal(t, d, err).Reason)
	}
}

// A manifest dated ahead would be valid for longer than allowed. A small
// difference of clocks does no harm.
func TestOpenRefusesALateExpiry_MAN5(t *testing.T) {
	for ahead, want := range map[time.Duration]manifest.RefusalReason{
		0: 0, manifest.MaxSkew: 0, manifest.MaxSkew + time.Second: manifest.ExpiresLate, 300 * 24 * time.Hour: manifest.ExpiresLate,
	} {
		doc := document()
		doc.Issued = t0.Add(ahead)
		doc.Expires = doc.Issued.Add(manifest.MaxLifetime)
		d, err := manifest.Open(seal(t, doc), pinned, asset, 0, "", t0)
		if want == 0 {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, want, refusal(t, d, err).Reason, ahead)
	}
}

// What the server signed but should not have: another release, a bug, or
// another use of its key.
func TestOpenRefusesOtherForms_MAN5(t *testing.T) {
	good := string(payload(t, seal(t, document(jobs(2)...))))
	replace := func(from, to string) []byte {
		require.Contains(t, good, from)
		return []byte(strings.Replace(good, from, to, 1))
	}
	for name, p := range map[string][]byte{
		"empty":                     {},
		"a list":                    []byte("[]"),
		"cut":                       []byte(good[:len(good)-1]),
		"something after it":        []byte(good + "{}"),
		"a number as text":          replace(`"revision":7`, `"revision":"7"`),
		"a number with a point":     replace(`"revision":7`, `"revision":7.0`),
		"a negative number":         replace(`"revision":7`, `"revision":-7`),
		"too large a number":        replace(`"revision":7`, `"revision":18446744073709551616`),
		"no time":                   replace(`"issued":"2026-01-31T12:00:00Z"`, `"issued":"soon"`),
		"expiry before issue":       replace(`"issued":"2026-01-31T12:00:00Z"`, `"issued":"2027-01-31T12:00:00Z"`),
		"too long a life":           replace(`"issued":"2026-01-31T12:00:00Z"`, `"issued":"2025-01-31T12:00:00Z"`),
		"an order of another asset": []byte(strings.ReplaceAll(good, "/web-1", "/web-2")),
		"an order that is invalid":  replace(`"/bin/true"`, `""`),
		"an order twice":            []byte(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(good, "job001", "job000"), "T130000Z", "T120000Z"), "13:00:00", "12:00:00")),
		"a negative format":         replace(`"format":1`, `"format":-1`),
		"a later format":            replace(`"format":1`, `"format":2`),
		"a later format's fields":   replace(`"format":1`, `"format":2,"new":true`),
		"no revision":               replace(`"revision":7`, `"revision":0`),
		"deep nesting":              []byte(`{"orders":` + strings.Repeat("[", 2<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := manifest.Open(envelope(manifest.PayloadType, p), pinned, asset, 0, "", t0)
			require.Equal(t, manifest.Malformed, refusal(t, d, err).Reason, "%v", err)
			if strings.HasPrefix(name, "a later format") {
				require.ErrorContains(t, err, "format 2")
			}
		})
	}

	t.Run("another payload type", func(t *testing.T) {
		d, err := open(envelope("application/vnd.in-toto+json", []byte(good)))
		require.Equal(t, manifest.Malformed, refusal(t, d, err).Reason)
		require.ErrorContains(t, err, "in-toto")
	})
	d, err := open(envelope(manifest.PayloadType, []byte(good)))
	require.NoError(t, err, "the table's own envelope is good")
	require.Len(t, d.Orders, 2)
}

// Another encoding or further fields of a later release are read (MAN-11).
func TestOpenReadsOtherReleases_MAN11(t *testing.T) {
	want := document(jobs(2)...)
	good := string(payload(t, seal(t, want)))
	replace := func(from, to string) string {
		require.Contains(t, good, from)
		return strings.Replace(good, from, to, 1)
	}
	for name, p := range map[string]string{
		"as it is":                good,
		"a space after it":        good + " ",
		"spaces within":           replace(`,"asset"`, `, "asset"`),
		"an unknown field":        replace(`,"asset"`, `,"x":{"y":[1]},"asset"`),
		"a repeated field":        replace(`,"revision":7`, `,"revision":9,"revision":7`),
		"an unknown field within": replace(`"job":"job000"`, `"job":"job000","run as":"root"`),
		"a zero written out":      replace(`"job":"job000"`, `"job":"job000","cancelled":false`),
		"fields in another order": replace(`"format":1,"asset":"web-1"`, `"asset":"web-1","format":1`),
		"no format":               replace(`"format":1,`, ``),
		"an escaped letter":       replace(`"web-1"`, `"web\u002d1"`),
		"a fraction of a second":  replace(`"issued":"2026-01-31T12:00:00Z"`, `"issued":"2026-01-31T12:00:00.5Z"`),
		"another zone":            replace(`"issued":"2026-01-31T12:00:00Z"`, `"issued":"2026-01-31T13:00:00+01:00"`),
		"orders unsorted":         strings.Replace(good, good[strings.Index(good, `{"id":"job000`):len(good)-2], good[strings.Index(good, `{"id":"job001`):len(good)-2]+","+good[strings.Index(good, `{"id":"job000`):strings.Index(good, `,{"id":"job001`)], 1),
	} {
		d, err := manifest.Open(envelope(manifest.PayloadType, []byte(p)), pinned, asset, 0, "", t0)
		require.NoError(t, err, name)
		require.Equal(t, want, d, name)
	}
}

// An unknown version scheme, digest algorithm or need is kept: the agent judges
// it when the order is due (MAN-11).
func TestOpenKeepsWhatItDoesNotKnow_MAN11(t *testing.T) {
	o := patched(t, order("a", t0))
	o.Needs = []string{"flying"}
	p := string(payload(t, seal(t, document(o))))
	scheme, _, _ := strings.Cut(string(o.Patches[0].Version.Scheme()), ":")
	p = strings.Replace(p, `"version":"`+scheme+`:`, `"version":"zap:`, 1)
	p = strings.Replace(p, `"sha256:`, `"blake3:`, 1)
	require.Contains(t, p, "blake3")
	d, err := manifest.Open(envelope(manifest.PayloadType, []byte(p)), pinned, asset, 0, "", t0)
	require.NoError(t, err)
	require.Equal(t, "patches[0].version: scheme \"zap\"", d.Orders[0].NotKnown())
	d.Orders[0].Patches[0].Version = o.Patches[0].Version
	require.Contains(t, d.Orders[0].NotKnown(), `digests[0]: algorithm "blake3"`)
	require.Equal(t, []string{"flying"}, d.Orders[0].Needs)
	require.Equal(t, `The order needs the capability "flying", which the agent does not have or may not use.`, d.Orders[0].Obstacle(job.Capabilities(), integrity.Excerpt{}).Text)
	reads(t, d)
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(`{"payloadType":"a","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`))
	good := seal(f, document(patched(f, order("a", t0))))
	f.Add(good)
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if d, err := open(sealed); err != nil {
			refusal(t, d, err)
		} else {
			reads(t, d)
		}
	})
}

// reads checks that a document that was read is written in a form that reads
// the same (MAN-11).
func reads(t *testing.T, d manifest.Document) {
	sealed, err := manifest.Seal(d, manifest.NewSigner(key))
	if errors.Is(err, manifest.ErrTooLarge) {
		return
	}
	require.NoError(t, err)
	again, err := open(sealed)
	require.NoError(t, err)
	require.Equal(t, string(sealed), string(seal(t, again)))
}

// FuzzOpenSigned fuzzes the payload, with a valid signature.
func FuzzOpenSigned(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(payload(f, seal(f, document())))
	f.Add(payload(f, seal(f, document(patched(f, order("a", t0)), cancelled(order("b", t0))))))
	f.Fuzz(func(t *testing.T, p []byte) {
		sealed := envelope(manifest.PayloadType, p)
		if d, err := open(sealed); err != nil {
			require.NotEqual(t, manifest.BadSignature, refusal(t, d, err).Reason)
		} else {
			reads(t, d)
		}
	})
}

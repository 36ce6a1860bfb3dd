package sigstoreverify

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/signature"
	sigstoredsse "github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
)

func TestEnvelopeConformance_INT9(t *testing.T) {
	k := keys()
	patch := patch[:1000]
	good := text(t, statementOf([]byte("another file"), patch))
	envelope := func(payload []byte, keys ...crypto.Signer) []byte {
		return text(t, envelopeOf(t, statementType, payload, keys...))
	}
	for name, signed := range map[string][]byte{
		"alone":     envelope(good, k.ed),
		"in bundle": text(t, bundleOf(object{"dsseEnvelope": envelopeOf(t, statementType, good, k.ed)}, nil)),
	} {
		t.Run(name, func(t *testing.T) {
			integritytest.Run(t, integritytest.Fixture{
				Verifier: verifier(t, key(t, "Vendor", k.ed), key(t, "Other", k.p256)),
				Signer:   "Vendor",
				Signed:   integritytest.File{Content: patch, Detached: signed},
				Unsigned: integritytest.File{Content: []byte("unsigned")},
				Stranger: integritytest.File{Content: patch, Detached: envelope(good, k.strangerEd)},
				Nameless: true,
				Bad: map[string]integritytest.File{
					"about other files":      {Content: patch, Detached: envelope(text(t, statementOf([]byte("another"))), k.ed)},
					"about no file":          {Content: patch, Detached: envelope(text(t, statementOf()), k.ed)},
					"without a signature":    {Content: patch, Detached: envelope(good)},
					"a signature of nothing": {Content: patch, Detached: bytes.Replace(signed, []byte(`"sig":"`), []byte(`"sig":"","x":"`), 1)},
				},
			})
		})
	}
}

// What an envelope and its statement must be. Each case is one change of a good one, signed again.
func TestEnvelopes_INT9(t *testing.T) {
	k := keys()
	v := verifier(t, key(t, "Vendor", k.ed))
	digests := func(d object) func(object) {
		return func(s object) { s["subject"] = []object{{"name": "x", "digest": d}} }
	}
	hexOf := func(h crypto.Hash) string { return hex.EncodeToString(sum(h, patch)) }
	for name, tc := range map[string]struct {
		kind      string
		statement func(object) // changes it before it is signed
		payload   []byte       // instead
		envelope  func(object) // changes it afterwards
		want      integrity.Status
		detail    string
	}{
		"good": {want: integrity.Valid},
		"with a second, foreign signature": {envelope: func(e object) {
			e["signatures"] = append([]object{{"keyid": "x", "sig": b64(make([]byte, 64))}}, e["signatures"].([]object)...)
		}, want: integrity.Valid},
		"older statement":         {statement: func(s object) { s["_type"] = "https://in-toto.io/Statement/v0.1" }, want: integrity.Valid},
		"SHA-384 and SHA-512":     {statement: digests(object{"sha384": hexOf(crypto.SHA384), "sha512": hexOf(crypto.SHA512)}), want: integrity.Valid},
		"upper-case digest":       {statement: digests(object{"sha256": strings.ToUpper(hexOf(crypto.SHA256))}), want: integrity.Valid},
		"an unknown digest, too":  {statement: digests(object{"sha256": hexOf(crypto.SHA256), "gitCommit": "00"}), want: integrity.Valid},
		"digests that contradict": {statement: digests(object{"sha256": hexOf(crypto.SHA256), "sha512": hexOf(crypto.SHA384)}), want: integrity.Bad, detail: "about other files"},
		"cut digest":              {statement: digests(object{"sha256": hexOf(crypto.SHA256)[:32]}), want: integrity.Bad, detail: "about other files"},
		"empty digest":            {statement: digests(object{"sha256": ""}), want: integrity.Bad, detail: "about other files"},
		"legacy digests":          {statement: digests(object{"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "md5": "0"}), want: integrity.Unsupported, detail: "no SHA-256"},
		"no digests":              {statement: digests(object{}), want: integrity.Unsupported, detail: "no SHA-256"},
		"no subject":              {statement: func(s object) { delete(s, "subject") }, want: integrity.Bad, detail: "names no file"},
		"as many subjects as go": {statement: func(s object) {
			s["subject"] = append(statementOf(make([][]byte, MaxSubjects-1)...)["subject"].([]object), s["subject"].([]object)...)
		}, want: integrity.Valid},
		"one subject more": {statement: func(s object) {
			s["subject"] = append(statementOf(make([][]byte, MaxSubjects)...)["subject"].([]object), s["subject"].([]object)...)
		}, want: integrity.Unsupported, detail: "names 1025 files"},
		"a scan's report":           {statement: func(s object) { s["predicateType"] = "https://in-toto.io/attestation/vulns/v0.1" }, want: integrity.Unsupported, detail: "makes another statement"},
		"no predicate":              {statement: func(s object) { delete(s, "predicateType") }, want: integrity.Unsupported, detail: "makes another statement"},
		"another statement":         {statement: func(s object) { s["_type"] = "https://in-toto.io/Statement/v2" }, want: integrity.Unsupported, detail: "Statement/v2"},
		"another payload type":      {kind: "text/plain", want: integrity.Unsupported, detail: `"text/plain"`},
		"type swapped afterwards":   {kind: "text/plain", envelope: func(e object) { e["payloadType"] = statementType }, want: integrity.Bad, detail: "none of the trusted keys"},
		"payload no JSON":           {payload: []byte("junk"), want: integrity.Bad, detail: "not a statement"},
		"payload with a name twice": {payload: []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"Subject":[]}`), want: integrity.Bad, detail: `"Subject" is there twice`},
		"no payload":                {envelope: func(e object) { delete(e, "payload") }, want: integrity.Bad, detail: "lacks its payload"},
		"empty payload":             {envelope: func(e object) { e["payload"] = "" }, want: integrity.Bad, detail: "empty or not base64"},
		"payload not base64":        {envelope: func(e object) { e["payload"] = "!" }, want: integrity.Bad, detail: "empty or not base64"},
		"payload in URL's base64": {envelope: func(e object) {
			e["payload"] = base64.URLEncoding.EncodeToString(text(t, statementOf(patch)))
		}, want: integrity.Valid},
		"a number for a payload": {envelope: func(e object) { e["payload"] = 1 }, want: integrity.Unsupported, detail: "no envelope or bundle"},
		"signature not base64":   {envelope: func(e object) { e["signatures"] = []object{{"sig": "!"}} }, want: integrity.Bad, detail: "signature 0"},
		"as many signatures as go": {envelope: func(e object) {
			for range MaxSignatures - 1 {
				e["signatures"] = append([]object{{"sig": b64(make([]byte, 64))}}, e["signatures"].([]object)...)
			}
		}, want: integrity.Valid},
		"one signature more": {envelope: func(e object) {
			for range MaxSignatures {
				e["signatures"] = append([]object{{"sig": b64(make([]byte, 64))}}, e["signatures"].([]object)...)
			}
		}, want: integrity.Unsupported, detail: "5 signatures; at most 4"},
		"bundle and envelope at once": {envelope: func(e object) { e["mediaType"] = "x" }, want: integrity.Unsupported, detail: "neither an envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			s := statementOf(patch)
			if tc.statement != nil {
				tc.statement(s)
			}
			payload, kind := tc.payload, statementType
			if payload == nil {
				payload = text(t, s)
			}
			if tc.kind != "" {
				kind = tc.kind
			}
			e := envelopeOf(t, kind, payload, k.ed)
			if tc.envelope != nil {
				tc.envelope(e)
			}
			got := verify(v, patch, text(t, e))
			require.Equal(t, tc.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, tc.detail)
			if got.Status == integrity.Valid {
				require.Equal(t, integrity.Signature{Status: integrity.Valid, Format: integrity.DSSE, Signer: "Vendor"}, got)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		e := append(text(t, envelopeOf(t, statementType, text(t, statementOf(patch)), k.ed)), bytes.Repeat([]byte(" "), MaxDocument)...)
		require.Equal(t, integrity.Valid, verify(v, patch, e[:MaxDocument]).Status)
		got := verify(v, patch, e[:MaxDocument+1])
		require.Equal(t, integrity.Unsupported, got.Status)
		require.Contains(t, got.Detail, "524289 bytes")
	})
	t.Run("other predicates", func(t *testing.T) {
		own := signer("Vendor", integrity.SigstoreTrust{Keys: texts(pemOf(t, k.ed.Public())), Predicates: []string{"https://vendor.example/shipped"}})
		s := statementOf(patch)
		require.Equal(t, integrity.Unsupported, verify(verifier(t, own), patch, text(t, envelopeOf(t, statementType, text(t, s), k.ed))).Status)
		s["predicateType"] = own.Sigstore[0].Predicates[0]
		require.Equal(t, integrity.Valid, verify(verifier(t, own), patch, text(t, envelopeOf(t, statementType, text(t, s), k.ed))).Status)
	})
}

// Several keys of one signer must have signed; the same key twice is one, and
// keys of others do not count.
func TestThreshold_INT1(t *testing.T) {
	k := keys()
	two := signer("Two", integrity.SigstoreTrust{Keys: texts(pemOf(t, k.ed.Public()), pemOf(t, k.p256.Public()), pemOf(t, k.rsa2048.Public())), Threshold: 2})
	v := verifier(t, two, key(t, "Other", k.p384))
	payload := text(t, statementOf(patch))
	for name, tc := range map[string]struct {
		keys   []crypto.Signer
		signer string
	}{
		"none":                     {nil, ""},
		"one":                      {[]crypto.Signer{k.ed}, ""},
		"one twice":                {[]crypto.Signer{k.p256, k.p256}, ""},
		"one and a stranger":       {[]crypto.Signer{k.ed, k.strangerEd}, ""},
		"two":                      {[]crypto.Signer{k.p256, k.ed}, "Two"},
		"all":                      {[]crypto.Signer{k.ed, k.p256, k.rsa2048}, "Two"},
		"two and strangers":        {[]crypto.Signer{k.strangerEd, k.ed, k.p521, k.p256}, "Two"},
		"another signer's":         {[]crypto.Signer{k.p384}, "Other"},
		"another's and one of two": {[]crypto.Signer{k.ed, k.p384}, "Other"},
	} {
		got := verify(v, patch, text(t, envelopeOf(t, statementType, payload, tc.keys...)))
		require.Equal(t, tc.signer, got.Signer, name)
		if tc.signer == "" {
			require.Equal(t, integrity.Bad, got.Status, name)
		}
	}
	got := verify(v, patch, text(t, envelopeOf(t, statementType, payload, k.ed)))
	require.Equal(t, `its envelope is signed by 1 of "Two"'s keys; want 2`, got.Detail)
	sig, err := Sign(k.ed, bytes.NewReader(patch))
	require.NoError(t, err)
	got = verify(v, patch, sig)
	require.Equal(t, integrity.Bad, got.Status, "a plain signature is only one")
	require.Contains(t, got.Detail, "must sign with 2 keys")
}

// The envelope of a certificate: only its statement, its identity and its time
// together make the file good.
func TestEnvelopeWithCertificate_INT1(t *testing.T) {
	s := newStage(t)
	v := verifier(t, identified(s.identity()))
	bundle := func(st object, change func(object)) []byte {
		payload := text(t, st)
		sig := s.signer.sign(t, preAuthentication(statementType, payload))
		e := object{"payloadType": statementType, "payload": b64(payload), "signatures": []object{{"sig": b64(sig)}}}
		b := bundleOf(object{"dsseEnvelope": e}, []*holder{s.signer, s.middle}, stamp(t, s.clock, sig, nil))
		if change != nil {
			change(b)
		}
		return text(t, b)
	}
	want := integrity.Signature{Status: integrity.Valid, Format: integrity.DSSE, Signer: "Vendor", SignedAt: signedOn}
	require.Equal(t, want, verify(v, patch, bundle(statementOf(patch), nil)))
	for name, tc := range map[string]struct {
		bundle []byte
		want   integrity.Status
		detail string
	}{
		"about others": {bundle(statementOf([]byte("x")), nil), integrity.Bad, "about other files"},
		"two signatures": {bundle(statementOf(patch), func(b object) {
			e := b["dsseEnvelope"].(object)
			e["signatures"] = append(e["signatures"].([]object), e["signatures"].([]object)...)
		}), integrity.Bad, "2 signatures; a bundle has one"},
		"another's signature": {bundle(statementOf(patch), func(b object) {
			b["dsseEnvelope"].(object)["signatures"] = []object{{"sig": b64(newStage(t).signer.sign(t, []byte("x")))}}
		}), integrity.Bad, "not by its certificate's key"},
		"a broken payload": {bundle(statementOf(patch), func(b object) { b["dsseEnvelope"].(object)["payload"] = "!" }), integrity.Bad, "not base64"},
		"another type":     {bundle(statementOf(patch), func(b object) { b["dsseEnvelope"].(object)["payloadType"] = "x" }), integrity.Unsupported, `"x"`},
		"a scan":           {bundle(object{"_type": "https://in-toto.io/Statement/v1", "subject": statementOf(patch)["subject"], "predicateType": "scan"}, nil), integrity.Unsupported, "makes another statement"},
	} {
		got := verify(v, patch, tc.bundle)
		require.Equal(t, tc.want, got.Status, name)
		require.Contains(t, got.Detail, tc.detail, name)
		require.Equal(t, name != "two signatures" && name != "a broken payload", got.Format == integrity.DSSE, name)
	}
}

// The reference implementation makes envelopes that are taken, and takes none that is not.
func TestEnvelopesByTheReference_INT1(t *testing.T) {
	k := keys()
	payload := text(t, statementOf(patch))
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 4))
	stricter, valid, looser := map[string]int{}, 0, 0
	for _, private := range []crypto.Signer{k.ed, k.p256, k.p384, k.rsa2048} {
		s, err := signature.LoadSigner(private, crypto.SHA256)
		require.NoError(t, err)
		maker, err := dsse.NewEnvelopeSigner(&sigstoredsse.SignerAdapter{SignatureSigner: s, Pub: private.Public()})
		require.NoError(t, err)
		e, err := maker.SignPayload(context.Background(), statementType, payload)
		require.NoError(t, err)
		sigVerifier, err := signature.LoadVerifier(private.Public(), crypto.SHA256)
		require.NoError(t, err)
		reference, err := dsse.NewEnvelopeVerifier(&sigstoredsse.VerifierAdapter{SignatureVerifier: sigVerifier, Pub: private.Public()})
		require.NoError(t, err)
		v := verifier(t, key(t, "Vendor", private))
		good := text(t, e)
		require.Equal(t, integrity.Valid, verify(v, patch, good).Status)
		for range max(200, budget(t)) {
			changed := mutate(r, good)
			var read dsse.Envelope
			err := json.Unmarshal(changed, &read)
			if err == nil {
				_, err = reference.Verify(context.Background(), &read)
			}
			got := verify(v, patch, changed)
			if got.Status == integrity.Valid && err != nil { // base64 without padding is taken here, as protocol buffers have it
				looser++
				pad := func(s string) string { return s + strings.Repeat("=", -len(s)&3) }
				read.Payload, read.Signatures[0].Sig = pad(read.Payload), pad(read.Signatures[0].Sig)
				_, err = reference.Verify(context.Background(), &read)
				require.NoError(t, err, "valid here, and not to the reference: %s", changed)
			} else if got.Status == integrity.Valid {
				valid++
			} else if err == nil {
				stricter[got.Detail]++
			}
		}
	}
	t.Logf("seed %d; %d valid to both, %d here alone for want of padding; refused here alone: %v", seed, valid, looser, stricter)
}

func TestDefaultPredicates(t *testing.T) {
	k := keys()
	for _, p := range DefaultPredicates() {
		s := statementOf(patch)
		s["predicateType"] = p
		require.Equal(t, integrity.Valid, verify(verifier(t, key(t, "Vendor", k.ed)), patch, text(t, envelopeOf(t, statementType, text(t, s), k.ed))).Status, p)
	}
}

package sigstoreverify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// The keys of these targets cost nothing to make, as each worker makes its own.
var (
	fuzzEd = ed25519Key("fuzz")
	fuzzEC = ecdsaKey(elliptic.P256(), "fuzz")
)

// FuzzVerify gives signature files of all forms to a verifier that knows their
// makers: nothing but the content that was signed is ever valid, and Inspect
// ends, too.
func FuzzVerify(f *testing.F) {
	s := newStage(f)
	content := byOpenSSL(f, "patch")
	v := verifier(f, keyed("RSA", byOpenSSL(f, "rsa.pub")), key(f, "Ed", fuzzEd), key(f, "EC", fuzzEC), identified(s.identity()))
	for _, sig := range [][]byte{
		byOpenSSL(f, "rsa.sig"), byOpenSSL(f, "rsa-pss.sig"), (&holder{key: fuzzEC}).sign(f, content), (&holder{key: fuzzEd}).sign(f, content),
		ed25519.Sign(fuzzEd, content),
	} {
		f.Add(content, sig)
		f.Add(content, []byte(b64(sig)))
	}
	for _, o := range documents(f, s, content) {
		f.Add(content, text(f, o))
	}
	f.Add([]byte{}, []byte("-----BEGIN "))
	f.Add(content, append([]byte{0xC2, 192, 62}, make([]byte, 253)...))
	f.Fuzz(func(t *testing.T, c, sig []byte) {
		got := verify(v, c, sig)
		require.Equal(t, sig == nil, got.Status == integrity.Absent)
		if got.Status == integrity.Valid {
			require.Equal(t, content, c, "only that content was ever signed")
		} else {
			require.Empty(t, got.Signer)
		}
		r, err := Inspect(bytes.NewReader(c), int64(len(c)), sig)
		require.NoError(t, err)
		if r.Kind == "" {
			require.NotEqual(t, integrity.Valid, got.Status)
			require.NotEmpty(t, r.Odd)
		}
	})
}

// documents are one of each JSON form.
func documents(t testing.TB, s stage, content []byte) []object {
	payload := text(t, statementOf(content))
	sig := s.signer.sign(t, preAuthentication(statementType, payload))
	return []object{
		s.bundle(t, content),
		bundleOf(messageOf(content, (&holder{key: fuzzEd}).sign(t, content)), nil),
		bundleOf(object{"dsseEnvelope": object{"payloadType": statementType, "payload": b64(payload), "signatures": []object{{"sig": b64(sig)}}}},
			[]*holder{s.signer}, stamp(t, s.clock, sig, nil)),
		envelopeOf(t, statementType, payload, fuzzEd, fuzzEC),
		{"base64Signature": "AAAA"},
	}
}

// FuzzDocument goes past the JSON: the parts of a bundle are given apart, so
// that a change of one of their bytes is a change of what is parsed.
func FuzzDocument(f *testing.F) {
	s := newStage(f)
	content := patch[:100]
	v := verifier(f, key(f, "Ed", fuzzEd), key(f, "EC", fuzzEC), identified(s.identity()))
	sig := s.signer.sign(f, content)
	payload := text(f, statementOf(content))
	over := s.signer.sign(f, preAuthentication(statementType, payload))
	f.Add(s.signer.Raw, s.middle.Raw, sig, stamp(f, s.clock, sig, nil), []byte{}, false)
	f.Add(s.signer.Raw, s.middle.Raw, over, stamp(f, s.clock, over, nil), payload, false)
	f.Add([]byte{}, []byte{}, (&holder{key: fuzzEC}).sign(f, preAuthentication(statementType, payload)), []byte{}, payload, true)
	f.Fuzz(func(t *testing.T, leaf, middle, sig, stamped, payload []byte, alone bool) {
		in := messageOf(content, sig)
		envelope := object{"payloadType": statementType, "payload": b64(payload), "signatures": []object{{"sig": b64(sig)}}}
		if len(payload) > 0 {
			in = object{"dsseEnvelope": envelope}
		}
		material := object{"publicKey": object{}, "timestampVerificationData": object{"rfc3161Timestamps": []object{{"signedTimestamp": b64(stamped)}}}}
		if len(leaf) > 0 {
			delete(material, "publicKey")
			material["x509CertificateChain"] = object{"certificates": []object{{"rawBytes": b64(leaf)}, {"rawBytes": b64(middle)}}}
		}
		document := object{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": material}
		for k, v := range in {
			document[k] = v
		}
		if alone {
			document = envelope
		}
		file := text(t, document)
		got := verify(v, content, file)
		require.NotEqual(t, integrity.Absent, got.Status)
		require.NotEqual(t, integrity.Valid, verify(v, content[1:], file).Status, "that content was never signed")
		if got.Status == integrity.Valid && got.Format == integrity.Certificate {
			require.Equal(t, signedOn, got.SignedAt)
		}
		_, _ = Inspect(bytes.NewReader(content), int64(len(content)), file)
	})
}

// FuzzTrust gives keys and certificates to New: it takes them or says why not,
// and what it takes verifies nothing by itself.
func FuzzTrust(f *testing.F) {
	s := newStage(f)
	for _, h := range []*holder{s.root, s.middle, s.signer, s.clock} {
		f.Add([]byte(h.pem()))
		f.Add(h.Raw)
	}
	f.Add(pemOf(f, fuzzEd.Public()))
	f.Add(pemOf(f, ecdsaKey(elliptic.P521(), "fuzz").Public()))
	f.Add(byOpenSSL(f, "rsa.pub"))
	content := patch[:100]
	file := text(f, s.bundle(f, content))
	f.Fuzz(func(t *testing.T, trusted []byte) {
		for _, signer := range []integrity.Signer{
			keyed("By key", trusted),
			identified(integrity.Identity{Anchors: texts(trusted), Name: "x", Timestampers: texts(trusted)}),
		} {
			v, err := New(signer)
			if err != nil {
				invalid, ok := errors.AsType[*integrity.Invalid](err)
				require.True(t, ok)
				require.NotEmpty(t, invalid.Problems)
				continue
			}
			require.NotEqual(t, integrity.Valid, verify(v, content, file).Status)
			require.NotEqual(t, integrity.Valid, verify(v, content, make([]byte, 64)).Status)
		}
	})
}

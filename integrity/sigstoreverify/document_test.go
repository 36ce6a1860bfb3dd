package sigstoreverify

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// The forms of bundles, and what is none.
func TestBundles_INT9(t *testing.T) {
	s, k := newStage(t), keys()
	v := verifier(t, identified(s.identity()), key(t, "By key", k.ed))
	sig := s.signer.sign(t, patch)
	ofKey := func() object { return bundleOf(messageOf(patch, (&holder{key: k.ed}).sign(t, patch)), nil) }
	material := func(b object) object { return b["verificationMaterial"].(object) }
	for name, tc := range map[string]struct {
		bundle object
		change func(object)
		want   integrity.Status
		detail string
	}{
		"0.3":                    {bundle: s.bundle(t, patch), want: integrity.Valid},
		"0.3, older spelling":    {bundle: s.bundle(t, patch), change: func(b object) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.3" }, want: integrity.Valid},
		"0.2":                    {bundle: s.bundle(t, patch), change: func(b object) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2" }, want: integrity.Valid},
		"0.1":                    {bundle: s.bundle(t, patch), change: func(b object) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1" }, want: integrity.Valid},
		"0.4":                    {bundle: s.bundle(t, patch), change: func(b object) { b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json" }, want: integrity.Unsupported, detail: "v0.4"},
		"no type":                {bundle: s.bundle(t, patch), change: func(b object) { delete(b, "mediaType") }, want: integrity.Unsupported, detail: "want a sigstore bundle 0.1 to 0.3"},
		"by a key":               {bundle: ofKey(), want: integrity.Valid},
		"with a log's entries":   {bundle: s.bundle(t, patch), change: func(b object) { material(b)["tlogEntries"] = []object{{"logIndex": "1"}} }, want: integrity.Valid},
		"nothing to verify by":   {bundle: s.bundle(t, patch), change: func(b object) { delete(b, "verificationMaterial") }, want: integrity.Bad, detail: "lacks what"},
		"key and certificate":    {bundle: s.bundle(t, patch), change: func(b object) { material(b)["publicKey"] = object{} }, want: integrity.Bad, detail: "either a certificate"},
		"neither":                {bundle: ofKey(), change: func(b object) { delete(material(b), "publicKey") }, want: integrity.Bad, detail: "either a certificate"},
		"certificate not base64": {bundle: ofKey(), change: func(b object) { b["verificationMaterial"] = object{"certificate": object{"rawBytes": "!"}} }, want: integrity.Bad, detail: "certificate 0 of the bundle is not base64"},
		"certificate is none":    {bundle: ofKey(), change: func(b object) { b["verificationMaterial"] = object{"certificate": object{"rawBytes": "AAAA"}} }, want: integrity.Bad, detail: "certificate 0 of the bundle: "},
		"certificate too large": {bundle: ofKey(), change: func(b object) {
			b["verificationMaterial"] = object{"certificate": object{"rawBytes": b64(make([]byte, cms.MaxCertificate+1))}}
		}, want: integrity.Bad, detail: "at most 16384"},
		"empty chain":                {bundle: ofKey(), change: func(b object) { b["verificationMaterial"] = object{"x509CertificateChain": object{}} }, want: integrity.Bad, detail: "0 certificates"},
		"as many certificates as go": {bundle: bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle, s.root, s.root, s.root, s.root, s.root, s.root}, stamp(t, s.clock, sig, nil)), want: integrity.Valid},
		"one certificate more":       {bundle: bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle, s.root, s.root, s.root, s.root, s.root, s.root, s.root}), want: integrity.Bad, detail: "9 certificates; want 1 to 8"},
		"as many timestamps as go":   {bundle: bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, slices.Repeat([][]byte{stamp(t, s.clock, sig, nil)}, cms.MaxTimestamps)...), want: integrity.Valid},
		"one timestamp more":         {bundle: bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, slices.Repeat([][]byte{[]byte("x")}, cms.MaxTimestamps+1)...), want: integrity.Unsupported, detail: "5 timestamps; at most 4"},
		"timestamp not base64": {bundle: s.bundle(t, patch), change: func(b object) {
			material(b)["timestampVerificationData"] = object{"rfc3161Timestamps": []object{{"signedTimestamp": "!"}}}
		}, want: integrity.Bad, detail: "timestamp 0"},
		"no signature":        {bundle: s.bundle(t, patch), change: func(b object) { delete(b, "messageSignature") }, want: integrity.Bad, detail: "either a signature or an envelope"},
		"both":                {bundle: s.bundle(t, patch), change: func(b object) { b["dsseEnvelope"] = object{} }, want: integrity.Bad, detail: "either a signature or an envelope"},
		"empty signature":     {bundle: s.bundle(t, patch), change: func(b object) { b["messageSignature"] = object{"signature": ""} }, want: integrity.Bad, detail: "empty or not base64"},
		"cosign's older form": {bundle: object{"base64Signature": b64(sig), "cert": "x"}, want: integrity.Unsupported, detail: "--new-bundle-format"},
		"something else":      {bundle: object{"name": "package"}, want: integrity.Unsupported, detail: "neither an envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.change != nil {
				tc.change(tc.bundle)
			}
			got := verify(v, patch, text(t, tc.bundle))
			require.Equal(t, tc.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, tc.detail)
		})
	}
	for name, document := range map[string]string{
		"twice":                       `{"mediaType":"x","mediaType":"y"}`,
		"twice in two spellings":      `{"payload":"x","Payload":"y"}`,
		"twice, deep inside":          `{"verificationMaterial":{"tlogEntries":[1,{"a":{"b":1,"B":2}}]}}`,
		"a bundle's field of another": `{"mediaType":7}`,
	} {
		got := verify(v, patch, []byte(document))
		require.Equal(t, integrity.Unsupported, got.Status, name)
		require.Contains(t, got.Detail, "no envelope or bundle", name)
	}
	require.Equal(t, integrity.Unsupported, verify(v, patch, []byte(`{"a":{"x":1},"b":[{"x":1},{"x":1}],"c":1e999}`)).Status)
}

// In a chain of verifiers a signature of another kind must not be called bad here.
func TestForeignSignatures_INT9(t *testing.T) {
	k := keys()
	v := verifier(t, key(t, "Vendor", k.ed), key(t, "RSA", k.rsa2048))
	body := append([]byte{4, 0, 1, 8}, bytes.Repeat([]byte{0xA5}, 280)...)
	old := func(length ...byte) []byte {
		return append(append([]byte{0x88 | byte(len(length)>>1)}, length...), body...)
	}
	signatures := map[string][]byte{
		"OpenPGP, old packet":       append([]byte{0x89, 1, 28}, body...),
		"OpenPGP, four octets":      append([]byte{0x8A, 0, 0, 1, 28}, body...),
		"OpenPGP, one octet":        append([]byte{0x88, 100}, body[:100]...),
		"OpenPGP, indefinite":       append([]byte{0x8B}, body...),
		"OpenPGP, new packet":       append([]byte{0xC2, 192, 92}, body...),
		"OpenPGP, new, one octet":   append([]byte{0xC2, 100}, body[:100]...),
		"OpenPGP, new, five octets": append([]byte{0xC2, 255, 0, 0, 1, 28}, body...),
		"OpenPGP, version 3":        append([]byte{0x88, 100, 3, 5, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 1, 8}, body[:83]...),
		"two OpenPGP":               bytes.Repeat(append([]byte{0xC2, 100}, body[:100]...), 2),
		"OpenPGP of RSA's size":     append([]byte{0x89, 0, 253}, body[:253]...),
		"armored":                   []byte("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"),
		"minisign":                  []byte("untrusted comment: signature\nRUQ=\n"),
		"CMS":                       value(t, contentInfo{Type: signedDataOID, Content: value(t, []int{1})}).FullBytes,
		"XML":                       []byte("<?xml version=\"1.0\"?><Signature/>"),
		"numbers":                   []byte("12 34"),
		"RSA of no size":            make([]byte, 257),
	}
	for name, sig := range signatures {
		got := verify(v, patch, sig)
		require.Equal(t, integrity.Unsupported, got.Status, name)
		require.NotEmpty(t, got.Detail, name)
		if what, _, _ := strings.Cut(name, ","); what == "OpenPGP" {
			require.Contains(t, got.Detail, "OpenPGP", name)
		}
		// So another verifier of a chain may have the last word.
		knows := verdictOf(integrity.Signature{Status: integrity.Valid, Signer: "Known elsewhere"})
		require.Equal(t, "Known elsewhere", integrity.Chain(v, knows).Verify(bytes.NewReader(patch), int64(len(patch)), sig).Signer, name)
	}
	for name, sig := range map[string][]byte{
		"Ed25519 or P-256": make([]byte, 64), "P-384": make([]byte, 96), "P-521": make([]byte, 132), "RSA": make([]byte, 256),
		"other RSA": make([]byte, 512), "cut OpenPGP": old(0, 200)[:256], "longer than told": append([]byte{0x88, 50}, body[:254]...),
		"no version": append([]byte{0xC2, 192, 62}, make([]byte, 253)...), "partial": append([]byte{0xC2, 224}, make([]byte, 254)...),
		// A signature by RSA may begin like a packet by chance.
		"no type": append([]byte{0x8B, 4, 0xA5, 1, 8}, make([]byte, 251)...), "no key algorithm": append([]byte{0x8B, 4, 0, 0xA5, 8}, make([]byte, 251)...),
		"no hash": append([]byte{0x8B, 4, 0, 1, 0xA5}, make([]byte, 251)...), "no version 3": append([]byte{0x8B, 3, 0, 1, 8}, make([]byte, 251)...),
	} {
		require.Equal(t, integrity.Bad, verify(v, patch, sig).Status, name)
	}
	require.True(t, isPair((&holder{key: k.p256}).sign(t, patch), maxPair))
}

// verdictOf is a verifier that always says the same.
type verdictOf integrity.Signature

func (v verdictOf) Verify(io.ReaderAt, int64, []byte) integrity.Signature {
	return integrity.Signature(v)
}

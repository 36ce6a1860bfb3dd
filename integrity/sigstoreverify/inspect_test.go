package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

func inspect(t *testing.T, patch, sig []byte) Report {
	t.Helper()
	r, err := Inspect(bytes.NewReader(patch), int64(len(patch)), sig)
	require.NoError(t, err)
	return r
}

func TestInspectPlain(t *testing.T) {
	want := map[string]string{
		"Ed25519": "Ed25519 or ECDSA P-256", "P-256 SHA-256": "ECDSA", "P-521 both numbers": "ECDSA P-521", "P-384 both numbers": "ECDSA P-384",
		"PKCS1v15 SHA-256": "RSA with 2048 bits", "PSS SHA-512": "RSA with 3072 bits",
	}
	for _, s := range ways(t, patch[:100]) {
		if algorithm, ok := want[s.way]; ok {
			require.Equal(t, Report{Format: integrity.Key, Kind: "a signature as it is", Algorithm: algorithm}, inspect(t, patch, s.sig))
			require.Equal(t, Report{Format: integrity.Key, Kind: "a signature in base64", Algorithm: algorithm}, inspect(t, patch, []byte(b64(s.sig))))
			delete(want, s.way)
		}
	}
	require.Empty(t, want)
}

func TestInspectCertificate(t *testing.T) {
	s := newStage(t)
	b := s.bundle(t, patch)
	r := inspect(t, patch, text(t, b))
	require.Equal(t, integrity.Certificate, r.Format)
	require.Equal(t, "a sigstore bundle 0.3", r.Kind)
	require.Equal(t, "ECDSA P-256", r.Algorithm)
	require.True(t, r.Holds)
	require.Empty(t, r.Odd)
	require.Len(t, r.Chain, 2)
	require.Equal(t, CertificateReport{
		Issuer: "CN=Middle", Names: []string{releaseName}, TokenIssuer: tokenIssued, Key: "ECDSA P-256",
		SHA256: hex.EncodeToString(sum(crypto.SHA256, s.signer.Raw)), NotBefore: s.signer.NotBefore, NotAfter: s.signer.NotAfter, der: s.signer.Raw,
	}, r.Chain[0])
	require.Len(t, r.Times, 1)
	require.Equal(t, signedOn, r.Times[0].Time)
	require.Empty(t, r.Times[0].Problem)
	require.Equal(t, "CN=Clock", r.Times[0].Chain[0].Subject)

	r = inspect(t, patch[1:], text(t, b))
	require.False(t, r.Holds)
	require.Equal(t, []string{"it is not by its certificate's key, or the file was changed"}, r.Odd)

	odd := leaf(t, s.middle, func(c *x509.Certificate) { c.ExtKeyUsage, c.URIs = nil, nil })
	sig := odd.sign(t, patch)
	b = bundleOf(messageOf(patch, sig), []*holder{odd})
	b["verificationMaterial"].(object)["tlogEntries"] = []object{{}, {}}
	r = inspect(t, patch, text(t, b))
	require.True(t, r.Holds)
	require.Equal(t, []string{
		"Its certificate is not for signing code.",
		"Its certificate has neither one organization nor another name, so no policy can name its holder.",
		"There is no timestamp, so the time of signing is unknown.",
		"It names 2 entries of a transparency log, which are not looked at.",
	}, r.Odd)

	bare := stamp(t, s.clock, sig, func(k *token) { k.shown = nil })
	r = inspect(t, patch, text(t, bundleOf(messageOf(patch, sig), []*holder{odd}, bare, stamp(t, s.clock, nil, nil), []byte("junk"))))
	require.Equal(t, TimestampReport{Time: signedOn}, r.Times[0])
	require.Equal(t, "it is over something else", r.Times[1].Problem)
	require.Contains(t, r.Times[2].Problem, "not well-formed")
	require.Zero(t, r.Times[2].Time)
}

func TestInspectEnvelope(t *testing.T) {
	k := keys()
	r := inspect(t, patch, text(t, envelopeOf(t, statementType, text(t, statementOf(patch, []byte("x"))), k.ed, k.p256)))
	require.Equal(t, Report{
		Format: integrity.DSSE, Kind: "an envelope", Algorithm: "Ed25519 or ECDSA P-256 or ECDSA",
		Statement: &StatementReport{PayloadType: statementType, Predicate: "https://slsa.dev/provenance/v1", Subjects: []string{"file 0", "file 1"}, NamesFile: true, Signatures: 2},
	}, r)
	many := statementOf(make([][]byte, MaxReported+1)...)
	many["predicateType"] = "scan"
	r = inspect(t, patch, text(t, envelopeOf(t, statementType, text(t, many), k.ed)))
	require.Len(t, r.Statement.Subjects, MaxReported)
	require.False(t, r.Statement.NamesFile)
	require.Len(t, r.Odd, 2)
	r = inspect(t, patch, text(t, envelopeOf(t, "text/plain", []byte("x"), k.ed)))
	require.Equal(t, &StatementReport{PayloadType: "text/plain", Signatures: 1}, r.Statement)
	require.Contains(t, r.Odd[0], `of type "text/plain"`)
}

// There is a report whatever the signature file is, and one of what could be read.
func TestInspectTellsWhatItCannot(t *testing.T) {
	for want, sig := range map[string][]byte{
		"no signature file": nil, "is empty": []byte(" "), "is armored": []byte("-----BEGIN PGP SIGNATURE-----"),
	} {
		r := inspect(t, patch, sig)
		require.Empty(t, r.Kind)
		require.Contains(t, r.Odd[0], want)
	}
	s := newStage(t)
	envelope := text(t, envelopeOf(t, statementType, text(t, statementOf(patch)), keys().ed))
	for _, sig := range [][]byte{text(t, s.bundle(t, patch)), envelope} {
		r, err := Inspect(metered{bytes.NewReader(patch), new(int64), 10}, int64(len(patch)), sig)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.NotEmpty(t, r.Kind)
		r, err = Inspect(nil, 0, sig)
		require.NoError(t, err)
		require.Contains(t, r.Odd[0], "no content")
	}
}

package authenticode

import (
	"crypto/elliptic"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

func TestNewTellsEveryProblem(t *testing.T) {
	p := everybody()
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	one := func(change func(*known)) []integrity.Signer {
		s := p.signer()
		change(&s)
		return signers(s)
	}
	anchor := func(a string) []integrity.Signer { return one(func(s *known) { s.Anchors = []string{a} }) }
	for name, c := range map[string]struct {
		signers []integrity.Signer
		want    []string // field and a part of the text, each
	}{
		"no name":                {one(func(s *known) { s.Name = "" }), []string{"signers[0].name: has 0 bytes"}},
		"a name nobody expects":  {one(func(s *known) { s.Name = " x" }), []string{"signers[0].name: want UTF-8"}},
		"a name twice":           {slices.Concat(signers(p.signer()), signers(p.signer())), []string{"signers[1].name: is the name of another signer"}},
		"known by nothing":       {[]integrity.Signer{{Name: "x"}}, []string{"signers[0]: has no keys or certificates"}},
		"no anchors":             {one(func(s *known) { s.Anchors = nil }), []string{"anchors: is empty"}},
		"no object identifier":   {one(func(s *known) { s.Usage = "code signing" }), []string{"usage: want dotted numbers"}},
		"an odd identifier":      {one(func(s *known) { s.Usage = "1.03.6" }), []string{"usage: "}},
		"a year of no file":      {one(func(s *known) { s.At = time.Unix(0, 0) }), []string{"at: is a year in which no certificate is valid"}},
		"a long organization":    {one(func(s *known) { s.Organization = strings.Repeat("x", integrity.MaxSigner+1) }), []string{"organization: has 257 bytes"}},
		"an empty anchor":        {anchor(""), []string{"anchors[0]: want one PEM block CERTIFICATE"}},
		"no sum":                 {anchor("sha256:abc"), []string{"anchors[0]: sha256 has 64 hex digits, not 3"}},
		"a short sum":            {anchor(p.root.anchor()[:69]), []string{"not 62"}},
		"another kind of sum":    {anchor("sha1:" + strings.Repeat("a", 40)), []string{"want one PEM block"}},
		"no certificate":         {anchor(block("CERTIFICATE", []byte("x"))), []string{"anchors[0]: not a certificate: "}},
		"a key":                  {anchor(block("PUBLIC KEY", []byte("x"))), []string{"want one PEM block CERTIFICATE"}},
		"a private key":          {anchor(block("PRIVATE KEY", []byte("x"))), []string{"keep the private key secret"}},
		"two certificates":       {anchor(p.root.pem() + p.root.pem()), []string{"more than one PEM block"}},
		"a weak key":             {anchor(p.people["RSA-1024"].pem()), []string{"RSA key of 1024 bits"}},
		"a timestamper's anchor": {one(func(s *known) { s.Timestampers = append(s.Timestampers, "x") }), []string{"timestampers[1]: "}},
		"everything": {[]integrity.Signer{{Authenticode: make([]integrity.AuthenticodeTrust, 1)}, {Name: "x", Authenticode: []integrity.AuthenticodeTrust{
			{Anchors: []string{"", "sha256:x", p.people["RSA-1024"].pem()}, Usage: "x"}}}},
			[]string{"signers[0].name: ", "signers[0].authenticode[0].anchors: ", "signers[1].authenticode[0].anchors[0]: ",
				"signers[1].authenticode[0].anchors[1]: ", "signers[1].authenticode[0].usage: ", "signers[1].authenticode[0].anchors[2]: "}},
	} {
		_, err := New(c.signers...)
		invalid, ok := err.(*integrity.Invalid)
		require.True(t, ok, "%s: %v", name, err)
		require.Len(t, invalid.Problems, len(c.want), "%s: %v", name, err)
		for i, p := range invalid.Problems {
			require.Contains(t, p.Field+": "+p.Text, c.want[i], name)
			require.Contains(t, err.Error(), p.Text, name)
		}
	}
}

// Who is trusted by nothing, in no way or in other formats only, is nobody
// here; the zero Verifier is the same.
func TestNobodyIsTrusted_INT1(t *testing.T) {
	b := sealed(t, integrity.CAB, vendorForgery(), placeCAB(10)).bytes()
	want := verify(new(Verifier), b)
	require.Equal(t, integrity.Bad, want.Status)
	require.Contains(t, want.Detail, "no certificate that is pinned")
	for _, list := range [][]integrity.Signer{nil, {{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{{Keyring: "a ring"}}}}} {
		v, err := New(list...)
		require.NoError(t, err)
		require.Equal(t, want, verify(v, b))
	}
}

func TestAnchors(t *testing.T) {
	p := everybody()
	b := sealed(t, integrity.CAB, vendorForgery(), placeCAB(10)).bytes()
	for name, a := range map[string]string{
		"PEM":               p.root.pem(),
		"sum of a CA":       p.ca.anchor(),
		"sum in upper case": "sha256:" + strings.ToUpper(p.ca.sum()),
	} {
		s := p.signer()
		s.Anchors = []string{a}
		require.Equal(t, integrity.Valid, verify(newVerifier(t, s), b).Status, name)
	}
	s := p.signer()
	s.Anchors = []string{p.root.anchor()} // the file does not carry it, and nobody brings it
	require.Equal(t, integrity.Bad, verify(newVerifier(t, s), b).Status)
}

func TestSeveralSigners(t *testing.T) {
	p := everybody()
	b := sealed(t, integrity.PE, vendorForgery(), placePE(10)).bytes()
	other := p.signer()
	other.Name, other.Organization = "Other", "Other Inc."
	undated := p.signer()
	undated.Name, undated.Timestampers = "Undated", nil
	got := verify(newVerifier(t, other, undated, p.signer()), b)
	require.Equal(t, "Vendor", got.Signer, "%+v", got)
	require.Equal(t, now, got.SignedAt)
	undated.At = now
	got = verify(newVerifier(t, other, undated, p.signer()), b)
	require.Equal(t, "Undated", got.Signer, "the first that fits")
	require.Zero(t, got.SignedAt, "its own policy trusts no timestamp")
	undated.At = time.Time{}
	got = verify(newVerifier(t, other, undated), b)
	require.Equal(t, integrity.Unsupported, got.Status, "the nearest one's reason: %+v", got)
}

func TestLimitsOfSigners(t *testing.T) {
	p := everybody()
	list := make([]known, MaxSigners+1)
	for i := range list {
		list[i] = p.signer()
		list[i].Name = fmt.Sprint("Vendor ", i/2)
	}
	_, err := New(signers(list[:MaxSigners]...)...)
	require.NoError(t, err)
	_, err = New(signers(list...)...)
	require.ErrorContains(t, err, `signers: are known in more than 64 ways`)

	s := p.signer()
	s.Timestampers = make([]string, MaxAnchors)
	for i := range s.Timestampers {
		s.Timestampers[i] = fmt.Sprintf("sha256:%064x", i)
	}
	s.Anchors = s.Timestampers
	_, err = New(signers(s)...)
	require.NoError(t, err)
	s.Anchors = append(s.Anchors, p.root.anchor())
	_, err = New(signers(s)...)
	require.ErrorContains(t, err, "33 certificates; at most 32")

	s = p.signer()
	s.Anchors = []string{p.root.pem() + strings.Repeat("\n", cms.MaxCertificate-len(p.root.pem()))}
	_, err = New(signers(s)...)
	require.NoError(t, err)
	s.Anchors[0] += "\n"
	_, err = New(signers(s)...)
	require.ErrorContains(t, err, "at most 16384")

	for bits, want := range map[int]string{cms.MinRSA - 8: "an RSA key of 2040 bits", cms.MinRSA: ""} {
		s.Anchors = []string{issue("CA", nil, newRSA(bits), authority).pem()}
		_, err := New(signers(s)...)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
	require.Contains(t, rules.Weak(newEC(elliptic.P224()).Public()), "P-224")
}

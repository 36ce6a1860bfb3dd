package authenticode

import (
	"bytes"
	"crypto/elliptic"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

func TestNewTellsEveryProblem(t *testing.T) {
	p := everybody()
	sum := p.root.anchor().SHA256
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	one := func(change func(*Signer)) []Signer {
		s := p.signer()
		change(&s)
		return []Signer{s}
	}
	anchor := func(a Anchor) []Signer { return one(func(s *Signer) { s.Anchors = []Anchor{a} }) }
	for name, c := range map[string]struct {
		signers []Signer
		want    []string // field and a part of the text, each
	}{
		"none":                   {nil, []string{"signers: want 1 to 64"}},
		"no name":                {one(func(s *Signer) { s.Name = "" }), []string{"signers[0].name: want a name"}},
		"a name nobody expects":  {one(func(s *Signer) { s.Name = " x" }), []string{"signers[0].name: want a name"}},
		"no anchors":             {one(func(s *Signer) { s.Anchors = nil }), []string{"signers[0].anchors: none"}},
		"no object identifier":   {one(func(s *Signer) { s.Usage = "code signing" }), []string{"signers[0].usage: "}},
		"an odd identifier":      {one(func(s *Signer) { s.Usage = "1.03.6" }), []string{"signers[0].usage: "}},
		"a year of no file":      {one(func(s *Signer) { s.At = time.Unix(0, 0) }), []string{"signers[0].at: no certificate is good in the year 1970"}},
		"a long organisation":    {one(func(s *Signer) { s.Organisation = strings.Repeat("x", integrity.MaxSigner+1) }), []string{"signers[0].organisation: has 257 bytes"}},
		"an empty anchor":        {anchor(Anchor{}), []string{"signers[0].anchors[0]: empty"}},
		"no sum":                 {anchor(Anchor{SHA256: "abc"}), []string{"signers[0].anchors[0]: \"abc\" is no SHA-256"}},
		"a short sum":            {anchor(Anchor{SHA256: sum[:62]}), []string{"is no SHA-256"}},
		"no certificate":         {anchor(Anchor{Certificate: []byte("x")}), []string{"not a certificate in DER or PEM"}},
		"a key":                  {anchor(Anchor{Certificate: block("PRIVATE KEY", []byte("x"))}), []string{"want one CERTIFICATE"}},
		"two certificates":       {anchor(Anchor{Certificate: bytes.Repeat(block("CERTIFICATE", p.root.cert.Raw), 2)}), []string{"more than one block"}},
		"another's sum":          {anchor(Anchor{SHA256: p.ca.anchor().SHA256, Certificate: p.root.cert.Raw}), []string{"which of the two is meant"}},
		"a weak key":             {anchor(Anchor{Certificate: p.people["RSA-1024"].cert.Raw}), []string{"RSA key of 1024 bits"}},
		"a timestamper's anchor": {one(func(s *Signer) { s.Timestampers = append(s.Timestampers, Anchor{SHA256: "x"}) }), []string{"signers[0].timestampers[1]: "}},
		"everything": {[]Signer{{}, {Name: "x", Anchors: []Anchor{{}, {SHA256: "x"}}, Usage: "x"}},
			[]string{"signers[0].name: ", "signers[0].anchors: ", "signers[1].usage: ", "signers[1].anchors[0]: ", "signers[1].anchors[1]: "}},
	} {
		_, err := New(c.signers...)
		invalid, ok := err.(*integrity.Invalid)
		require.True(t, ok, "%s: %v", name, err)
		require.Len(t, invalid.Problems, len(c.want), "%s: %v", name, err)
		for i, p := range invalid.Problems {
			require.Contains(t, p.Field+": "+p.Text, c.want[i], name)
			require.Contains(t, err.Error(), p.Text, name)
			var of int
			if _, err := fmt.Sscanf(p.Field, "signers[%d]", &of); err == nil {
				require.Equal(t, c.signers[of].Name, p.Value)
			}
		}
	}
}

func TestAnchorsMayBeDERorPEM(t *testing.T) {
	p := everybody()
	b := sealed(t, integrity.CAB, vendorForgery(), placeCAB(10)).bytes()
	for name, a := range map[string]Anchor{
		"DER":         {Certificate: p.root.cert.Raw},
		"PEM":         {Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.root.cert.Raw})},
		"both":        {SHA256: strings.ToUpper(p.root.anchor().SHA256), Certificate: p.root.cert.Raw},
		"sum of a CA": p.ca.anchor(),
	} {
		s := p.signer()
		s.Anchors = []Anchor{a}
		require.Equal(t, integrity.Valid, verify(newVerifier(t, s), b).Status, name)
	}
	s := p.signer()
	s.Anchors = []Anchor{p.root.anchor()} // the file does not carry it, and nobody brings it
	require.Equal(t, integrity.Bad, verify(newVerifier(t, s), b).Status)
}

func TestSeveralSigners(t *testing.T) {
	p := everybody()
	b := sealed(t, integrity.PE, vendorForgery(), placePE(10)).bytes()
	other := p.signer()
	other.Name, other.Organisation = "Other", "Other Inc."
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
	signers := make([]Signer, MaxSigners+1)
	for i := range signers {
		signers[i] = p.signer()
	}
	_, err := New(signers[:MaxSigners]...)
	require.NoError(t, err)
	_, err = New(signers...)
	require.ErrorContains(t, err, `signers "65": want 1 to 64`)

	s := p.signer()
	s.Timestampers = make([]Anchor, MaxAnchors)
	for i := range s.Timestampers {
		s.Timestampers[i] = Anchor{SHA256: fmt.Sprintf("%064x", i)}
	}
	s.Anchors = s.Timestampers
	_, err = New(s)
	require.NoError(t, err)
	s.Anchors = append(s.Anchors, Anchor{SHA256: strings.Repeat("a", 64)})
	_, err = New(s)
	require.ErrorContains(t, err, "33 of them; at most 32")

	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.root.cert.Raw})
	s = p.signer()
	s.Anchors = []Anchor{{Certificate: append(bytes.Clone(block), bytes.Repeat([]byte("\n"), MaxPinned-len(block))...)}}
	_, err = New(s)
	require.NoError(t, err)
	s.Anchors[0].Certificate = append(s.Anchors[0].Certificate, '\n')
	_, err = New(s)
	require.ErrorContains(t, err, "at most 16384")

	for bits, want := range map[int]string{MinRSA - 8: "an RSA key of 2040 bits", MinRSA: ""} {
		s.Anchors = []Anchor{{Certificate: issue("CA", nil, newRSA(bits), authority).cert.Raw}}
		_, err := New(s)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
	require.Contains(t, weakKey(issue("CA", nil, newEC(elliptic.P224()), authority).cert), "P-224")
}

package sigstoreverify

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What an envelope's signature is over is no file: whoever has a scan's report,
// with words of their own in it, must not be able to give it out as a script of
// the signer's.
func TestEnvelopesAreNoFiles_INT1(t *testing.T) {
	s, k := newStage(t), keys()
	v := verifier(t, key(t, "Vendor", k.ed), key(t, "RSA", k.rsa2048), identified(s.identity()))
	scan := preAuthentication(statementType, []byte("{\n\"found\": \"$(reboot)\"\n}"))
	for name, sig := range map[string][]byte{
		"Ed25519":         ed25519.Sign(k.ed, scan),
		"RSA":             (&holder{key: k.rsa2048}).sign(t, scan),
		"bundle of a key": text(t, bundleOf(messageOf(scan, (&holder{key: k.ed}).sign(t, scan)), nil)),
		"certificate":     text(t, s.bundle(t, scan)),
	} {
		got := verify(v, scan, sig)
		require.Equal(t, integrity.Bad, got.Status, name)
		require.Contains(t, got.Detail, "statement", name)
	}
}

// Names that encoding/json takes for the same are the same, even where they have other letters.
func TestNamesTwiceInOtherLetters_INT9(t *testing.T) {
	k := keys()
	v := verifier(t, key(t, "Vendor", k.ed))
	good := text(t, statementOf(patch))
	for _, subject := range []string{"subject", "Subject", "\u017fubject", `\u017fubject`} {
		payload := append([]byte(`{"`+subject+`":[],`), good[1:]...)
		got := verify(v, patch, text(t, envelopeOf(t, statementType, payload, k.ed)))
		require.Equal(t, integrity.Bad, got.Status, subject)
		require.Contains(t, got.Detail, "is there twice", subject)
	}
}

// A name of one kind does not pass for one of another: what an authority may
// give is bounded for each kind of its own.
func TestNamesOfAnotherKind_INT1(t *testing.T) {
	s := newStage(t)
	other := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			e, err := cryptoutils.MarshalOtherNameSAN(name, true)
			require.NoError(t, err)
			c.URIs, c.ExtraExtensions = nil, append(c.ExtraExtensions, *e)
		}
	}
	as := func(tag int, name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			names := value(t, []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(name)}})
			c.URIs, c.ExtraExtensions = nil, append(c.ExtraExtensions, pkix.Extension{Id: cryptoutils.SANOID, Value: names.FullBytes})
		}
	}
	const mail, host, dns, uri = "release@vendor.example", "vendor.example", 2, 6
	for name, tc := range map[string]struct {
		wanted string
		change func(*x509.Certificate)
		want   integrity.Status
	}{
		"URI":                        {releaseName, as(uri, releaseName), integrity.Valid},
		"other name for a URI":       {releaseName, other(releaseName), integrity.Bad},
		"DNS name for a URI":         {releaseName, as(dns, releaseName), integrity.Bad},
		"e-mail for a URI":           {releaseName, as(1, releaseName), integrity.Bad},
		"e-mail":                     {mail, as(1, mail), integrity.Valid},
		"other name for an e-mail":   {mail, other(mail), integrity.Bad},
		"DNS name for an e-mail":     {mail, as(dns, mail), integrity.Bad},
		"URI for an e-mail":          {mail, as(uri, mail), integrity.Bad},
		"DNS name":                   {host, as(dns, host), integrity.Valid},
		"other name for a DNS name":  {host, other(host), integrity.Bad},
		"URI for a DNS name":         {host, as(uri, host), integrity.Bad},
		"e-mail for a DNS name":      {host, as(1, host), integrity.Bad},
		"other name":                 {"release!vendor", other("release!vendor"), integrity.Valid},
		"DNS name for an other name": {"release!vendor", as(dns, "release!vendor"), integrity.Bad},
		"URI that ends in a mark":    {releaseName, as(uri, releaseName+"#"), integrity.Bad},
		"URI in upper case":          {releaseName, as(uri, strings.Replace(releaseName, "https", "HTTPS", 1)), integrity.Bad},
		"URI that reads the same":    {"https://release@vendor.example", as(uri, "https://r%65lease@vendor.example"), integrity.Bad},
		"a mark that is in the name": {releaseName + "#", as(uri, releaseName+"#"), integrity.Valid},
		"an address is no name":      {"10.0.0.1", as(7, "\x0a\x00\x00\x01"), integrity.Bad},
	} {
		t.Run(name, func(t *testing.T) {
			s, id := s, s.identity()
			s.signer, id.Name = leaf(t, s.middle, tc.change), tc.wanted
			got := verify(verifier(t, identified(id)), patch, text(t, s.bundle(t, patch)))
			require.Equal(t, tc.want, got.Status, got.Detail)
		})
	}
}

// An authority below the anchor that may only name others does not get round it
// by another kind of name.
func TestBoundedAuthority_INT1(t *testing.T) {
	s := newStage(t)
	s.middle = issue(t, s.root, nil, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = "Bounded", true, x509.KeyUsageCertSign
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
	})
	s.signer = leaf(t, s.middle, func(c *x509.Certificate) {
		e, err := cryptoutils.MarshalOtherNameSAN(releaseName, true)
		require.NoError(t, err)
		c.URIs, c.ExtraExtensions = []*url.URL{}, append(c.ExtraExtensions, *e)
	})
	got := verify(verifier(t, identified(s.identity())), patch, text(t, s.bundle(t, patch)))
	require.Equal(t, integrity.Bad, got.Status, got.Detail)
}

// What Inspect tells of a name is what an Identity must say, letter for letter.
func TestInspectTellsNamesAsTheyStand(t *testing.T) {
	s := newStage(t)
	names := value(t, []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(releaseName + "#")}}).FullBytes
	s.signer = leaf(t, s.middle, func(c *x509.Certificate) {
		c.URIs, c.ExtraExtensions = nil, append(c.ExtraExtensions, pkix.Extension{Id: cryptoutils.SANOID, Value: names})
	})
	require.Equal(t, []string{releaseName + "#"}, inspect(t, patch, text(t, s.bundle(t, patch))).Chain[0].Names)
}

// No envelope could ever carry so many signatures.
func TestThresholdAboveWhatEnvelopesCarry(t *testing.T) {
	many := integrity.SigstoreTrust{Threshold: MaxSignatures}
	for i := range MaxSignatures + 1 {
		many.Keys = append(many.Keys, string(pemOf(t, ed25519Key("many "+strconv.Itoa(i)).Public())))
	}
	_, err := New(signer("Many", many))
	require.NoError(t, err)
	many.Threshold++
	_, err = New(signer("Many", many))
	require.ErrorContains(t, err, "5 keys; no envelope has more than 4 signatures")
}

// A signature of a trusted key's size is judged whatever that is.
func TestOddRSA_INT9(t *testing.T) {
	odd := rsaOf(2056)
	v := verifier(t, keyed("Odd", pemOf(t, odd)))
	got := verify(v, patch, make([]byte, odd.Size()))
	require.Equal(t, integrity.Bad, got.Status, got.Detail)
}

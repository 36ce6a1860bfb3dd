package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// stage has a vendor with a certificate, and a clock that all trust.
type stage struct {
	root, middle, clockRoot, clock, signer *holder
}

func newStage(t testing.TB) stage {
	s := stage{root: authority(t, "Root", nil), clockRoot: authority(t, "Clocks", nil)}
	s.middle = authority(t, "Middle", s.root)
	s.clock = timestamper(t, s.clockRoot)
	s.signer = leaf(t, s.middle, nil)
	return s
}

func (s stage) identity() integrity.Identity {
	return integrity.Identity{Anchors: []string{s.root.pem()}, Name: releaseName, Issuer: tokenIssued, Timestampers: []string{s.clockRoot.pem()}}
}

func identified(ids ...integrity.Identity) integrity.Signer {
	return signer("Vendor", integrity.SigstoreTrust{Identities: ids})
}

// bundle signs the patch by the certificate's key and has it stamped.
func (s stage) bundle(t testing.TB, patch []byte) object {
	sig := s.signer.sign(t, patch)
	return bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, stamp(t, s.clock, sig, nil))
}

func TestCertificateConformance_INT9(t *testing.T) {
	s, stranger := newStage(t), newStage(t)
	patch := patch[:1000]
	sig := s.signer.sign(t, patch)
	integritytest.Run(t, integritytest.Fixture{
		Verifier: verifier(t, identified(s.identity())),
		Signer:   "Vendor",
		Signed:   integritytest.File{Content: patch, Detached: text(t, s.bundle(t, patch))},
		Unsigned: integritytest.File{Content: []byte("unsigned")},
		Stranger: integritytest.File{Content: patch, Detached: text(t, stranger.bundle(t, patch))},
		Bad: map[string]integritytest.File{
			"of other content":        {Content: []byte("other"), Detached: text(t, s.bundle(t, patch))},
			"without its certificate": {Content: patch, Detached: text(t, bundleOf(messageOf(patch, sig), nil))},
			"without its timestamp":   {Content: patch, Detached: text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}))},
			"twice":                   {Content: patch, Detached: bytes.Repeat(text(t, s.bundle(t, patch)), 2)},
		},
	})
}

// Whose the certificate is, and who must have said so.
func TestIdentities_INT1(t *testing.T) {
	s := newStage(t)
	for name, tc := range map[string]struct {
		change   func(*x509.Certificate) // of the signer's certificate
		identity func(*integrity.Identity)
		want     integrity.Status
		detail   string
	}{
		"as it should be":        {want: integrity.Valid},
		"anchored in the middle": {identity: func(i *integrity.Identity) { i.Anchors = []string{s.middle.pem()} }, want: integrity.Valid},
		"any issuer":             {identity: func(i *integrity.Identity) { i.Issuer = "" }, want: integrity.Valid},
		"another name":           {identity: func(i *integrity.Identity) { i.Name += "x" }, want: integrity.Bad, detail: "none of the trusted signers"},
		"part of the name":       {identity: func(i *integrity.Identity) { i.Name = "https://forge.example" }, want: integrity.Bad, detail: "none of the trusted signers"},
		"another issuer":         {identity: func(i *integrity.Identity) { i.Issuer = "https://other.example" }, want: integrity.Bad, detail: "none of the trusted signers"},
		"no issuer":              {change: func(c *x509.Certificate) { c.ExtraExtensions = nil }, want: integrity.Bad, detail: "none of the trusted signers"},
		"older issuer": {change: func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: oldIssuerOID, Value: []byte(tokenIssued)}}
		}, want: integrity.Valid},
		"two issuers": {change: func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oldIssuerOID, Value: []byte("https://other.example")})
		}, want: integrity.Bad, detail: "none of the trusted signers"},
		"issuer not text": {change: func(c *x509.Certificate) { c.ExtraExtensions[0].Value = []byte{4, 1, 'x'} }, want: integrity.Bad, detail: "none of the trusted signers"},
		"e-mail": {
			change:   func(c *x509.Certificate) { c.EmailAddresses = []string{"release@vendor.example"} },
			identity: func(i *integrity.Identity) { i.Name = "release@vendor.example" }, want: integrity.Valid,
		},
		"host": {
			change:   func(c *x509.Certificate) { c.DNSNames = []string{"vendor.example"} },
			identity: func(i *integrity.Identity) { i.Name = "vendor.example" }, want: integrity.Valid,
		},
		"Fulcio's other name": {
			change: func(c *x509.Certificate) {
				e, err := cryptoutils.MarshalOtherNameSAN("release!vendor", true)
				require.NoError(t, err)
				c.URIs, c.ExtraExtensions = nil, append(c.ExtraExtensions, *e)
			},
			identity: func(i *integrity.Identity) { i.Name = "release!vendor" }, want: integrity.Valid,
		},
		"organization": {
			change:   func(c *x509.Certificate) { c.Subject.Organization = []string{"Vendor Inc."} },
			identity: func(i *integrity.Identity) { i.Name, i.Issuer, i.Organization = "", "", "Vendor Inc." }, want: integrity.Valid,
		},
		"two organizations": {
			change:   func(c *x509.Certificate) { c.Subject.Organization = []string{"Other", "Vendor Inc."} },
			identity: func(i *integrity.Identity) { i.Name, i.Issuer, i.Organization = "", "", "Vendor Inc." }, want: integrity.Bad, detail: "none of the trusted signers",
		},
		"common name is no name": {
			change:   func(c *x509.Certificate) { c.Subject.CommonName = "release" },
			identity: func(i *integrity.Identity) { i.Name = "release" }, want: integrity.Bad, detail: "none of the trusted signers",
		},
		"for servers":    {change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, want: integrity.Bad, detail: "is not for signing code"},
		"for anything":   {change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, want: integrity.Bad, detail: "is not for signing code"},
		"for no use":     {change: func(c *x509.Certificate) { c.ExtKeyUsage = nil }, want: integrity.Bad, detail: "is not for signing code"},
		"for encryption": {change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, want: integrity.Bad, detail: "not for signatures"},
		"unknown critical extension": {change: func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
		}, want: integrity.Bad, detail: "unhandled critical extension"},
		"not yet good":          {change: func(c *x509.Certificate) { c.NotBefore = signedOn.Add(time.Second) }, want: integrity.Bad, detail: "that was valid with it at"},
		"good from then on":     {change: func(c *x509.Certificate) { c.NotBefore = signedOn }, want: integrity.Valid},
		"good until then":       {change: func(c *x509.Certificate) { c.NotAfter = signedOn }, want: integrity.Valid},
		"no longer good":        {change: func(c *x509.Certificate) { c.NotAfter = signedOn.Add(-time.Second) }, want: integrity.Bad, detail: "that was valid with it at"},
		"no clock is trusted":   {identity: func(i *integrity.Identity) { i.Timestampers = nil }, want: integrity.Unsupported, detail: "leads to no certificate that is pinned"},
		"judged at a time":      {identity: func(i *integrity.Identity) { i.Timestampers, i.At = nil, signedOn }, want: integrity.Valid},
		"judged at a late time": {identity: func(i *integrity.Identity) { i.Timestampers, i.At = nil, signedOn.AddDate(0, 0, 1) }, want: integrity.Bad, detail: "that was valid with it at"},
		"another anchor":        {identity: func(i *integrity.Identity) { i.Anchors = []string{authority(t, "Root", nil).pem()} }, want: integrity.Bad, detail: "no certificate that is pinned"},
		"another clock":         {identity: func(i *integrity.Identity) { i.Timestampers = []string{authority(t, "Clocks", nil).pem()} }, want: integrity.Unsupported, detail: "no trusted timestamp"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			if tc.change != nil {
				s.signer = leaf(t, s.middle, tc.change)
			}
			id := s.identity()
			if tc.identity != nil {
				tc.identity(&id)
			}
			got := verify(verifier(t, identified(id)), patch, text(t, s.bundle(t, patch)))
			require.Equal(t, tc.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, tc.detail)
			require.Equal(t, integrity.Certificate, got.Format)
			if got.Status == integrity.Valid && len(id.Timestampers) > 0 {
				require.Equal(t, integrity.Signature{Status: integrity.Valid, Format: integrity.Certificate, Signer: "Vendor", SignedAt: signedOn}, got)
			}
		})
	}
}

// An anchor may be the signer's own certificate.
func TestPinnedCertificate_INT1(t *testing.T) {
	s := newStage(t)
	id := s.identity()
	id.Anchors = []string{s.signer.pem()}
	sig := s.signer.sign(t, patch)
	got := verify(verifier(t, identified(id)), patch, text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer}, stamp(t, s.clock, sig, nil))))
	require.Equal(t, integrity.Valid, got.Status, got.Detail)
}

// Authorities that do not deserve it, in the chain of a signer.
func TestWeakChains_INT1(t *testing.T) {
	s := newStage(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change func(*x509.Certificate)
		key    crypto.Signer
		detail string
	}{
		"a signer is no authority": {change: func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }, detail: "no certificate that is pinned"},
		"an expired authority":     {change: func(c *x509.Certificate) { c.NotAfter = signedOn.Add(-time.Second) }, detail: "that was valid with it at"},
		"an authority for servers": {change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, detail: "incompatible key usage"},
		"one with a short RSA key": {key: weak, detail: "RSA key of 1024 bits"},
		"one that may not go on":   {change: func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }, detail: ""},
		"one for names of its own": {change: func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
		}, detail: "not permitted by any constraint"},
	} {
		t.Run(name, func(t *testing.T) {
			middle := issue(t, s.root, tc.key, func(c *x509.Certificate) {
				c.Subject.CommonName, c.IsCA, c.KeyUsage = "Middle", true, x509.KeyUsageCertSign
				if tc.change != nil {
					tc.change(c)
				}
			})
			signer := leaf(t, middle, nil)
			sig := signer.sign(t, patch)
			got := verify(verifier(t, identified(s.identity())), patch, text(t, bundleOf(messageOf(patch, sig), []*holder{signer, middle}, stamp(t, s.clock, sig, nil))))
			if tc.detail == "" {
				require.Equal(t, integrity.Valid, got.Status, got.Detail)
				return
			}
			require.Equal(t, integrity.Bad, got.Status)
			require.Contains(t, got.Detail, tc.detail)
		})
	}
}

// What a timestamp must be to tell the time. One that does not hold decides;
// one that is merely not trusted tells none.
func TestTimestamps_INT9(t *testing.T) {
	s := newStage(t)
	id := s.identity()
	v := verifier(t, identified(id))
	sig := s.signer.sign(t, patch)
	other := issue(t, s.clockRoot, nil, func(c *x509.Certificate) {
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping} // not critical
	})
	refused := value(t, struct{ Status struct{ Status int } }{struct{ Status int }{2}}).FullBytes
	const valid, bad, unsupported = integrity.Valid, integrity.Bad, integrity.Unsupported
	for name, tc := range map[string]struct {
		token  []byte
		want   integrity.Status
		detail string
	}{
		"good":                    {stamp(t, s.clock, sig, nil), valid, ""},
		"without certificates":    {stamp(t, s.clock, sig, func(k *token) { k.shown = nil }), unsupported, "certificate is missing"},
		"about another signature": {stamp(t, s.clock, sig[1:], nil), bad, "over something else"},
		"changed":                 {stamp(t, s.clock, sig, func(k *token) { k.badly = true }), bad, "did not make it"},
		"by no clock":             {stamp(t, s.signer, sig, nil), unsupported, "not for timestamps alone"},
		"by half a clock":         {stamp(t, other, sig, nil), unsupported, "not for timestamps alone"},
		"by a stranger":           {stamp(t, newStage(t).clock, sig, nil), unsupported, "no certificate that is pinned"},
		"naming another signer":   {stamp(t, s.clock, sig, func(k *token) { k.attributes = attributesOf(t, s.signer, value(t, k.info).FullBytes) }), bad, "name another certificate"},
		"naming no signer":        {stamp(t, s.clock, sig, func(k *token) { k.attributes = attributesOf(t, s.clock, value(t, k.info).FullBytes)[:2] }), unsupported, "do not name"},
		"without a digest": {stamp(t, s.clock, sig, func(k *token) {
			a := attributesOf(t, s.clock, value(t, k.info).FullBytes)
			k.attributes = []attribute{a[0], a[2]}
		}), bad, "lacks the attribute"},
		"with the digest of others": {stamp(t, s.clock, sig, func(k *token) { k.attributes = attributesOf(t, s.clock, []byte("x")) }), bad, "not that of its content"},
		"of another type":           {stamp(t, s.clock, sig, func(k *token) { k.attributes = attributesOf(t, s.clock, value(t, k.info).FullBytes)[1:] }), bad, "lacks the attribute"},
		"with an attribute twice": {stamp(t, s.clock, sig, func(k *token) {
			a := attributesOf(t, s.clock, value(t, k.info).FullBytes)
			k.attributes = append(a, a[1])
		}), bad, "occurs twice"},
		"over SHA-1": {stamp(t, s.clock, sig, func(k *token) {
			k.info.Imprint.Algorithm.Algorithm, k.info.Imprint.Digest = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, sum(crypto.SHA1, sig)
		}), unsupported, "carries no trust"},
		"listing no digest": {stamp(t, s.clock, sig, func(k *token) { k.listed = nil }), bad, "does not name its signer's digest algorithm"},
		"listing a digest that nobody knows": {stamp(t, s.clock, sig, func(k *token) {
			k.listed = append(k.listed, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 103, 67, 4, 2, 1}})
		}), bad, "carries no trust"},
		"of another version":  {stamp(t, s.clock, sig, func(k *token) { k.info.Version = 2 }), bad, "not well-formed"},
		"before the clock":    {stamp(t, s.clock, sig, func(k *token) { k.info.Time = signedOn.AddDate(-2, 0, 0) }), unsupported, "was not valid at"},
		"with a nonce":        {stamp(t, s.clock, sig, func(k *token) { k.info.Nonce = big.NewInt(5); k.info.Ordering = true }), valid, ""},
		"in which is no time": {stamp(t, s.clock, sig, func(k *token) { k.content = []byte("junk") }), bad, "not well-formed"},
		"refused":             {refused, bad, "the authority refused"},
		"junk":                {[]byte("junk"), bad, "not well-formed"},
		"too many certificates": {stamp(t, s.clock, sig, func(k *token) {
			for range cms.MaxOfToken {
				k.shown = append(k.shown, s.root)
			}
		}), unsupported, "more than 8 certificates"},
		"too large": {make([]byte, cms.MaxToken+1), unsupported, "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verify(v, patch, text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, tc.token)))
			require.Equal(t, tc.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, tc.detail)
			if tc.want == valid {
				require.Equal(t, signedOn, got.SignedAt)
			}
			atPolicysTime := id
			atPolicysTime.At = signedOn // that the time is known otherwise mends nothing
			got = verify(verifier(t, identified(atPolicysTime)), patch, text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, tc.token)))
			require.Equal(t, tc.want == bad, got.Status == bad, got.Detail)
		})
	}
	t.Run("the authority's own certificate is pinned", func(t *testing.T) {
		id := id
		id.Timestampers = []string{s.clock.pem()}
		bare := stamp(t, s.clock, sig, func(k *token) { k.shown = nil })
		got := verify(verifier(t, identified(id)), patch, text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, bare)))
		require.Equal(t, integrity.Valid, got.Status, got.Detail)
	})
	t.Run("several", func(t *testing.T) {
		earlier := signedOn.Add(-time.Minute)
		late := stamp(t, s.clock, sig, nil)
		early := stamp(t, s.clock, sig, func(k *token) { k.info.Time = earlier })
		for _, stamps := range [][][]byte{{late, early}, {early, late}, {stamp(t, newStage(t).clock, sig, nil), early}} {
			got := verify(v, patch, text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, stamps...)))
			require.Equal(t, integrity.Valid, got.Status, got.Detail)
			require.Equal(t, earlier, got.SignedAt)
		}
		after := stamp(t, s.clock, sig, func(k *token) { k.info.Time = signedOn.Add(30 * time.Minute) })
		got := verify(v, patch, text(t, bundleOf(messageOf(patch, sig), []*holder{s.signer, s.middle}, late, after)))
		require.Equal(t, integrity.Valid, got.Status, got.Detail)
		short := leaf(t, s.middle, func(c *x509.Certificate) { c.NotAfter = signedOn.Add(10 * time.Minute) })
		sig := short.sign(t, patch)
		for _, minutes := range []time.Duration{10, 11} {
			stamps := [][]byte{stamp(t, s.clock, sig, nil), stamp(t, s.clock, sig, func(k *token) { k.info.Time = signedOn.Add(minutes * time.Minute) })}
			got := verify(v, patch, text(t, bundleOf(messageOf(patch, sig), []*holder{short, s.middle}, stamps...)))
			require.Equal(t, minutes == 10, got.Status == integrity.Valid, "a certificate is good at all the times that are told: %s", got.Detail)
		}
	})
}

// Every kind of key may have a certificate.
func TestCertificateKeys_INT1(t *testing.T) {
	s, k := newStage(t), keys()
	for _, key := range []crypto.Signer{k.ed, k.p256, k.p384, k.p521, k.rsa2048} {
		s.signer = issue(t, s.middle, key, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
			c.URIs = []*url.URL{{Scheme: "https", Host: "vendor.example"}}
		})
		id := s.identity()
		id.Name, id.Issuer = "https://vendor.example", ""
		v := verifier(t, identified(id))
		got := verify(v, patch, text(t, s.bundle(t, patch)))
		require.Equal(t, integrity.Valid, got.Status, got.Detail)
		got = verify(v, patch[1:], text(t, s.bundle(t, patch)))
		require.Equal(t, integrity.Bad, got.Status)
		require.Contains(t, got.Detail, "not by its certificate's key")
	}
	// A plain Ed25519 signature of too large a content was not judged.
	s.signer = leaf(t, s.middle, func(c *x509.Certificate) {})
	s.signer = issue(t, s.middle, k.ed, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} })
	bundle := text(t, bundleOf(messageOf(patch, make([]byte, 64)), []*holder{s.signer}))
	got := verifier(t, identified(s.identity())).Verify(zeros{}, MaxPureEd25519+1, bundle)
	require.Equal(t, integrity.Unsupported, got.Status, got.Detail)
}

func TestNewFindsEveryProblemOfIdentities(t *testing.T) {
	s := newStage(t)
	good := s.identity()
	with := func(change func(*integrity.Identity)) integrity.Identity {
		id := good
		change(&id)
		return id
	}
	many := slices.Repeat([]string{s.root.pem()}, MaxAnchors+1)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	weak := issue(t, nil, short, nil)
	anchors := func(list ...string) integrity.Identity {
		return with(func(i *integrity.Identity) { i.Anchors = list })
	}
	given := []struct {
		id          integrity.Identity
		field, want string
	}{
		{good, "", ""},
		{anchors(), ".anchors", "is empty"},
		{with(func(i *integrity.Identity) { i.Name = "" }), "", "neither name nor organization"},
		{anchors(many...), ".anchors", "17 certificates; at most 16"},
		{anchors(many[:MaxAnchors]...), "", ""},
		{anchors("junk"), ".anchors[0]", "want one PEM block CERTIFICATE"},
		{with(func(i *integrity.Identity) { i.Timestampers = texts(pemOf(t, s.root.PublicKey)) }), ".timestampers[0]", "want one PEM block CERTIFICATE"},
		{anchors(s.root.pem() + "tail"), ".anchors[0]", "more than one PEM block"},
		{anchors(s.root.pem() + s.middle.pem()), ".anchors[0]", "more than one PEM block"},
		{anchors(weak.pem()), ".anchors[0]", "RSA key of 1024 bits"},
		{anchors(pemOfDER([]byte("x"))), ".anchors[0]", "not a certificate"},
		{with(func(i *integrity.Identity) { i.At = time.Unix(0, 0) }), ".at", "no certificate is valid"},
		{anchors(s.root.pem() + strings.Repeat("\n", MaxPEM)), ".anchors[0]", "at most 16384"},
	}
	var all []integrity.Identity
	want := map[string]string{}
	for i, g := range given {
		all = append(all, g.id)
		if g.want != "" {
			want[fmt.Sprintf("signers[0].sigstore[0].identities[%d]%s", i, g.field)] = g.want
		}
	}
	_, err = New(identified(all...))
	var invalid *integrity.Invalid
	require.ErrorAs(t, err, &invalid)
	for _, p := range invalid.Problems {
		require.Contains(t, p.Text, want[p.Field], p.Field)
		require.NotEmpty(t, want[p.Field], p)
		delete(want, p.Field)
	}
	require.Empty(t, want)
	both := integrity.SigstoreTrust{Keys: texts(pemOf(t, keys().ed.Public()), pemOf(t, keys().p256.Public())), Threshold: 2, Identities: []integrity.Identity{good}}
	_, err = New(signer("Both", both))
	require.ErrorContains(t, err, "certificates are not counted")
	all = slices.Repeat([]integrity.Identity{good}, MaxIdentities+1)
	_, err = New(identified(all...))
	require.ErrorContains(t, err, "33 identities; at most 32")
	_, err = New(identified(all[1:]...))
	require.NoError(t, err)
}

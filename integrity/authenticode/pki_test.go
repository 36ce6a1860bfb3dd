package authenticode

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// identity is a certificate and its key.
type identity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// sum is the certificate's SHA-256 in hex, anchor how a policy gives it, and
// pem the certificate itself.
func (i identity) sum() string {
	sum := sha256.Sum256(i.cert.Raw)
	return hex.EncodeToString(sum[:])
}

func (i identity) anchor() string { return "sha256:" + i.sum() }

func (i identity) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}))
}

// pki is everybody the tests know: a vendor with its authority, a timestamp
// authority, and people who should not be trusted.
type pki struct {
	root, ca, vendor   identity // the vendor's chain
	stampRoot, stamper identity
	strangerRoot       identity
	people             map[string]identity // leaves by what is special about them
	between            map[string]identity // an authority of its own, for those of people who have one
	otherStampRoot     identity
	otherStamper       identity
}

var now = time.Now().UTC().Truncate(time.Second) // what openssl stamps with is the machine's time

var (
	notBefore = now.Add(-100 * 24 * time.Hour)
	notAfter  = now.Add(100 * 24 * time.Hour)
)

var p256 = sync.OnceValue(func() crypto.Signer { return newEC(elliptic.P256()) })

func newEC(curve elliptic.Curve) crypto.Signer {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newRSA(bits int) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

var serial int64 = 1000

// issue makes a certificate; change alters it before it is signed.
func issue(name string, by *identity, key crypto.Signer, change func(*x509.Certificate)) identity {
	serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"Vendor Inc."}},
		NotBefore: notBefore, NotAfter: notAfter, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return identity{cert, key}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	c.NotBefore, c.NotAfter = now.Add(-3000*24*time.Hour), now.Add(3000*24*time.Hour)
}

func forCode(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }

func forStamps(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = now.Add(-1000*24*time.Hour), now.Add(1000*24*time.Hour)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
	c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 37}, Critical: true,
		Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}} // RFC 3161 wants it critical
}

var everybody = sync.OnceValue(func() *pki {
	p := &pki{people: map[string]identity{}, between: map[string]identity{}}
	ec := func() crypto.Signer { return newEC(elliptic.P256()) }
	p.root = issue("Root", nil, ec(), authority)
	p.ca = issue("Code CA", &p.root, newRSA(2048), authority)
	p.vendor = issue("Vendor", &p.ca, newRSA(2048), forCode)
	p.stampRoot = issue("Stamp Root", nil, ec(), authority)
	p.stamper = issue("Stamper", &p.stampRoot, newRSA(2048), forStamps)
	p.otherStampRoot = issue("Other Stamp Root", nil, ec(), authority)
	p.otherStamper = issue("Other Stamper", &p.otherStampRoot, newRSA(2048), forStamps)
	p.strangerRoot = issue("Root", nil, ec(), authority) // by the same name

	leaf := func(name string, by identity, key crypto.Signer, changes ...func(*x509.Certificate)) {
		p.people[name] = issue("Vendor", &by, key, func(c *x509.Certificate) {
			forCode(c)
			for _, change := range changes {
				change(c)
			}
		})
	}
	leaf("P-256", p.ca, ec())
	leaf("with a key's name", p.ca, newRSA(2048), func(c *x509.Certificate) { c.SubjectKeyId = []byte("the vendor's key") })
	leaf("P-384", p.ca, newEC(elliptic.P384()))
	leaf("stranger", p.strangerRoot, newRSA(2048))
	leaf("other organization", p.ca, ec(), func(c *x509.Certificate) { c.Subject.Organization = []string{"Vendor Inc"} })
	leaf("two organizations", p.ca, ec(), func(c *x509.Certificate) { c.Subject.Organization = []string{"Vendor Inc.", "Other"} })
	leaf("for servers", p.ca, ec(), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	leaf("for anything", p.ca, ec(), func(c *x509.Certificate) { c.ExtKeyUsage = nil })
	leaf("RSA-1024", p.ca, weakRSA())
	leaf("expired", p.ca, ec(), func(c *x509.Certificate) { c.NotAfter = now.Add(-24 * time.Hour) })
	leaf("not yet valid", p.ca, ec(), func(c *x509.Certificate) { c.NotBefore = now.Add(24 * time.Hour) })
	leaf("ends with its time", p.ca, ec(), func(c *x509.Certificate) {
		c.UnknownExtKeyUsage = append(c.UnknownExtKeyUsage, []int{1, 3, 6, 1, 4, 1, 311, 10, 3, 13})
	})
	leaf("by a certificate that is no authority", p.people["P-256"], ec())
	p.between["by a certificate that is no authority"] = p.people["P-256"]
	weak := issue("Weak CA", &p.root, weakRSA(), authority)
	leaf("by an authority with RSA-1024", weak, ec())
	p.between["by an authority with RSA-1024"] = weak
	tls := issue("TLS CA", &p.root, ec(), func(c *x509.Certificate) {
		authority(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	leaf("by an authority for servers", tls, ec())
	p.between["by an authority for servers"] = tls
	old := issue("Old CA", &p.root, ec(), func(c *x509.Certificate) {
		authority(c)
		c.NotAfter = now.Add(-24 * time.Hour)
	})
	leaf("by an expired authority", old, ec())
	p.between["by an expired authority"] = old
	return p
})

// weakRSA makes a key that is too short.
func weakRSA() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
}

// policyOf is the policy that trusts the vendor and the timestamp authority.
func (p *pki) signer() known {
	return known{"Vendor", integrity.AuthenticodeTrust{
		Organization: "Vendor Inc.", Anchors: []string{p.root.pem()}, Timestampers: []string{p.stampRoot.pem()},
	}}
}

// known is a signer who is known in one way.
type known struct {
	Name string
	integrity.AuthenticodeTrust
}

// signers are the trust model's; all ways of one name are one signer's.
func signers(list ...known) (all []integrity.Signer) {
	for _, k := range list {
		i := slices.IndexFunc(all, func(s integrity.Signer) bool { return s.Name == k.Name })
		if i < 0 {
			i, all = len(all), append(all, integrity.Signer{Name: k.Name})
		}
		all[i].Authenticode = append(all[i].Authenticode, k.AuthenticodeTrust)
	}
	return all
}

func newVerifier(t testing.TB, list ...known) *Verifier {
	t.Helper()
	v, err := New(signers(list...)...)
	require.NoError(t, err)
	return v
}

// write puts an identity into PEM files for the programs: a certificate with
// those above it, and its key.
func (i identity) write(t testing.TB, dir string, above ...identity) (certs, key string) {
	t.Helper()
	certs, key = filepath.Join(dir, "certs.pem"), filepath.Join(dir, "key.pem")
	var text []byte
	for _, c := range append([]identity{i}, above...) {
		text = append(text, c.pem()...)
	}
	require.NoError(t, os.WriteFile(certs, text, 0o600))
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return certs, key
}

package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Rules say which keys a verifier trusts, and what it tolerates.
type Rules struct {
	MaxRSA  int  // bits of an RSA key, which has MinRSA at least
	Ed25519 bool // such keys carry trust, too
	// Lenient tolerates what real Windows files have: a timestamp authority's certificate whose
	// usage is not critical, as Microsoft's until 2021, and unreadable certificates that are not
	// needed.
	Lenient bool
}

// Weak says why a key carries no trust; empty: it may.
func (r Rules) Weak(pub crypto.PublicKey) string {
	want := "ECDSA or RSA"
	if r.Ed25519 {
		want = "Ed25519, ECDSA or RSA"
	}
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < MinRSA || bits > r.MaxRSA {
			return fmt.Sprintf("an RSA key of %d bits; want %d to %d", bits, MinRSA, r.MaxRSA)
		}
		return ""
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return ""
		}
		return "an ECDSA key on " + k.Params().Name + "; want P-256, P-384 or P-521"
	case ed25519.PublicKey:
		if r.Ed25519 {
			return ""
		}
	}
	return fmt.Sprintf("a key of type %T; want %s", pub, want)
}

// Certificate is a certificate from a file or a policy.
type Certificate struct {
	*x509.Certificate
	Print Fingerprint
	Weak  string // why nothing that its key signed carries trust; empty: it may
}

// Holder names the certificate's holder in a sentence.
func (c *Certificate) Holder() string {
	switch {
	case len(c.Subject.Names) > 0:
		return c.Subject.String()
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	case len(c.EmailAddresses) > 0:
		return c.EmailAddresses[0]
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	default:
		return fmt.Sprintf("serial number %x", c.SerialNumber)
	}
}

// Certificate returns the certificate with the judgement of its key.
func (r Rules) Certificate(c *x509.Certificate) *Certificate {
	return &Certificate{c, Fingerprint(sha256.Sum256(c.Raw)), r.Weak(c.PublicKey)}
}

// Pins reads the anchors of a policy: PEM, or "sha256:" and a certificate's digest. It returns
// all fingerprints, and the certificates given in PEM. It adds to bad what
// integrity.ValidateSigners did not find.
func (r Rules) Pins(bad *problem.List, field, name string, list []string, most int) (prints []Fingerprint, brought []*Certificate) {
	if len(list) > most {
		bad.AddOnce(field, name, "%d certificates; at most %d are allowed", len(list), most)
		list = list[:most]
	}
	for i, text := range list {
		var print Fingerprint
		if sum, is := strings.CutPrefix(text, "sha256:"); is {
			hex.Decode(print[:], []byte(sum)[:min(len(sum), 2*len(print))]) // a wrong length was already reported
		} else if c, err := r.pin(text); err != nil {
			bad.AddOnce(fmt.Sprintf("%s[%d]", field, i), name, "%v", err)
		} else {
			brought = append(brought, c)
			print = c.Print
		}
		prints = append(prints, print)
	}
	return prints, brought
}

func (r Rules) pin(text string) (*Certificate, error) {
	if len(text) > MaxCertificate {
		return nil, fmt.Errorf("the certificate has %d bytes; at most %d are allowed", len(text), MaxCertificate)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not a certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	c := r.Certificate(cert)
	if c.Weak != "" {
		return nil, fmt.Errorf("the certificate of %.80q has %s", c.Holder(), c.Weak)
	}
	return c, nil
}

// Fit requires a certificate that names the usage itself; the library also accepts one that names
// none. A certificate for timestamps is for nothing else (RFC 3161, 2.3).
func (r Rules) Fit(c *Certificate, usage x509.ExtKeyUsage) error {
	name, fit := "signing code", slices.Contains(c.ExtKeyUsage, usage)
	if usage == x509.ExtKeyUsageTimeStamping {
		name, fit = "timestamps alone", fit && len(c.ExtKeyUsage) == 1 && len(c.UnknownExtKeyUsage) == 0 && (r.Lenient || slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Critical && e.Id.Equal([]int{2, 5, 29, 37}) }))
	}
	if !fit {
		return Untrusted("the certificate of %.200q is not for %s", c.Holder(), name)
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return Untrusted("the key of %.200q is not for signatures", c.Holder())
	}
	return nil
}

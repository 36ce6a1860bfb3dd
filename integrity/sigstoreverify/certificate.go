package sigstoreverify

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// parseCertificate reads one certificate that came with a signature.
func parseCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > MaxCertificate {
		return nil, fmt.Errorf("it has %d bytes; at most %d", len(der), MaxCertificate)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return c, check(c.PublicKey)
}

// parseAnchor reads one trusted certificate.
func parseAnchor(text string) (*x509.Certificate, error) {
	if len(text) > MaxPEM {
		return nil, fmt.Errorf("it has %d bytes; at most %d", len(text), MaxPEM)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not a certificate in PEM")
	}
	c, err := parseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("want a certificate: %w", err)
	}
	return c, nil
}

// identity is an Identity in use.
type identity struct {
	integrity.Identity
	way          int // index of the way it belongs to
	anchors      pinned
	timestampers pinned
}

// pinned are certificates that are trusted, and no others.
type pinned []*x509.Certificate

func (p pinned) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range p {
		pool.AddCert(c)
	}
	return pool
}

// The extensions in which Fulcio tells whom it believed: as a DER string, and in the older form as the bare text.
var (
	issuerOID    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	oldIssuerOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
)

// tokenIssuer is whom Fulcio believed, and whether it tells that without contradicting itself.
func tokenIssuer(c *x509.Certificate) (string, bool) {
	var found []string
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(oldIssuerOID):
			found = append(found, string(e.Value))
		case e.Id.Equal(issuerOID):
			var s string
			if rest, err := asn1.UnmarshalWithParams(e.Value, &s, "utf8"); err != nil || len(rest) > 0 {
				return "", false
			}
			found = append(found, s)
		}
	}
	if len(found) == 0 || len(slices.Compact(found)) > 1 {
		return "", false
	}
	return found[0], true
}

// Kinds of subject alternative names, by their tags (RFC 5280, section 4.2.1.6).
const (
	otherName = 0
	mailName  = 1
	hostName  = 2
	uriName   = 6
)

// kindOf is the kind of a name that a policy gives. A name of one kind must not pass for one of another: what an
// authority may name is bounded for each kind of its own, and other names not at all.
func kindOf(name string) int {
	switch {
	case strings.Contains(name, ":"):
		return uriName
	case strings.Contains(name, "@"):
		return mailName
	case strings.Contains(name, "!"): // as in Fulcio's user!host
		return otherName
	default:
		return hostName
	}
}

// alternativeNames lists the certificate's subject alternative names of a kind, as they stand in it: package x509 tells
// a URI as it was understood, which is not letter for letter.
func alternativeNames(c *x509.Certificate, kind int) (out []string) {
	if kind == otherName {
		if name, err := cryptoutils.UnmarshalOtherNameSAN(c.Extensions); err == nil && name != "" {
			out = []string{name}
		}
		return out
	}
	for _, e := range c.Extensions {
		var list, name asn1.RawValue
		if !e.Id.Equal(cryptoutils.SANOID) || exactly(e.Value, &list, "") != nil {
			continue
		}
		for rest := list.Bytes; len(rest) > 0; {
			var err error
			if rest, err = asn1.Unmarshal(rest, &name); err != nil {
				return nil
			}
			if name.Class == asn1.ClassContextSpecific && name.Tag == kind {
				out = append(out, string(name.Bytes))
			}
		}
	}
	return out
}

// everyName lists the names of all kinds by which an Identity can be told.
func everyName(c *x509.Certificate) (out []string) {
	for _, kind := range []int{hostName, mailName, uriName, otherName} {
		out = append(out, alternativeNames(c, kind)...)
	}
	return out
}

// matches says whether the certificate names this identity.
func (id *identity) matches(c *x509.Certificate) bool {
	if id.Name != "" && !slices.Contains(alternativeNames(c, kindOf(id.Name)), id.Name) {
		return false
	}
	if o := c.Subject.Organization; id.Organisation != "" && (len(o) != 1 || o[0] != id.Organisation) {
		return false
	}
	if id.Issuer != "" {
		issuer, ok := tokenIssuer(c)
		return ok && issuer == id.Issuer
	}
	return true
}

// verifyChain says whether the chain was good at that time: up to one of the roots, for that use.
func verifyChain(chain []*x509.Certificate, roots pinned, use x509.ExtKeyUsage, at time.Time) error {
	leaf := *chain[0]
	if !slices.Contains(leaf.ExtKeyUsage, use) {
		return errors.New("its certificate is for another use")
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return errors.New("its certificate is not for signatures")
	}
	// A subject may be named by Fulcio's other name alone, which package x509 cannot read; matches does.
	if name, err := cryptoutils.UnmarshalOtherNameSAN(leaf.Extensions); err == nil && name != "" {
		leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), cryptoutils.SANOID.Equal)
	}
	// One certificate a subject: hostile ones that could each be above each other would be tried in every order.
	between, subjects := x509.NewCertPool(), map[string]bool{}
	for _, c := range chain[1:] {
		if !subjects[string(c.RawSubject)] {
			subjects[string(c.RawSubject)] = true
			between.AddCert(c)
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots.pool(), Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{use},
	})
	return err
}

// whose finds the identity that a certificate is of, and when the signature was made: at is zero where that is unknown.
func (v *Verifier) whose(chain []*x509.Certificate, sig []byte, tokens [][]byte) (way int, at time.Time, err error) {
	timestamps := parseTimestamps(tokens)
	err = bad("its certificate is of none of the trusted signers (%q)", v.names)
	for _, id := range v.identities {
		if !id.matches(chain[0]) {
			continue
		}
		if at, err = id.judge(chain, sig, timestamps); err == nil {
			return id.way, at, nil
		}
	}
	return 0, time.Time{}, err
}

// judge judges a chain whose first certificate names the identity, and returns when it signed: zero if that is unknown.
func (id *identity) judge(chain []*x509.Certificate, sig []byte, timestamps []timestampOrNot) (time.Time, error) {
	times, why := id.times(sig, timestamps)
	var signed time.Time
	switch {
	case len(times) > 0:
		signed = slices.MinFunc(times, time.Time.Compare)
	case id.At.IsZero():
		return signed, unsupported("the time of signing is unknown (%s), so its certificate cannot be judged", why)
	default:
		times = []time.Time{id.At}
	}
	for _, at := range times {
		if err := verifyChain(chain, id.anchors, x509.ExtKeyUsageCodeSigning, at); err != nil {
			return time.Time{}, bad("its certificate is not trusted at %s: %v", at.UTC().Format(time.RFC3339), err)
		}
	}
	return signed, nil
}

// times are those that trusted authorities say the signature was there at; why tells of one that does not.
func (id *identity) times(sig []byte, timestamps []timestampOrNot) (times []time.Time, why string) {
	if len(timestamps) == 0 {
		return nil, "it has no timestamp"
	}
	if len(id.timestampers) == 0 {
		return nil, "no timestamp authority is trusted"
	}
	for i, t := range timestamps {
		err := t.err
		if err == nil {
			err = t.verify(sig, id.timestampers)
		}
		if err != nil {
			why = fmt.Sprintf("timestamp %d: %v", i, err)
			continue
		}
		times = append(times, t.at)
	}
	return times, why
}

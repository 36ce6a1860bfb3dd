package authenticode

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Anchor is a certificate that a policy trusts: a chain that reaches it is complete. It may be a root, an authority
// below it, or the signer's own certificate.
type Anchor struct {
	SHA256      string // of the certificate in DER, 64 hex digits; empty: that of Certificate
	Certificate []byte // DER or one PEM block; needed only where signed files do not carry the anchor themselves
}

// Signer is somebody whose signatures are trusted, and by what they are known. Several may share a name, as a vendor's
// old and new certificates do.
type Signer struct {
	Name         string   // in the words of integrity.Expectation.Signer
	Anchors      []Anchor // 1 to MaxAnchors that the signer's chain may end in
	Organisation string   // the signing certificate's only subject organisation (O), exactly; empty: any
	// Usage is an extended key usage that the signing certificate must have beside code signing, as dotted numbers,
	// such as 1.3.6.1.4.1.311.10.3.6 for the parts of Windows; empty: code signing is enough.
	Usage        string
	Timestampers []Anchor // up to MaxAnchors that the chain of a timestamp may end in; none: no timestamp is trusted
	// At is the time at which certificates are judged that no trusted timestamp says the time for; zero: such a
	// signature is Unsupported.
	At time.Time
}

// fingerprint is the SHA-256 of a certificate in DER.
type fingerprint [sha256.Size]byte

func (f fingerprint) String() string { return hex.EncodeToString(f[:]) }

// policy is a Signer that New has checked.
type policy struct {
	Signer
	anchors, timestampers []fingerprint
}

// check reads a signer, adds every problem and returns the certificates it brings.
func check(s Signer, add func(field, format string, args ...any)) (policy, []*x509.Certificate) {
	if err := (integrity.Expectation{Signer: s.Name}).Validate(); err != nil || s.Name == "" {
		add("name", "want a name that an order can expect: 1 to %d bytes of UTF-8 without control characters or space around it", integrity.MaxSigner)
	}
	if len(s.Organisation) > integrity.MaxSigner {
		add("organisation", "has %d bytes; at most %d", len(s.Organisation), integrity.MaxSigner)
	}
	if s.Usage != "" && !dotted(s.Usage) {
		add("usage", "%.80q is no object identifier; want dotted numbers such as 1.3.6.1.5.5.7.3.3", s.Usage)
	}
	if !s.At.IsZero() && (s.At.Year() < 1990 || s.At.Year() > 9999) {
		add("at", "no certificate is good in the year %d; leave it zero or give the time the policy was made", s.At.Year())
	}
	if len(s.Anchors) == 0 {
		add("anchors", "none; give the SHA-256 of a certificate that the signer's chain must reach")
	}
	p := policy{Signer: s}
	p.At = s.At.UTC()
	var brought []*x509.Certificate
	read := func(field string, anchors []Anchor) (prints []fingerprint) {
		if len(anchors) > MaxAnchors {
			add(field, "%d of them; at most %d", len(anchors), MaxAnchors)
			anchors = anchors[:MaxAnchors]
		}
		for i, a := range anchors {
			f, cert, err := a.read()
			if err != nil {
				add(field+"["+strconv.Itoa(i)+"]", "%v", err)
				continue
			}
			if cert != nil {
				brought = append(brought, cert)
			}
			prints = append(prints, f)
		}
		return prints
	}
	p.anchors = read("anchors", s.Anchors)
	p.timestampers = read("timestampers", s.Timestampers)
	p.Signer.Anchors, p.Signer.Timestampers = nil, nil // the caller's slices
	return p, brought
}

// dotted tells whether s is an object identifier as people write it.
func dotted(s string) bool {
	oid, err := x509.ParseOID(s)
	return err == nil && oid.String() == s
}

// read returns the anchor's fingerprint, and its certificate if there is one.
func (a Anchor) read() (f fingerprint, cert *x509.Certificate, err error) {
	if a.SHA256 == "" && len(a.Certificate) == 0 {
		return f, nil, errors.New("empty; want the SHA-256 of a certificate, the certificate, or both")
	}
	if a.SHA256 != "" {
		sum, err := hex.DecodeString(a.SHA256)
		if err != nil || len(sum) != len(f) {
			return f, nil, fmt.Errorf("%.80q is no SHA-256; want %d hex digits", a.SHA256, 2*len(f))
		}
		f = fingerprint(sum)
	}
	if len(a.Certificate) == 0 {
		return f, nil, nil
	}
	if len(a.Certificate) > MaxPinned {
		return f, nil, fmt.Errorf("the certificate has %d bytes; at most %d", len(a.Certificate), MaxPinned)
	}
	der := a.Certificate
	if block, rest := pem.Decode(der); block != nil {
		if block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
			return f, nil, fmt.Errorf("PEM of %q, or more than one block; want one CERTIFICATE", block.Type)
		}
		der = block.Bytes
	}
	cert, err = x509.ParseCertificate(der)
	if err != nil {
		return f, nil, fmt.Errorf("not a certificate in DER or PEM: %w", err)
	}
	if problem := weakKey(cert); problem != "" {
		return f, nil, fmt.Errorf("the certificate of %.80q has %s", cert.Subject, problem)
	}
	sum := fingerprint(sha256.Sum256(der))
	if a.SHA256 != "" && sum != f {
		return f, nil, fmt.Errorf("the certificate's SHA-256 is %s, not %s; which of the two is meant?", sum, f)
	}
	return sum, cert, nil
}

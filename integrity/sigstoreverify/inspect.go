package sigstoreverify

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// Report is what a signature file says about itself. It is not a verdict: only
// Verifier.Verify knows whom to trust. Times are UTC.
type Report struct {
	Format    integrity.Format    `json:"format"`
	Kind      string              `json:"kind"`                // in words: "a signature in base64", "a sigstore bundle 0.3"
	Algorithm string              `json:"algorithm,omitempty"` // in words, if the signature shows it
	Holds     bool                `json:"holds,omitempty"`     // the certificate's key made the signature; without a certificate that is not known
	Chain     []CertificateReport `json:"chain,omitempty"`     // the signer's certificate first, if the file has them
	Statement *StatementReport    `json:"statement,omitempty"` // of an envelope
	Times     []TimestampReport   `json:"times,omitempty"`
	Odd       []string            `json:"odd,omitempty"` // what a careful reader would ask about
}

// CertificateReport is what a certificate says.
type CertificateReport struct {
	Subject      string    `json:"subject"`
	Issuer       string    `json:"issuer"`
	Organization string    `json:"organization,omitempty"` // the subject's only one
	Names        []string  `json:"names,omitempty"`        // subject alternative names
	TokenIssuer  string    `json:"tokenIssuer,omitempty"`  // whom Fulcio believed the names, see Identity.Issuer
	Key          string    `json:"key"`                    // "ECDSA P-256"
	SHA256       string    `json:"sha256"`                 // of the certificate in DER, in hex
	NotBefore    time.Time `json:"notBefore"`
	NotAfter     time.Time `json:"notAfter"`

	der []byte
}

// PEM returns the certificate in PEM, as a policy pins it.
func (c CertificateReport) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der}))
}

// StatementReport is what the signed payload of an envelope says.
type StatementReport struct {
	PayloadType string   `json:"payloadType"`
	Predicate   string   `json:"predicate,omitempty"` // its type
	Subjects    []string `json:"subjects,omitempty"`  // names of the files it is about, MaxReported at most
	NamesFile   bool     `json:"namesFile"`           // this file is one of them
	Signatures  int      `json:"signatures"`
}

// TimestampReport is what a timestamp says.
type TimestampReport struct {
	Time    time.Time           `json:"time,omitzero"`
	Problem string              `json:"problem,omitempty"` // why it cannot be right whoever is trusted; empty: it may be
	Chain   []CertificateReport `json:"chain,omitempty"`   // the authority's certificate first
}

// Inspect reports what a signature file says. If it is not a signature that is
// judged, the report has no Kind, and Odd says why. The error says that the
// first size bytes of content cannot be read; the report has the rest.
func Inspect(content io.ReaderAt, size int64, detached []byte) (r Report, failed error) {
	odd := func(format string, args ...any) { r.Odd = append(r.Odd, fmt.Sprintf(format, args...)) }
	if detached == nil {
		odd("There is no signature file.")
		return r, nil
	}
	f, err := readFile(detached)
	if err == nil && (content == nil || size < 0) {
		err = cms.Unsupported("there is no content to judge")
	}
	if err == nil && f.format == integrity.Key {
		err = f.recognise()
	}
	if err != nil {
		odd("%v", err)
		return r, nil
	}
	c := newContent(content, size)
	r.Format, r.Kind = f.format, f.kind
	signed, sig := c, f.signatures
	if len(sig) > 1 {
		sig = sig[1:] // it is base64
	}
	if e := f.envelope; e != nil {
		signed, sig = e.signed(), f.signatures
		r.Statement, failed = e.report(c, odd)
		r.Statement.Signatures = len(sig)
	}
	r.Algorithm = shapes(sig)
	for _, c := range f.chain {
		r.Chain = append(r.Chain, reportCertificate(c))
	}
	if f.chain != nil {
		r.Holds, err = holds(byCertificate(f.chain[0], signed, sig[0]), odd)
		failed = cmp.Or(failed, err)
		r.Algorithm = keyName(f.chain[0].PublicKey)
		oddLeaf(f.chain[0], odd)
	}
	for _, token := range f.timestamps {
		r.Times = append(r.Times, reportTimestamp(token, sig[0]))
	}
	if f.chain != nil && len(f.timestamps) == 0 {
		odd("There is no timestamp, so the time of signing is unknown.")
	}
	if f.logged > 0 {
		odd("It names %d entries of a transparency log, which are not looked at.", f.logged)
	}
	return r, failed
}

// report reports what the payload says. The error is about reading the content.
func (e *envelope) report(c *content, odd func(string, ...any)) (*StatementReport, error) {
	r := &StatementReport{PayloadType: e.payloadType}
	s, err := e.statement()
	if err != nil {
		odd("%s", err)
		return r, nil
	}
	r.Predicate = s.PredicateType
	for _, subject := range s.Subject[:min(len(s.Subject), MaxReported)] {
		r.Subjects = append(r.Subjects, subject.Name)
	}
	if !slices.Contains(DefaultPredicates(), s.PredicateType) {
		odd("A statement of type %.100q does not say that the file is the signer's own, unless a policy takes it so.", s.PredicateType)
	}
	r.NamesFile, err = holds(s.names(c), odd)
	return r, err
}

// holds reports whether err is nil. It notes a refusal as odd; other errors are about reading the
// content.
func holds(err error, odd func(string, ...any)) (bool, error) {
	if no, refused := errors.AsType[*cms.Refusal](err); refused {
		odd("%s", no.Text)
		return false, nil
	}
	return err == nil, err
}

// shapes lists the kinds of key that make signatures of these lengths.
func shapes(signatures [][]byte) string {
	var out []string
	for _, sig := range signatures {
		for _, k := range makers(sig) {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return strings.Join(out, " or ")
}

func keyName(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA with %d bits", k.N.BitLen())
	default:
		return fmt.Sprintf("%T", pub)
	}
}

func reportCertificate(c *x509.Certificate) CertificateReport {
	issuer, _ := tokenIssuer(c)
	names := everyName(c)
	organization := ""
	if len(c.Subject.Organization) == 1 {
		organization = c.Subject.Organization[0]
	}
	return CertificateReport{
		der: c.Raw, Organization: organization, Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: names[:min(len(names), MaxReported)], TokenIssuer: issuer,
		Key: keyName(c.PublicKey), SHA256: cms.Fingerprint(sha256.Sum256(c.Raw)).String(), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
	}
}

// oddLeaf notes why nobody could trust the signer's certificate.
func oddLeaf(c *x509.Certificate, odd func(string, ...any)) {
	if !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageCodeSigning) {
		odd("Its certificate is not for signing code.")
	}
	if len(everyName(c)) == 0 && len(c.Subject.Organization) != 1 {
		odd("Its certificate has neither one organization nor another name, so no policy can name its holder.")
	}
	if c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1 || c.SignatureAlgorithm == x509.MD5WithRSA {
		odd("Its certificate was signed with %s, which carries no trust.", c.SignatureAlgorithm)
	}
}

func reportTimestamp(token, sig []byte) (r TimestampReport) {
	file := cms.NewFile(rules, nil)
	t := file.Answer(token, sig)
	r.Time = t.Time
	for _, c := range file.Above(file.Find(&t.Signer)) {
		r.Chain = append(r.Chain, reportCertificate(c.Certificate))
	}
	if _, err := file.VerifyStamp(&t); err != nil && (r.Chain != nil || t.Signer.Signature == nil) { // a policy may have its authority's certificate
		r.Problem = err.Error()
	}
	return r
}

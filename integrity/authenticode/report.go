package authenticode

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Report is what a file says about itself. It is not a verdict: only
// Verifier.Verify knows whom to trust. Times are UTC.
type Report struct {
	Format     integrity.Format  `json:"format,omitempty"` // zero: none of the three
	Signatures []SignatureReport `json:"signatures"`       // the file's own first, each followed by those nested in it
	Odd        []string          `json:"odd,omitempty"`    // what is wrong with the file as a whole
}

// SignatureReport is what one signature says.
type SignatureReport struct {
	Nested     bool                `json:"nested,omitempty"`     // it is inside the signature before it
	Digest     integrity.Digest    `json:"digest,omitzero"`      // that the signature names for the file; zero: none that is known
	Matches    bool                `json:"matches"`              // whether the file has this digest
	Problem    string              `json:"problem,omitempty"`    // why the signature cannot be right whoever is trusted; empty: it may be
	Program    string              `json:"program,omitempty"`    // what the signer calls the file
	Chain      []CertificateReport `json:"chain,omitempty"`      // the signer's certificate first, if the file has them
	Timestamps []TimestampReport   `json:"timestamps,omitempty"` // RFC 3161 ones first
}

// TimestampReport is what a timestamp says.
type TimestampReport struct {
	Time    time.Time           `json:"time,omitzero"`
	Legacy  bool                `json:"legacy,omitempty"`  // a PKCS #9 countersignature, not RFC 3161
	Problem string              `json:"problem,omitempty"` // why it cannot be right whoever is trusted; empty: it may be
	Chain   []CertificateReport `json:"chain,omitempty"`   // the authority's certificate first
}

// CertificateReport is what a certificate says. An anchor pins its SHA256.
type CertificateReport struct {
	Subject      string    `json:"subject"`
	Issuer       string    `json:"issuer"`
	Organization string    `json:"organization,omitempty"` // of the subject
	SHA256       string    `json:"sha256"`                 // of the certificate in DER, in hex
	NotBefore    time.Time `json:"notBefore"`
	NotAfter     time.Time `json:"notAfter"`
	Algorithm    string    `json:"algorithm"`      // it was signed with
	Weak         string    `json:"weak,omitempty"` // why nothing signed with its key carries trust; empty: it may
}

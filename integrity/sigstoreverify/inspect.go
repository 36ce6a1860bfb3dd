package sigstoreverify

import (
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Report is what a signature file tells, for people. Nothing in it is trusted.
type Report struct {
	Format       integrity.Format `json:"format,omitempty"`       // zero: of none that is judged here
	Kind         string           `json:"kind"`                   // in words: "a signature in base64", "a sigstore bundle 0.3"
	Algorithm    string           `json:"algorithm,omitempty"`    // in words, as far as it can be told without the key
	Certificates []Certificate    `json:"certificates,omitempty"` // the signer's own first
	Statement    *Statement       `json:"statement,omitempty"`    // of an envelope
	Times        []time.Time      `json:"times,omitempty"`        // UTC, as the timestamps tell
	Odd          []string         `json:"odd,omitempty"`          // what a careful reader would ask about, in sentences
}

// Certificate is one certificate of a signature file.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"`       // subject alternative names
	Believed  string    `json:"tokenIssuer,omitempty"` // whom Fulcio believed the names, see Identity.Issuer
	Key       string    `json:"key"`                   // "ECDSA P-256"
	Serial    string    `json:"serial"`                // hex
	SHA256    string    `json:"sha256"`                // hex, of the whole certificate
	NotBefore time.Time `json:"notBefore"`             // UTC
	NotAfter  time.Time `json:"notAfter"`              // UTC
}

// Statement is what the signed payload of an envelope says.
type Statement struct {
	PayloadType string   `json:"payloadType"`
	Predicate   string   `json:"predicate,omitempty"` // its type
	Subjects    []string `json:"subjects,omitempty"`  // names of the files it is about
	Names       bool     `json:"names"`               // this file is one of them
	Signatures  int      `json:"signatures"`
}

// Inspect tells what a signature file holds, whoever signed. It fails with content that cannot be read, and returns a
// *NoSignature where the signature file is none that is known here.
func Inspect(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	return Report{}, &NoSignature{}
}

// NoSignature is the error of Inspect for a file that it can tell nothing of.
type NoSignature struct{ Problem string }

func (e *NoSignature) Error() string { return "no signature that is known: " + e.Problem }

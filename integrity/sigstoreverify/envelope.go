package sigstoreverify

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// statementType is the only payload type that is accepted: in-toto statements.
const statementType = "application/vnd.in-toto+json"

var statementTypes = []string{"https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"}

type envelope struct {
	payloadType string
	payload     []byte
}

// statement says that the predicate is true of the subjects.
type statement struct {
	Type    string `json:"_type"`
	Subject []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"` // of a file, in hex
	} `json:"subject"`
	PredicateType string `json:"predicateType"`
}

// read reads the envelope into f.
func (d *documentEnvelope) read(f *file) error {
	if d.PayloadType == nil || d.Payload == nil {
		return cms.Broken("the envelope lacks its payload or its payload's type")
	}
	payload, ok := decode64(*d.Payload)
	switch n := len(d.Signatures); {
	case !ok:
		return cms.Broken("the envelope's payload is empty or not base64")
	case n == 0:
		return cms.Broken("the envelope has no signature")
	case n > MaxSignatures:
		return cms.Unsupported("the envelope has %d signatures; at most %d are allowed", n, MaxSignatures)
	}
	for i, s := range d.Signatures {
		sig, ok := decode64(s.Sig)
		if !ok {
			return cms.Broken("signature %d of the envelope is empty or not base64", i)
		}
		f.signatures = append(f.signatures, sig)
	}
	f.format, f.envelope = integrity.DSSE, &envelope{*d.PayloadType, payload}
	return nil
}

// envelopeMark begins the bytes that an envelope's signatures cover.
const envelopeMark = "DSSEv1 "

// signed returns the bytes that the signatures cover (the DSSE pre-authentication encoding).
func (e *envelope) signed() *content {
	b := fmt.Appendf(nil, "%s%d %s %d %s", envelopeMark, len(e.payloadType), e.payloadType, len(e.payload), e.payload)
	return newContent(bytes.NewReader(b), int64(len(b)))
}

func (e *envelope) statement() (*statement, error) {
	if e.payloadType != statementType {
		return nil, cms.Unsupported("the envelope's payload is of type %.100q; want %s", e.payloadType, statementType)
	}
	var s statement
	if err := unmarshalOnce(e.payload, &s); err != nil {
		return nil, cms.Broken("the envelope's payload is not a statement: %v", err)
	}
	switch n := len(s.Subject); {
	case !slices.Contains(statementTypes, s.Type):
		return nil, cms.Unsupported("the envelope holds a statement of type %.100q; want one of %q", s.Type, statementTypes)
	case n == 0:
		return nil, cms.Broken("the envelope's statement names no file")
	case n > MaxSubjects:
		return nil, cms.Unsupported("the envelope's statement names %d files; at most %d are allowed", n, MaxSubjects)
	}
	return &s, nil
}

// names checks that the content is one of the subjects: at least one digest that carries trust
// (INT-7) is given, and all that are given match.
func (s *statement) names(c *content) error {
	known := false
	for _, subject := range s.Subject {
		told, equal := false, true
		for _, a := range []integrity.Algorithm{integrity.SHA256, integrity.SHA384, integrity.SHA512} {
			text, ok := subject.Digest[a.String()] // statements name them as integrity does
			if !ok {
				continue
			}
			digest, err := c.digest(a.Hash())
			if err != nil {
				return err
			}
			told, equal = true, equal && strings.EqualFold(text, hex.EncodeToString(digest))
		}
		if told && equal {
			return nil
		}
		known = known || told
	}
	if !known {
		return cms.Unsupported("the envelope's statement has no SHA-256, SHA-384 or SHA-512 digest")
	}
	return cms.Broken("the envelope's statement is about other files, or the file was changed")
}

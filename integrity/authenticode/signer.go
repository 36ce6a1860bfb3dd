package authenticode

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// New returns a verifier that trusts the signers by their [integrity.AuthenticodeTrust], at most MaxSigners in all; with
// none it trusts nobody. The error is an *integrity.Invalid with every problem, whose fields are as
// "signers[2].authenticode[0].anchors[1]".
func New(signers ...integrity.Signer) (*Verifier, error) {
	var bad problem.List
	bad.Under("", integrity.ValidateSigners(signers))
	v := &Verifier{}
	for i, s := range signers {
		for j, t := range s.Authenticode {
			if len(v.policies) == MaxSigners {
				bad.Add("signers", "", "are known in more than %d ways; at most as many", MaxSigners)
				return nil, bad.Err("list of Authenticode signers")
			}
			at := fmt.Sprintf("signers[%d].authenticode[%d]", i, j)
			p := policy{AuthenticodeTrust: t, name: s.Name}
			p.At = t.At.UTC()
			p.anchors = v.read(&bad, at+".anchors", s.Name, t.Anchors)
			p.timestampers = v.read(&bad, at+".timestampers", s.Name, t.Timestampers)
			v.policies = append(v.policies, p)
		}
	}
	if err := bad.Err("list of Authenticode signers"); err != nil {
		return nil, err
	}
	return v, nil
}

// policy is one way in which a signer is known.
type policy struct {
	integrity.AuthenticodeTrust
	name                  string
	anchors, timestampers []fingerprint
}

// read reads anchors, and keeps the certificates among them.
func (v *Verifier) read(bad *problem.List, field, name string, list []string) (prints []fingerprint) {
	if len(list) > MaxAnchors {
		bad.AddOnce(field, name, "%d of them; at most %d", len(list), MaxAnchors)
		list = list[:MaxAnchors]
	}
	for i, text := range list {
		var f fingerprint
		if sum, is := strings.CutPrefix(text, "sha256:"); is {
			hex.Decode(f[:], []byte(sum)[:min(len(sum), 2*len(f))]) // integrity.ValidateSigners told of any other length
		} else if c, err := readCertificate(text); err != nil {
			bad.AddOnce(fmt.Sprintf("%s[%d]", field, i), name, "%v", err)
		} else {
			v.pinned = append(v.pinned, c)
			f = c.print
		}
		prints = append(prints, f)
	}
	return prints
}

func readCertificate(text string) (*certificate, error) {
	if len(text) > MaxPinned {
		return nil, fmt.Errorf("the certificate has %d bytes; at most %d", len(text), MaxPinned)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not a certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	c := newCertificate(cert)
	if c.weak != "" {
		return nil, fmt.Errorf("the certificate of %.80q has %s", cert.Subject, c.weak)
	}
	return c, nil
}

// fingerprint is the SHA-256 of a certificate in DER.
type fingerprint [sha256.Size]byte

func (f fingerprint) String() string { return hex.EncodeToString(f[:]) }

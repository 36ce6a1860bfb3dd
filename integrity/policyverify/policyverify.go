package policyverify

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

// Verifier judges signatures of every format by the signers of a policy. It is immutable and safe for concurrent use. Make
// it with New.
type Verifier struct {
	windows  *authenticode.Verifier
	openpgp  *openpgp.Verifier
	sigstore *sigstoreverify.Verifier
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// New returns the verifier of a policy. The error is an *integrity.Invalid: every problem of Policy.Validate, or,
// if there is none, every problem that the verifiers of the formats have with keys and certificates.
func New(p integrity.Policy) (*Verifier, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var bad []integrity.Problem
	v := &Verifier{}
	var failed [3]error
	v.windows, failed[0] = windows(p.Signers, &bad)
	v.openpgp, failed[1] = pgp(p.Signers, &bad)
	v.sigstore, failed[2] = sigstore(p.Signers, &bad)
	if err := errors.Join(failed[:]...); err != nil {
		return nil, err
	}
	if bad != nil {
		return nil, &integrity.Invalid{What: "signer policy", Problems: bad}
	}
	return v, nil
}

// Verify judges the signatures of the first size bytes of content, within them or in a signature file. One within that
// does not hold decides, whatever the signature file is.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	return integrity.Chain(v.windows, either{v.openpgp, v.sigstore}).Verify(content, size, detached)
}

// either judges a signature file by OpenPGP and by plain keys and certificates. It is one signature: binary ones can look
// like the other kind, so being valid as either is enough, and what it is not says nothing.
type either struct {
	openpgp  *openpgp.Verifier
	sigstore *sigstoreverify.Verifier
}

func (e either) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	first := e.openpgp.Verify(content, size, detached)
	if detached == nil || first.Status == integrity.Valid {
		return first
	}
	second := e.sigstore.Verify(content, size, detached)
	if second.Status == integrity.Valid || first.Status == integrity.Unsupported {
		return second
	}
	return first
}

// windows makes the verifier of Windows files.
func windows(signers []integrity.Signer, bad *[]integrity.Problem) (*authenticode.Verifier, error) {
	var list []authenticode.Signer
	var paths []string
	for i, s := range signers {
		for j, t := range s.Authenticode {
			list = append(list, authenticode.Signer{
				Name: s.Name, Anchors: anchors(t.Anchors), Organisation: t.Organisation, Usage: t.Usage,
				Timestampers: anchors(t.Timestampers), At: t.At,
			})
			paths = append(paths, fmt.Sprintf("signers[%d].authenticode[%d]", i, j))
		}
	}
	if list == nil { // an anchor that no certificate is
		list = []authenticode.Signer{{Name: "nobody", Anchors: []authenticode.Anchor{{SHA256: strings.Repeat("0", 64)}}}}
	}
	v, err := authenticode.New(list...)
	if invalid, ok := errors.AsType[*authenticode.InvalidSigners](err); ok {
		for _, p := range invalid.Problems {
			*bad = append(*bad, at(paths, "authenticode", p.Index, p.Field, p.Text))
		}
		return nil, nil
	}
	return v, err
}

func anchors(list []string) (out []authenticode.Anchor) {
	for _, text := range list {
		if sum, is := strings.CutPrefix(text, "sha256:"); is {
			out = append(out, authenticode.Anchor{SHA256: sum})
			continue
		}
		out = append(out, authenticode.Anchor{Certificate: []byte(text)})
	}
	return out
}

// pgp makes the verifier of OpenPGP signatures.
func pgp(signers []integrity.Signer, bad *[]integrity.Problem) (*openpgp.Verifier, error) {
	var list []openpgp.Signer
	var paths []string
	for i, s := range signers {
		for j, t := range s.OpenPGP {
			list = append(list, openpgp.Signer{Name: s.Name, Keys: []byte(t.Keyring), Fingerprints: t.Fingerprints, Threshold: t.Threshold})
			paths = append(paths, fmt.Sprintf("signers[%d].openpgp[%d]", i, j))
		}
	}
	if list == nil {
		return new(openpgp.Verifier), nil
	}
	v, err := openpgp.New(list...)
	if invalid, ok := errors.AsType[*openpgp.InvalidSigners](err); ok {
		for _, p := range invalid.Problems {
			if p.Field == "Keys" {
				p.Field = "Keyring"
			}
			*bad = append(*bad, at(paths, "openpgp", p.Index, p.Field, p.Text))
		}
		return nil, nil
	}
	return v, err
}

// sigstore makes the verifier of signatures by plain keys and certificates.
func sigstore(signers []integrity.Signer, bad *[]integrity.Problem) (*sigstoreverify.Verifier, error) {
	var list []sigstoreverify.Signer
	var paths []string
	for i, s := range signers {
		for j, t := range s.Sigstore {
			signer := sigstoreverify.Signer{Name: s.Name, Keys: texts(t.Keys), Threshold: t.Threshold, Predicates: t.Predicates}
			for _, id := range t.Identities {
				signer.Identities = append(signer.Identities, sigstoreverify.Identity{
					Anchors: texts(id.Anchors), Name: id.Name, Organisation: id.Organisation, Issuer: id.Issuer, Timestampers: texts(id.Timestampers), At: id.At,
				})
			}
			list = append(list, signer)
			paths = append(paths, fmt.Sprintf("signers[%d].sigstore[%d]", i, j))
		}
	}
	if list == nil {
		return new(sigstoreverify.Verifier), nil
	}
	v, err := sigstoreverify.New(list...)
	if invalid, ok := errors.AsType[*sigstoreverify.InvalidSigners](err); ok {
		for _, p := range invalid.Problems {
			*bad = append(*bad, at(paths, "sigstore", p.Index, p.Field, p.Text))
		}
		return nil, nil
	}
	return v, err
}

func texts(list []string) (out [][]byte) {
	for _, text := range list {
		out = append(out, []byte(text))
	}
	return out
}

// at says in the policy's own words where a problem is that a verifier has with the signer of the index.
func at(paths []string, kind string, index int, field, text string) integrity.Problem {
	where := kind
	if index >= 0 && index < len(paths) {
		where = paths[index]
	}
	if field != "" {
		words := strings.Split(field, ".")
		for i, w := range words {
			r, n := utf8.DecodeRuneInString(w)
			words[i] = string(unicode.ToLower(r)) + w[n:]
		}
		where += "." + strings.Join(words, ".")
	}
	return integrity.Problem{Field: where, Text: text}
}

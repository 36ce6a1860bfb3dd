package policyverify

import (
	"fmt"
	"io"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/internal/problem"
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
	var bad problem.List
	v := &Verifier{windows: windows(p.Signers, &bad), openpgp: pgp(p.Signers, &bad), sigstore: sigstore(p.Signers, &bad)}
	if err := bad.Err("signer policy"); err != nil {
		return nil, err
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
func windows(signers []integrity.Signer, bad *problem.List) *authenticode.Verifier {
	var list []authenticode.Signer
	var names []string
	for i, s := range signers {
		for j, t := range s.Authenticode {
			list = append(list, authenticode.Signer{
				Name: s.Name, Anchors: anchors(t.Anchors), Organisation: t.Organisation, Usage: t.Usage,
				Timestampers: anchors(t.Timestampers), At: t.At,
			})
			names = append(names, fmt.Sprintf("signers[%d]", len(list)-1), fmt.Sprintf("signers[%d].authenticode[%d]", i, j))
		}
	}
	if list == nil { // an anchor that no certificate is
		list = []authenticode.Signer{{Name: "nobody", Anchors: []authenticode.Anchor{{SHA256: strings.Repeat("0", 64)}}}}
	}
	v, err := authenticode.New(list...)
	add(bad, err, append(names, "signers", "authenticode"))
	return v
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
func pgp(signers []integrity.Signer, bad *problem.List) *openpgp.Verifier {
	var list []openpgp.Signer
	var names []string
	for i, s := range signers {
		for j, t := range s.OpenPGP {
			list = append(list, openpgp.Signer{Name: s.Name, Keys: []byte(t.Keyring), Fingerprints: t.Fingerprints, Threshold: t.Threshold})
			names = append(names, fmt.Sprintf("signers[%d]", len(list)-1), fmt.Sprintf("signers[%d].openpgp[%d]", i, j))
		}
	}
	if list == nil {
		return new(openpgp.Verifier)
	}
	v, err := openpgp.New(list...)
	add(bad, err, append(names, "signers", "openpgp", "keys", "keyring"))
	return v
}

// sigstore makes the verifier of signatures by plain keys and certificates.
func sigstore(signers []integrity.Signer, bad *problem.List) *sigstoreverify.Verifier {
	var list []sigstoreverify.Signer
	var names []string
	for i, s := range signers {
		for j, t := range s.Sigstore {
			signer := sigstoreverify.Signer{Name: s.Name, Keys: texts(t.Keys), Threshold: t.Threshold, Predicates: t.Predicates}
			for _, id := range t.Identities {
				signer.Identities = append(signer.Identities, sigstoreverify.Identity{
					Anchors: texts(id.Anchors), Name: id.Name, Organisation: id.Organisation, Issuer: id.Issuer, Timestampers: texts(id.Timestampers), At: id.At,
				})
			}
			list = append(list, signer)
			names = append(names, fmt.Sprintf("signers[%d]", len(list)-1), fmt.Sprintf("signers[%d].sigstore[%d]", i, j))
		}
	}
	if list == nil {
		return new(sigstoreverify.Verifier)
	}
	v, err := sigstoreverify.New(list...)
	add(bad, err, append(names, "signers", "sigstore"))
	return v
}

func texts(list []string) (out [][]byte) {
	for _, text := range list {
		out = append(out, []byte(text))
	}
	return out
}

// add adds what a verifier finds wrong with its signers. The names are pairs: what the verifier calls something, and what
// the policy calls it.
func add(bad *problem.List, err error, names []string) {
	var found problem.List
	found.Under("", err)
	inPolicy := strings.NewReplacer(names...)
	for _, p := range found {
		p.Field = inPolicy.Replace(p.Field)
		*bad = append(*bad, p)
	}
}

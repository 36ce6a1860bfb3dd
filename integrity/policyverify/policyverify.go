// Package policyverify makes the verifier of a signer policy. It links the
// verifiers of all formats, so only programs import it.
//
// The verifier knows every format, whether or not the policy trusts anybody in
// it: a signature in a format in which nobody is trusted is bad or unsupported,
// never absent (INT-9). A signature of a kind in package unjudged is
// unsupported, unless the file has another that is valid or bad. The clauses
// decide which signer may sign what ([integrity.Terms]).
package policyverify

import (
	"errors"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/integrity/unjudged"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Verifier judges signatures of every format by the signers of a policy. It is
// immutable and safe for concurrent use. Make it with [New].
type Verifier struct {
	windows  *authenticode.Verifier
	openpgp  *openpgp.Verifier
	sigstore *sigstoreverify.Verifier
}

// New returns the verifier of a policy. The error is an [integrity.Invalid]
// with every problem of Policy.Validate or, if there is none, every problem
// with keys and certificates.
func New(p integrity.Policy) (*Verifier, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var bad problem.List
	windows, err := authenticode.New(p.Signers...)
	bad.Under("", err)
	pgp, err := openpgp.New(p.Signers...)
	bad.Under("", err)
	sigstore, err := sigstoreverify.New(p.Signers...)
	bad.Under("", err)
	if err := bad.Err("signer policy"); err != nil {
		return nil, err
	}
	return &Verifier{windows, pgp, sigstore}, nil
}

// Verify judges the signatures of the first size bytes of content, inside them
// and in a signature file. A signature inside that does not hold decides,
// whatever the signature file is.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	return integrity.Chain(v.windows, inside{v.openpgp}, either(*v), unjudged.Verifier{}).Verify(content, size, detached)
}

// inside judges OpenPGP inside a file that also has a signature file.
type inside struct{ openpgp *openpgp.Verifier }

func (i inside) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	if detached == nil { // either judges that
		return integrity.Signature{Status: integrity.Absent}
	}
	return i.openpgp.Verify(content, size, nil)
}

// either judges a signature file by OpenPGP and by plain keys and certificates. Binary signatures
// of one kind can look like the other, so being valid as either is enough.
type either Verifier

func (e either) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	found, _ := e.openpgp.Inspect(content, size, detached) // the answer reports the error
	first := found.Answer
	if detached == nil || first.Status == integrity.Valid {
		return first
	}
	second := e.sigstore.Verify(content, size, detached)
	if second.Status == integrity.Valid || first.Status == integrity.Unsupported || second.Untrusted && len(found.Signatures) == 0 {
		return second
	}
	return first
}

// Report is what a file and its signature file say about themselves, and the
// answer. A part is nil if it has nothing to say.
type Report struct {
	Authenticode *authenticode.Report   `json:"authenticode,omitempty"` // of a Windows file, signed or not
	OpenPGP      *openpgp.Report        `json:"openpgp,omitempty"`      // of an OpenPGP signature or an RPM package, by the policy's keys
	Sigstore     *sigstoreverify.Report `json:"sigstore,omitempty"`     // of a signature by a plain key or a certificate
	Answer       integrity.Signature    `json:"answer"`                 // what Verify answers
}

// Inspect judges as Verify does and reports what it found. It reads the content
// several times. The error says that content cannot be read or ends before
// size; the report has what was found until then.
func (v *Verifier) Inspect(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	r := Report{Answer: v.Verify(content, size, detached)}
	windows, failedWindows := authenticode.Inspect(content, size)
	if windows.Format != "" {
		r.Authenticode = &windows
	}
	pgp, failedPGP := v.openpgp.Inspect(content, size, detached)
	if len(pgp.Signatures) > 0 || len(pgp.Digests) > 0 || pgp.Answer.Format != "" {
		r.OpenPGP = &pgp
	}
	failed := errors.Join(failedWindows, failedPGP)
	plain, err := sigstoreverify.Inspect(content, size, detached)
	if plain.Kind == "" {
		return r, failed
	}
	r.Sigstore = &plain
	if plain.Format == integrity.Key && r.OpenPGP != nil && len(pgp.Signatures) == 0 { // it only begins like OpenPGP
		r.OpenPGP = nil
	}
	return r, errors.Join(failed, err)
}

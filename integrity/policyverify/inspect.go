package policyverify

import (
	"errors"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

// Report is what a file and its signature file say about themselves, for people, and what Verify answers about them.
// Only the formats that have something to tell are there.
type Report struct {
	Authenticode *authenticode.Report   `json:"authenticode,omitempty"` // of a Windows file, signed or not
	OpenPGP      *openpgp.Report        `json:"openpgp,omitempty"`      // of an OpenPGP signature or an RPM package, by the policy's keys
	Sigstore     *sigstoreverify.Report `json:"sigstore,omitempty"`     // of a signature by a plain key or a certificate
	Answer       integrity.Signature    `json:"answer"`                 // what Verify answers
}

// Inspect judges as Verify does and tells what it found. It reads the content several times. The error is that content
// cannot be read or ends before size; the report tells what was found until then.
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

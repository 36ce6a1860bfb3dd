package aptfeed

import (
	"bytes"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// openInRelease returns the text that a trusted key has signed, and nothing else of the file. Several signatures may be
// there: one good one by a trusted key suffices. Where names the file in errors, each an *Error.
func openInRelease(data []byte, keys *openpgp.Verifier, now time.Time, where string) ([]byte, error) {
	text, r := keys.At(now).Clearsigned(data)
	if r.Answer.Status != integrity.Valid {
		return nil, refused(r, where)
	}
	return text, nil
}

// openDetached checks Release against Release.gpg, armored or binary.
func openDetached(release, signature []byte, keys *openpgp.Verifier, now time.Time, where string) ([]byte, error) {
	if len(bytes.TrimSpace(signature)) == 0 {
		return nil, fail(Unsigned, where, nil, "the signature file is empty")
	}
	r, err := keys.At(now).Inspect(bytes.NewReader(release), int64(len(release)), signature)
	if err != nil {
		return nil, fail(BadSignature, where, err, "the signature cannot be judged")
	}
	if r.Answer.Status != integrity.Valid {
		return nil, refused(r, where)
	}
	return release, nil
}

// refused is the error about a file that no good signature covers.
func refused(r openpgp.Report, where string) *Error {
	if r.Answer.Status == integrity.Absent {
		return fail(Unsigned, where, nil, "it carries no signature")
	}
	var unknown, bad []string
	for _, s := range r.Signatures {
		switch s.Outcome {
		case openpgp.Good:
		case openpgp.Excess:
			return fail(TooLarge, where, nil, "%s", s.Problem)
		case openpgp.UnknownKey, openpgp.WeakKey:
			unknown = append(unknown, issuer(s))
		default:
			bad = append(bad, "by "+issuer(s)+": "+s.Problem)
		}
	}
	switch {
	case len(bad) > 0:
		return fail(BadSignature, where, nil, "no signature holds: %s", strings.Join(bad, "; "))
	case len(unknown) > 0:
		return fail(UnknownKey, where, nil, "it is signed by %s, which is not trusted for this repository: if it should be, put the key into the keyring that signed-by names", strings.Join(unknown, ", "))
	default:
		return fail(BadSignature, where, nil, "%s", r.Answer.Detail)
	}
}

// issuer names the key a signature says it is made by.
func issuer(s openpgp.SignatureInfo) string {
	switch {
	case s.Fingerprint != "":
		return "key " + s.Fingerprint
	case s.KeyID != "":
		return "key " + s.KeyID
	default:
		return "an unnamed key"
	}
}

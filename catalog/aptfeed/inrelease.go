package aptfeed

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// signed returns InRelease, or the older pair of files. Last, if not empty, is
// the one that is held already and may be returned again.
func signed(ctx context.Context, from origin, last signedRelease) (signedRelease, error) {
	text, v, err := from.read(ctx, "InRelease", last.validators)
	switch {
	case errors.Is(err, errNotModified):
		return last, nil
	case err == nil && len(text) == 0:
		return signedRelease{}, fail(Unsigned, from.where("InRelease"), nil, "it is empty")
	case !is(err, Missing):
		return signedRelease{text: text, where: from.where("InRelease"), validators: v}, err
	}
	missing, where := err, from.where("Release")
	text, _, err = from.read(ctx, "Release", validators{})
	if is(err, Missing) {
		return signedRelease{}, missing
	}
	if err != nil {
		return signedRelease{}, err
	}
	signature, _, err := from.read(ctx, "Release.gpg", validators{})
	if is(err, Missing) {
		return signedRelease{}, fail(Unsigned, where, nil, "its signature file is missing: there is neither InRelease nor Release.gpg, so the repository is not signed")
	}
	return signedRelease{text: text, detached: append([]byte{}, signature...), where: where}, err
}

// verified returns the text that a trusted key signed, and nothing else of the
// file. One good signature by a trusted key is enough. Errors are an *Error.
func (s signedRelease) verified(keys *openpgp.Verifier, now time.Time) ([]byte, error) {
	text, r := s.text, openpgp.Report{}
	switch {
	case s.detached == nil:
		text, r = keys.At(now).Clearsigned(s.text)
	case len(bytes.TrimSpace(s.detached)) == 0:
		return nil, fail(Unsigned, s.where, nil, "the signature file is empty")
	default:
		var err error
		if r, err = keys.At(now).Inspect(bytes.NewReader(s.text), int64(len(s.text)), s.detached); err != nil {
			return nil, fail(BadSignature, s.where, err, "the signature cannot be checked")
		}
	}
	if r.Answer.Status != integrity.Valid {
		return nil, refused(r, s.where)
	}
	return text, nil
}

func refused(r openpgp.Report, where string) *Error {
	if r.Answer.Status == integrity.Absent {
		return fail(Unsigned, where, nil, "it has no signature")
	}
	var unknown, bad []string
	for _, s := range r.Signatures {
		switch s.Outcome {
		case openpgp.Good:
		case openpgp.Excess:
			return fail(TooLarge, where, nil, "%s", s.Problem)
		case openpgp.UnknownKey:
			unknown = append(unknown, s.By())
		default:
			bad = append(bad, "by "+s.By()+": "+s.Problem)
		}
	}
	switch {
	case len(bad) > 0:
		return fail(BadSignature, where, nil, "no signature is good: %s", strings.Join(bad, "; "))
	case len(unknown) > 0:
		return fail(UnknownKey, where, nil, "it is signed by %s, which is not trusted for this repository: to trust it, add the key to the keyring that signed-by names", strings.Join(unknown, ", "))
	default:
		return fail(BadSignature, where, nil, "%s", r.Answer.Detail)
	}
}

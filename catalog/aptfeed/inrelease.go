package aptfeed

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// signed returns InRelease, or the older pair of files. Last, if not empty, is
// the one that is held already and may be returned again.
func signed(ctx context.Context, from origin, last signedRelease) (signedRelease, error) {
	text, v, err := from.read(ctx, "InRelease", last.validators)
	switch {
	case errors.Is(err, fetch.ErrNotModified):
		return last, nil
	case err == nil && len(text) == 0:
		return signedRelease{}, fault.New(fault.Unsigned, from.where("InRelease"), nil, "it is empty")
	case !fault.Is(err, fault.Missing):
		return signedRelease{text: text, where: from.where("InRelease"), validators: v}, err
	}
	missing, where := err, from.where("Release")
	text, _, err = from.read(ctx, "Release", fetch.Validators{})
	if fault.Is(err, fault.Missing) {
		return signedRelease{}, missing
	}
	if err != nil {
		return signedRelease{}, err
	}
	signature, _, err := from.read(ctx, "Release.gpg", fetch.Validators{})
	if fault.Is(err, fault.Missing) {
		return signedRelease{}, fault.New(fault.Unsigned, where, nil, "its signature file is missing: there is neither InRelease nor Release.gpg, so the repository is not signed")
	}
	return signedRelease{text: text, detached: append([]byte{}, signature...), where: where}, err
}

// verified returns the text that a trusted key signed, and nothing else of the
// file. One good signature by a trusted key is enough. Errors are a *fault.Error.
func (s signedRelease) verified(keys *openpgp.Verifier, now time.Time) ([]byte, error) {
	text, r := s.text, openpgp.Report{}
	switch {
	case s.detached == nil:
		text, r = keys.At(now).Clearsigned(s.text)
	case len(bytes.TrimSpace(s.detached)) == 0:
		return nil, fault.New(fault.Unsigned, s.where, nil, "the signature file is empty")
	default:
		var err error
		if r, err = keys.At(now).Inspect(bytes.NewReader(s.text), int64(len(s.text)), s.detached); err != nil {
			return nil, fault.New(fault.BadSignature, s.where, err, "the signature cannot be checked")
		}
	}
	if r.Answer.Status != integrity.Valid {
		return nil, repository.Untrusted(r, s.where, "signed-by")
	}
	return text, nil
}

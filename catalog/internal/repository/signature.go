package repository

import (
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// Untrusted says why a file is not signed as it must be. Option names the
// setting that names the keyring.
func Untrusted(r openpgp.Report, where, option string) *fault.Error {
	if r.Answer.Status == integrity.Absent {
		return fault.New(fault.Unsigned, where, nil, "it has no signature")
	}
	var unknown, bad []string
	for _, s := range r.Signatures {
		switch s.Outcome {
		case openpgp.Good:
		case openpgp.Excess:
			return fault.New(fault.TooLarge, where, nil, "%s", s.Problem)
		case openpgp.UnknownKey:
			unknown = append(unknown, s.By())
		default:
			bad = append(bad, "by "+s.By()+": "+s.Problem)
		}
	}
	switch {
	case len(bad) > 0:
		return fault.New(fault.BadSignature, where, nil, "no signature is good: %s", strings.Join(bad, "; "))
	case len(unknown) > 0:
		return fault.New(fault.UnknownKey, where, nil, "it is signed by %s, which is not trusted for this repository: to trust it, add the key to the keyring that %s names", strings.Join(unknown, ", "), option)
	default:
		return fault.New(fault.BadSignature, where, nil, "%s", r.Answer.Detail)
	}
}

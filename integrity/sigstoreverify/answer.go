package sigstoreverify

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// refusal is why a signature is not valid.
type refusal struct {
	status integrity.Status // Bad or Unsupported
	detail string
}

func (r *refusal) Error() string { return r.detail }

// bad refuses what does not hold.
func bad(format string, args ...any) error {
	return &refusal{integrity.Bad, fmt.Sprintf(format, args...)}
}

// unsupported refuses what cannot be judged.
func unsupported(format string, args ...any) error {
	return &refusal{integrity.Unsupported, fmt.Sprintf(format, args...)}
}

// answer words a refusal. Anything but a refusal is trouble that kept the signature from being judged.
func answer(format integrity.Format, err error) integrity.Signature {
	status := integrity.Unsupported
	if r, ok := errors.AsType[*refusal](err); ok {
		status = r.status
	}
	return integrity.Signature{Status: status, Format: format, Detail: err.Error()}
}

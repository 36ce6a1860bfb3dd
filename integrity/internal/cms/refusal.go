package cms

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Refusal says why a file, or one of its signatures, is not valid.
type Refusal struct {
	Status integrity.Status // Bad, Absent or Unsupported
	// Decides is set if the signature does not hold or cannot be judged, whoever is trusted. Then
	// no other signature of the file counts.
	Decides bool
	// Stranger is set if the signature holds and its signer is not pinned.
	Stranger bool
	Text     string
}

func (r *Refusal) Error() string { return r.Text }

// Broken refuses what is wrong whoever is trusted.
func Broken(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Bad, Decides: true, Text: fmt.Sprintf(format, args...)}
}

// Untrusted refuses what may be right, but carries no trust here.
func Untrusted(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Bad, Text: fmt.Sprintf(format, args...)}
}

// Stranger refuses what holds, but is by nobody who is trusted here.
func Stranger(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Bad, Stranger: true, Text: fmt.Sprintf(format, args...)}
}

func Unsupported(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Unsupported, Decides: true, Text: fmt.Sprintf(format, args...)}
}

// Undated refuses what may be right, but at no time that is known.
func Undated(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Unsupported, Text: fmt.Sprintf(format, args...)}
}

// AsRefusal returns any error of this package as a refusal.
func AsRefusal(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return Broken("%v", err)
}

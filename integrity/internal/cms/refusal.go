package cms

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Refusal is why a file, or one of its signatures, is not valid.
type Refusal struct {
	Status integrity.Status // Bad, Absent or Unsupported
	// Decides marks a signature that does not hold, or cannot be judged, whoever is trusted: no other one of the file
	// mends it.
	Decides bool
	// Stranger marks a signature that holds, by somebody whom nobody pinned.
	Stranger bool
	Text     string
}

func (r *Refusal) Error() string { return r.Text }

// Broken refuses what cannot be right whoever is trusted.
func Broken(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Bad, Decides: true, Text: fmt.Sprintf(format, args...)}
}

// Untrusted refuses what may be right, but not by anybody or anything that is trusted here.
func Untrusted(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Bad, Text: fmt.Sprintf(format, args...)}
}

// Stranger refuses what holds, but is by nobody who is trusted here.
func Stranger(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Bad, Stranger: true, Text: fmt.Sprintf(format, args...)}
}

// Unsupported refuses what cannot be judged.
func Unsupported(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Unsupported, Decides: true, Text: fmt.Sprintf(format, args...)}
}

// Undated refuses what may be right, but not at any time that is known.
func Undated(format string, args ...any) *Refusal {
	return &Refusal{Status: integrity.Unsupported, Text: fmt.Sprintf(format, args...)}
}

// AsRefusal makes a refusal of any error of this package.
func AsRefusal(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return Broken("%v", err)
}

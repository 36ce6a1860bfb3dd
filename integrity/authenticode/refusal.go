package authenticode

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// refusal is why a file, or one of its signatures, is not valid.
type refusal struct {
	status integrity.Status // Bad, Absent or Unsupported
	// decides marks a signature that does not hold, or cannot be judged, whoever is trusted: no other one of the file
	// mends it.
	decides bool
	text    string
}

func (r *refusal) Error() string { return r.text }

// broken refuses what cannot be right whoever is trusted.
func broken(format string, args ...any) *refusal {
	return &refusal{integrity.Bad, true, fmt.Sprintf(format, args...)}
}

// untrusted refuses what may be right, but not by anybody or anything that is trusted here.
func untrusted(format string, args ...any) *refusal {
	return &refusal{integrity.Bad, false, fmt.Sprintf(format, args...)}
}

// unsupported refuses what cannot be judged.
func unsupported(format string, args ...any) *refusal {
	return &refusal{integrity.Unsupported, true, fmt.Sprintf(format, args...)}
}

// undated refuses what may be right, but not at any time that is known.
func undated(format string, args ...any) *refusal {
	return &refusal{integrity.Unsupported, false, fmt.Sprintf(format, args...)}
}

// absent says that there is no signature.
func absent() *refusal { return &refusal{status: integrity.Absent} }

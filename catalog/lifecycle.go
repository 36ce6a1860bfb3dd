package catalog

import (
	"fmt"
	"time"
)

// Lifecycle is the stage of a patch's life (CAT-8). A patch never leaves
// LifecycleDeprecated while its feed lists it.
type Lifecycle string

// The stages of a patch's life.
const (
	LifecycleActive     Lifecycle = "Active"     // listed, no end announced
	LifecycleEOLMarked  Lifecycle = "EOLMarked"  // the vendor announced its end of life: still honoured (CAT-10)
	LifecycleDeprecated Lifecycle = "Deprecated" // a sync ran at or after its EOL date, or saw it withdrawn (CAT-9)
)

// EOLInstant returns the end of life that a date without a time means: the end
// of that day, UTC (CAT-13).
func EOLInstant(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
}

// ParseEOL reads an end of life: a date like 2006-01-02, which means the end of
// that day UTC, or an instant in RFC 3339 (CAT-13).
func ParseEOL(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return EOLInstant(day.Date()), nil
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("end of life %q is neither a date like 2006-01-02 nor an instant like 2006-01-02T15:04:05Z", text)
	}
	return instant.UTC(), nil
}

// past reports whether an end of life has come. Zero never comes, and at the
// instant it has (CAT-13).
func past(eol, now time.Time) bool { return !eol.IsZero() && !now.Before(eol) }

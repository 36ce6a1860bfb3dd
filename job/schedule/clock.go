package schedule

import "time"

// Steady is an instant on a clock that nobody sets and that runs on through
// sleep and power-off, in nanoseconds from an arbitrary origin. Zero means "not
// set".
type Steady int64

// Add returns the instant d after s.
func (s Steady) Add(d time.Duration) Steady { return s + Steady(d) }

// Sub returns how long after t the instant s is.
func (s Steady) Sub(t Steady) time.Duration { return time.Duration(s - t) }

// Before reports whether s is before t.
func (s Steady) Before(t Steady) bool { return s < t }

// IsZero reports whether s is not set.
func (s Steady) IsZero() bool { return s == 0 }

// At is the time of a machine's step. UTC is the asset's clock, corrected by
// the server's; Steady measures durations (MAN-8).
type At struct {
	UTC    time.Time
	Steady Steady
}

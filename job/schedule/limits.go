package schedule

import "time"

// Bounds. What is past them is refused when it is validated, and never cut down in silence.
const (
	// MaxSpread is the longest time over which a run's starts are spread (JOB-9).
	MaxSpread = 2 * time.Hour
	// MaxOffset is how many days before or after Patch Tuesday a schedule may lie (JOB-9): one more, and the run of one
	// month could fall on the Patch Tuesday of another.
	MaxOffset = 27
	// MaxZone is the longest name of a time zone in bytes; the longest that there is has 32.
	MaxZone = 64
)

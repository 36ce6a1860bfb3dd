package schedule

import "time"

// Bounds. A value beyond them is refused when it is validated.
const (
	// MaxSpread is the longest time over which one run's starts are spread
	// (JOB-9).
	MaxSpread = 2 * time.Hour
	// MaxOffset is how many days before or after Patch Tuesday a schedule
	// may run. One day more could be the Patch Tuesday of another month
	// (JOB-9).
	MaxOffset = 27
	// MaxZone is the longest name of a time zone in bytes. The longest in
	// use has 32.
	MaxZone = 64
)

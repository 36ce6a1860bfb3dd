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
	// MinOpening and MaxOpening bound the length of an opening. They are the
	// bounds of a window (CAL-4).
	MinOpening = time.Minute
	MaxOpening = 168 * time.Hour
	// MaxOpenings is how many openings a calendar has: one for each day of
	// the week, with some room.
	MaxOpenings = 32
	// MaxClosed is how many closed periods a calendar has: one for each day
	// of a year.
	MaxClosed = 366
	// MaxOverrides is how many overrides a calendar has. With MaxClosed it
	// bounds the cost of one answer.
	MaxOverrides = 366
	// MaxCalendarText is the longest name or reason in bytes.
	MaxCalendarText = 1000
	// MaxCalendarJSON is the longest calendar in JSON, in bytes.
	MaxCalendarJSON = 1_000_000
	// MaxSpans is how many openings of a calendar one list holds: two a day
	// for a month.
	MaxSpans = 64
)

package fleet

import "time"

// Bounds of a Config.
const (
	// MaxAgents bounds a fleet. Each agent costs about 200 µs per week.
	MaxAgents = 10_000_000
	// MaxDays bounds the virtual days. This world's job ends within a week.
	MaxDays = 28
)

// The time between two points of a curve.
const (
	RolloutStep  = 5 * time.Minute  // of [Result.Rollout]
	RingStep     = 30 * time.Minute // of [Ring.Counts]; a server's rollout goes on once in it
	deferralStep = 15 * time.Minute // of Result.Reboots.Waiting
	// maxDeferralShown ends the deferral curve. The world's policy allows no longer deferral.
	maxDeferralShown = 16 * time.Hour
)

package fleet

import "time"

// Bounds of a Config.
const (
	// MaxAgents is how many agents a fleet has: ten times what one world was asked for; each costs about 200 µs.
	MaxAgents = 10_000_000
	// MaxDays is how many virtual days a fleet lives. The job of this world is over within a week.
	MaxDays = 28
	// MaxShard is how many agents share one server: all of them are in memory at once, with some KB each.
	MaxShard = 20_000
)

// Resolution of the curves.
const (
	RolloutStep  = 5 * time.Minute  // of Result.Rollout
	DeferralStep = 15 * time.Minute // of Result.Reboots.Waiting
	// MaxDeferralShown is where the deferral curve ends: longer than the world's reboot policy can put a reboot off.
	MaxDeferralShown = 16 * time.Hour
)

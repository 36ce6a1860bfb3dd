package explore

import "time"

// Bounds of a search.
const (
	// DefaultDepth and DefaultStates are the bounds of a search where [Bounds] is zero.
	DefaultDepth  = 6
	DefaultStates = 100_000
	// maxAssets, maxJobs and maxPatches bound a world. Two of a kind show what
	// several can do to each other; three assets fill three rings.
	maxAssets  = 3
	maxJobs    = 2
	maxPatches = 2
	// maxDefault is how many default steps may lead from a state to its end.
	// The longest path seen has about 90; more means a circle.
	maxDefault = 600
	// maxFlying is how many messages of one asset can be under way. One more,
	// and the oldest is lost.
	maxFlying = 2
	// maxPlays is how many scenarios are tried for one history; that takes a second or two.
	maxPlays = 500
	// bootTime is how long a boot takes.
	bootTime = time.Minute
	// lead is how long before its start an order is handed out (MAN-1).
	lead = 10 * time.Minute
	// syncEvery is the time from a vendor's change to the next sync (CAT-1).
	syncEvery = 30 * time.Minute
	// chunk is how many families are searched in parallel before their results
	// are merged. More use more cores, and follow more histories twice.
	chunk = 64
)

package explore

import "time"

// Bounds of a search.
const (
	// DefaultDepth and DefaultStates bound a search that names no bounds of its own.
	DefaultDepth  = 6
	DefaultStates = 100_000
	// maxAssets, maxJobs and maxPatches are how large a world is: what two of a kind can do to each other shows with two.
	maxAssets  = 2
	maxJobs    = 2
	maxPatches = 2
	// maxOrdinary is how many ordinary steps may lead from a state to its end. The longest way seen has about 90: what needs
	// more goes round in circles.
	maxOrdinary = 600
	// maxFlying is how many messages of one asset are under way at once; the oldest is lost when one more comes.
	maxFlying = 2
	// maxPlays is how many scenarios are tried for one history: a second or two.
	maxPlays = 500
	// bootTime is how long a boot takes.
	bootTime = time.Minute
	// lead is how long before its start an order is handed out.
	lead = 10 * time.Minute
	// syncEvery is how long after a vendor's change the next sync comes (CAT-1).
	syncEvery = 30 * time.Minute
	// chunk is how many families of histories are followed side by side before what they found is put together. Larger ones keep
	// more cores busy, and follow more histories twice that meet.
	chunk = 64
)

package explore

import "time"

// Bounds of a search.
const (
	// DefaultDepth and DefaultStates bound a search that names no bounds of its own.
	DefaultDepth  = 6
	DefaultStates = 100_000
	// maxOrdinary is how many ordinary steps may lead from a state to its end. The longest history seen has about 60: what needs
	// more goes round in circles.
	maxOrdinary = 400
	// maxFlying is how many messages are under way at once; the oldest is lost when one more comes, as a call that times out.
	maxFlying = 2
	// bootTime is how long a boot takes.
	bootTime = time.Minute
	// lead is how long before its start the order is handed out.
	lead = 10 * time.Minute
)

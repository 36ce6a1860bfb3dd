package runner

import "time"

// maxSleep is how long the loop sleeps without a look at the clocks: timers stand still while the asset sleeps, and somebody
// may set its clock (MAN-8). A look at which nothing is due costs no commit.
const maxSleep = time.Minute

const (
	// defaultPoll is between looks at the platform's status: a user who logs out is noticed soon, and it costs next to nothing.
	defaultPoll = 5 * time.Second
	// statusTime is how long the platform's status is waited for: it is cheap, so whoever takes longer hangs (RBT-9).
	statusTime = 30 * time.Second
	// callTimeout bounds a check-in: a manifest of 2,000 patches over a slow line fits.
	callTimeout = 60 * time.Second
	// stall is how long a download may bring nothing until it is cut off and tried again.
	stall = 60 * time.Second
	// tries is how often a download is tried without headway, with pauses of 1, 2, 4 and 8 s between: it outlasts a router's restart
	// by little; longer troubles are the next execution's.
	tries = 5
	// eventBuffer is how many results wait for the loop at most; whoever has one more waits.
	eventBuffer = 64
	// inventoryTime bounds the inventory of an execution: one that hangs is a failed try, and not a wait without end (JOB-18).
	inventoryTime = 30 * time.Minute
	// inventoryFresh is how old a cached inventory may be when taking one is expensive.
	inventoryFresh = time.Hour
	// inventoryCheap is how long an inventory may take to be taken anew at each check-in.
	inventoryCheap = 5 * time.Second
)

package runner

import "time"

// maxSleep is how long the loop sleeps before it looks at the clocks again:
// timers do not run while the asset sleeps, and somebody may set its clock
// (MAN-8). A look at which nothing is due commits nothing.
const maxSleep = time.Minute

const (
	// defaultPoll is between calls of the platform's Status: a logout is
	// noticed soon, at almost no cost.
	defaultPoll = 5 * time.Second
	// statusTime bounds a call of the platform's Status. Status is cheap, so
	// one that takes longer hangs (RBT-9).
	statusTime = 30 * time.Second
	// callTimeout bounds a check-in: a manifest of 2,000 patches over a slow
	// line fits.
	callTimeout = 60 * time.Second
	// stall is how long a download may bring nothing before it is cut and tried
	// again.
	stall = 60 * time.Second
	// tries is how often a download is tried without progress, with pauses of
	// 1, 2, 4 and 8 s. That is a little longer than a router takes to restart;
	// the next execution deals with longer failures.
	tries = 5
	// eventBuffer is how many results can wait for the loop; further senders
	// wait.
	eventBuffer = 64
	// inventoryTime bounds the inventory of an execution: one that hangs is a
	// failed try, not an endless wait (JOB-18).
	inventoryTime = 30 * time.Minute
	// inventoryFresh is how old a cached inventory may be if taking one is
	// expensive.
	inventoryFresh = time.Hour
	// inventoryCheap is how long an inventory may take to be taken again at
	// each check-in.
	inventoryCheap = 5 * time.Second
)

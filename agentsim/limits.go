package agentsim

import "time"

// Limits. A scenario beyond one of them is refused with an error that names
// the limit, so that no text keeps a reader waiting for long.
const (
	// MaxScript is the largest scenario, in bytes: enough for hundreds of
	// assets over months.
	MaxScript = 8 << 20
	// MaxAssets is how many assets one world has. Each is a whole agent;
	// package fleet simulates more.
	MaxAssets = 1000

	maxTimes    = 1000                 // how often one line repeats something: an answer, a lost message, an exit code
	maxSpan     = 366 * 24 * time.Hour // virtual time of one world: about 35,000 check-ins per asset, a few seconds of real time
	minCheckIn  = time.Second
	maxCheckIn  = 30 * time.Minute // the controller refuses more than 23 minutes, which would break MAN-3
	minSync     = time.Minute
	maxEvents   = 10_000_000             // things that happen in one world: some minutes of real time
	callTimeout = 30 * time.Second       // an agent waits that long for an answer
	network     = 100 * time.Millisecond // a message takes that long, one way
)

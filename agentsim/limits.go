package agentsim

import "time"

// Bounds. What is past them is refused and named, so that no text, however written, keeps a reader waiting for long.
const (
	// MaxScript is the largest scenario in bytes: hundreds of assets for months, with all that may befall them.
	MaxScript = 8 << 20
	// MaxAssets is how many assets one world has: each is a whole agent, and thousands of them are a load test, not a scenario.
	MaxAssets = 1000
	// MaxTimes is how often one line repeats something: an answer, a lost message, an exit code.
	MaxTimes = 1000
	// MaxSpan is how much virtual time one world sees: some 35,000 check-ins an asset, a few seconds of real time.
	MaxSpan = 366 * 24 * time.Hour
	// MinCheckIn and MaxCheckIn bound the time between an agent's calls; what is above 23 minutes breaks MAN-3 and is refused
	// by the controller.
	MinCheckIn = time.Second
	MaxCheckIn = 30 * time.Minute
	// MinSync bounds the time between catalog syncs from below.
	MinSync = time.Minute
	// maxEvents is how many things happen in one world at most: some minutes of real time.
	maxEvents = 10_000_000
)

// callTimeout is how long an agent's program waits for the answer to a check-in: the Network of manifest.Timing's defaults.
const callTimeout = 30 * time.Second

package manifest

import "time"

const (
	// MaxPropagation is the longest that a change may take to reach a connected
	// agent: the highest [Bound] (MAN-3).
	MaxPropagation = 30 * time.Minute
	// Every is how long an agent waits between two calls, by default.
	Every = 15 * time.Minute
)

// The times that [Bound] adds to the wait between two calls.
const (
	publish  = time.Minute      // from a change until its manifests are ready for the next call
	jitter   = time.Minute      // the most that an agent adds to the wait, to spread the calls of many
	network  = 30 * time.Second // the longest that one call takes; after that it has failed
	retry    = 30 * time.Second // the wait after a failed call; it doubles with each further failure
	failures = 3                // calls in a row that may fail while the agent counts as connected
)

// Bound returns the longest time from a change until every connected agent
// holds it, if agents wait every between two calls (MAN-3). An agent is
// connected if at most three of its calls in a row fail. In the worst case a
// call is answered just before the change is published; the agent waits for its
// next call; three calls fail; then one succeeds.
func Bound(every time.Duration) time.Duration {
	bound, wait := publish+network+every+jitter, retry
	for range failures {
		bound += network + min(wait, every)
		wait *= 2
	}
	return bound + network
}

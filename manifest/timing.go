package manifest

import (
	"cmp"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// MaxPropagation is what Bound must stay under for the promise of MAN-3.
const MaxPropagation = 30 * time.Minute

// Timing is everything that the time a change takes to reach a connected agent is made of (MAN-3).
// A connected agent is one whose calls succeed, apart from Failures in a row.
type Timing struct {
	// Publish is the time from a change to its manifests being ready for the next call. Default 1 min; negative: none.
	Publish time.Duration `json:"publish,omitempty"`
	// CheckIn is how long an agent waits between two calls. Default 15 min.
	CheckIn time.Duration `json:"checkIn,omitempty"`
	// Jitter is the most that an agent adds to CheckIn, to keep calls apart. Default 1 min; negative: none.
	Jitter time.Duration `json:"jitter,omitempty"`
	// Network is the longest one call takes, and the time after which it counts as failed. Default 30 s.
	Network time.Duration `json:"network,omitempty"`
	// Retry is how long an agent waits after a failed call; it doubles with each further failure, up to CheckIn. Default 30 s.
	Retry time.Duration `json:"retry,omitempty"`
	// Failures is how many calls in a row may fail while the agent still counts as connected. Default 3; negative: none.
	Failures int `json:"failures,omitempty"`
}

// WithDefaults fills in what is zero.
func (t Timing) WithDefaults() Timing {
	t.Publish = cmp.Or(t.Publish, time.Minute)
	t.CheckIn = cmp.Or(t.CheckIn, 15*time.Minute)
	t.Jitter = cmp.Or(t.Jitter, time.Minute)
	t.Network = cmp.Or(t.Network, 30*time.Second)
	t.Retry = cmp.Or(t.Retry, 30*time.Second)
	t.Failures = cmp.Or(t.Failures, 3)
	return t
}

// Validate says everything that is wrong with the timing, defaults filled in: among it a Bound over MaxPropagation (MAN-3).
// The error is a *job.Invalid.
func (t Timing) Validate() error {
	t = t.WithDefaults()
	var l problem.List
	for _, f := range []struct {
		name     string
		value    time.Duration
		positive bool
	}{
		{"publish", t.Publish, false}, {"checkIn", t.CheckIn, true}, {"jitter", t.Jitter, false},
		{"network", t.Network, true}, {"retry", t.Retry, true},
	} {
		if f.positive && f.value < 0 {
			l.Add(f.name, f.value.String(), "is negative; give how long it takes")
		}
		if f.value > MaxPropagation {
			l.Add(f.name, f.value.String(), "is longer than %v by itself (MAN-3)", MaxPropagation)
		}
	}
	if len(l) == 0 && t.Bound() > MaxPropagation {
		l.Add("bound", t.Bound().String(), "is over %v: a change could take that long to reach an agent; let agents call more often (MAN-3)", MaxPropagation)
	}
	return l.Err("timing")
}

// Bound is the longest time from a change until every connected agent holds it, defaults filled in (MAN-3):
// it is published; a call answered just before that is still under way; the agent waits for the next; that one and the
// retries fail as often as Failures allows; then one succeeds. Settings that Validate refuses give no meaningful bound.
func (t Timing) Bound() time.Duration {
	t = t.WithDefaults()
	bound := max(t.Publish, 0) + t.Network + t.CheckIn + max(t.Jitter, 0)
	for range min(max(t.Failures, 0), maxFailures) {
		bound += t.Network + min(t.Retry, t.CheckIn)
		t.Retry = min(2*t.Retry, t.CheckIn)
	}
	return bound + t.Network
}

// maxFailures keeps Bound from overflowing: with that many the bound is over MaxPropagation whatever the durations.
const maxFailures = 10_000

package manifest

import (
	"cmp"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// MaxPropagation is the highest [Timing.Bound] that keeps the promise of MAN-3.
const MaxPropagation = 30 * time.Minute

// Timing is what adds up to the time that a change takes to reach a connected
// agent (MAN-3). An agent is connected if its calls succeed, apart from
// Failures in a row.
type Timing struct {
	// Publish is the time from a change until its manifests are ready for the
	// next call. Default 1 min; negative: none.
	Publish time.Duration `json:"publish,omitempty"`
	// CheckIn is how long an agent waits between two calls. Default 15 min.
	CheckIn time.Duration `json:"checkIn,omitempty"`
	// Jitter is the most that an agent adds to CheckIn, to spread the calls of
	// many agents. Default 1 min; negative: none.
	Jitter time.Duration `json:"jitter,omitempty"`
	// Network is the longest that one call takes; after that it has failed.
	// Default 30 s.
	Network time.Duration `json:"network,omitempty"`
	// Retry is how long an agent waits after a failed call. It doubles with
	// each further failure, up to CheckIn. Default 30 s.
	Retry time.Duration `json:"retry,omitempty"`
	// Failures is how many calls in a row may fail while the agent still counts
	// as connected. Default 3; negative: none.
	Failures int `json:"failures,omitempty"`
}

// WithDefaults replaces zero fields by their defaults.
func (t Timing) WithDefaults() Timing {
	t.Publish = cmp.Or(t.Publish, time.Minute)
	t.CheckIn = cmp.Or(t.CheckIn, 15*time.Minute)
	t.Jitter = cmp.Or(t.Jitter, time.Minute)
	t.Network = cmp.Or(t.Network, 30*time.Second)
	t.Retry = cmp.Or(t.Retry, 30*time.Second)
	t.Failures = cmp.Or(t.Failures, 3)
	return t
}

// Validate returns every problem of the timing with its defaults, including a
// [Timing.Bound] over [MaxPropagation] (MAN-3). The error is a *job.Invalid.
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
			l.Add(f.name, f.value.String(), "is negative; give a positive duration")
		}
		if f.value > MaxPropagation {
			l.Add(f.name, f.value.String(), "is longer than %v by itself (MAN-3)", MaxPropagation)
		}
	}
	if len(l) == 0 && t.Bound() > MaxPropagation {
		l.Add("bound", t.Bound().String(), "is over %v: a change can take that long to reach an agent; let agents call more often (MAN-3)", MaxPropagation)
	}
	return l.Err("timing")
}

// Bound returns the longest time from a change until every connected agent
// holds it, with the defaults filled in (MAN-3). In the worst case a call is
// answered just before the change is published; the agent waits for its next
// call; that call and as many retries as Failures allows fail; then one
// succeeds. If [Timing.Validate] refuses the settings, the bound means nothing.
func (t Timing) Bound() time.Duration {
	t = t.WithDefaults()
	bound := max(t.Publish, 0) + t.Network + t.CheckIn + max(t.Jitter, 0)
	for range min(max(t.Failures, 0), maxFailures) {
		bound += t.Network + min(t.Retry, t.CheckIn)
		t.Retry = min(2*t.Retry, t.CheckIn)
	}
	return bound + t.Network
}

// maxFailures keeps Bound from overflowing. With that many failures the bound
// is over MaxPropagation, whatever the durations.
const maxFailures = 10_000

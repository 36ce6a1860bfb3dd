package reboot

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Policy says how an asset is rebooted once something needs it. The zero Policy is valid: no deferral, the default countdown.
type Policy struct {
	Suppress  bool          `json:"suppress,omitempty"`  // never reboot, never prompt (RBT-7)
	Deferrals int           `json:"deferrals,omitempty"` // how many times a user may put it off, at most MaxDeferrals; zero: never
	Interval  time.Duration `json:"interval,omitempty"`  // how long one deferral lasts, 1 s to 168 h; zero: 1 h
	Prompt    time.Duration `json:"prompt,omitempty"`    // how long a prompt waits for an answer (RBT-5), 1 s to 168 h; zero: 5 min
	Countdown time.Duration `json:"countdown,omitempty"` // from its announcement to the reboot, at most 24 h; zero: 5 min; negative: none
}

// Problem is one thing that is wrong with a policy: Field is the name of the field in Policy, Value what it holds, and
// Text what is wrong and what to do.
type Problem = problem.Problem

// Invalid is the error of [Policy.Validate]. What is "reboot policy", and Problems lists everything that is wrong with it,
// not only the first.
type Invalid = problem.Invalid

// WithDefaults returns the policy with its zero durations replaced by their defaults. It changes nothing else.
func (p Policy) WithDefaults() Policy {
	if p.Interval == 0 {
		p.Interval = defInterval
	}
	if p.Prompt == 0 {
		p.Prompt = defPrompt
	}
	if p.Countdown == 0 {
		p.Countdown = defCountdown
	}
	return p
}

// Validate judges the policy as it will be used, that is with its defaults. It returns nil or an *Invalid.
//
// A policy is refused if its promises could not be kept within MaxDeferral of the first offer (RBT-6): all deferrals,
// each with the prompt before it, and the countdown at the end. Suppress goes with any valid values.
func (p Policy) Validate() error {
	p = p.WithDefaults()
	var bad problem.List
	if p.Deferrals < 0 || p.Deferrals > MaxDeferrals {
		bad.Add("deferrals", fmt.Sprint(p.Deferrals), "must be 0 to %d", MaxDeferrals)
	}
	if p.Interval < MinWait || p.Interval > MaxDeferral {
		bad.Add("interval", p.Interval.String(), "must be %s to %s, or zero for %s", MinWait, hours(MaxDeferral), defInterval)
	}
	if p.Prompt < MinWait || p.Prompt > MaxDeferral {
		bad.Add("prompt", p.Prompt.String(), "must be %s to %s, or zero for %s", MinWait, hours(MaxDeferral), defPrompt)
	}
	if p.Countdown > MaxCountdown {
		bad.Add("countdown", p.Countdown.String(), "must be at most %s, zero for %s, or negative for none", hours(MaxCountdown), defCountdown)
	}
	if len(bad) == 0 {
		// Divided, because the product may overflow.
		room := MaxDeferral - max(p.Countdown, 0)
		if fits := int(room / (p.Interval + p.Prompt)); p.Deferrals > fits {
			bad.Add("deferrals", fmt.Sprint(p.Deferrals), "%d times a prompt of %s and an interval of %s, then a countdown of %s, go beyond %s after "+
				"the first offer (RBT-6); use at most %d deferrals or shorter ones",
				p.Deferrals, p.Prompt, p.Interval, max(p.Countdown, 0), hours(MaxDeferral), fits)
		}
	}
	return bad.Err("reboot policy")
}

// bounded is the policy that the machine uses: with its defaults, each value moved into its bounds, so that nothing
// overflows and no policy, validated or not, escapes RBT-6.
func (p Policy) bounded() Policy {
	p.Interval, p.Prompt = max(p.Interval, 0), max(p.Prompt, 0) // a negative one becomes the default
	p = p.WithDefaults()
	p.Deferrals = min(max(p.Deferrals, 0), MaxDeferrals)
	p.Interval = min(max(p.Interval, MinWait), MaxDeferral)
	p.Prompt = min(max(p.Prompt, MinWait), MaxDeferral)
	p.Countdown = min(max(p.Countdown, 0), MaxCountdown)
	return p
}

// hours prints whole hours as people write them.
func hours(d time.Duration) string { return fmt.Sprintf("%d h", d/time.Hour) }

package reboot

import (
	"cmp"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Policy says how an asset is rebooted when something needs it. The zero Policy
// is valid: no deferral, the default countdown.
type Policy struct {
	Suppress  bool          `json:"suppress,omitempty"`  // never reboot, never prompt (RBT-7)
	Deferrals int           `json:"deferrals,omitempty"` // how often a user may defer it, at most MaxDeferrals; zero: never
	Interval  time.Duration `json:"interval,omitempty"`  // how long one deferral lasts, 1 s to 168 h; zero: 1 h
	Prompt    time.Duration `json:"prompt,omitempty"`    // how long a prompt waits for an answer, 1 s to 168 h; zero: 5 min (RBT-5)
	Countdown time.Duration `json:"countdown,omitempty"` // how long the reboot is announced before it comes, at most 24 h; zero: 5 min; negative: none
	Hours     *Hours        `json:"hours,omitempty"`     // when prompts, countdowns and reboots may happen; nil: always (RBT-10)
	Slot      bool          `json:"slot,omitempty"`      // the countdown begins only with a [Lease] of a reboot slot (ROL-7)
	Deadline  time.Time     `json:"deadline,omitzero"`   // deferral ends early enough to ask for the reboot by then; zero: none (RBT-6)
}

// WithDefaults returns the policy with each zero duration replaced by its
// default.
func (p Policy) WithDefaults() Policy {
	p.Interval = cmp.Or(p.Interval, defInterval)
	p.Prompt = cmp.Or(p.Prompt, defPrompt)
	p.Countdown = cmp.Or(p.Countdown, defCountdown)
	return p
}

// Validate says everything that is wrong with the policy, after its defaults
// are filled in. It returns nil or a *job.Invalid.
//
// All deferrals, each with the prompt before it, and the countdown at the end
// must fit into [MaxDeferral] (RBT-6). Suppress can be combined with any valid
// values.
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
	if p.Hours != nil {
		p.Hours.check(&bad)
	}
	if len(bad) == 0 {
		// Divided, because the product may overflow.
		room := MaxDeferral - max(p.Countdown, 0)
		if fits := int(room / (p.Interval + p.Prompt)); p.Deferrals > fits {
			bad.Add("deferrals", fmt.Sprint(p.Deferrals), "with a prompt of %s, an interval of %s and a countdown of %s, the reboot could come later than %s after "+
				"the first offer; use at most %d deferrals or shorter times (RBT-6)",
				p.Prompt, p.Interval, max(p.Countdown, 0), hours(MaxDeferral), fits)
		}
	}
	return bad.Err("reboot policy")
}

// bounded is the policy that the machine uses: with its defaults, each value
// moved into its bounds. So nothing overflows, and no policy escapes RBT-6.
func (p Policy) bounded() Policy {
	p.Interval, p.Prompt = max(p.Interval, 0), max(p.Prompt, 0) // a negative one becomes the default
	p = p.WithDefaults()
	p.Deferrals = min(max(p.Deferrals, 0), MaxDeferrals)
	p.Interval = min(max(p.Interval, MinWait), MaxDeferral)
	p.Prompt = min(max(p.Prompt, MinWait), MaxDeferral)
	p.Countdown = min(max(p.Countdown, 0), MaxCountdown)
	return p
}

func hours(d time.Duration) string { return fmt.Sprintf("%d h", d/time.Hour) }

package reboot

import "time"

// MaxDeferral is the longest a reboot can be put off after its first offer (RBT-6).
const MaxDeferral = 168 * time.Hour

// Bounds of a Policy. Validate refuses a value outside them; given such a policy all the same, the machine uses the
// nearest value inside.
const (
	MaxDeferrals = 1000            // prompts; one every ten minutes for a week
	MinWait      = time.Second     // for Interval and Prompt; shorter is a flood of prompts that nobody can read
	MaxCountdown = 24 * time.Hour  // it cannot be put off any more; for longer waits there are deferrals
	firstPause   = time.Minute     // before the countdown to a reboot that did not come begins again; doubles every time
	maxPause     = time.Hour       // so a reboot that becomes possible again comes within the hour
	defInterval  = time.Hour       // Policy.Interval
	defPrompt    = 5 * time.Minute // Policy.Prompt
	defCountdown = 5 * time.Minute // Policy.Countdown
	maxAsks      = 1_000_000       // State.Asks stops counting here
)

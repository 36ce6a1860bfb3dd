package reboot

import "time"

// MaxDeferral is the longest a reboot can be put off after its first offer
// (RBT-6).
const MaxDeferral = 168 * time.Hour

// Bounds of a Policy. Validate refuses a value outside them. If the policy was
// not validated, the machine uses the nearest allowed value.
const (
	MaxDeferrals = 1000            // a prompt every ten minutes for a week
	MinWait      = time.Second     // the least Interval and Prompt; nobody can answer faster prompts
	MaxCountdown = 24 * time.Hour  // a user cannot stop it; for longer waits use deferrals
	firstPause   = time.Minute     // before a reboot that did not come is counted down to again; doubles each time
	maxPause     = time.Hour       // so a reboot that becomes possible again comes within the hour
	defInterval  = time.Hour       // Policy.Interval
	defPrompt    = 5 * time.Minute // Policy.Prompt
	defCountdown = 5 * time.Minute // Policy.Countdown
	maxAsks      = 1_000_000       // State.Asks stops counting here
)

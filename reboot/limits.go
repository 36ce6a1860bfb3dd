package reboot

import "time"

// MaxDeferral is the longest a reboot can be put off after its first offer
// (RBT-6).
const MaxDeferral = 168 * time.Hour

// Bounds of a Policy. Validate refuses a value outside them. The machine uses
// the nearest value inside them, for a policy that nobody validated.
const (
	MaxDeferrals = 1000            // prompts; one every ten minutes for a week
	MinWait      = time.Second     // of Interval and Prompt: nobody can answer prompts that come faster
	MaxCountdown = 24 * time.Hour  // a user cannot stop it; for longer waits use deferrals
	firstPause   = time.Minute     // before a reboot that did not come is counted down to again; doubles each time
	maxPause     = time.Hour       // so a reboot that becomes possible again comes within the hour
	defInterval  = time.Hour       // Policy.Interval
	defPrompt    = 5 * time.Minute // Policy.Prompt
	defCountdown = 5 * time.Minute // Policy.Countdown
	maxAsks      = 1_000_000       // State.Asks stops counting here
)

package reboot

import (
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Phase is what the machine waits for.
type Phase uint8

// The phases. A machine begins at Idle or zero, which mean the same, and ends
// at Rebooted.
const (
	Idle      Phase = 1 + iota // no reboot is due
	Prompting                  // a prompt is on the screen; Until is when it counts as a deferral
	Deferred                   // the user deferred it; Until is when the next prompt or the countdown comes
	Counting                   // Until is when the reboot is asked for
	Asked                      // the reboot was asked for; Until is when the countdown before the next request begins (RBT-10)
	Parked                     // suppressed: somebody must reboot by hand (RBT-7)
	Rebooted                   // a new boot identity was seen (RBT-8)
	Waiting                    // outside the reboot hours; Until is when it may go on (RBT-10)
	Queued                     // for a reboot slot (ROL-7)
)

var phases = enum.Of[Phase]("reboot phase", "idle", "prompting", "deferred", "counting", "asked", "parked", "rebooted", "waiting", "queued")

func (p Phase) String() string                   { return phases.String(p) }
func (p Phase) MarshalText() ([]byte, error)     { return phases.MarshalText(p) }
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

// State is the machine's whole state. The zero State is a machine that has not
// begun.
type State struct {
	Phase      Phase           `json:"phase,omitempty"`
	BootID     string          `json:"bootID,omitempty"` // of the boot in which the reboot became due
	Sessions   Sessions        `json:"sessions,omitempty"`
	FirstOffer schedule.Steady `json:"firstOffer,omitempty"` // of the first prompt; zero before it
	Used       int             `json:"used,omitempty"`       // deferrals used
	Until      schedule.Steady `json:"until,omitempty"`      // when the phase ends by itself; zero: never
	Asks       int             `json:"asks,omitempty"`       // how often the reboot was asked for
	Lease      schedule.Steady `json:"lease,omitempty"`      // when the lease of its slot ends; zero: it has none (ROL-7)
}

package reboot

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Phase is where the machine is.
type Phase uint8

// The phases. A machine begins at Idle, the zero State being Idle too, and ends at Rebooted.
const (
	Idle      Phase = 1 + iota // no reboot is due
	Prompting                  // a prompt stands; Until is when it counts as a deferral
	Deferred                   // put off; Until is when the next prompt or the countdown comes
	Counting                   // Until is when the reboot is asked for
	Asked                      // the reboot was asked for; Until is when it is asked for again
	Parked                     // suppressed: waits for somebody to reboot by hand (RBT-7)
	Rebooted                   // a new boot identity was seen (RBT-8)
)

var phases = enum.Of[Phase]("reboot phase", "idle", "prompting", "deferred", "counting", "asked", "parked", "rebooted")

// String returns the phase's name; the zero Phase prints as "reboot phase(0)" and means Idle.
func (p Phase) String() string { return phases.String(p) }

// MarshalText returns the phase's name, the empty text for zero, or an error for an unknown phase.
func (p Phase) MarshalText() ([]byte, error) { return phases.MarshalText(p) }

// UnmarshalText sets the phase called text; the empty text is zero.
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

// ParsePhase finds a phase by its name.
func ParsePhase(s string) (Phase, error) { return phases.Parse(s) }

// Phases lists the phases in order.
func Phases() []Phase { return phases.All() }

// State is the machine's whole state: a small flat value.
//
// All instants are of the steady clock: one that runs on through sleep and power-off and that nobody sets (MAN-8).
type State struct {
	Phase      Phase     `json:"phase,omitempty"`
	Boot       string    `json:"boot,omitempty"` // boot identity when the reboot became due
	Sessions   Sessions  `json:"sessions,omitempty"`
	FirstOffer time.Time `json:"firstOffer,omitzero"` // of the first prompt; zero before it
	Used       int       `json:"used,omitempty"`      // deferrals used
	Until      time.Time `json:"until,omitzero"`
	Asks       int       `json:"asks,omitempty"` // how often the reboot was asked for
}

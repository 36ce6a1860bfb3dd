package reboot

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Sessions is what is known about who uses the asset.
type Sessions uint8

// The answers. What cannot be found out counts as Active (RBT-9).
const (
	Unknown Sessions = 1 + iota
	Nobody
	Active
	Locked
)

var sessions = enum.Of[Sessions]("sessions", "unknown", "nobody", "active", "locked")

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

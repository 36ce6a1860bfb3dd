package reboot

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Policy says how an asset is rebooted once something needs it. The zero Policy is valid: no deferral, the default countdown.
type Policy struct {
	Suppress  bool          `json:"suppress,omitempty"`  // never reboot, never prompt (RBT-7)
	Deferrals int           `json:"deferrals,omitempty"` // how many times a user may put it off, at most MaxDeferrals; zero: never
	Interval  time.Duration `json:"interval,omitempty"`  // how long one deferral lasts, 1 s to 168 h; zero: 1 h
	Prompt    time.Duration `json:"prompt,omitempty"`    // how long a prompt waits for an answer (RBT-5), 1 s to 168 h; zero: 5 min
	Countdown time.Duration `json:"countdown,omitempty"` // from the last word to the reboot, at most 24 h; zero: 5 min; negative: none
}

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

// Event is something that happened. Exactly one of the types below.
type Event interface{ event() }

// The events.
type (
	// Due says that a reboot is needed now; Boot is the present boot identity. It is told once a job, after all its
	// installs (RBT-1, RBT-2); a second one means nothing.
	Due struct {
		Boot     string
		Sessions Sessions
	}
	// SessionsChanged brings what is now known of the users.
	SessionsChanged struct{ Sessions Sessions }
	// Defer is the user's answer "later" to a prompt. It means nothing once the prompt's time is over.
	Defer struct{}
	// Accept is the user's answer "now", to a prompt or while a deferral runs: the countdown starts.
	Accept struct{}
	// Booted tells the boot identity. At an agent's start it must come before any other event; with the identity
	// unchanged it shows again what stood, so later it is better told only when it changes.
	Booted struct{ Boot string }
	// Tick says that time has passed.
	Tick struct{}
)

func (Due) event()             {}
func (SessionsChanged) event() {}
func (Defer) event()           {}
func (Accept) event()          {}
func (Booted) event()          {}
func (Tick) event()            {}

// Effect is something to carry out after the new state is durable. Exactly one of the types below.
type Effect interface{ effect() }

// The effects.
type (
	// ShowPrompt asks the user whether to reboot now or later. It replaces a prompt or countdown that stands.
	ShowPrompt struct {
		Remaining int           // deferrals left, this one included
		Wait      time.Duration // how long the prompt waits
	}
	// ShowCountdown announces the reboot. It replaces what stands.
	ShowCountdown struct{ Left time.Duration }
	// ClearPrompt takes away what stands.
	ClearPrompt struct{}
	// Reboot reboots the asset. The results so far must be durable first (JOB-21).
	Reboot struct{}
)

func (ShowPrompt) effect()    {}
func (ShowCountdown) effect() {}
func (ClearPrompt) effect()   {}
func (Reboot) effect()        {}

package reboot

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Event is a [Due], [SessionsChanged], [Defer], [Accept], [Booted], [Lease] or
// [Tick].
type Event interface{ event() }

// The events.
type (
	// Due says that a reboot is needed now. BootID is the identity of this
	// boot. It comes once per job, after all installs; a second one is
	// ignored (RBT-1, RBT-2).
	Due struct {
		BootID   string
		Sessions Sessions
	}
	// SessionsChanged says who is logged in now.
	SessionsChanged struct{ Sessions Sessions }
	// Defer is the user's answer "later" to a prompt. It is ignored once the
	// prompt's time is over. At is when the user wants the reboot, up to the
	// last instant that the prompt shows. It uses up all deferrals. Zero: the
	// policy's interval decides (RBT-10).
	Defer struct{ At time.Time }
	// Accept is the user's answer "now", to a prompt or during a deferral.
	// The countdown starts.
	Accept struct{}
	// Booted says what the boot identity is. It is the first event after the
	// agent starts. An unchanged identity shows the prompt or countdown again,
	// so after the first event send Booted only if the identity changed.
	Booted struct{ BootID string }
	// Lease says until when the asset may go down for the reboot; zero: it has
	// no slot. It counts only while the machine is [State.NeedsSlot] (ROL-7).
	Lease struct{ Until time.Time }
	// Tick says that time has passed.
	Tick struct{}
)

func (Due) event()             {}
func (SessionsChanged) event() {}
func (Defer) event()           {}
func (Accept) event()          {}
func (Booted) event()          {}
func (Lease) event()           {}
func (Tick) event()            {}

// Effect is carried out once the new state is durable: a [ShowPrompt],
// [ShowCountdown], [ClearPrompt] or [Reboot].
type Effect interface{ effect() }

// The effects.
type (
	// ShowPrompt asks the user whether to reboot now or later. It replaces
	// what is on the screen.
	ShowPrompt struct {
		Remaining int             // deferrals left, this one included
		Wait      time.Duration   // how long the prompt waits
		Last      schedule.Steady // when the reboot is asked for if nobody ever answers (RBT-12)
	}
	// ShowCountdown announces the reboot. It replaces what is on the
	// screen.
	ShowCountdown struct {
		Left time.Duration
		Last schedule.Steady // when the countdown ends and the reboot is asked for (RBT-12)
	}
	// ClearPrompt removes the prompt or countdown from the screen.
	ClearPrompt struct{}
	// Reboot reboots the asset. The results so far are durable before it
	// (JOB-21).
	Reboot struct{}
)

func (ShowPrompt) effect()    {}
func (ShowCountdown) effect() {}
func (ClearPrompt) effect()   {}
func (Reboot) effect()        {}

// Sessions says who is logged in on the asset.
type Sessions uint8

// The sessions. Unknown counts as Active (RBT-9).
const (
	Unknown Sessions = 1 + iota
	Nobody
	Active
	Locked
)

var sessions = enum.Of[Sessions]("sessions", "unknown", "nobody", "active", "locked")

func (s Sessions) String() string                   { return sessions.String(s) }
func (s Sessions) MarshalText() ([]byte, error)     { return sessions.MarshalText(s) }
func (s *Sessions) UnmarshalText(text []byte) error { return sessions.UnmarshalText(text, s) }

// Known returns s, or Unknown for zero and for a value that this package does
// not know (RBT-9).
func (s Sessions) Known() Sessions {
	if sessions.Valid(s) {
		return s
	}
	return Unknown
}

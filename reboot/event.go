package reboot

// Event is something that happened. Exactly one of the types below.
type Event interface{ event() }

// The events.
type (
	// Due says that a reboot is needed now; BootID is the present boot identity. It comes once per job, after all its
	// installs (RBT-1, RBT-2); a second one is ignored.
	Due struct {
		BootID   string
		Sessions Sessions
	}
	// SessionsChanged says what is now known of the users.
	SessionsChanged struct{ Sessions Sessions }
	// Defer is the user's answer "later" to a prompt. It is ignored once the prompt's time is over.
	Defer struct{}
	// Accept is the user's answer "now", to a prompt or while a deferral runs: the countdown starts.
	Accept struct{}
	// Booted says what the boot identity is. At an agent's start it must come before any other event. If the identity is
	// the old one, the prompt or countdown is shown again; so later it should only come when the identity changes.
	Booted struct{ BootID string }
	// Tick says that time has passed.
	Tick struct{}
)

func (Due) event()             {}
func (SessionsChanged) event() {}
func (Defer) event()           {}
func (Accept) event()          {}
func (Booted) event()          {}
func (Tick) event()            {}

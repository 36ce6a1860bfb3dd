package reboot

// Event is something that happened. Exactly one of the types below.
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
	// Defer is the user's answer "later" to a prompt. It is ignored once
	// the prompt's time is over.
	Defer struct{}
	// Accept is the user's answer "now", to a prompt or during a deferral.
	// The countdown starts.
	Accept struct{}
	// Booted says what the boot identity is. It is the first event after the
	// agent starts. If the identity has not changed, the prompt or countdown is
	// shown again. So after the first event, send it only when the identity
	// changes.
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

package reboot

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

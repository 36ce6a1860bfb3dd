package reboot

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Effect is something to carry out once the new state is durable. Exactly one
// of the types below.
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

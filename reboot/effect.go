package reboot

import (
	"time"
)

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

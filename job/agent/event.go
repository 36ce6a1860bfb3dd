package agent

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Event is something that happened: one of the types below or, wrapped in Execution, an execution.Event.
type Event interface{ event() }

// The events.
type (
	// Started is the first event after the program started.
	Started struct{}
	// Tick says that time has passed.
	Tick struct{}
	// CalledIn is the server's answer to check-in ID.
	CalledIn struct {
		ID     uint64
		Answer manifest.Answer
	}
	// CallFailed says that check-in ID got no answer.
	CallFailed struct {
		ID  uint64
		Err string
	}
	// Execution carries a result or a user's act to the execution of Order.
	Execution struct {
		Order job.OrderID
		Event execution.Event
	}
)

func (Started) event()    {}
func (Tick) event()       {}
func (CalledIn) event()   {}
func (CallFailed) event() {}
func (Execution) event()  {}

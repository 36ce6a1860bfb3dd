package agent

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Event is something that happened. Exactly one of the types below.
type Event interface{ event() }

// The events.
type (
	// Started is the first event after the program started.
	Started struct{}
	// Tick says that time has passed.
	Tick struct{}
	// CallDone answers Call: the server's answer came.
	CallDone struct {
		ID     uint64
		Answer manifest.Answer
	}
	// CallFailed answers Call: no answer comes, or none of which the sender is known.
	CallFailed struct {
		ID  uint64
		Err string
	}
	// CallRefused answers Call: the server is known to refuse it (manifest.ErrRefused), and nothing starts until it answers.
	CallRefused struct {
		ID  uint64
		Err string
	}
	// DownloadedEarly answers DownloadEarly, whether the download succeeded or not: the download stage finds out.
	DownloadedEarly struct {
		Order job.OrderID
		Index int
	}
	// ForOrder brings an event to the execution of Order: what answers an Execute, or what a user did.
	ForOrder struct {
		Order job.OrderID
		Event execution.Event
	}
)

func (Started) event()         {}
func (Tick) event()            {}
func (CallDone) event()        {}
func (CallFailed) event()      {}
func (CallRefused) event()     {}
func (DownloadedEarly) event() {}
func (ForOrder) event()        {}

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
	// Started is the first event after each start of the program.
	Started struct{}
	// Tick says that time has passed.
	Tick struct{}
	// CallDone answers [Call]: the server's answer came.
	CallDone struct {
		ID     uint64
		Answer manifest.Answer
	}
	// CallFailed answers [Call]: no answer came, or none that is
	// authenticated.
	CallFailed struct {
		ID  uint64
		Err string
	}
	// CallRefused answers [Call]: the server refuses it
	// (manifest.ErrRefused). Nothing starts until the server answers a
	// call.
	CallRefused struct {
		ID  uint64
		Err string
	}
	// DownloadedEarly answers [DownloadEarly], whether the download
	// succeeded or not.
	DownloadedEarly struct {
		Order job.OrderID
		Index int
	}
	// ForOrder brings an event to the execution of Order: the answer to an
	// [Execute], or what a user did.
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

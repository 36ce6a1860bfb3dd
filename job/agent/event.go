package agent

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Event is something that happened: one of the types below. Nil is none.
type Event interface{ step(m *machine) }

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
	// authenticated. Refused: the server refuses the call
	// (manifest.ErrRefused), and nothing starts until it answers one.
	CallFailed struct {
		ID      uint64
		Refused bool
		Err     string
	}
	// DownloadedEarly answers [DownloadEarly], whether the download
	// succeeded or not.
	DownloadedEarly struct {
		Order job.OrderID
		Index int
	}
	// ForOrder passes an event to the execution of Order: the answer to an
	// [Execute], or a user's action.
	ForOrder struct {
		Order job.OrderID
		Event execution.Event
	}
)

// Effect is something to carry out once the new state is durable. Exactly one
// of the types below.
type Effect interface{ effect() }

// The effects.
type (
	// Call checks in. The driver adds Digest, Zone and, if the server wants
	// it, Inventory to Request. [CallDone] or [CallFailed] with the
	// same ID answers it. The next Call replaces it: an answer that comes
	// later is ignored.
	Call struct {
		ID      uint64
		Request manifest.CheckIn
	}
	// Execute carries out an effect of the execution of Order, never a
	// LastCall. Its answer comes in a [ForOrder]. A Discard also deletes
	// the early downloads of an order that ended or changed.
	Execute struct {
		Order  job.OrderID
		Effect execution.Effect
	}
	// DownloadEarly downloads the files of a queued order's patch to where
	// an execution.Download finds them. [DownloadedEarly] answers it. The
	// files are judged later (JOB-23).
	DownloadEarly struct {
		Order job.OrderID
		Index int // of the patch
		Patch job.OrderPatch
	}
)

func (Call) effect()          {}
func (Execute) effect()       {}
func (DownloadEarly) effect() {}

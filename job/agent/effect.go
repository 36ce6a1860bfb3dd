package agent

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Effect is something to carry out once the new state is durable. Exactly one of the types below.
type Effect interface{ effect() }

// The effects.
type (
	// Call checks in: the driver adds Digest, Zone and, when the server wants it, Inventory to Request. It is answered by
	// CallDone or CallFailed with the same ID; once another Call came, no answer to this one is awaited.
	Call struct {
		ID      uint64
		Request manifest.CheckIn
	}
	// Execute carries out an effect of the execution of Order, never a LastCall; what answers it comes as ForOrder. A Discard
	// also comes for an order that will not run as it was, and deletes what was downloaded early.
	Execute struct {
		Order  job.OrderID
		Effect execution.Effect
	}
	// DownloadEarly puts the files of a queued order's patch where an execution.Download finds them; it is answered by
	// DownloadedEarly. Nothing is judged yet (JOB-23).
	DownloadEarly struct {
		Order job.OrderID
		Index int // of the patch
		Patch job.OrderPatch
	}
)

func (Call) effect()          {}
func (Execute) effect()       {}
func (DownloadEarly) effect() {}

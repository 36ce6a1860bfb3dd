package agent

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Effect is something to carry out once the new state is durable. Exactly one
// of the types below.
type Effect interface{ effect() }

// The effects.
type (
	// Call checks in. The driver adds Digest, Zone and, if the server wants
	// it, Inventory to Request. [CallDone], [CallFailed] or [CallRefused]
	// with the same ID answers it. The next Call replaces it: an answer
	// that comes later is ignored.
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

package execution

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// Effect is something to carry out once the new state is durable. Exactly one of the types below.
type Effect interface{ effect() }

// EffectID numbers the effects of one execution. A result whose id is not the one awaited is ignored.
type EffectID uint64

// The effects. Those with an ID are answered by an event with the same ID.
type (
	// LastCall asks for a check-in at once; it is answered by LastCallDone when an answer came, or was waited for long enough (MAN-7).
	LastCall struct{ ID EffectID }
	// TakeInventory is answered by InventoryTaken.
	TakeInventory struct{ ID EffectID }
	// Download puts one patch's files into private staging, takes their digests and looks for signatures; answered by
	// Downloaded. What is staged already under the same order and patch is used again (JOB-17).
	Download struct {
		ID    EffectID
		Index int // of the patch
		Patch job.OrderPatch
	}
	// Preflight asks the platform, changing nothing, which of the verified patches it refuses; answered by PreflightDone.
	Preflight struct {
		ID      EffectID
		Patches []Staged
	}
	// Install installs verified patches together; answered by Installed. The platform checks the digests again on the
	// descriptors it installs from (INT-6), and ends an installer that runs longer than Limit, if that is not zero (JOB-25).
	Install struct {
		ID      EffectID
		Patches []Staged
		Limit   time.Duration
	}
	// RunAction runs a pre- or post-action; answered by ActionDone.
	RunAction struct {
		ID     EffectID
		Action job.Action
	}
	// Reboot reboots the asset. The next event is Restarted with a new boot identity; if no reboot comes, the machine asks
	// again.
	Reboot struct{}
	// Discard deletes staged files: of one patch, or of the whole order when Index is -1.
	Discard struct{ Index int }
)

func (LastCall) effect()      {}
func (TakeInventory) effect() {}
func (Download) effect()      {}
func (Preflight) effect()     {}
func (Install) effect()       {}
func (RunAction) effect()     {}
func (Reboot) effect()        {}
func (Discard) effect()       {}

// Staged is one verified patch with the digests its staged files had when INT passed.
type Staged struct {
	Index   int
	Patch   job.OrderPatch
	Digests []integrity.Digest // SHA-256 of each file, in order
}

package execution

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// Effect is something to carry out once the new state is durable. Exactly one
// of the types below.
type Effect interface{ effect() }

// EffectID numbers the effects of one execution. A result is ignored unless it
// has the id that the execution waits for.
type EffectID uint64

// The effects. An event with the same ID answers each that has an ID.
type (
	// LastCall asks for a check-in at once, so that a cancel can still arrive
	// before the deploy stage. [LastCallDone] answers it when the server has
	// answered, or when the wait is over (MAN-7).
	LastCall struct{ ID EffectID }
	// TakeInventory asks what is installed. [InventoryTaken] answers it.
	TakeInventory struct{ ID EffectID }
	// Download downloads one patch's files into a private directory,
	// computes their digests and checks their signatures. [Downloaded]
	// answers it. Files that are staged already for the same order and
	// patch are used again (JOB-17).
	Download struct {
		ID    EffectID
		Index int // of the patch
		Patch job.OrderPatch
	}
	// Preflight asks the platform which of the verified patches it refuses,
	// and changes nothing. [PreflightDone] answers it.
	Preflight struct {
		ID      EffectID
		Patches []Staged
	}
	// Install installs verified patches together. [Installed] answers it.
	// The platform checks the digests again on the files that it has opened
	// to install from (INT-6). It ends an installer that runs longer than
	// Limit; zero: never (JOB-25).
	Install struct {
		ID      EffectID
		Patches []Staged
		Limit   time.Duration
	}
	// RunAction runs a pre- or post-action. [ActionDone] answers it.
	RunAction struct {
		ID     EffectID
		Action job.Action
	}
	// Reboot reboots the asset. The next event is [Restarted] with a new
	// boot identity; if none comes, the machine asks again.
	Reboot struct{}
	// Discard deletes the staged files of one patch, or with Index -1 of
	// the whole order.
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

// Staged is one verified patch, with the digests that its files had when they
// passed INT.
type Staged struct {
	Index   int
	Patch   job.OrderPatch
	Digests []integrity.Digest // SHA-256 of each file, in order
}

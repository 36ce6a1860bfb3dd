package execution

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Event is something that happened: one of the types below. Nil is none.
type Event interface{ step(m *machine) }

// The events.
type (
	// Begin starts the execution of an order. It is the first event; later
	// it is ignored.
	Begin struct {
		Order    job.Order
		BootID   string
		Sessions reboot.Sessions
	}
	// LastCallDone answers [LastCall]. If the server's answer brought a cancel,
	// the [Cancel] event comes first.
	LastCallDone struct{ ID EffectID }
	// InventoryTaken answers [TakeInventory]. If Err is not empty, the
	// inventory is tried again.
	InventoryTaken struct {
		ID             EffectID
		Inventory      catalog.Inventory
		RebootRequired bool            // the system itself says that it needs a reboot (RBT-2)
		Sessions       reboot.Sessions // who is logged in; unknown counts as somebody (RBT-9)
		Err            string
	}
	// Downloaded answers [Download].
	Downloaded struct {
		ID    EffectID
		Files []Evidence // one per file, up to the first that could not be downloaded
		Code  job.Code   // zero, or FileDownloadFailed, LanguageDownloadNotAvailable, PatchURLMissing, UnspecifiedAgentError
		Text  string     // with Code
	}
	// PreflightDone answers [Preflight]. A patch without a result passes.
	PreflightDone struct {
		ID             EffectID
		Results        []PreflightResult
		RebootRequired bool // the system itself says that it needs a reboot, before anything changes (RBT-2)
	}
	// Installed answers [Install], with one result per patch.
	Installed struct {
		ID      EffectID
		Results []InstallResult
	}
	// ActionDone answers [RunAction]. Exit is the exit code, Output the end
	// of what the command wrote. Err is set if the command could not be
	// run, which counts as exit 1.
	ActionDone struct {
		ID     EffectID
		Exit   int
		Output string
		Err    string
	}
	// Cancel says that a manifest marks the order as cancelled (MAN-4).
	Cancel struct{}
	// Forgotten says that the server was restored from a backup, and may
	// not know what was reported about the order (JOB-24).
	Forgotten struct{}
	// SlotLeased says until when the asset may go down for the order's reboot;
	// zero: it has no slot (ROL-7).
	SlotLeased struct{ Until time.Time }
	// SessionsChanged says who is logged in now.
	SessionsChanged struct{ Sessions reboot.Sessions }
	// PromptAnswered is the user's answer to the reboot prompt: now, or later.
	// At is when the user wants the reboot instead; zero: later as the policy
	// says (RBT-10).
	PromptAnswered struct {
		Later bool
		At    time.Time // with Later
	}
	// Restarted is the first event after each start of the agent. BootID is the
	// identity of this boot.
	Restarted struct{ BootID string }
	// Tick says that time has passed.
	Tick struct{}
)

// Evidence is what the agent found out about one downloaded file.
type Evidence struct {
	Size      int64
	Digests   []integrity.Digest // SHA-256 always, and the algorithms that File.Expect names
	Signature integrity.Signature
}

// PreflightResult is what the platform says about one verified patch before
// anything changes.
type PreflightResult struct {
	Index   int
	Refused string          // why it would not install, or would add, remove or downgrade something; empty: it passes
	Version version.Version // what the staged file contains; zero: not known (CAT-7)
}

// InstallResult is what the platform says about one patch after its installer
// ran.
type InstallResult struct {
	Index  int
	Code   job.Code // zero: the installer succeeded; DeployerProcessCrashed: it was ended at the limit (JOB-25)
	Text   string
	Reboot bool // the installer asks for a reboot (RBT-2)
}

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

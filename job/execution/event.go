package execution

import (
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Event is something that happened. Exactly one of the types below.
type Event interface{ event() }

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
	// SessionsChanged says who is logged in now.
	SessionsChanged struct{ Sessions reboot.Sessions }
	// PromptAnswered is the user's answer to the reboot prompt.
	PromptAnswered struct{ Later bool }
	// Restarted is the first event after each start of the agent. BootID is the
	// identity of this boot.
	Restarted struct{ BootID string }
	// Tick says that time has passed.
	Tick struct{}
)

func (Begin) event()           {}
func (LastCallDone) event()    {}
func (InventoryTaken) event()  {}
func (Downloaded) event()      {}
func (PreflightDone) event()   {}
func (Installed) event()       {}
func (ActionDone) event()      {}
func (Cancel) event()          {}
func (Forgotten) event()       {}
func (SessionsChanged) event() {}
func (PromptAnswered) event()  {}
func (Restarted) event()       {}
func (Tick) event()            {}

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

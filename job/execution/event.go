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
	// Called answers a LastCall: what the server said has been applied already.
	Called struct{ ID EffectID }
	// InventoryTaken answers TakeInventory. A failure (Err not empty) is tried again.
	InventoryTaken struct {
		ID        EffectID
		Inventory catalog.Inventory
		Mark      bool            // the system's own mark that a reboot is required stands (RBT-2)
		Sessions  reboot.Sessions // who is logged in; zero: as last told
		Err       string
	}
	// Fetched answers Download.
	Fetched struct {
		ID    EffectID
		Files []Evidence // one a file, up to the first that could not be fetched
		Code  job.Code   // zero, or FileDownloadFailed, LanguageDownloadNotAvailable, PatchURLMissing, UnspecifiedAgentError
		Text  string     // with Code
		// Policy is the signer policy that the asset is held to, whatever the order says; zero: none. The agent fills it in.
		Policy integrity.Excerpt
	}
	// Checked answers Preflight.
	Checked struct {
		ID       EffectID
		Findings []Finding
	}
	// Deployed answers Deploy, one outcome a patch.
	Deployed struct {
		ID       EffectID
		Outcomes []Outcome
		Stopping bool // the agent is stopping: keep this and begin nothing
	}
	// Acted answers Act. Exit is the exit code; Err is set when the command could not be run, which counts as exit 1.
	Acted struct {
		ID   EffectID
		Exit int
		Err  string

		Stopping bool // as in Deployed
	}
	// Cancel is the mark of MAN-4, seen in a manifest that was applied.
	Cancel struct{}
	// SessionsChanged brings what is now known of the users.
	SessionsChanged struct{ Sessions reboot.Sessions }
	// Answered is the user's answer to the reboot prompt.
	Answered struct{ Later bool }
	// Restarted is the first event after the agent started, and comes whenever the boot identity is looked at again.
	Restarted struct{ Boot string }
	// Tick says that time has passed.
	Tick struct{}
)

func (Called) event()          {}
func (InventoryTaken) event()  {}
func (Fetched) event()         {}
func (Checked) event()         {}
func (Deployed) event()        {}
func (Acted) event()           {}
func (Cancel) event()          {}
func (SessionsChanged) event() {}
func (Answered) event()        {}
func (Restarted) event()       {}
func (Tick) event()            {}

// Evidence is what was found out about one fetched file.
type Evidence struct {
	Size      int64
	Digests   []integrity.Digest // SHA-256 always, and the algorithms the order's expectation names
	Signature integrity.Signature
}

// Finding is the platform's word on one verified patch before anything changes. A patch without a finding passes.
type Finding struct {
	Index   int
	Refused string          // why it would not install, or would add, remove or downgrade something; empty: it passes
	Version version.Version // what the staged file really contains; zero: not known (CAT-7)
}

// Outcome is the platform's word on one patch it deployed.
type Outcome struct {
	Index  int
	Code   job.Code // zero: the installer succeeded
	Text   string
	Reboot bool // the installer asks for a reboot (RBT-2)
}

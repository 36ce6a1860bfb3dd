package job

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Now is the time a step happens at. UTC is the wall clock corrected by the server's (MAN-8): starts and windows go by it.
// Steady never jumps and runs on through sleep and power-off: durations go by it.
type Now struct {
	UTC    time.Time
	Steady time.Time
}

// EffectID numbers the effects of one execution. A result whose id is not the one awaited is ignored.
type EffectID uint64

// Effect is something to carry out once the new state is durable. Exactly one of the types below.
type Effect interface{ effect() }

// The effects that return a result under their id.
type (
	// LastCall asks for a check-in at once; it is answered by Called, or not at all (MAN-7).
	LastCall struct{ ID EffectID }
	// TakeInventory is answered by InventoryTaken.
	TakeInventory struct{ ID EffectID }
	// Download fetches one patch's files into private staging, digesting and looking for signatures; answered by Fetched.
	// What is staged already under the same order and patch is used again (JOB-17).
	Download struct {
		ID    EffectID
		Order OrderID
		Index int // of the patch
		Patch OrderPatch
	}
	// Preflight asks the platform, changing nothing, which of the verified patches it refuses; answered by Checked.
	Preflight struct {
		ID      EffectID
		Order   OrderID
		Patches []Staged
	}
	// Deploy installs verified patches together; answered by Deployed. The platform checks the digests again on the
	// descriptors it installs from (INT-6).
	Deploy struct {
		ID      EffectID
		Order   OrderID
		Patches []Staged
	}
	// Act runs a pre- or post-action; answered by Acted.
	Act struct {
		ID     EffectID
		Order  OrderID
		Action Action
	}
	// Prompt shows, replaces or clears the reboot prompt; Kind is reboot.ShowPrompt, ShowCountdown or ClearPrompt.
	// A user's answer comes as Answered.
	Prompt struct {
		Order OrderID
		Kind  reboot.Effect
	}
	// Reboot reboots the asset. Nothing is answered; the next event is Restarted with a new boot identity.
	// If it returns without effect, the machine asks again.
	Reboot struct{ Order OrderID }
	// Discard deletes staged files: of one patch, or of the whole order when Index is -1.
	Discard struct {
		Order OrderID
		Index int
	}
)

func (LastCall) effect()      {}
func (TakeInventory) effect() {}
func (Download) effect()      {}
func (Preflight) effect()     {}
func (Deploy) effect()        {}
func (Act) effect()           {}
func (Prompt) effect()        {}
func (Reboot) effect()        {}
func (Discard) effect()       {}

// Staged is one verified patch with the digests its staged files had when INT passed.
type Staged struct {
	Index   int
	Patch   OrderPatch
	Digests []integrity.Digest // SHA-256 of each file, in order
}

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
		Code  Code       // zero, or FileDownloadFailed, LanguageDownloadNotAvailable, PatchURLMissing, UnspecifiedAgentError
		Text  string     // with Code
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
	Code   Code // zero: the installer succeeded
	Text   string
	Reboot bool // the installer asks for a reboot (RBT-2)
}

// Out is what a step returns beside the new state.
type Out struct {
	Reports []Report // to be committed with the state, numbered by the caller
	Effects []Effect // to be carried out, in this order, after the commit
}

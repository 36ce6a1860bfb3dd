package execution

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Phase is what an execution waits for.
type Phase uint8

// The phases, in their order. Those from PhasePre to PhasePost belong to the
// deploy stage.
const (
	PhaseInventory Phase = 1 + iota // the first inventory
	PhaseDownload                   // one patch's files, or the time to retry failed downloads (JOB-27)
	PhasePreflight                  // the platform's answer about the verified patches
	PhaseLastCall                   // a check-in just before the deploy stage (MAN-7)
	PhasePre                        // one pre-action
	PhaseRequire                    // the inventory before the install of a patch that needs others (JOB-14)
	PhaseInstall                    // one installation
	PhaseRecheck                    // the inventory after an installation was cut off, or the agent stopped after a result (JOB-17)
	PhasePost                       // one post-action
	PhaseVerify                     // the inventory after the last change (JOB-18)
	PhaseReboot                     // the reboot machine
	PhaseConfirm                    // the inventory after the reboot (JOB-18)
	PhaseEnd                        // nothing
)

var phases = enum.Of[Phase]("execution phase", "inventory", "download", "preflight", "last call", "pre-action", "require", "install", "recheck",
	"post-action", "verify", "reboot", "confirm", "end")

// String returns the phase's name.
func (p Phase) String() string { return phases.String(p) }

// MarshalText returns the name.
func (p Phase) MarshalText() ([]byte, error) { return phases.MarshalText(p) }

// UnmarshalText sets the phase by its name; the error is an unknown name.
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

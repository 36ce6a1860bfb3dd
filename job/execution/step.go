package execution

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Step is what an execution waits for.
type Step uint8

// The steps, in their order. Those from StepPre to StepPost belong to the deploy stage.
const (
	StepInventory Step = 1 + iota // what is installed, before anything else
	StepFetch                     // one patch's files
	StepPreflight                 // the platform's word on what was fetched
	StepLastCall                  // a last word from the server (MAN-7)
	StepPre                       // one pre-action
	StepInstall                   // one installation
	StepRecheck                   // the inventory after an installation was cut off, or the agent stopped behind a result (JOB-17)
	StepPost                      // one post-action
	StepVerify                    // the inventory after the last change (JOB-18)
	StepReboot                    // the reboot machine
	StepConfirm                   // the inventory after the reboot (JOB-18)
	StepEnd                       // nothing
)

var steps = enum.Of[Step]("step", "inventory", "fetch", "preflight", "last call", "pre-action", "install", "recheck",
	"post-action", "verify", "reboot", "confirm", "end")

// String returns the step's name.
func (s Step) String() string { return steps.String(s) }

// MarshalText returns the name.
func (s Step) MarshalText() ([]byte, error) { return steps.MarshalText(s) }

// UnmarshalText sets the step by its name; the error is an unknown name.
func (s *Step) UnmarshalText(text []byte) error { return steps.UnmarshalText(text, s) }

package runner

import (
	"context"
	"os"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// State keeps an agent's state durable. One runner uses it at a time.
type State interface {
	// Load returns what was committed last: the state, and the orders that ended. Each is nil if there is none.
	Load(ctx context.Context) (state, ended []byte, err error)
	// Commit replaces them, both or neither, and they are durable before it returns. Ended changes seldom and can be long;
	// nil leaves it as it is.
	Commit(ctx context.Context, state, ended []byte) error
}

// Status is what a platform knows about the asset now.
type Status struct {
	BootID         string          // of this boot; never empty
	Sessions       reboot.Sessions // RBT-9: Unknown when it cannot be found out; so are zero and any value that is none
	RebootRequired bool            // the system itself says that it needs a reboot (RBT-2, RBT-11)
	RebootSince    time.Time       // since when, by the system's clock; zero: not known
}

// Staged is one verified patch with its files, open for reading and checked again on these descriptors (INT-6).
// They belong to the runner.
type Staged struct {
	Index int
	Patch job.OrderPatch
	Files []*os.File
}

// Platform is the asset. Methods are called one at a time, apart from Status and Prompt.
// Only verified files come here. Every implementation must pass platformtest.
type Platform interface {
	// Inventory lists what is installed.
	Inventory(ctx context.Context) (catalog.Inventory, error)
	// Status is cheap: it is asked every few seconds. An error, or no answer within 30 s, counts as sessions that are Unknown.
	Status(ctx context.Context) (Status, error)
	// Preflight says, changing nothing, which patches would not install, or would add, remove or downgrade anything.
	Preflight(ctx context.Context, patches []Staged) ([]execution.PreflightResult, error)
	// Install installs the patches in one transaction where the platform has such a thing, and returns one result each. An
	// ended ctx ends it only before anything has changed. An installer that still runs after limit (zero: none) is asked to
	// end, and killed a little later with all it started; a patch that is not at its version then has code
	// DeployerProcessCrashed (JOB-25). Without a limit nothing is killed.
	Install(ctx context.Context, patches []Staged, limit time.Duration) ([]execution.InstallResult, error)
	// RunAction runs an action and returns its exit code and the end of what it wrote to its output and its error output, at
	// least the last job.MaxOutput bytes. A program that could not be run, or was cut off, is an error.
	RunAction(ctx context.Context, action job.Action) (exit int, output string, err error)
	// Prompt shows, replaces or clears the reboot prompt and returns at once; answer is called at most once per prompt. It shows
	// all that prompt says (RBT-12).
	Prompt(ctx context.Context, prompt execution.Prompt, answer func(later bool)) error
	// Reboot reboots the asset; it returns when the request was taken, or with ErrRebootNotAllowed.
	Reboot(ctx context.Context) error
}

// Server is the agent's way to its server. CheckIn returns the answer, or an error when there is none;
// one that is manifest.ErrRefused is the server's own word.
type Server interface {
	CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error)
}

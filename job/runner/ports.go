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

// State stores an agent's state durably. Only one runner uses it at a time.
type State interface {
	// Load returns the values of the last commit: the state, and the ended
	// orders. Each is nil if nothing was committed.
	Load(ctx context.Context) (state, ended []byte, err error)
	// Commit replaces both values or neither. They are durable when it
	// returns. Ended changes seldom and can be long; nil keeps the stored one.
	Commit(ctx context.Context, state, ended []byte) error
}

// Status is what a platform knows about the asset now.
type Status struct {
	BootID         string          // of the current boot; never empty
	Sessions       reboot.Sessions // who is logged in (RBT-9)
	RebootRequired bool            // the system itself says that it needs a reboot (RBT-2, RBT-11)
	RebootSince    time.Time       // since when, by the system's clock; zero: not known
}

// Staged is one verified patch with its files. The files are open for reading
// and were verified on these descriptors (INT-6). The runner closes them.
type Staged struct {
	Index int
	Patch job.OrderPatch
	Files []*os.File
}

// Platform is the asset: what is installed on it, and what installs patches.
//
// The runner calls one method at a time, except Status and Prompt, which it
// may call at any time. It passes verified files only. Every implementation
// must pass the suite of package platformtest. Its assertions are sentences of
// this documentation; one that fails prints its sentence.
type Platform interface {
	// Inventory lists what is installed. The inventory is valid. It stays the
	// same until something on the asset changes.
	Inventory(ctx context.Context) (catalog.Inventory, error)

	// Status reports the boot and who is logged in. BootID is never empty and
	// stays the same until the next boot. Sessions is never zero: sessions
	// that cannot be found out are Unknown (RBT-9).
	//
	// The runner calls Status every few seconds, so it must be cheap. An
	// error, or no answer within 30 s, counts as Unknown.
	Status(ctx context.Context) (Status, error)

	// Preflight reports which patches would not install. It changes nothing.
	// It returns at most one result per patch, and none for other indexes. A
	// patch that would install is not refused.
	//
	// It refuses a patch of a product that is not installed, or of a version
	// lower than the installed one, with a reason (CAT-3). A refused patch
	// does not refuse the others. The version in a result is the version that
	// the files contain, or zero (CAT-7). Preflight reads the files through
	// their descriptors, never by name (INT-6). It refuses whatever would add,
	// remove or downgrade another product.
	Preflight(ctx context.Context, patches []Staged) ([]execution.PreflightResult, error)

	// Install installs the patches, in one transaction if the platform has
	// transactions. It returns exactly one result per patch. A result with a
	// code has a text. A patch without a code is installed at its version.
	//
	// A patch that is already at its version succeeds and changes nothing
	// (JOB-17). A patch that fails does not fail the others (JOB-2). Nothing
	// is installed for the first time or downgraded (CAT-3). A file that is
	// not an installer fails its patch and changes nothing. Install reads the
	// files through their descriptors, never by name (INT-6).
	//
	// If ctx ends before anything has changed, Install changes nothing and
	// returns the error of ctx. After the first change it ignores ctx (JOB-10).
	//
	// An installer that runs longer than limit is asked to end, and is killed
	// a little later with everything it started. A patch that is then not at
	// its version has code DeployerProcessCrashed (JOB-25). The next install
	// works. An install that ends within its limit never has that code. Zero
	// means no limit: nothing is killed.
	Install(ctx context.Context, patches []Staged, limit time.Duration) ([]execution.InstallResult, error)

	// RunAction runs an action. It returns the exit code. It returns the end
	// of what the action wrote to both of its outputs, at least the last
	// [job.MaxOutput] bytes. A program that cannot be run, or is cut off, is
	// an error.
	RunAction(ctx context.Context, action job.Action) (exit int, output string, err error)

	// Prompt shows, replaces or clears the reboot prompt. It accepts every kind
	// of prompt and returns at once. It calls answer at most once per prompt.
	// What it shows includes everything in prompt (RBT-12). An error counts as
	// a prompt that nobody answered (RBT-5).
	Prompt(ctx context.Context, prompt execution.Prompt, answer func(execution.PromptAnswered)) error

	// Reboot reboots the asset. It returns when the system has accepted the
	// request. Settings that forbid a reboot give [ErrRebootNotAllowed], and
	// the asset is not rebooted (RBT-7).
	Reboot(ctx context.Context) error
}

// Server is how the agent calls its server.
type Server interface {
	// CheckIn returns the server's answer. An error that is
	// [manifest.ErrRefused] is the server's refusal; any other error means
	// that the call failed.
	CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error)
}

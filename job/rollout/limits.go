package rollout

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Bounds of a policy, of an act and of a stored state.
const (
	MaxRings   = 20                  // a person compares them on one page
	MaxCount   = 2_000_000           // assets of one rollout; a hundred times as many still fit into 32 bits
	MaxSoak    = 90 * 24 * time.Hour // a quarter; the next release comes before that
	MinSilence = time.Hour           // agents call every few minutes, unless the computer sleeps
	MaxSilence = 30 * 24 * time.Hour // after that, it is too late to notice a silent asset
	MinLease   = time.Minute         // a shorter one is over before the agent has the answer
	MaxLease   = 168 * time.Hour     // a reboot is deferred for at most that long (RBT-6)
	MaxText    = 1000                // bytes of a name, a tag, an asset's id or a reason
	MaxState   = 64_000              // bytes of a stored State
	maxNumber  = 1_000_000_000       // grants of one asset, and resumes: a state with more is damaged

	defSilence = 72 * time.Hour // Policy.Silence: a weekend
	defLease   = time.Hour      // SlotPolicy.Lease
)

// Problem is one thing that is wrong with a value.
type Problem = problem.Problem

// Invalid is the error of everything that validates. It has all problems.
type Invalid = problem.Invalid

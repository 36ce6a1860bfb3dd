package job

import "time"

// Bounds. A value beyond them is refused when it is validated.
const (
	// MaxID is the longest identity of a job or asset in bytes. An
	// [OrderID] may be three times as long.
	MaxID = 128
	// MaxPatches is how many patches one order holds (JOB-8).
	MaxPatches = 2000
	// MaxSelection is how many entries one list of a definition holds. It
	// bounds a definition to a few megabytes.
	MaxSelection = 100_000
	// MaxActions is how many pre-actions, and how many post-actions, one
	// job has.
	MaxActions = 32
	// MaxArguments is how many words the command of one action has.
	MaxArguments = 256
	// MaxCapabilities is how many capabilities an order or an agent names
	// (MAN-11).
	MaxCapabilities = 64
	// MaxFiles is how many files one patch has.
	MaxFiles = 64
	// MaxText is the longest free text in bytes: names, arguments, URLs and
	// explanations.
	MaxText = 4096
	// MinWindow and MaxWindow bound a patch window (JOB-10).
	MinWindow = time.Minute
	MaxWindow = 168 * time.Hour
	// MinInstallLimit and MaxInstallLimit bound an install limit. An installer
	// that has run for less is hardly stuck (JOB-25).
	MinInstallLimit = 10 * time.Minute
	MaxInstallLimit = 168 * time.Hour
	// MinTriageHold and MaxTriageHold bound how long before its deadline a held
	// patch is let go, so that a run can still install it (DUE-1).
	MinTriageHold = time.Hour
	MaxTriageHold = 168 * time.Hour
	// MinStuckAfter and MaxStuckAfter bound how long a stage is expected to
	// take; DefaultStuckAfter is the default (JOB-25).
	MinStuckAfter     = time.Minute
	MaxStuckAfter     = 168 * time.Hour
	DefaultStuckAfter = 2 * time.Hour
	// MaxOutput is how many bytes of an action's output are kept, from its
	// end, where the reason is (JOB-13).
	MaxOutput = 1024
	// MaxGiveUp is the highest number of failed runs after which a job
	// gives a patch up (JOB-27).
	MaxGiveUp = 100
	// JoinTime is how long after its start a run without a window takes
	// late joiners (JOB-26).
	JoinTime = 24 * time.Hour
	// MaxFollowDelay is the longest delay between a job and the one after
	// it (JOB-19): a quarter of a year.
	MaxFollowDelay = 92 * 24 * time.Hour
	// MaxStartWait is how long a start waits for its calendar to open at
	// most (CAL-1): a quarter of a year, as MaxFollowDelay.
	MaxStartWait = 92 * 24 * time.Hour
	// MaxActionTime bounds the time of one action; DefaultActionTime is the
	// default.
	MaxActionTime     = 24 * time.Hour
	DefaultActionTime = 10 * time.Minute
)

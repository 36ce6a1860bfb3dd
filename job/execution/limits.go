package execution

import "time"

const (
	// MaxAttempts is how many times the install of one patch may begin
	// (JOB-17).
	MaxAttempts = 2
	// maxNamed is how many products and actions a reboot prompt names, so
	// that they fit a dialogue. It counts the others (RBT-12).
	maxNamed = 10
	// maxName is how many bytes of a name a reboot prompt shows.
	maxName = 100
	// maxReportText is how many bytes the texts of all patches of one
	// report have together. A report that no server takes would hold up all
	// that follow.
	maxReportText = 2 << 20
)

// Pauses between tries to take an inventory, doubling from the first to the
// last.
const (
	inventoryPause    = 15 * time.Second
	inventoryMaxPause = 15 * time.Minute
	// inventoryTries is how many failures in a row end an execution that
	// has changed nothing.
	inventoryTries = 5
)

// Pauses between tries to download, doubling from the first to the last
// (JOB-27).
const (
	downloadPause    = time.Minute
	downloadMaxPause = time.Hour
	// maxMissed is how long after the first failed try an execution without
	// a window retries.
	maxMissed = 24 * time.Hour
)

// maxUnverified is how long after the first failed try an execution that has
// changed something ends without an inventory (JOB-18).
const maxUnverified = 24 * time.Hour

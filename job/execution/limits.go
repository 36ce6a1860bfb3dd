package execution

import "time"

const (
	// MaxAttempts is how often the install of one patch is begun (JOB-17).
	MaxAttempts = 2
	// maxNamed is how many products and actions a reboot prompt names; the others it counts (RBT-12). They fit a dialogue.
	maxNamed = 10
	// maxName is how many bytes of a name it shows.
	maxName = 100
	// maxReportText is how many bytes the explanations of all patches of one report have together. What a server would not
	// take could never be delivered, nor any report after it.
	maxReportText = 2 << 20
)

// Pauses between tries to take an inventory that failed: doubling from the first to the last.
const (
	inventoryPause    = 15 * time.Second
	inventoryMaxPause = 15 * time.Minute
	// inventoryTries is how many failures in a row end an execution that has not changed anything yet.
	inventoryTries = 5
)

// Pauses between tries to reach the sources of downloads: doubling from the first to the last (JOB-27).
const (
	downloadPause    = time.Minute
	downloadMaxPause = time.Hour
	// maxMissed is how long after the first failed try an execution without a window goes on trying.
	maxMissed = 24 * time.Hour
)

// MaxUnverified is how long after the first failed try an inventory may be missing before an execution that has changed
// something ends without it (JOB-18).
const MaxUnverified = 24 * time.Hour

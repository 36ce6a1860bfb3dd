package runner

import (
	"time"

	"golang.org/x/sys/windows"
)

// uptime is the time since boot, sleep included.
func uptime() time.Duration { return windows.DurationSinceBoot() }

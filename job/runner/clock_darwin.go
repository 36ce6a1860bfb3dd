package runner

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since boot. On this system CLOCK_MONOTONIC includes sleep.
func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return time.Since(begun)
	}
	return time.Duration(ts.Nano())
}

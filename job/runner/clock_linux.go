package runner

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since boot, sleep included.
func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Since(begun)
	}
	return time.Duration(ts.Nano())
}

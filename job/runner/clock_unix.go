//go:build linux || darwin

package runner

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since boot, sleep included.
func uptime() time.Duration {
	clock := int32(unix.CLOCK_MONOTONIC) // includes sleep, except on Linux
	if runtime.GOOS == "linux" {
		clock = 7 // CLOCK_BOOTTIME
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return time.Since(begun)
	}
	return time.Duration(ts.Nano())
}

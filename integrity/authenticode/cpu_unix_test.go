//go:build unix

package authenticode

import (
	"syscall"
	"time"
)

// processorTime is how long this process has had a processor, so that what else
// runs on the machine does not count.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

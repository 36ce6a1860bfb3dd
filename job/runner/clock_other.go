//go:build !linux && !windows && !darwin

package runner

import "time"

// uptime counts from the start of the program, because this system has no
// portable way to get the time since boot. A Platform on such a system must
// return a new boot identity at each start of the program.
func uptime() time.Duration { return time.Since(begun) }

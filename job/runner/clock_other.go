//go:build !linux && !windows && !darwin

package runner

import "time"

// uptime counts from the program's start where there is no portable way to ask for the boot's. The boot identity a Platform
// tells on such a system must then change with every start of the program.
func uptime() time.Duration { return time.Since(begun) }

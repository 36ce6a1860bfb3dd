//go:build !unix

package fleet

import "time"

var started = time.Now()

// processorTime is the time since the start, where the system does not count.
func processorTime() time.Duration { return time.Since(started) }

//go:build !unix

package fleet

import "time"

var started = time.Now()

// processorTime is, where it is not known, all the time since the beginning.
func processorTime() time.Duration { return time.Since(started) }

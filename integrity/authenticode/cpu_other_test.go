//go:build !unix

package authenticode

import "time"

var started = time.Now()

// processorTime is the time that passed, where the system does not tell how
// long this process had a processor.
func processorTime() time.Duration { return time.Since(started) }

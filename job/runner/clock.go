package runner

import "time"

// begun is the zero of the portable clock.
var begun = time.Now()

// systemClock reads the machine's clocks.
func systemClock() Clock {
	return Clock{Wall: time.Now().UTC(), Up: uptime()}
}

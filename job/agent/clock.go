package agent

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Moment is what the driver's clocks show.
type Moment struct {
	Wall   time.Time     // the system's clock, UTC
	BootID string        // of this boot
	Up     time.Duration // time since boot, sleep included
}

// Clock anchors the steady clock: at Steady, the boot was BootID, the time since it Up, and the system's clock showed Wall.
// The zero Clock is not anchored yet.
type Clock struct {
	Offset time.Duration   `json:"offset,omitempty"` // the server's clock minus the system's (MAN-8)
	Known  bool            `json:"known,omitempty"`  // a server has answered
	BootID string          `json:"bootID,omitempty"`
	Up     time.Duration   `json:"up,omitempty"`
	Wall   time.Time       `json:"wall,omitzero"`
	Steady schedule.Steady `json:"steady,omitempty"`
}

// now returns the time at a moment: corrected UTC for starts and windows, steady for durations (MAN-8).
//
// The steady clock goes on by the time since boot, which nobody can set. Across a boot there is only the system's clock:
// time switched off counts (RBT-6), and a clock that was set back adds nothing.
func (c Clock) now(at Moment) schedule.At {
	return schedule.At{UTC: at.Wall.Add(c.offset(at)), Steady: c.steady(at)}
}

// offset is the server's clock minus the system's as it shows now. Within a boot the time since boot shows by how much
// the system's clock was set: the offset goes the other way, so that corrected time runs on until the next answer, and
// nothing starts early or ends early in between (MAN-8).
func (c Clock) offset(at Moment) time.Duration {
	if set := at.Wall.Sub(c.Wall) - (at.Up - c.Up); c.Known && at.BootID == c.BootID && set.Abs() >= offsetGrain {
		return c.Offset - set
	}
	return c.Offset
}

func (c Clock) steady(at Moment) schedule.Steady {
	switch {
	case c.Steady.IsZero():
		return firstSteady
	case at.BootID == c.BootID:
		return c.Steady.Add(max(at.Up-c.Up, 0))
	default:
		return c.Steady.Add(min(max(at.Wall.Sub(c.Wall), 0), maxOff))
	}
}

// anchor returns the clock anchored at a moment.
func (c Clock) anchor(at Moment) Clock {
	return Clock{Offset: c.offset(at), Known: c.Known, BootID: at.BootID, Up: at.Up, Wall: at.Wall, Steady: c.steady(at)}
}

const (
	// firstSteady is where the steady clock begins: anywhere but at zero.
	firstSteady schedule.Steady = 1
	// maxOff is the longest an asset counts as switched off: nothing waits for so long, and a system's clock that is out by
	// decades at every other boot must not overflow the steady clock.
	maxOff = 365 * 24 * time.Hour
	// offsetGrain is the least change of the offset worth keeping: less is the network's own delay.
	offsetGrain = 2 * time.Second
)

// learn takes the server's time from an answer, and anchors the clock.
func (c Clock) learn(server time.Time, at Moment) Clock {
	c = c.anchor(at)
	c.Known = true
	if offset := server.Sub(at.Wall).Round(time.Millisecond); (offset - c.Offset).Abs() >= offsetGrain {
		c.Offset = offset
	}
	return c
}

package agent

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
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
	Jump   time.Duration   `json:"jump,omitempty"`   // how far an answer wants to set the corrected clock, which another one has to confirm; zero: none (MAN-12)
	Behind bool            `json:"behind,omitempty"` // the asset came up with its clock set back; cleared by the next answer that is believed
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

// behind reports whether corrected time is known to be wrong: across a boot it went back. What has expired since cannot be told then,
// and nothing starts until a server has said what time it is (MAN-5).
func (c Clock) behind(at Moment) bool {
	return c.Behind || c.Known && at.BootID != c.BootID && c.Wall.Sub(at.Wall) > manifest.MaxSkew
}

// anchor returns the clock anchored at a moment.
func (c Clock) anchor(at Moment) Clock {
	return Clock{Offset: c.offset(at), Known: c.Known, Jump: c.Jump, Behind: c.behind(at), BootID: at.BootID, Up: at.Up, Wall: at.Wall, Steady: c.steady(at)}
}

const (
	// firstSteady is where the steady clock begins: anywhere but at zero.
	firstSteady schedule.Steady = 1
	// maxOff is the longest an asset counts as switched off: nothing waits for so long, and a system's clock that is out by
	// decades at every other boot must not overflow the steady clock.
	maxOff = 365 * 24 * time.Hour
	// maxOffset is the largest offset: a system's clock that is out by more must not overflow what is reckoned with it.
	maxOffset = 70 * 365 * 24 * time.Hour
	// offsetGrain is the least change of the offset worth keeping: less is the network's own delay.
	offsetGrain = 2 * time.Second
)

// learn takes the server's time from an answer, and anchors the clock. Not sure: it is further from the corrected clock than
// manifest.MaxSkew, and no answer just before said the same; the corrected clock goes on as it was (MAN-12). So does the first
// answer ever if it is that far from the system's clock.
func (c Clock) learn(server time.Time, at Moment) (_ Clock, sure bool) {
	c = c.anchor(at)
	offset := min(max(server.Sub(at.Wall), -maxOffset), maxOffset).Round(time.Millisecond)
	jump := offset - c.Offset
	if jump.Abs() > manifest.MaxSkew && (c.Jump == 0 || (jump-c.Jump).Abs() > manifest.MaxSkew) {
		c.Jump = jump
		return c, false
	}
	c.Known, c.Jump, c.Behind = true, 0, false
	if jump.Abs() >= offsetGrain {
		c.Offset = offset
	}
	return c, true
}

// Sure reports whether an agent with this clock believes the server's time in an answer that comes now.
func (c Clock) Sure(server time.Time, at Moment) bool {
	_, sure := c.learn(server, at)
	return sure
}

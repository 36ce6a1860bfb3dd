package agent

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Moment is what the asset's clocks show.
type Moment struct {
	Wall   time.Time     // the system's clock
	BootID string        // of this boot
	Up     time.Duration // time since boot, sleep included
}

// Clock ties the steady clock to the asset's clocks: at Steady, the boot was
// BootID, the time since boot Up, and the system's clock showed Wall. The zero
// Clock is not set.
type Clock struct {
	Offset  time.Duration   `json:"offset,omitempty"` // the server's clock minus the system's (MAN-8)
	Known   bool            `json:"known,omitempty"`  // a server has answered
	Jump    time.Duration   `json:"jump,omitempty"`   // how far the last answer would move the corrected clock, not applied until another answer confirms it; zero: none (MAN-12)
	SetBack bool            `json:"behind,omitempty"` // the asset booted with its clock set back; the next answer whose time counts clears it
	BootID  string          `json:"bootID,omitempty"`
	Up      time.Duration   `json:"up,omitempty"`
	Wall    time.Time       `json:"wall,omitzero"`
	Steady  schedule.Steady `json:"steady,omitempty"`
}

// now returns the time at a moment: corrected UTC for starts and windows,
// steady for durations (MAN-8).
//
// The steady clock advances by the time since boot, which nobody can set.
// Across a boot it advances by the system's clock: time switched off counts
// (RBT-6), and a clock that was set back adds nothing.
func (c Clock) now(at Moment) schedule.At {
	return schedule.At{UTC: at.Wall.Add(c.offset(at)), Steady: c.steady(at)}
}

// offset returns the server's clock minus the system's clock as it is now.
// Within a boot, the time since boot shows by how much the system's clock was
// set. The offset moves the other way, so that corrected time runs on, and
// nothing starts or ends early before the next answer (MAN-8).
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

// setBack reports whether corrected time is known to be wrong, because it went
// back across a boot. What has expired is not known then, and nothing starts
// until a server has said the time (MAN-5).
func (c Clock) setBack(at Moment) bool {
	return c.SetBack || c.Known && at.BootID != c.BootID && c.Wall.Sub(at.Wall) > manifest.MaxSkew
}

func (c Clock) anchor(at Moment) Clock {
	return Clock{Offset: c.offset(at), Known: c.Known, Jump: c.Jump, SetBack: c.setBack(at), BootID: at.BootID, Up: at.Up, Wall: at.Wall, Steady: c.steady(at)}
}

const (
	// firstSteady is where the steady clock begins; not zero.
	firstSteady schedule.Steady = 1
	// maxOff is the longest time that an asset counts as switched off.
	// Nothing waits longer, and a system's clock that is wrong by decades
	// must not overflow the steady clock.
	maxOff = 365 * 24 * time.Hour
	// maxOffset is the largest offset, so that a wrong clock overflows no
	// arithmetic.
	maxOffset = 70 * 365 * 24 * time.Hour
	// offsetGrain is the smallest change of the offset that counts: less
	// may be network delay.
	offsetGrain = 2 * time.Second
)

// learn takes the server's time from an answer. Not sure: the time is more than
// manifest.MaxSkew from the corrected clock, and the answer before did not
// agree. Then the corrected clock stays as it was. This also holds for the
// first answer ever (MAN-12).
func (c Clock) learn(server time.Time, at Moment) (_ Clock, sure bool) {
	c = c.anchor(at)
	offset := min(max(server.Sub(at.Wall), -maxOffset), maxOffset).Round(time.Millisecond)
	jump := offset - c.Offset
	if jump.Abs() > manifest.MaxSkew && (c.Jump == 0 || (jump-c.Jump).Abs() > manifest.MaxSkew) {
		c.Jump = jump
		return c, false
	}
	c.Known, c.Jump, c.SetBack = true, 0, false
	if jump.Abs() >= offsetGrain {
		c.Offset = offset
	}
	return c, true
}

// Sure reports whether an agent with this clock accepts the server's time in an
// answer at this moment.
func (c Clock) Sure(server time.Time, at Moment) bool {
	_, sure := c.learn(server, at)
	return sure
}

package ledger

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Caller is what an asset's calls say about its agent's state, and about how
// many computers use its identity. The zero Caller never called.
type Caller struct {
	Call   uint64            `json:"call,omitempty"` // number of the newest call
	Top    uint64            `json:"top,omitempty"`  // the highest number of all calls
	At     time.Time         `json:"at"`             // when the agent made the newest call, by its corrected clock
	Came   time.Time         `json:"came,omitzero"`  // when the newest call arrived, by the server's clock
	Held   manifest.Revision `json:"held"`
	Boots  []string          `json:"boots,omitempty"` // boot identities in the order of the calls, newest last; consecutive calls from the same boot count once
	Alone  time.Time         `json:"alone,omitzero"`  // since when the last boot identity in Boots is the only one that has called
	Cloned time.Time         `json:"cloned,omitzero"` // since when two computers are known to use the identity; zero: only one does (MAN-9)
}

// maxBoots is how many boot identities are remembered: enough to recognise six
// copies that call in turn.
const maxBoots = 8

// CloneEnds is how long one boot identity alone must call before the asset no
// longer counts as cloned (MAN-9).
const CloneEnds = 24 * time.Hour

// Age says how a call compares with the newest one.
type Age uint8

// The ages of calls.
const (
	Late   Age = iota // the agent made it before the newest one: only its reports count
	Repeat            // the newest one again, perhaps with the inventory
	Newest
)

// Heard is what a call shows about the agent that made it.
type Heard struct {
	Age  Age
	Lost bool // the agent's state was lost: it holds a lower revision than before, or made fewer reports than were accepted (MAN-6)
	Back bool // the agent's state was put back: its call number does not grow, or an earlier boot identity came back (MAN-9)
}

// Heard takes in a call that arrived at now, and returns what it shows. A late
// call changes nothing. Neither a late call nor one of a cloned asset shows that
// the agent's state was lost or put back. Accepted is the number of the last
// report that was accepted.
//
// A call is the newest if its number is above all others, whatever the clocks
// say, because an agent counts its calls. After the agent's state was put back,
// its numbers are lower; then the call is the newest if its corrected clock is
// later than that of the newest call so far. If that clock was ahead of the
// server's, the time at which the server received the call is used instead.
func (c Caller) Heard(in manifest.CheckIn, accepted job.Sequence, now time.Time) (next Caller, heard Heard) {
	at, made := in.At.Add(in.Offset), in.Made
	if n := len(in.Reports); n > 0 {
		made = max(made, in.Reports[n-1].Sequence)
	}
	before := c.At
	if before.After(c.Came) {
		before = c.Came
	}
	switch {
	case in.Call == c.Call && at.Equal(c.At) && (in.Boot == "" || in.Boot == c.boot()):
		return c, Heard{Age: Repeat}
	case in.Call > c.Top || at.After(before) || in.Call > c.Call && at.Equal(before):
	case at.Equal(before) && in.Boot != "" && in.Boot != c.boot(): // two computers that always call at the same time
	default:
		return c, Heard{Age: Late}
	}
	heard.Age = Newest
	if c.Cloned.IsZero() {
		heard.Lost = in.Held < c.Held || made < accepted
		heard.Back = in.Call != 0 && in.Call <= c.Call || in.Boot != c.boot() && slices.Contains(c.Boots, in.Boot)
	}
	c.Call, c.Top, c.At, c.Came, c.Held = in.Call, max(c.Top, in.Call), at, now, in.Held
	return c.booted(in.Boot, now), heard
}

// boot returns the boot identity of the newest call.
func (c Caller) boot() string {
	if len(c.Boots) == 0 {
		return ""
	}
	return c.Boots[len(c.Boots)-1]
}

// booted takes in the boot identity of the newest call; empty: not known.
func (c Caller) booted(id string, now time.Time) Caller {
	switch {
	case id == "":
	case id != c.boot():
		c.Boots = append(slices.Clone(c.Boots[max(0, len(c.Boots)+1-maxBoots):]), id)
		c.Alone = now
		if c.Cloned.IsZero() && interleaved(c.Boots) {
			c.Cloned = now
		}
	case !c.Cloned.IsZero() && now.Sub(c.Alone) >= CloneEnds:
		c = c.Settled()
	}
	return c
}

// Settled returns the caller as no longer cloned. It forgets all boot
// identities except the newest.
func (c Caller) Settled() Caller {
	c.Cloned, c.Boots = time.Time{}, slices.Clone(c.Boots[max(0, len(c.Boots)-1):])
	return c
}

// Sole reports whether there is no sign of a second computer: the asset does
// not count as cloned, and no boot identity came back after another.
func (c Caller) Sole() bool {
	boots := slices.Clone(c.Boots)
	slices.Sort(boots)
	return c.Cloned.IsZero() && len(slices.Compact(boots)) == len(c.Boots)
}

// interleaved reports whether two boot identities each came back after the
// other: A, B, A, B, with any others between. One computer has A, B, A at most,
// after it was reverted to a snapshot of its memory; its next boot has a new
// identity.
func interleaved(boots []string) bool {
	for i, a := range boots {
		for j := i + 1; j < len(boots); j++ {
			b := boots[j]
			if b == a {
				continue
			}
			if k := slices.Index(boots[j:], a); k >= 0 && slices.Contains(boots[j+k:], b) {
				return true
			}
		}
	}
	return false
}

// PendingReboot is a reboot that an asset needs, apart from those that its orders
// wait for: the system itself says so, or an agent that lost its state had said
// so (RBT-11). The zero PendingReboot is none.
type PendingReboot struct {
	Since time.Time `json:"since,omitzero"` // UTC
	Boot  string    `json:"boot,omitempty"` // the identity of the boot it was last seen in
}

// Heard applies a call. A reboot is pending until the boot identity has changed
// and the system's own flag is gone.
func (p PendingReboot) Heard(in manifest.CheckIn, now time.Time) PendingReboot {
	switch {
	case in.Reboot && p.Since.IsZero():
		return PendingReboot{reportTime(in.RebootSince.Add(in.Offset), now), in.Boot}
	case in.Reboot:
		p.Boot = in.Boot
	case in.Boot != p.Boot:
		return PendingReboot{}
	}
	return p
}

// Keep adds the reboot that an order waited for when its agent's state was
// lost.
func (p PendingReboot) Keep(e Entry, boot string) PendingReboot {
	if e.waitsForReboot() && p.Since.IsZero() {
		return PendingReboot{e.At, boot}
	}
	return p
}

package ledger

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Caller is what the calls of an asset say of its agent's state, and of how many computers call under its identity. The zero
// Caller never called.
type Caller struct {
	Call   uint64            `json:"call,omitempty"` // number of the newest call
	Top    uint64            `json:"top,omitempty"`  // the highest number of all calls
	At     time.Time         `json:"at"`             // when the agent made the newest call, by its corrected clock
	Came   time.Time         `json:"came,omitzero"`  // when that came, by the server's clock: it was not made later, whatever its own says
	Held   manifest.Revision `json:"held"`
	Boots  []string          `json:"boots,omitempty"` // boot identities in the order in which the agents made the calls, each once for calls in a row; the newest last
	Alone  time.Time         `json:"alone,omitzero"`  // since when the last of them has called alone
	Cloned time.Time         `json:"cloned,omitzero"` // since when two computers are known to use the identity (MAN-9); zero: one does
}

// maxBoots is how many changes of the boot identity are remembered: up to six copies that call in turn are recognised.
const maxBoots = 8

// CloneEnds is how long one boot identity alone must call until the asset is no longer taken for cloned (MAN-9).
const CloneEnds = 24 * time.Hour

// Age is how a call stands to the newest one.
type Age uint8

// The ages of calls.
const (
	Late   Age = iota // the agent made it before the newest one: its reports count, and nothing else of it does
	Repeat            // it is the newest one again, perhaps with the inventory
	Newest
)

// Heard is what a call shows beside its contents.
type Heard struct {
	Age  Age
	Lost bool // the agent knows less than it said before: it holds a lower revision, or made fewer reports than were accepted (MAN-6)
	Back bool // its state was put back, though it may know all that it said: its number does not grow, or its boot identity was over (MAN-9)
}

// Heard takes in a call that came at now. Late calls and calls of cloned assets show nothing of the agent's state.
//
// The numbers of one state grow with each call. So a number above all others is that of a newer call, whatever the clocks say;
// any other is newer if its corrected clock is. A clock that is ahead of the server's does not count for more than the server's.
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
	case at.Equal(before) && in.Boot != "" && in.Boot != c.boot(): // two computers that call at the same time, always
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

// boot is the boot identity of the newest call.
func (c Caller) boot() string {
	if len(c.Boots) == 0 {
		return ""
	}
	return c.Boots[len(c.Boots)-1]
}

// booted takes in the boot identity of the newest call; empty: the agent does not know it.
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

// Settled is a caller that is no longer taken for cloned. What was seen of boot identities is forgotten, but the newest.
func (c Caller) Settled() Caller {
	c.Cloned, c.Boots = time.Time{}, slices.Clone(c.Boots[max(0, len(c.Boots)-1):])
	return c
}

// Sole reports whether nothing speaks for a second computer: none is known of, and no boot identity came back after another.
func (c Caller) Sole() bool {
	boots := slices.Clone(c.Boots)
	slices.Sort(boots)
	return c.Cloned.IsZero() && len(slices.Compact(boots)) == len(c.Boots)
}

// interleaved reports whether two boot identities each came back after the other: A, B, A, B, with any others between. One
// computer has A, B, A at most, after it was reverted to a snapshot of its memory: when it boots again, it has a new one.
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

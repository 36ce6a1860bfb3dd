package watch

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Hours says whether an asset may do something at an instant (CAL-1).
type Hours struct {
	Open   bool // inside an opening, and not in a closed period
	Closed bool // in a closed period, which nothing outranks
}

// Acts returns whether an act is outside the hours of its job; what is the act,
// as a verb (invariant 15).
func (h Hours) Acts(what string) *Broken {
	if !h.Open {
		return Breaks(15, "it %s while its calendar is closed", what)
	}
	return nil
}

// Reboots returns whether a reboot is outside its hours; bound says that its
// deferral was over, which outranks openings (RBT-6, RBT-10; invariant 15).
func (h Hours) Reboots(bound bool) *Broken {
	if h.Closed || !h.Open && !bound {
		return Breaks(15, "it reboots outside its reboot hours")
	}
	return nil
}

// Denies returns that a patch is deployed which the job's baseline denies
// (invariant 17).
func Denies(patch catalog.PatchID) *Broken {
	return Breaks(17, "%s is deployed, and the job's baseline denies it", patch)
}

// Overdue returns whether a reboot that was offered is carried past the
// deadline of what waits for it; a zero due is no date. After an offer, the
// countdown always runs whole (RBT-6, invariant 16).
func (o *Order) Overdue(now, due time.Time, countdown time.Duration) *Broken {
	if o.Offer.IsZero() || due.IsZero() {
		return nil
	}
	last := o.Offer.Add(countdown)
	if due.After(last) {
		last = due
	}
	if now.After(last) {
		return Breaks(16, "its reboot was first offered %v ago, and what waits for it was due %v ago", now.Sub(o.Offer), now.Sub(due))
	}
	return nil
}

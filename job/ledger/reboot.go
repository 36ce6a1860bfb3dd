package ledger

import (
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Pending is a reboot that an asset needs, apart from those that its orders
// wait for: the system itself says so, or an agent that lost its state had said
// so (RBT-11). The zero Pending is none.
type Pending struct {
	Since time.Time `json:"since,omitzero"` // UTC
	Boot  string    `json:"boot,omitempty"` // the identity of the boot it was last seen in
}

// Heard applies a call. A reboot is pending until the boot identity has changed
// and the system's own flag is gone.
func (p Pending) Heard(in manifest.CheckIn, now time.Time) Pending {
	switch {
	case in.Reboot && p.Since.IsZero():
		return Pending{reportTime(in.RebootSince.Add(in.Offset), now), in.Boot}
	case in.Reboot:
		p.Boot = in.Boot
	case in.Boot != p.Boot:
		return Pending{}
	}
	return p
}

// Keep adds the reboot that an order waited for when its agent's state was
// lost.
func (p Pending) Keep(e Entry, boot string) Pending {
	if e.waitsForReboot() && p.Since.IsZero() {
		return Pending{e.At, boot}
	}
	return p
}

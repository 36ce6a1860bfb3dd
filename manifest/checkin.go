package manifest

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// CheckIn is an agent's call.
type CheckIn struct {
	Asset       job.AssetID        `json:"asset"`
	Held        Revision           `json:"held"`                 // the revision the agent holds
	HeldDigest  string             `json:"heldDigest,omitempty"` // its Digest
	At          time.Time          `json:"at"`                   // the agent's own clock, uncorrected, UTC
	Offset      time.Duration      `json:"offset,omitempty"`     // server's clock minus its own, as last learned (MAN-8)
	Boot        string             `json:"boot,omitempty"`
	Reboot      bool               `json:"reboot,omitempty"`     // the system itself needs a reboot, or an order that ended does (RBT-11, JOB-18)
	RebootSince time.Time          `json:"rebootSince,omitzero"` // by the agent's own clock, uncorrected, UTC; zero: not known
	Zone        string             `json:"zone,omitempty"`       // the asset's time zone, a name of the IANA database (JOB-9)
	LastCall    bool               `json:"lastCall,omitempty"`   // MAN-7
	Made        job.Sequence       `json:"made,omitempty"`       // the last report that was ever made, acknowledged or not (MAN-6)
	Reports     []job.Report       `json:"reports,omitempty"`    // the oldest unacknowledged ones, in order (MAN-6)
	Digest      string             `json:"digest,omitempty"`     // catalog.Inventory.Digest of the present inventory
	Inventory   *catalog.Inventory `json:"inventory,omitempty"`  // when the server asked for it
	Call        uint64             `json:"call,omitempty"`       // number of this call, which grows with each; a request with Inventory has that of the one before (MAN-6)
	Key         string             `json:"key,omitempty"`        // Fingerprint of the asset's own key; empty: that of the asset which bears the name now (MAN-10)
}

// Validate says everything that is wrong with the call: its bounds, and reports that are not numbered without gaps (MAN-6).
// The error is a *job.Invalid. What the reports and the inventory say is for their receiver to judge.
func (c CheckIn) Validate() error {
	var l problem.List
	l.Under("asset", job.ValidID(string(c.Asset)))
	if c.At.IsZero() {
		l.Add("at", "", "is missing; send the agent's clock")
	}
	l.Text("boot", c.Boot, MaxWord)
	l.Text("zone", c.Zone, MaxWord)
	l.Text("digest", c.Digest, MaxWord)
	l.Text("heldDigest", c.HeldDigest, MaxWord)
	l.Text("key", c.Key, MaxWord)
	if c.Call > 1<<53-1 {
		l.Add("call", fmt.Sprint(c.Call), "is above 2^53-1, which no agent comes to")
	}
	if len(c.Reports) > MaxReports {
		l.Add("reports", fmt.Sprint(len(c.Reports)), "are more than %d; send the oldest and call again", MaxReports)
	}
	for i, r := range c.Reports {
		field := fmt.Sprintf("reports[%d].sequence", i)
		switch {
		case r.Sequence == 0:
			l.Add(field, "0", "is not a sequence number: they begin at 1")
		case i > 0 && r.Sequence != c.Reports[i-1].Sequence+1:
			l.Add(field, fmt.Sprint(r.Sequence), "does not follow %d", c.Reports[i-1].Sequence)
		}
	}
	if c.Inventory != nil && len(c.Inventory.Installed) > MaxInstalled {
		l.Add("inventory.installed", fmt.Sprint(len(c.Inventory.Installed)), "are more than %d", MaxInstalled)
	}
	return l.Err("check-in")
}

// Answer is the server's answer to a CheckIn.
type Answer struct {
	At            time.Time    `json:"at"`                      // the server's clock, UTC (MAN-8)
	Acknowledged  job.Sequence `json:"acknowledged"`            // every report up to this one is accepted (MAN-6)
	Manifest      []byte       `json:"manifest,omitempty"`      // sealed; nil when the agent holds the newest and it does not expire soon
	WantInventory bool         `json:"wantInventory,omitempty"` // call again, with Inventory
}

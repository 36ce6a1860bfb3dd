package manifest

import (
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// CheckIn is an agent's call. It is read as one of another release may have written it, see the package documentation.
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
	Key         string             `json:"key,omitempty"`        // Fingerprint of the asset's own key, which the transport makes sure of; empty: that of the asset which bears the name now (MAN-10)
	Trust       uint64             `json:"trust,omitempty"`      // the version of the trust document held; 1 while the manifest held is by a key that it no longer names; 0: none (MAN-13)
	Format      int                `json:"format,omitempty"`     // Format; 0: from before there was a number, and the agent tells nothing below
	Release     string             `json:"release,omitempty"`    // of the agent
	Hostname    string             `json:"hostname,omitempty"`
	Can         []string           `json:"can,omitempty"` // what the agent can do, see job.Capabilities
}

// UnmarshalJSON reads a call. What it says in names that this release does not know is kept as text (MAN-11).
func (c *CheckIn) UnmarshalJSON(data []byte) error {
	type plain CheckIn
	return enum.Unmarshal(data, (*plain)(c))
}

// Validate says everything that is wrong with the call: its bounds, and reports that are not numbered without gaps (MAN-6).
// The error is a *job.Invalid, or a *NewerFormat. What the reports and the inventory say is for their receiver to judge.
func (c CheckIn) Validate() error {
	if err := CheckFormat("the check-in", c.Format, Format); err != nil {
		return err
	}
	var l problem.List
	if c.Format < 0 {
		l.Add("format", fmt.Sprint(c.Format), "is not a format: they begin at 1")
	}
	l.Under("asset", job.ValidID(string(c.Asset)))
	if c.At.IsZero() {
		l.Add("at", "", "is missing; send the agent's clock")
	}
	number(&l, "held", c.Held)
	number(&l, "made", c.Made)
	number(&l, "trust", c.Trust)
	if most := time.Duration(MaxNumber); c.Offset.Abs() > most {
		l.Add("offset", c.Offset.String(), "is more than %v either way; send that, and At so that the sum is right", most)
	}
	l.Text("boot", c.Boot, MaxWord)
	l.Text("zone", c.Zone, MaxWord)
	l.Text("digest", c.Digest, MaxWord)
	l.Text("heldDigest", c.HeldDigest, MaxWord)
	l.Text("release", c.Release, MaxWord)
	l.Text("hostname", c.Hostname, MaxWord)
	l.Under("can", job.ValidCapabilities(c.Can))
	l.Text("key", c.Key, MaxWord)
	number(&l, "call", c.Call)
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
		number(&l, field, r.Sequence)
		if n := int64(r.Reboots); n < 0 || n > MaxNumber {
			l.Add(fmt.Sprintf("reports[%d].reboots", i), fmt.Sprint(n), "is not a number of reboots")
		}
		for j, a := range r.Actions {
			if n := int64(a.Exit); n < -MaxNumber || n > MaxNumber {
				l.Add(fmt.Sprintf("reports[%d].actions[%d].exit", i, j), fmt.Sprint(n), "is over %d either way (MAN-12)", int64(MaxNumber))
			}
		}
	}
	if c.Inventory != nil && c.Inventory.Len() > MaxInstalled {
		l.Add("inventory.installed", fmt.Sprint(c.Inventory.Len()), "are more than %d", MaxInstalled)
	}
	return l.Err("check-in")
}

// ErrRefused is an authenticated refusal: the server answered, and takes no calls of this agent. Nothing starts until it does
// again (MAN-7). An error that is not one, such as a broken connection, says nothing.
var ErrRefused = errors.New("the server refuses the calls of this agent")

// Answer is the server's answer to a CheckIn.
type Answer struct {
	At            time.Time    `json:"at"`                      // the server's clock, UTC (MAN-8)
	Acknowledged  job.Sequence `json:"acknowledged"`            // every report up to this one is accepted (MAN-6)
	Manifest      []byte       `json:"manifest,omitempty"`      // sealed; nil when the agent holds the newest and it does not expire soon
	WantInventory bool         `json:"wantInventory,omitempty"` // call again, with Inventory
	Trust         [][]byte     `json:"trust,omitempty"`         // the versions of the trust document that follow CheckIn.Trust (MAN-13)
	Format        int          `json:"format,omitempty"`        // Format; 0 is read as 1
}

// Validate says what is wrong with the answer's numbers; to the agent an answer that is not valid is none (MAN-12). What its
// Manifest is worth is for Open to judge. The error is a *job.Invalid.
func (a Answer) Validate() error {
	var l problem.List
	if y := a.At.UTC().Year(); y < 2000 || y >= 2100 {
		l.Add("at", a.At.String(), "is not a time between 2000 and 2100")
	}
	number(&l, "acknowledged", a.Acknowledged)
	return l.Err("answer")
}

// number adds what is over MaxNumber.
func number[N ~uint64](l *problem.List, field string, n N) {
	if n > MaxNumber {
		l.Add(field, fmt.Sprint(n), "is over %d (MAN-12)", uint64(MaxNumber))
	}
}

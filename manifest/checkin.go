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

// CheckIn is one call of an agent. It may come from another release: see the
// package documentation.
type CheckIn struct {
	Asset job.AssetID `json:"asset"`
	// Held is the revision the agent holds, HeldDigest that manifest's [Digest].
	Held       Revision `json:"held"`
	HeldDigest string   `json:"heldDigest,omitempty"`
	// At is the agent's own clock, uncorrected, UTC. Offset is the server's
	// clock minus it, as last learned (MAN-8).
	At     time.Time     `json:"at"`
	Offset time.Duration `json:"offset,omitempty"`
	Boot   string        `json:"boot,omitempty"`
	// Reboot says that the system needs a reboot, or an order that ended does
	// (RBT-11, JOB-18). RebootSince is by the agent's own clock, uncorrected,
	// UTC; zero: unknown.
	Reboot      bool      `json:"reboot,omitempty"`
	RebootSince time.Time `json:"rebootSince,omitzero"`
	// Zone is the asset's time zone, a name of the IANA database (JOB-9).
	Zone     string `json:"zone,omitempty"`
	LastCall bool   `json:"lastCall,omitempty"` // MAN-7
	// Slot is the order whose reboot waits for a slot, or has one until it is
	// over; empty: the asset makes no use of a slot (ROL-7).
	Slot job.OrderID `json:"slot,omitempty"`
	// Made is the number of the newest report, acknowledged or not. Reports are
	// the oldest unacknowledged ones, in order (MAN-6).
	Made    job.Sequence `json:"made,omitempty"`
	Reports []job.Report `json:"reports,omitempty"`
	// Digest is the catalog.Inventory.Digest of the present inventory.
	// Inventory is set when the server asked for it.
	Digest    string             `json:"digest,omitempty"`
	Inventory *catalog.Inventory `json:"inventory,omitempty"`
	// Call is the number of this call; it grows with each. A request that only
	// adds Inventory repeats the number of the request before it (MAN-6).
	Call uint64 `json:"call,omitempty"`
	// Key is the [Fingerprint] of the asset's own key, which the transport
	// checks. Empty: the key of the asset that has this name now (MAN-10).
	Key string `json:"key,omitempty"`
	// Trust is the version of the trust document held; 0: none. It is 1 while
	// the manifest held is signed by a key that this document no longer names
	// (MAN-13).
	Trust uint64 `json:"trust,omitempty"`
	// Format is [Format]. 0: a release without format numbers, which sends none
	// of the fields below.
	Format   int    `json:"format,omitempty"`
	Release  string `json:"release,omitempty"` // the agent's
	Hostname string `json:"hostname,omitempty"`
	// Can lists what the agent can do: see job.Capabilities.
	Can []string `json:"can,omitempty"`
}

// UnmarshalJSON reads a check-in. Names that this release does not know are
// kept as text (MAN-11).
func (c *CheckIn) UnmarshalJSON(data []byte) error {
	type plain CheckIn
	return enum.Unmarshal(data, (*plain)(c))
}

// Validate returns every problem of the check-in: bounds, and reports that are
// not numbered without gaps (MAN-6). It does not judge what the reports and the
// inventory say. The error is a *job.Invalid or a [*NewerFormat].
func (c CheckIn) Validate() error {
	if err := CheckFormat("the check-in", c.Format, Format); err != nil {
		return err
	}
	var l problem.List
	if c.Format < 0 {
		l.Add("format", fmt.Sprint(c.Format), "is not a format; the first is 1")
	}
	l.Under("asset", job.ValidID(string(c.Asset)))
	if c.At.IsZero() {
		l.Add("at", "", "is missing; send the agent's clock")
	}
	number(&l, "held", c.Held)
	number(&l, "made", c.Made)
	number(&l, "trust", c.Trust)
	if most := time.Duration(MaxNumber); c.Offset.Abs() > most {
		l.Add("offset", c.Offset.String(), "is more than %v either way; send at most that, and an At that makes the sum right", most)
	}
	l.Text("boot", c.Boot, MaxWord)
	l.Text("zone", c.Zone, MaxWord)
	l.Text("digest", c.Digest, MaxWord)
	l.Text("heldDigest", c.HeldDigest, MaxWord)
	l.Text("release", c.Release, MaxWord)
	l.Text("hostname", c.Hostname, MaxWord)
	l.Text("slot", string(c.Slot), 3*job.MaxID)
	l.Under("can", job.ValidCapabilities(c.Can))
	l.Text("key", c.Key, MaxWord)
	number(&l, "call", c.Call)
	if len(c.Reports) > MaxReports {
		l.Add("reports", fmt.Sprint(len(c.Reports)), "is more than %d reports; send the oldest and call again", MaxReports)
	}
	for i, r := range c.Reports {
		field := fmt.Sprintf("reports[%d].sequence", i)
		switch {
		case r.Sequence == 0:
			l.Add(field, "0", "is not a sequence number; the first is 1")
		case i > 0 && r.Sequence != c.Reports[i-1].Sequence+1:
			l.Add(field, fmt.Sprint(r.Sequence), "does not follow %d", c.Reports[i-1].Sequence)
		}
		number(&l, field, r.Sequence)
		if n := int64(r.Reboots); n < 0 || n > MaxNumber {
			l.Add(fmt.Sprintf("reports[%d].reboots", i), fmt.Sprint(n), "is not from 0 to %d", int64(MaxNumber))
		}
		for j, a := range r.Actions {
			if n := int64(a.Exit); n < -MaxNumber || n > MaxNumber {
				l.Add(fmt.Sprintf("reports[%d].actions[%d].exit", i, j), fmt.Sprint(n), "is more than %d either way (MAN-12)", int64(MaxNumber))
			}
		}
	}
	if c.Inventory != nil && c.Inventory.Len() > MaxInstalled {
		l.Add("inventory.installed", fmt.Sprint(c.Inventory.Len()), "is more than %d products", MaxInstalled)
	}
	return l.Err("check-in")
}

// ErrRefused is an authenticated refusal: the server answered and does not
// accept this agent's calls. Nothing starts until it accepts one again (MAN-7).
// Other errors, such as a broken connection, are not an answer.
var ErrRefused = errors.New("the server refuses the calls of this agent")

// Answer is the server's answer to a [CheckIn].
type Answer struct {
	At time.Time `json:"at"` // the server's clock, UTC (MAN-8)
	// Acknowledged says that every report up to this number is accepted (MAN-6).
	Acknowledged job.Sequence `json:"acknowledged"`
	// Manifest is sealed. Nil: the agent holds the newest, and it does not
	// expire soon.
	Manifest []byte `json:"manifest,omitempty"`
	// WantInventory asks the agent to call again with its inventory.
	WantInventory bool `json:"wantInventory,omitempty"`
	// Trust is the versions of the trust document after CheckIn.Trust (MAN-13).
	Trust  [][]byte `json:"trust,omitempty"`
	Format int      `json:"format,omitempty"` // [Format]; 0 is read as 1
}

// Validate returns every problem of the answer's numbers. An agent treats an
// invalid answer as a failed call (MAN-12). [Open] judges the manifest. The
// error is a *job.Invalid.
func (a Answer) Validate() error {
	var l problem.List
	if y := a.At.UTC().Year(); y < 2000 || y >= 2100 {
		l.Add("at", a.At.String(), "is not a time between 2000 and 2100")
	}
	number(&l, "acknowledged", a.Acknowledged)
	return l.Err("answer")
}

// number reports a number above MaxNumber.
func number[N ~uint64](l *problem.List, field string, n N) {
	if n > MaxNumber {
		l.Add(field, fmt.Sprint(n), "is more than %d (MAN-12)", uint64(MaxNumber))
	}
}

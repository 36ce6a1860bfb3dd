package manifest

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// Revision numbers an asset's manifests; it only grows (MAN-5). Zero: none yet.
type Revision uint64

// Document is every order an asset should hold now (MAN-4).
type Document struct {
	Format   int         `json:"format"` // 1
	Asset    job.AssetID `json:"asset"`
	Revision Revision    `json:"revision"`
	Issued   time.Time   `json:"issued"`  // UTC
	Expires  time.Time   `json:"expires"` // UTC
	Orders   []job.Order `json:"orders"`  // by Start, then ID
}

// CheckIn is an agent's call.
type CheckIn struct {
	Asset     job.AssetID        `json:"asset"`
	Held      Revision           `json:"held"`             // the revision the agent holds
	At        time.Time          `json:"at"`               // the agent's own clock, uncorrected, UTC
	Offset    time.Duration      `json:"offset,omitempty"` // server's clock minus its own, as last learned (MAN-8)
	Boot      string             `json:"boot,omitempty"`
	Zone      string             `json:"zone,omitempty"`      // the asset\'s time zone, a name of the IANA database (JOB-9)
	LastCall  bool               `json:"lastCall,omitempty"`  // MAN-7
	Reports   []job.Report       `json:"reports,omitempty"`   // the oldest unacknowledged ones, in order (MAN-6)
	Digest    string             `json:"digest,omitempty"`    // catalog.Inventory.Digest of the present inventory
	Inventory *catalog.Inventory `json:"inventory,omitempty"` // when the server asked for it
}

// Answer is the server's answer to a CheckIn.
type Answer struct {
	At            time.Time    `json:"at"`                      // the server's clock, UTC (MAN-8)
	Acknowledged  job.Sequence `json:"acknowledged"`            // every report up to this one is accepted (MAN-6)
	Manifest      []byte       `json:"manifest,omitempty"`      // sealed; nil when the agent holds the newest and it does not expire soon
	WantInventory bool         `json:"wantInventory,omitempty"` // call again, with Inventory
}

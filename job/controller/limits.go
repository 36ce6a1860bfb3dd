package controller

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Bounds of the store. Every implementation enforces them and is tested at each
// and one past it.
const (
	MaxTable = 32      // bytes of a table's name
	MaxKey   = 1024    // bytes of a key: PostgreSQL indexes at most about 2,700
	MaxValue = 4 << 20 // bytes of a value: what a transaction copies stays small; bigger things are stored in chunks
	MaxScan  = 10_000  // records of one Scan: 10,000 small ones are some MB
	MaxMany  = 1000    // keys of one GetMany: two parameters per key are within every engine's limit (SQL Server's is 2,100)
)

// Bounds of the use cases.
const (
	// MaxAnomalies is how many anomalies are kept per asset, the newest.
	MaxAnomalies = 32
	// MaxUnreachable is how many unreachable URLs are kept (CAT-10): every
	// decision reads them. A longer list means that the network is down.
	MaxUnreachable = 5000
	// MaxDefinition is how many bytes a job has in JSON: 50,000 assets by name.
	// More are selected by tags.
	MaxDefinition = 2 << 20
	// MaxBatch is the most assets of one transaction: it holds the writer for
	// some 500 ms.
	MaxBatch = 1000
	// MaxPage is the longest page of a list.
	MaxPage = 1000
	// maxEventText is how many bytes the subject and the text of an event have.
	maxEventText = 1024
	// PruneAge is the least time that history is kept. Agents remember for the
	// same time which orders ended, and report them again (JOB-24).
	PruneAge = 90 * 24 * time.Hour
	// MaxTokenUses bounds how many assets one token enrols.
	MaxTokenUses = 100_000
	// MaxRevision is the highest manifest revision an asset may claim to hold.
	// It leaves enough revisions below manifest.MaxNumber for later manifests.
	MaxRevision manifest.Revision = manifest.MaxNumber / 2
	// MaxPolicies bounds the calendars and the baselines of a Config: every plan
	// of a job looks for those that the job names.
	MaxPolicies = 1000
	// MaxDeadlines bounds the tables of Config.Deadlines, each of which is asked
	// about each vulnerability of each asset.
	MaxDeadlines = 8
	// MaxOffset is the highest clock offset that is not flagged (MAN-8).
	MaxOffset = 5 * time.Minute
)

// maxSets is how many patches the orders that are kept in memory have in all:
// some 30 MB. maxDrafts is how many bytes of JSON the drafts of one Tick have;
// in memory they take some three times as much.
const (
	maxSets   = 50_000
	maxDrafts = 16 << 20
)

// maxInventories is how many products the inventories that are kept in memory
// list in all: some 30 MB.
const maxInventories = 200_000

// maxPieces is how many pieces a stored catalog may have. Some 256 records are
// in one, and the largest have 8,000 pieces.
const maxPieces = 1 << 16

// snapshotChunk is the size of one stored piece of an inventory.
const snapshotChunk = 1 << 20

// BoundError says that something is too big, or empty where it must not be
// empty.
type BoundError struct {
	What  string // "key", "value", "scan limit" …
	Have  int
	Limit int
}

func (e *BoundError) Error() string {
	if e.Have <= 0 {
		return fmt.Sprintf("%s is %d: want 1 to %d", e.What, e.Have, e.Limit)
	}
	return fmt.Sprintf("%s is %d: the limit is %d", e.What, e.Have, e.Limit)
}

// CheckKey returns a *BoundError for a table's name or a key that no store
// takes. Implementations of Store call it.
func CheckKey(table Table, key string) error {
	if err := bound("length of a table's name", len(table), MaxTable); err != nil {
		return err
	}
	return bound("length of a key", len(key), MaxKey)
}

// CheckValue returns a *BoundError for a value that no store takes. An empty
// value is allowed.
func CheckValue(value []byte) error {
	if len(value) > MaxValue {
		return &BoundError{"length of a value", len(value), MaxValue}
	}
	return nil
}

// CheckScan returns a *BoundError for arguments of Scan that no store takes.
func CheckScan(table Table, from, to string, limit int) error {
	if err := bound("length of a table's name", len(table), MaxTable); err != nil {
		return err
	}
	for _, key := range []string{from, to} {
		if len(key) > MaxKey {
			return &BoundError{"length of a key", len(key), MaxKey}
		}
	}
	return bound("limit of a scan", limit, MaxScan)
}

// CheckMany returns a *BoundError for arguments of GetMany that no store takes.
// An empty list is allowed.
func CheckMany(keys []Key) error {
	if len(keys) > MaxMany {
		return &BoundError{"number of keys", len(keys), MaxMany}
	}
	for _, k := range keys {
		if err := CheckKey(k.Table, k.Key); err != nil {
			return err
		}
	}
	return nil
}

func bound(what string, have, limit int) error {
	if have < 1 || have > limit {
		return &BoundError{what, have, limit}
	}
	return nil
}

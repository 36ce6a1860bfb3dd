package controller

import (
	"crypto/sha256"
	"sync"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// maxKnown is how many assets' calls are answered from memory: about 1 kB each.
const maxKnown = 1_000_000

// knownCall is what a quiet call of an asset is answered from.
type knownCall struct {
	call
	stored   digest // of the seenRecord
	keyID    string // fingerprint of the asset's key
	exchange []byte
}

// digest shows whether a record is still the same.
type digest [sha256.Size]byte

// known remembers what quiet calls are answered from, as the store has it. Only
// a controller that alone writes to its store can: each transaction forgets what
// it wrote, right after its commit. Nil remembers nothing.
type known struct {
	mu    sync.RWMutex
	calls map[job.AssetID]*knownCall
	age   uint64 // grows with each transaction that wrote something of it
}

func (k *known) get(id job.AssetID) *knownCall {
	if k == nil {
		return nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.calls[id]
}

// begun returns the age to give to put. Call it before anything is read.
func (k *known) begun() uint64 {
	if k == nil {
		return 0
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.age
}

// put remembers what was read of an asset, unless something was written since.
func (k *known) put(r *reader, id job.AssetID, got call, age uint64) {
	if k == nil || r.failed != nil {
		return
	}
	rec, _ := r.findAsset(id)
	got.reports = reportsRecord{Acknowledged: got.reports.Acknowledged}
	got.inventory = inventoryRecord{Digest: got.inventory.Digest, Wanted: got.inventory.Wanted}
	c := &knownCall{got, sha256.Sum256(r.get(tableSeen, key(string(id)))), manifest.Fingerprint(rec.Key), rec.Exchange}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.age != age || r.failed != nil {
		return
	}
	if len(k.calls) >= maxKnown {
		clear(k.calls)
	}
	k.calls[id] = c
}

// written is what a transaction wrote of what is known, in all its attempts.
type written struct {
	stops  bool                  // how many runs are being stopped
	assets map[string]bool       // by the key of their records
	quiet  map[string]quietWrite // of these, nothing else
}

// quietWrite is a seenRecord after a quiet call, and the one before it.
type quietWrite struct {
	before, after digest
	seen          seenRecord
}

// wrote notes a record that is written.
func (w *written) wrote(table Table, key string) {
	switch table {
	case tableAssets, tableSeen, tableReports, tableRevisions, tableInventories, tableCloned:
		if w.assets == nil {
			w.assets = map[string]bool{}
		}
		w.assets[key] = true
	case tableMeta:
		w.stops = w.stops || key == stopsKey
	}
}

// forget forgets what a transaction wrote, but takes in what quiet calls wrote.
func (k *known) forget(w written) {
	if k == nil || len(w.assets) == 0 && !w.stops {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.age++; w.stops {
		clear(k.calls)
	}
	for key := range w.assets {
		name, _ := last(key)
		id := job.AssetID(name)
		was, q := k.calls[id], w.quiet[key]
		if delete(k.calls, id); was != nil && was.stored == q.before {
			next := *was
			next.seen, next.stored = q.seen, q.after
			k.calls[id] = &next
		}
	}
}

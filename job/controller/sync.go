package controller

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// snapshotRecord is the header of the stored snapshot.
type snapshotRecord struct {
	Generation uint64 `json:"generation"` // grows with every sync; the feeds' times change even when ID does not
	ID         uint64 `json:"id"`
	Chunks     int    `json:"chunks"`
}

// Sync stores what the feeds brought: the whole catalog changes at once or
// not at all (CAT-1). Open orders, whatever is known of their executions, then
// lose the patches that are deprecated (CAT-9), left the catalog, or are no
// longer the newest of a LatestOnly product (CAT-6), each by a new manifest
// revision.
//
// The error is an *UnfinishedError when the catalog is stored and orders are
// still to follow.
func (c *Controller) Sync(ctx context.Context, batches []catalog.Batch, now time.Time) (catalog.Changes, error) {
	var changes catalog.Changes
	var next cachedSnapshot
	err := c.update(ctx, now, func(t *tx) {
		var snap *catalog.Snapshot
		snap, changes = catalog.Sync(t.snapshot(), batches, t.now)
		var changed bool
		if next, changed = t.saveSnapshot(snap); changed {
			t.planTrims(snap)
		}
	})
	if err != nil {
		return catalog.Changes{}, fmt.Errorf("sync: %w", err)
	}
	c.cached.Store(&next)
	_, err = c.Tick(ctx, now)
	return changes, unfinished(err)
}

// saveSnapshot stores the next snapshot under the next generation. Changed says
// whether its ID differs from the one before.
func (t *tx) saveSnapshot(snap *catalog.Snapshot) (next cachedSnapshot, changed bool) {
	header, _ := load[snapshotRecord](t.reader, tableMeta, key("snapshot"))
	next = cachedSnapshot{header.Generation + 1, snap}
	var data bytes.Buffer
	if err := snap.Encode(&data); err != nil {
		t.fail(fmt.Errorf("encode the catalog: %w", err))
	}
	t.fail(bound("size of the encoded catalog", data.Len(), maxSnapshot))
	header.Chunks = t.saveChunks(tableSnapshot, "", data.Bytes(), header.Chunks)
	changed = header.ID != snap.ID()
	header.ID, header.Generation = snap.ID(), next.generation
	t.save(tableMeta, key("snapshot"), header)
	return next, changed
}

// Snapshot returns the present catalog. It never changes, so the caller may
// keep it.
func (c *Controller) Snapshot(ctx context.Context) (*catalog.Snapshot, error) {
	return view(ctx, c, (*reader).snapshot)
}

// snapshot returns the catalog as of the transaction, out of the cache when
// that is the same.
func (r *reader) snapshot() *catalog.Snapshot {
	header, found := load[snapshotRecord](r, tableMeta, key("snapshot"))
	if !found {
		return nil // a nil Snapshot is the empty one
	}
	if have := r.c.cached.Load(); have != nil && have.generation == header.Generation {
		return have.snapshot
	}
	data := r.loadChunks(tableSnapshot, "", header.Chunks)
	if r.failed != nil {
		return nil
	}
	snap, err := catalog.Decode(bytes.NewReader(data))
	if err != nil {
		r.fail(fmt.Errorf("load the catalog: %w", err))
		return nil
	}
	r.c.cached.Store(&cachedSnapshot{header.Generation, snap})
	return snap
}

// planTrims starts a trimming pass on every run with live orders that hold a
// patch which may no longer be deployed.
func (t *tx) planTrims(snap *catalog.Snapshot) {
	for from := ""; ; {
		live := t.scan(tableLive, from, "", 1)
		if len(live) == 0 {
			return
		}
		id := t.parts(tableLive, live[0].Key, 2)[0]
		prefix := key(id)
		from = after(prefix)
		var drop []ledger.Drop
		for row := range t.rows(tableRunPatches, prefix, 2) {
			if d, bad := undeployable(snap, catalog.PatchID(row.parts[1])); bad && len(row.Value) == 0 {
				drop = append(drop, d)
			}
		}
		if len(drop) > 0 {
			t.stepRun(t.run(job.RunID(id)), ledger.PatchesLeft{Drop: drop})
		}
	}
}

// trimmed is the value in tableRunPatches of a patch that no order of the run
// holds any more which could still lose it.
var trimmed = []byte("trimmed")

// undeployable says whether a patch may no longer be in an order whatever the
// asset, and why.
func undeployable(snap *catalog.Snapshot, id catalog.PatchID) (ledger.Drop, bool) {
	patch, found := snap.Patch(id)
	switch {
	case !found:
		return ledger.Drop{Patch: id, Rule: "CAT-9", Text: "The patch left the catalog."}, true
	case snap.Lifecycle(id) == catalog.LifecycleDeprecated:
		return ledger.Drop{Patch: id, Rule: "CAT-9", Text: "The patch was deprecated and withdrawn."}, true
	}
	for _, a := range patch.Artifacts {
		if a.Availability != catalog.LatestOnly {
			continue
		}
		newest, found := snap.Newest(patch.Product)
		if !found {
			continue
		}
		if order, ok := newest.Version.Compare(patch.Version); ok && order > 0 {
			return ledger.Drop{Patch: id, Rule: "CAT-6", Text: fmt.Sprintf("Only the newest version can be downloaded; that is %s now.", newest.Version)}, true
		}
	}
	return ledger.Drop{}, false
}

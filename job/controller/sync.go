package controller

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// snapshotRecord is the header of the stored snapshot.
type snapshotRecord struct {
	Generation uint64   `json:"generation"` // grows with every sync; the feeds' times change even when ID does not
	ID         uint64   `json:"id"`
	Pieces     []string `json:"pieces,omitempty"` // keys of its pieces, in their order
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
	changes, err := c.sync(ctx, batches, instant(now))
	if err != nil {
		return catalog.Changes{}, fmt.Errorf("sync: %w", err)
	}
	_, err = c.Tick(ctx, now)
	return changes, unfinished(err)
}

// sync makes and packs the next snapshot before the transaction that stores it.
// It begins again if another sync was faster.
func (c *Controller) sync(ctx context.Context, batches []catalog.Batch, now time.Time) (changes catalog.Changes, err error) {
	for {
		base, err := view(ctx, c, (*reader).stored)
		if err != nil {
			return changes, err
		}
		var snap *catalog.Snapshot
		snap, changes = catalog.Sync(base.snapshot, batches, now)
		next, err := base.next(snap)
		if err != nil {
			return changes, err
		}
		overtaken := false
		err = c.update(ctx, now, func(t *tx) {
			if overtaken = t.stored().header.Generation != base.header.Generation; overtaken || t.failed != nil {
				return
			}
			t.saveSnapshot(base, next)
			if base.header.ID != snap.ID() {
				t.planTrims(snap)
			}
		})
		if err != nil {
			return changes, err
		}
		if !overtaken {
			c.cached.Store(&next.storedSnapshot)
			return changes, nil
		}
	}
}

// storedSnapshot is a snapshot and the header under which it is stored.
type storedSnapshot struct {
	header   snapshotRecord
	snapshot *catalog.Snapshot // nil: the empty one
}

// packedSnapshot is about to be stored: the pieces that the store has not got
// have data.
type packedSnapshot struct {
	storedSnapshot
	pieces []catalog.Piece
}

// next packs the snapshot that follows.
func (s storedSnapshot) next(snap *catalog.Snapshot) (packedSnapshot, error) {
	next := packedSnapshot{storedSnapshot: storedSnapshot{snapshotRecord{Generation: s.header.Generation + 1, ID: snap.ID()}, snap}}
	had := make(map[string]bool, len(s.header.Pieces))
	for _, name := range s.header.Pieces {
		had[name] = true
	}
	var err error
	if next.pieces, err = snap.Pieces(func(name string) bool { return had[name] }); err != nil {
		return next, fmt.Errorf("encode the catalog: %w", err)
	}
	for _, p := range next.pieces {
		next.header.Pieces = append(next.header.Pieces, p.Name)
	}
	return next, bound("number of pieces of the encoded catalog", len(next.pieces), maxPieces)
}

// saveSnapshot stores the new pieces of a snapshot, and removes those that only
// the snapshot before it had.
func (t *tx) saveSnapshot(before storedSnapshot, next packedSnapshot) {
	kept := make(map[string]bool, len(next.pieces))
	for _, p := range next.pieces {
		if kept[p.Name] = true; p.Data != nil {
			t.put(tableSnapshot, key(p.Name), p.Data)
		}
	}
	for _, name := range before.header.Pieces {
		if !kept[name] {
			t.delete(tableSnapshot, key(name))
		}
	}
	t.save(tableMeta, key("snapshot"), next.header)
	t.publish()
}

// Snapshot returns the present catalog. It never changes, so the caller may
// keep it.
func (c *Controller) Snapshot(ctx context.Context) (*catalog.Snapshot, error) {
	return view(ctx, c, (*reader).snapshot)
}

// snapshot returns the catalog as of the transaction.
func (r *reader) snapshot() *catalog.Snapshot { return r.stored().snapshot }

// stored returns the catalog as of the transaction, out of the cache when that
// is the same.
func (r *reader) stored() (s storedSnapshot) {
	var found bool
	if s.header, found = load[snapshotRecord](r, tableMeta, key("snapshot")); !found {
		return s
	}
	if have := r.c.cached.Load(); have != nil && have.header.Generation == s.header.Generation && have.header.ID == s.header.ID {
		return *have
	}
	var stream []io.Reader
	for some := range slices.Chunk(s.header.Pieces, MaxMany) {
		keys := make([]Key, len(some))
		for i, name := range some {
			keys[i] = Key{tableSnapshot, key(name)}
		}
		for i, data := range r.getMany(keys) {
			if data == nil {
				r.fail(fmt.Errorf("piece %q of the catalog is missing in table %s", some[i], tableSnapshot))
			}
			stream = append(stream, bytes.NewReader(data))
		}
	}
	if r.failed != nil {
		return storedSnapshot{}
	}
	var err error
	if s.snapshot, err = catalog.Decode(io.MultiReader(stream...)); err != nil {
		r.fail(fmt.Errorf("load the catalog: %w", err))
		return storedSnapshot{}
	}
	r.c.cached.Store(&s)
	return s
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
// can lose any more.
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

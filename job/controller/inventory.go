package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// inventoryRecord is the header of an asset's stored inventory.
type inventoryRecord struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	Chunks int       `json:"chunks"`
	Wanted bool      `json:"wanted,omitempty"` // ask for it even if the digest is the same: an order waits for a new one
}

// takeInventory stores an inventory, and reports whether orders must be planned
// again with it.
func (t *tx) takeInventory(id job.AssetID, got *call, in manifest.CheckIn) (changed bool) {
	asset, inventory := t.enrolled(id), *in.Inventory
	if err := inventory.Check(); err != nil {
		got.reports.anomaly(Anomaly{At: t.now, Text: problem.Clip(err.Error(), ledger.MaxText)})
		return false
	}
	if inventory.Platform != asset.Platform {
		got.reports.anomaly(Anomaly{At: t.now, Text: fmt.Sprintf("sent an inventory of platform %v; it enrolled as %v", inventory.Platform, asset.Platform)})
		return false
	}
	digest := cmp.Or(in.Digest, inventory.Digest()) // an agent of a later release counts what is not known here
	if digest == got.inventory.Digest && !got.inventory.Wanted {
		return false
	}
	k := key(string(id))
	chunks := t.saveChunks(tableInventory, k, t.encode(inventory), got.inventory.Chunks)
	got.inventory = inventoryRecord{Digest: digest, At: t.now, Chunks: chunks}
	t.save(tableInventories, k, got.inventory)
	return true
}

// knownAsset returns an asset and its last inventory; the error is a
// *NotFoundError if it has none, or is unknown.
func (r *reader) knownAsset(id job.AssetID) (assetRecord, catalog.Inventory) {
	rec := r.asset(id)
	inventory, known := r.inventory(id)
	if !known {
		r.fail(&NotFoundError{"inventory of asset", string(id)})
	}
	return rec, inventory
}

// inventory returns an asset's last inventory; known is false while there is
// none.
func (r *reader) inventory(id job.AssetID) (inventory catalog.Inventory, known bool) {
	k := key(string(id))
	header, known := load[inventoryRecord](r, tableInventories, k)
	if !known {
		return inventory, false
	}
	if data := r.loadChunks(tableInventory, k, header.Chunks); r.failed == nil {
		if err := json.Unmarshal(data, &inventory); err != nil {
			r.fail(fmt.Errorf("inventory of asset %s: %w", id, err))
		}
	}
	return inventory, r.failed == nil
}

// Inventory returns an asset's last inventory. The error is a *NotFoundError for
// an unknown asset, or one that sent none yet.
func (c *Controller) Inventory(ctx context.Context, id job.AssetID) (catalog.Inventory, error) {
	return view(ctx, c, func(r *reader) catalog.Inventory {
		_, inventory := r.knownAsset(id)
		return inventory
	})
}

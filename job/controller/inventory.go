package controller

import (
	"cmp"
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
func (t *tx) takeInventory(id job.AssetID, got *call, in manifest.CheckIn) (changed bool, err error) {
	asset, err := enrolled(t, id)
	if err != nil {
		return false, err
	}
	inventory := *in.Inventory
	err = inventory.Check()
	switch {
	case err != nil:
		got.reports.anomaly(Anomaly{At: t.now, Text: problem.Clip(err.Error(), ledger.MaxText)})
		return false, nil
	case inventory.Platform != asset.Platform:
		got.reports.anomaly(Anomaly{At: t.now, Text: fmt.Sprintf("sent an inventory of platform %v; it enrolled as %v", inventory.Platform, asset.Platform)})
		return false, nil
	}
	digest := cmp.Or(in.Digest, inventory.Digest()) // an agent of a later release counts what is not known here
	if digest == got.inventory.Digest && !got.inventory.Wanted {
		return false, nil
	}
	data, err := json.Marshal(inventory)
	if err != nil {
		return false, fmt.Errorf("inventory of asset %s: %w", id, err)
	}
	k := key(string(id))
	chunks := t.saveChunks(tableInventory, k, data, got.inventory.Chunks)
	got.inventory = inventoryRecord{Digest: digest, At: t.now, Chunks: chunks}
	t.save(tableInventories, k, got.inventory)
	return true, nil
}

// knownAsset returns an asset and its last inventory; the error is a
// *NotFoundError if it has none, or is unknown.
func knownAsset(r Reader, id job.AssetID) (rec assetRecord, inventory catalog.Inventory, err error) {
	if rec, err = loadAsset(r, id); err != nil {
		return rec, inventory, err
	}
	inventory, known, err := loadInventory(r, id)
	if err == nil && !known {
		err = &NotFoundError{"inventory of asset", string(id)}
	}
	return rec, inventory, err
}

// loadInventory returns an asset's last inventory; known is false while there
// is none.
func loadInventory(r Reader, id job.AssetID) (inventory catalog.Inventory, known bool, err error) {
	header, known, err := load[inventoryRecord](r, tableInventories, key(string(id)))
	if err != nil || !known {
		return inventory, known, err
	}
	data, err := loadChunks(r, tableInventory, key(string(id)), header.Chunks)
	if err == nil {
		err = json.Unmarshal(data, &inventory)
	}
	if err != nil {
		err = fmt.Errorf("inventory of asset %s: %w", id, err)
	}
	return inventory, known, err
}

package controller

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// inventoryRecord is the header of an asset's stored inventory.
type inventoryRecord struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	Chunks int       `json:"chunks"`
}

// takeInventory stores a changed inventory and makes the orders that waited for the first one.
func (t *tx) takeInventory(id job.AssetID, got *call, sent catalog.Inventory) error {
	asset, err := enrolled(t, id)
	if err != nil {
		return err
	}
	inventory, err := catalog.NewInventory(sent.Platform, sent.Installed)
	switch {
	case err != nil:
		got.reports.anomaly(Anomaly{At: t.now, Text: problem.Clip(err.Error(), ledger.MaxText)})
		return nil
	case inventory.Platform != asset.Platform:
		got.reports.anomaly(Anomaly{At: t.now, Text: fmt.Sprintf("sent an inventory of platform %v; it enrolled as %v", inventory.Platform, asset.Platform)})
		return nil
	}
	digest := inventory.Digest()
	if digest == got.inventory.Digest {
		return nil
	}
	data, err := json.Marshal(inventory)
	if err != nil {
		return fmt.Errorf("inventory of asset %s: %w", id, err)
	}
	k := key(string(id))
	chunks, err := saveChunks(t, tableInventory, k, data, got.inventory.Chunks)
	if err != nil {
		return err
	}
	got.inventory = inventoryRecord{Digest: digest, At: t.now, Chunks: chunks}
	if err := save(t, tableInventories, k, got.inventory); err != nil {
		return err
	}
	rows, err := queue(t, id)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(q queued) bool { return !q.Waiting })
	var keys []Key
	for _, q := range rows {
		e := entryKey(q.run, id)
		keys = append(keys, Key{tableRuns, key(string(q.run.Job()), string(q.run))}, e, Key{tableOutcomes, e.Key})
	}
	if err := t.fetch(keys...); err != nil {
		return err
	}
	for _, q := range rows {
		run, err := loadRun(t, q.run)
		if err == nil && (run.State == ledger.RunMaking || run.State == ledger.RunMade) {
			_, err = t.make(run, asset.Asset, ledger.Pass{Kind: ledger.MorePass})
		}
		if err != nil {
			return fmt.Errorf("order %s: %w", job.MakeOrderID(q.run, id), err)
		}
	}
	return nil
}

// knownAsset returns an asset and its last inventory; the error is a *NotFoundError if it has none, or is unknown.
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

// loadInventory returns an asset's last inventory; known is false while there is none.
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

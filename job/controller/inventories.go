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

// inventoryRecord says which inventory an asset has. The inventory itself is
// stored once, however many assets have the same.
type inventoryRecord struct {
	Digest  string    `json:"digest"`            // as the agent counts it
	Content string    `json:"content,omitempty"` // as this release does; empty: the same
	At      time.Time `json:"at"`
	Wanted  bool      `json:"wanted,omitempty"` // ask for it even if the digest is the same: an order waits for a new one

	First   time.Time                       `json:"first,omitzero"`    // when the asset's first inventory came
	Arrived map[catalog.ProductID]time.Time `json:"arrived,omitempty"` // when products came that the first did not have (DUE-2)
}

// arrived is since when the asset is known to have a product.
func (i inventoryRecord) arrived(p catalog.ProductID) time.Time {
	if at, later := i.Arrived[p]; later {
		return at
	}
	return i.First
}

// arrivals notes what products an inventory has that the one before did not.
func (i *inventoryRecord) arrivals(before inventoryRecord, had, has catalog.Inventory) {
	i.First, i.Arrived = before.First, map[catalog.ProductID]time.Time{}
	if before.Digest == "" {
		i.First = i.At
		return
	}
	for x := range has.Installed() {
		at, later := before.Arrived[x.Product]
		if _, there := had.Find(x.Product); !there {
			at, later = i.At, true
		}
		if later {
			i.Arrived[x.Product] = at
		}
	}
}

func (i inventoryRecord) content() string { return cmp.Or(i.Content, i.Digest) }

// imageKey says that an asset has the inventory.
func (i inventoryRecord) imageKey(id job.AssetID) Key {
	return Key{tableImages, key(i.content(), string(id))}
}

// takeInventory stores an inventory, and reports whether orders must be planned
// again with it.
func (t *tx) takeInventory(id job.AssetID, got *call, in manifest.CheckIn) (changed bool) {
	asset, inventory := t.enrolled(id), *in.Inventory
	if err := inventory.Check(); err != nil {
		got.reports.anomaly(Anomaly{At: t.now, Rule: "CAT-16", Text: problem.Clip(err.Error(), ledger.MaxText)})
		return false
	}
	if inventory.Platform != asset.Platform {
		got.reports.anomaly(Anomaly{At: t.now, Rule: "JOB-7", Text: fmt.Sprintf("sent an inventory of platform %v; it enrolled as %v", inventory.Platform, asset.Platform)})
		return false
	}
	content := inventory.Digest()
	digest := cmp.Or(in.Digest, content) // an agent of a later release counts what is not known here
	if digest == got.inventory.Digest && !got.inventory.Wanted {
		return false
	}
	before := got.inventory
	had, _ := t.inventory(id)
	got.inventory = inventoryRecord{Digest: digest, At: t.now}
	got.inventory.arrivals(before, had, inventory)
	if content != digest {
		got.inventory.Content = content
	}
	if before.Digest == "" || before.content() != content {
		image := key(content)
		if t.get(tableImages, image) == nil {
			t.save(tableImages, image, t.saveChunks(tableInventory, image, t.encode(inventory), 0))
		}
		t.c.inventories.put(content, inventory, inventory.Len())
		t.put(tableImages, got.inventory.imageKey(id).Key, nil)
		t.dropImage(id, before)
	}
	t.save(tableInventories, key(string(id)), got.inventory)
	return true
}

// dropImage says that an asset no longer has an inventory. Prune removes those
// that none has: to look for others here would make calls wait for each other.
func (t *tx) dropImage(id job.AssetID, had inventoryRecord) {
	if had.Digest != "" {
		t.delete(tableImages, had.imageKey(id).Key)
	}
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

// sweep removes an inventory that no asset has.
func (t *tx) sweep(content string) {
	k := key(content)
	list := t.scan(tableImages, k, after(k), 2) // it, and the first asset that has it
	if len(list) == 1 && list[0].Key == k {
		t.saveChunks(tableInventory, k, nil, decode[int](t.reader, tableImages, list[0]))
		t.delete(tableImages, k)
	}
}

// inventory returns an asset's last inventory; known is false while there is
// none.
func (r *reader) inventory(id job.AssetID) (inventory catalog.Inventory, known bool) {
	rec, known := load[inventoryRecord](r, tableInventories, key(string(id)))
	if !known {
		return inventory, false
	}
	content := rec.content()
	if inventory, known = r.c.inventories.get(content); known {
		return inventory, true
	}
	k := key(content)
	chunks, stored := load[int](r, tableImages, k)
	if !stored {
		r.fail(fmt.Errorf("inventory %q of asset %s is not in table %s", content, id, tableImages))
	}
	if data := r.loadChunks(tableInventory, k, chunks); r.failed == nil {
		if err := json.Unmarshal(data, &inventory); err != nil {
			r.fail(fmt.Errorf("inventory of asset %s: %w", id, err))
		}
	}
	if r.failed == nil {
		r.c.inventories.put(content, inventory, inventory.Len())
	}
	return inventory, r.failed == nil
}

// inventoryKeys are the records with the inventories of assets that are not in
// memory. Few have more than one chunk.
func (r *reader) inventoryKeys(assets []job.Asset) (keys []Key) {
	asked := map[string]bool{}
	for _, a := range assets {
		rec, known := load[inventoryRecord](r, tableInventories, key(string(a.ID)))
		content := rec.content()
		if _, have := r.c.inventories.get(content); known && !have && !asked[content] {
			asked[content] = true
			keys = append(keys, Key{tableImages, key(content)}, Key{tableInventory, key(content, chunkPart(0))})
		}
	}
	return keys
}

// Inventory returns an asset's last inventory. The error is a *NotFoundError for
// an unknown asset, or one that sent none yet.
func (c *Controller) Inventory(ctx context.Context, id job.AssetID) (catalog.Inventory, error) {
	return view(ctx, c, func(r *reader) catalog.Inventory {
		_, inventory := r.knownAsset(id)
		return inventory
	})
}

// pruneInventories removes the inventories that no asset has any more. They are
// no history, and not counted.
func (c *Controller) pruneInventories(ctx context.Context, _, now time.Time, _ *Removed) error {
	for from, more := "", true; more; {
		next := ""
		err := c.update(ctx, now, func(t *tx) {
			next = from
			for range t.c.config.Batch {
				list := t.scan(tableImages, next, "", 1)
				if more = len(list) > 0; !more {
					return
				}
				content := t.parts(tableImages, list[0].Key, 1)[0]
				t.sweep(content)
				next = after(key(content))
			}
		})
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

package controller

import (
	"context"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// Inventory returns an asset's last inventory. The error is a *NotFoundError for
// an unknown asset, or one that sent none yet.
func (c *Controller) Inventory(ctx context.Context, id job.AssetID) (catalog.Inventory, error) {
	return view(ctx, c.store, func(r Reader) (catalog.Inventory, error) {
		_, inventory, err := knownAsset(r, id)
		return inventory, err
	})
}

package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// SetCustomURLs sets the customer's URLs for Vendor artifacts, and takes back
// those whose URL is empty (CAT-5), all or none. Syncs keep them. Orders made
// from now on use them; orders that are made already stay as they are (JOB-8).
// The error is a *catalog.Invalid that names each one refused.
func (c *Controller) SetCustomURLs(ctx context.Context, urls []catalog.CustomURL, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		before := t.stored()
		snap, err := before.snapshot.WithCustomURLs(urls)
		if t.fail(err); err != nil || snap.ID() == before.snapshot.ID() {
			return
		}
		next, err := before.next(snap)
		t.fail(err)
		t.acted(URLsChanged, "", fmt.Sprintf("%d given", len(urls)))
		t.saveSnapshot(before, next)
	})
}

// CustomURLs lists the custom URLs that are set, by patch and artifact, those
// without effect included (CAT-5).
func (c *Controller) CustomURLs(ctx context.Context) ([]catalog.CustomURL, error) {
	snap, err := c.Snapshot(ctx)
	return snap.CustomURLs(), err
}

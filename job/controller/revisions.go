package controller

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// revisionRecord numbers an asset's manifests. Wanted grows, in the transaction of the change, with every change of what
// the asset should hold; while no manifest of that number was sealed, further changes share it.
//
// Sealing is a function of the orders and this record, so a manifest whose answer was lost is sealed again to the same bytes.
type revisionRecord struct {
	Wanted  manifest.Revision `json:"wanted"`
	Sealed  manifest.Revision `json:"sealed"` // the highest that may have been handed out
	Issued  time.Time         `json:"issued,omitzero"`
	Expires time.Time         `json:"expires,omitzero"`
	Gone    manifest.Revision `json:"gone,omitempty"` // without all that is in tableGone; zero: nothing is
}

// bump makes sure that what the asset should hold has a number no asset has seen yet.
func bump(w Writer, asset job.AssetID) (revisionRecord, error) {
	rev, _, err := load[revisionRecord](w, tableRevisions, key(string(asset)))
	if err != nil || rev.Wanted > rev.Sealed {
		return rev, err
	}
	rev.Wanted++
	return rev, save(w, tableRevisions, key(string(asset)), rev)
}

// handedOut says whether the asset may have received the order.
func handedOut(r Reader, o orderRecord) (bool, error) {
	if o.Waiting || o.Local {
		return false, nil
	}
	rev, _, err := load[revisionRecord](r, tableRevisions, key(string(o.Asset)))
	return rev.Sealed >= o.Since, err
}

// seal seals the manifest of a revision. An asset with more orders than one manifest takes gets the earliest (MAN-4).
func (c *Controller) seal(r Reader, asset job.AssetID, rev revisionRecord) ([]byte, error) {
	var pending []manifest.Pending
	now := rev.Issued
	err := eachQueued(r, asset, func(run job.RunID, o orderRecord) error {
		if o.Waiting {
			return nil
		}
		order, err := loadContent(r, run, asset)
		if err != nil {
			return err
		}
		order.Cancelled = o.Cancelled
		// Whoever made the order had a clock that said it was due; ours may be behind.
		if due := order.Start.Add(-c.config.Lead); due.After(now) {
			now = due
		}
		pending = append(pending, manifest.Pending{Order: order})
		return nil
	})
	if err != nil {
		return nil, err
	}
	hold, _ := manifest.Dispatch(pending, now, c.config.Lead)
	if hold, err = fitting(hold); err != nil {
		return nil, err
	}
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: asset, Revision: rev.Sealed, Issued: rev.Issued, Expires: rev.Expires, Orders: hold,
	}, c.config.Signer)
	if err != nil {
		return nil, fmt.Errorf("manifest of asset %s: %w", asset, err)
	}
	return sealed, nil
}

// maxOrders is how many bytes of JSON the orders of one manifest may have: sealing writes them in base64, with an envelope.
const maxOrders = manifest.MaxSealed/4*3 - 8<<10

// fitting keeps the first orders that fit into one manifest. Each fits alone, see fit; the others follow as these end.
func fitting(orders []job.Order) ([]job.Order, error) {
	total := 0
	for i, o := range orders {
		data, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("order %s: %w", o.ID, err)
		}
		if total += len(data) + 1; total > maxOrders {
			return orders[:i], nil
		}
	}
	return orders, nil
}

// fit cuts an order down to what one manifest takes, and says how many patches that dropped.
func fit(order job.Order) (_ job.Order, dropped int, err error) {
	for {
		data, err := json.Marshal(order)
		if err != nil || len(data) < maxOrders || len(order.Patches) == 0 {
			return order, dropped, err
		}
		keep := min(len(order.Patches)-1, len(order.Patches)*maxOrders/len(data))
		dropped += len(order.Patches) - keep
		order.Patches = order.Patches[:keep:keep]
	}
}

package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Lead is how long before its start an order is handed out (MAN-1).
const Lead = 3 * time.Hour

// maxOrdersSize is the most bytes of JSON for the orders of one manifest.
// Sealing adds base64 and an envelope.
const maxOrdersSize = MaxSealed/4*3 - 8<<10

// Hold returns the orders of an asset's next manifest, out of all that the
// asset should hold: the first ones by Start, then ID, as many as fit and at
// most [MaxOrders]. The others follow as these end (MAN-4). One order alone
// fits if [Fit] returned it. Hold does not change orders. The error comes from
// encoding an order as JSON.
func Hold(orders []job.Order) ([]job.Order, error) {
	orders = slices.Clone(orders)
	slices.SortStableFunc(orders, before)
	total := 0
	for i, o := range orders {
		data, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("order %s: %w", o.ID, err)
		}
		if total += len(data) + 1; i == MaxOrders || total > maxOrdersSize {
			return orders[:i:i], nil
		}
	}
	return orders, nil
}

// Fit cuts an order down to what fits into one manifest, and returns how many
// patches it dropped (JOB-8). The error comes from encoding the order as JSON.
func Fit(order job.Order) (_ job.Order, dropped int, err error) {
	for {
		data, err := json.Marshal(order)
		if err != nil || len(data) < maxOrdersSize || len(order.Patches) == 0 {
			return order, dropped, err
		}
		keep := min(len(order.Patches)-1, len(order.Patches)*maxOrdersSize/len(data))
		dropped += len(order.Patches) - keep
		order.Patches = order.Patches[:keep:keep]
	}
}

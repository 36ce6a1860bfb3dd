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

// maxOrdersSize is how many bytes of JSON the orders of one manifest may have: sealing writes them in base64, with an envelope.
const maxOrdersSize = MaxSealed/4*3 - 8<<10

// Hold returns the orders that an asset's next manifest has, of all that it should hold: the first by Start and then ID, as
// many as fit into one, MaxOrders at most. The others follow as these end (MAN-4). Each fits alone if Fit made it.
// It does not change orders. The error is that of writing an order as JSON.
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

// Fit cuts an order down to what one manifest takes, and returns how many patches that dropped (JOB-8).
// The error is that of writing the order as JSON.
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

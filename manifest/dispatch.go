package manifest

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Lead is how long before its start an order is handed out (MAN-1).
const Lead = 3 * time.Hour

// Pending is an order as the server knows it.
type Pending struct {
	Order     job.Order
	Withdrawn bool // its job was disabled or deleted, or changed so that the asset is no longer concerned (JOB-5)
	Ended     bool // the asset's final report is in
}

// Dispatch says what the asset should hold at now: the orders whose start is at most lead away (MAN-1), without those that
// were withdrawn (JOB-5) or have ended. An order that is marked cancelled is handed out at once and stays, marked, until
// the asset's final report tells what became of it: only the asset knows (JOB-3). A withdrawal outweighs the mark.
//
// Of more than MaxOrders the first by Start and then ID are held; the others follow as these end.
// Next is when the answer changes by the passing of time alone; zero: never.
func Dispatch(orders []Pending, now time.Time, lead time.Duration) (hold []job.Order, next time.Time) {
	for _, p := range orders {
		if p.Withdrawn || p.Ended {
			continue
		}
		due := p.Order.Start.Add(-lead)
		switch {
		case p.Order.Cancelled, !due.After(now):
			hold = append(hold, p.Order)
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	slices.SortStableFunc(hold, before)
	if len(hold) > MaxOrders {
		hold = hold[:MaxOrders:MaxOrders]
	}
	return hold, next
}

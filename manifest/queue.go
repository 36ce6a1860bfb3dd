package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Queue is the orders that an agent has received and not started, by Start,
// then ID. It never holds an order that is marked cancelled.
type Queue []job.Order

// Changes lists what a document did to an agent's queue (MAN-4). Orders that
// the document names are in the document's order, absent ones in the order of
// the queue.
type Changes struct {
	Received  []job.OrderID // new, now queued
	Replaced  []job.OrderID // queued, with other contents than before
	Withdrawn []job.OrderID // absent and not started: out of the queue (JOB-5)
	// Cancelled orders are marked and not started, held before or not: out of
	// the queue, to be reported (JOB-3).
	Cancelled []job.OrderID
	// CancelStarted orders are marked and executing: the execution decides
	// (JOB-3).
	CancelStarted []job.OrderID
	// Lost orders are marked as begun, and this agent does not know them: out
	// of the queue, to be reported as Failed (JOB-24).
	Lost []job.OrderID
	// Again lists orders that ended here and are named again: the agent answers
	// with their results (JOB-24).
	Again []job.OrderID
}

// Apply returns the queue that the document describes, and what changed
// (MAN-4). It changes neither q nor d.
//
// Executing are the orders that have started and not ended: only a cancel mark
// reaches them. Ended are the orders that ended here after they had begun, or
// that were cancelled or timed out: they are never queued again (JOB-24).
//
// The document must come from [Open], or be valid by [Document.Validate].
// Applying it a second time changes nothing, except that it lists a cancel
// again until the caller passes the order as ended.
func (q Queue) Apply(d Document, executing, ended []job.OrderID) (Queue, Changes) {
	const (
		queued = 1 + iota
		started
		over
	)
	type held struct {
		standing int
		index    int // in q
	}
	known := make(map[job.OrderID]held, len(q)+len(executing)+len(ended))
	for i := range q {
		known[q[i].ID] = held{queued, i}
	}
	for _, id := range ended {
		known[id] = held{standing: over}
	}
	for _, id := range executing {
		known[id] = held{standing: started}
	}

	var (
		next    Queue
		c       Changes
		present = make(map[job.OrderID]bool, len(d.Orders))
	)
	for _, o := range d.Orders {
		present[o.ID] = true
		was := known[o.ID]
		switch {
		case was.standing == over:
			c.Again = append(c.Again, o.ID)
		case was.standing == started && o.Cancelled:
			c.CancelStarted = append(c.CancelStarted, o.ID)
		case was.standing == started:
		case o.Begun:
			c.Lost = append(c.Lost, o.ID)
		case o.Cancelled:
			c.Cancelled = append(c.Cancelled, o.ID)
		case was.standing == queued:
			next = append(next, o)
			if !same(q[was.index], o) {
				c.Replaced = append(c.Replaced, o.ID)
			}
		default:
			next = append(next, o)
			c.Received = append(c.Received, o.ID)
		}
	}
	for i := range q {
		if id := q[i].ID; !present[id] && known[id].standing == queued {
			c.Withdrawn = append(c.Withdrawn, id)
		}
	}
	slices.SortStableFunc(next, before)
	return next, c
}

// same compares the JSON, so that nil and an empty list are equal.
func same(a, b job.Order) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// before orders by Start, then ID.
func before(a, b job.Order) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
}

// Lead is how long before its start an order is handed out (MAN-1).
const Lead = 3 * time.Hour

// maxOrdersSize is the most bytes of JSON for the orders of one manifest.
// Sealing adds base64 and an envelope.
const maxOrdersSize = MaxSealed/4*3 - 8<<10

// Hold returns the orders of an asset's next manifest, out of all that the
// asset should hold: the first ones by Start, then ID, as many as fit and at
// most [MaxOrders]. The others are handed out when these have ended (MAN-4).
// One order alone fits if [Fit] returned it. Hold does not change orders. The
// error comes from encoding an order as JSON.
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

package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
)

// Queue is what an agent has received and not started, by Start and then ID. It never holds an order that is marked cancelled.
type Queue []job.Order

// Changes lists what a document did to an agent's queue (MAN-4). The orders that the document names come in the document's
// order, the absent ones in the order in which they were held.
type Changes struct {
	Received      []job.OrderID // not held before, now queued
	Replaced      []job.OrderID // queued, with other contents than before
	Withdrawn     []job.OrderID // absent and not started: out of the queue (JOB-5)
	Cancelled     []job.OrderID // marked and not started, whether held before or not: out of the queue, to be reported (JOB-3)
	CancelStarted []job.OrderID // marked and executing: for the execution to decide (JOB-3)
	Lost          []job.OrderID // marked as begun, and unknown here: out of the queue, to be reported as Failed (JOB-24)
	Again         []job.OrderID // ended here, and named all the same: for the agent to answer (JOB-24)
}

// Apply makes the queue what the document says (MAN-4). It changes neither argument. Executing are the orders that have
// started and not ended: nothing but the cancel mark reaches them. Ended are those that ended here after they had begun, or by
// a cancel or the end of their window: they are never queued again (JOB-24).
//
// The document must be one that Open returned, or valid by Validate. Applying it twice changes nothing the second time
// but lists a cancel again until the caller counts the order as ended.
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

// same compares by what the wire can tell apart, so that a nil and an empty list are no change.
func same(a, b job.Order) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// before orders by Start, then ID.
func before(a, b job.Order) int {
	if c := a.Start.Compare(b.Start); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

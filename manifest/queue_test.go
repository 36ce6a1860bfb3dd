package manifest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// The whole table of MAN-4: the order's state here, and what the document says
// about it.
func TestApply_MAN4(t *testing.T) {
	a := order("a", t0)
	changed := a
	changed.Revision = 2
	begun := a
	begun.Begun = true
	id := ids(a)
	for _, c := range []struct {
		name             string
		queue            manifest.Queue
		executing, ended []job.OrderID
		says             []job.Order
		want             manifest.Queue
		changes          manifest.Changes
	}{
		{"new: received", nil, nil, nil, []job.Order{a}, manifest.Queue{a}, manifest.Changes{Received: id}},
		{"queued and named: stays", manifest.Queue{a}, nil, nil, []job.Order{a}, manifest.Queue{a}, manifest.Changes{}},
		{"queued and changed: replaced", manifest.Queue{a}, nil, nil, []job.Order{changed}, manifest.Queue{changed}, manifest.Changes{Replaced: id}},
		{"JOB-5: queued and absent: withdrawn", manifest.Queue{a}, nil, nil, nil, nil, manifest.Changes{Withdrawn: id}},
		{"JOB-3: queued and marked: cancelled", manifest.Queue{a}, nil, nil, []job.Order{cancelled(a)}, nil, manifest.Changes{Cancelled: id}},
		{"JOB-3: unknown and marked: cancelled", nil, nil, nil, []job.Order{cancelled(a)}, nil, manifest.Changes{Cancelled: id}},
		{"executing and named: goes on", nil, id, nil, []job.Order{a}, nil, manifest.Changes{}},
		{"executing and changed: left alone", nil, id, nil, []job.Order{changed}, nil, manifest.Changes{}},
		{"JOB-5: executing and absent: goes on", nil, id, nil, nil, nil, manifest.Changes{}},
		{"JOB-3: executing and marked: the execution decides", nil, id, nil, []job.Order{cancelled(a)}, nil, manifest.Changes{CancelStarted: id}},
		{"JOB-24: begun, and unknown here: lost", nil, nil, nil, []job.Order{begun}, nil, manifest.Changes{Lost: id}},
		{"JOB-24: begun, and queued here: lost", manifest.Queue{a}, nil, nil, []job.Order{begun}, nil, manifest.Changes{Lost: id}},
		{"JOB-24: begun, and marked: lost, not cancelled", nil, nil, nil, []job.Order{cancelled(begun)}, nil, manifest.Changes{Lost: id}},
		{"JOB-24: begun and executing: goes on", nil, id, nil, []job.Order{begun}, nil, manifest.Changes{}},
		{"JOB-24: begun and ended: its result is the answer", nil, nil, id, []job.Order{begun}, nil, manifest.Changes{Again: id}},
		{"JOB-24: ended and named: never again", nil, nil, id, []job.Order{a}, nil, manifest.Changes{Again: id}},
		{"JOB-24: ended and changed: never again", nil, nil, id, []job.Order{changed}, nil, manifest.Changes{Again: id}},
		{"JOB-24: ended and marked: its result is the answer", nil, nil, id, []job.Order{cancelled(a)}, nil, manifest.Changes{Again: id}},
		{"ended and absent", nil, nil, id, nil, nil, manifest.Changes{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			queue, changes := c.queue.Apply(document(c.says...), c.executing, c.ended)
			require.Equal(t, c.want, queue)
			require.Equal(t, c.changes, changes)
		})
	}
}

func TestApplySortsTheQueueAndLeavesItsArguments(t *testing.T) {
	a, b, c := order("a", t0.Add(time.Hour)), order("b", t0), order("c", t0)
	q := manifest.Queue{a}
	d := document(a, c, b)
	next, changes := q.Apply(d, nil, nil)
	require.Equal(t, ids(b, c, a), ids(next...))
	require.Equal(t, ids(c, b), changes.Received, "in the document's order")
	require.Equal(t, ids(a), ids(q...))
	require.Equal(t, ids(a, c, b), ids(d.Orders...))
}

// A nil and an empty list are the same on the wire, so the order has not
// changed.
func TestApplyComparesWhatTheWireCanTell(t *testing.T) {
	a := order("a", t0)
	b := a
	b.Patches, b.Start = []job.OrderPatch{}, a.Start.UTC()
	_, changes := manifest.Queue{a}.Apply(document(b), nil, nil)
	require.Zero(t, changes)
}

// world makes a random agent and some documents over a few orders.
type world struct {
	queue            manifest.Queue
	executing, ended []job.OrderID
}

func drawWorld(t *rapid.T) (w world) {
	for i := range 6 {
		o := order(fmt.Sprint("job", i), t0.Add(time.Duration(i%3)*time.Hour))
		switch rapid.IntRange(0, 3).Draw(t, fmt.Sprint("stands", i)) {
		case 1:
			w.queue = append(w.queue, o)
		case 2:
			w.executing = append(w.executing, o.ID)
		case 3:
			w.ended = append(w.ended, o.ID)
		}
	}
	slices.SortFunc(w.queue, func(a, b job.Order) int { return a.Start.Compare(b.Start) })
	return w
}

func drawDocument(t *rapid.T, label string) manifest.Document {
	var orders []job.Order
	for i := range 6 {
		o := order(fmt.Sprint("job", i), t0.Add(time.Duration(i%3)*time.Hour))
		switch rapid.IntRange(0, 4).Draw(t, fmt.Sprint(label, i)) {
		case 1:
			orders = append(orders, o)
		case 2:
			o.Revision++
			orders = append(orders, o)
		case 3:
			orders = append(orders, cancelled(o))
		case 4:
			o.Begun = true
			orders = append(orders, o)
		}
	}
	return document(orders...)
}

// Whatever revisions were lost, the last one alone decides the queue (MAN-4).
func TestLostManifestsDoNotMatter_MAN4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, lost, last := drawWorld(t), drawDocument(t, "lost"), drawDocument(t, "last")
		between, changes := w.queue.Apply(lost, w.executing, w.ended)
		if len(changes.Cancelled) > 0 || len(changes.Withdrawn) > 0 || len(changes.Lost) > 0 {
			return // these orders end here, which only one of the two agents has seen
		}
		got, _ := between.Apply(last, w.executing, w.ended)
		want, _ := w.queue.Apply(last, w.executing, w.ended)
		require.Equal(t, ids(want...), ids(got...))
		require.Equal(t, want, got)
	})
}

// The oracle applies the rule to each order by itself, without a map.
func TestApplyAgainstOracle_MAN4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, d := drawWorld(t), drawDocument(t, "says")
		got, changes := w.queue.Apply(d, w.executing, w.ended)

		find := func(list []job.Order, id job.OrderID) (job.Order, bool) {
			for _, o := range list {
				if o.ID == id {
					return o, true
				}
			}
			return job.Order{}, false
		}
		for i := range 6 {
			id := order(fmt.Sprint("job", i), t0.Add(time.Duration(i%3)*time.Hour)).ID
			held, queued := find(w.queue, id)
			said, named := find(d.Orders, id)
			now, stays := find(got, id)
			free := !slices.Contains(w.executing, id) && !slices.Contains(w.ended, id)

			require.Equal(t, free && named && !said.Cancelled && !said.Begun, stays, "queued")
			if stays {
				require.Equal(t, said, now)
			}
			for list, want := range map[*[]job.OrderID]bool{
				&changes.Received:      stays && !queued,
				&changes.Replaced:      stays && queued && held.Revision != said.Revision,
				&changes.Withdrawn:     queued && !named,
				&changes.Cancelled:     free && named && said.Cancelled && !said.Begun,
				&changes.Lost:          free && named && said.Begun,
				&changes.CancelStarted: slices.Contains(w.executing, id) && named && said.Cancelled,
				&changes.Again:         slices.Contains(w.ended, id) && !slices.Contains(w.executing, id) && named,
			} {
				require.Equal(t, want, slices.Contains(*list, id), "%s in %+v", id, changes)
			}
		}
		require.True(t, slices.IsSortedFunc(got, func(a, b job.Order) int { return a.Start.Compare(b.Start) }))

		again, second := got.Apply(d, w.executing, slices.Concat(w.ended, changes.Cancelled, changes.Lost))
		require.Equal(t, got, again)
		require.Empty(t, slices.Concat(second.Received, second.Replaced, second.Withdrawn, second.Cancelled), "applied twice")
	})
}

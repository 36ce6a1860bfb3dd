package ledger

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Index names a list of orders that a server keeps.
type Index uint8

// The indexes. An order is in each at most once.
const (
	Live    Index = 1 + iota // by run: the orders that wait, are open, or run although they were withdrawn
	Queue                    // by asset: the orders that wait or are open, with what a manifest needs to know
	Unheard                  // by asset: the orders that left its manifest, and whose end it may still report
	Cancels                  // by run: cancels whose outcome is not known
	Reboots                  // by asset: executions that wait for a reboot
	Working                  // by run: executions that wait for nobody, with their stage and when it began (JOB-25)
)

// Row is an order's row in one index. Rows are compared with ==.
type Row struct {
	Index  Index
	Queued Queued     // in Queue
	Stage  StageSince // in Working
}

// StageSince is the stage of an execution, and when it began.
type StageSince struct {
	Stage job.Stage `json:"stage"`
	Since time.Time `json:"since"`
}

// Queued is what decides whether a manifest holds the order.
type Queued struct {
	Waiting   bool      `json:"waiting,omitempty"`
	Cancelled bool      `json:"cancelled,omitempty"`
	Begun     bool      `json:"begun,omitempty"` // the manifest says so
	Start     time.Time `json:"start,omitzero"`
	Slot      time.Time `json:"slot,omitzero"` // the manifest says so
}

// Index returns the rows of the order, in the order of the indexes. They depend
// on the entry only, and nothing else may write them.
func (e Entry) Index() []Row {
	var rows []Row
	add := func(is bool, r Row) {
		if is {
			rows = append(rows, r)
		}
	}
	listed := e.Phase == Waiting || e.Phase == Open
	add(listed || e.Phase == Gone && e.Stage != 0, Row{Index: Live})
	add(listed, Row{Index: Queue, Queued: Queued{e.Phase == Waiting, e.Cancelled, e.Doubtful, e.Start, e.Slot}})
	add(e.Phase == Gone, Row{Index: Unheard})
	add(e.waitsForCancel(), Row{Index: Cancels})
	add(e.waitsForReboot(), Row{Index: Reboots})
	add(e.works(), Row{Index: Working, Stage: StageSince{e.Stage, e.Began}})
	return rows
}

func (e Entry) waitsForCancel() bool { return e.Phase == Open && e.Cancelled && e.TooLate == 0 }

func (e Entry) waitsForReboot() bool {
	return (e.Phase == Open || e.Phase == Gone) && e.Result == job.PendingReboot
}

// works reports whether the execution should go on by itself: it waits neither
// for a user nor for an inventory. A reboot that was asked for should come.
func (e Entry) works() bool {
	switch {
	case e.Phase != Open && e.Phase != Gone || e.Stage == 0 || e.Result == job.PendingVerification:
		return false
	case e.Stage == job.StageReboot:
		return e.Progress == job.Rebooting
	default:
		return true
	}
}

// Changes compares the rows of a value before and after a step. It returns the
// new or changed rows to write, and the rows to delete. Key is the key under
// which a row is stored.
func Changes[R comparable, K comparable](before, after []R, key func(R) K) (put, remove []R) {
	was := make(map[K]R, len(before))
	for _, r := range before {
		was[key(r)] = r
	}
	for _, r := range after {
		if old, had := was[key(r)]; !had || old != r {
			put = append(put, r)
		}
		delete(was, key(r))
	}
	for _, r := range before {
		if _, left := was[key(r)]; left {
			remove = append(remove, r)
		}
	}
	return put, remove
}

// Tally counts the assets of a run by the state of their orders.
type Tally struct {
	Assets         int `json:"assets"`
	Waiting        int `json:"waiting"`   // for an asset's inventory, until the run is due, or for what its patches need
	NotBegun       int `json:"notBegun"`  // made and not known to have started
	Executing      int `json:"executing"` // started and not ended
	PendingReboots int `json:"pendingReboots"`
	PendingCancels int `json:"pendingCancels"` // asked for, and the outcome is not known
	Dropped        int `json:"dropped"`        // patches beyond the cap of JOB-8, over all assets
	Succeeded      int `json:"-"`              // as Entry.Succeeded

	Results [job.PendingVerification + 1]int `json:"-"` // of the orders that have ended
}

// Add counts one order.
func (t *Tally) Add(e Entry) { t.count(e, 1) }

// Replace counts an order as it is after a step instead of as it was before.
// One that was never made, or is removed, does not count.
func (t *Tally) Replace(before, after Entry) {
	if before.Phase != 0 {
		t.count(before, -1)
	}
	if after.Phase != 0 {
		t.count(after, 1)
	}
}

// Plus adds the counts of other orders.
func (t *Tally) Plus(o Tally) {
	t.Assets += o.Assets
	t.Waiting += o.Waiting
	t.NotBegun += o.NotBegun
	t.Executing += o.Executing
	t.PendingReboots += o.PendingReboots
	t.PendingCancels += o.PendingCancels
	t.Dropped += o.Dropped
	t.Succeeded += o.Succeeded
	for result, n := range o.Results {
		t.Results[result] += n
	}
}

func (t *Tally) count(e Entry, by int) {
	t.Assets += by
	t.Dropped += by * e.Dropped
	count := func(n *int, is bool) {
		if is {
			*n += by
		}
	}
	count(&t.Succeeded, e.Succeeded())
	if e.Phase == Ended {
		if int(e.Result) < len(t.Results) { // otherwise this release does not know it
			t.Results[e.Result] += by
		}
		return
	}
	count(&t.Waiting, e.Phase == Waiting)
	count(&t.NotBegun, e.Phase != Waiting && e.Stage == 0)
	count(&t.Executing, e.Stage != 0)
	count(&t.PendingReboots, e.waitsForReboot())
	count(&t.PendingCancels, e.waitsForCancel())
}

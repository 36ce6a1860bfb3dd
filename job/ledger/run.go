package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// RunState is where a run stands.
type RunState uint8

// The states of a run.
const (
	RunPlanned   RunState = 1 + iota // waits until it is due: its start less the lead (MAN-1)
	RunMaking                        // its orders are being made, or made again after its job changed, or further zones wait for theirs
	RunMade                          // its orders are made, or are made as others succeed; their entries say what became of each
	RunCancelled                     // by an administrator (JOB-3)
	RunWithdrawn                     // its job was disabled or deleted, or got another start (JOB-5)
	RunMissed                        // never made: a newer run of the job came due first (JOB-12)
)

var runStates = enum.Of[RunState]("run state", "planned", "making", "made", "cancelled", "withdrawn", "missed")

// Over reports whether the run makes no orders. A withdrawn one makes some again when it is planned again.
func (s RunState) Over() bool { return s == RunCancelled || s == RunWithdrawn || s == RunMissed }

// String returns the state's name.
func (s RunState) String() string { return runStates.String(s) }

// MarshalText returns the state's name.
func (s RunState) MarshalText() ([]byte, error) { return runStates.MarshalText(s) }

// UnmarshalText sets the state by its name. The error is an unknown name.
func (s *RunState) UnmarshalText(text []byte) error { return runStates.UnmarshalText(text, s) }

// PassKind says what a pass does to each asset of a run.
type PassKind uint8

// The kinds of passes.
const (
	MakePass     PassKind = 1 + iota // makes the orders of the assets on which they are due
	MorePass                         // makes those of the assets that have none and on which they are due by now
	RemakePass                       // makes them again after the job changed: of all assets, or with Live of those listed as live
	TrimPass                         // takes the patches in Drop out of the orders
	CancelPass                       // cancels the orders
	WithdrawPass                     // withdraws the orders
)

var passKinds = enum.Of[PassKind]("pass", "make", "more", "remake", "trim", "cancel", "withdraw")

// Makes reports whether the pass makes orders.
func (k PassKind) Makes() bool { return k == MakePass || k == MorePass || k == RemakePass }

// String returns the kind's name.
func (k PassKind) String() string { return passKinds.String(k) }

// MarshalText returns the kind's name.
func (k PassKind) MarshalText() ([]byte, error) { return passKinds.MarshalText(k) }

// UnmarshalText sets the kind by its name. The error is an unknown name.
func (k *PassKind) UnmarshalText(text []byte) error { return passKinds.UnmarshalText(text, k) }

// Pass goes over the assets of a run by id, some in each transaction. The cursor moves in the transaction that does the
// work, so a pass that is cut off anywhere carries on where it was.
type Pass struct {
	Kind   PassKind    `json:"kind"`
	Cursor job.AssetID `json:"cursor,omitempty"` // the assets up to this one are done
	Live   bool        `json:"live,omitempty"`   // of passes that make orders: no further asset gets one, only those listed as live
	Since  time.Time   `json:"since,omitzero"`   // of MorePass: where orders were due by then, assets have had their turn
	Drop   []Drop      `json:"drop,omitempty"`   // of TrimPass
}

// Drop is a patch that must leave the orders of a run, with the reason.
type Drop struct {
	Patch catalog.PatchID `json:"patch"`
	Rule  string          `json:"rule"`
	Text  string          `json:"text"`
}

// Run is one occurrence of a job as the server knows it. What it does is in the job's definition, which is kept beside it.
type Run struct {
	ID     job.RunID          `json:"id"`
	Start  time.Time          `json:"start"`           // where each asset goes by its own zone: the earliest anywhere
	Local  schedule.LocalTime `json:"local,omitempty"` // the date and time that the schedule names; zero: it names an instant
	From   time.Time          `json:"from,omitzero"`   // when the job was enabled or got the schedule: earlier starts are past
	State  RunState           `json:"state"`
	Due    time.Time          `json:"due,omitzero"`    // when orders are to be made: the first, or those of the next zones
	Taken  time.Time          `json:"taken,omitzero"`  // when it was last due: what was due by then is being made, or is made
	Made   time.Time          `json:"made,omitzero"`   // when the last order was made
	After  job.RunID          `json:"after,omitempty"` // the run that it follows asset by asset (JOB-19)
	Passes []Pass             `json:"passes,omitempty"`
}

// RunEvent is something that happened to a run. Exactly one of the types below.
type RunEvent interface{ runEvent() }

// The events of a run.
type (
	// RunPlan says that the run of an occurrence is to be made at Due. A run that was withdrawn is planned again: orders that
	// still have to be withdrawn, or cancelled, are so first.
	RunPlan struct {
		ID         job.RunID
		Occurrence schedule.Occurrence
		From       time.Time
		Due        time.Time
		After      job.RunID // the run that it follows asset by asset; empty: none
	}
	// RunDue says that the time at which it is due has come. Missed: a newer run of the job has started in every zone
	// (JOB-12). Last is when orders are due in the last zone; zero: they are due everywhere at once.
	RunDue struct {
		Missed bool
		Last   time.Time
	}
	// OrderDue says when an order is to be made: by the asset's clock (JOB-9), or when it stops waiting for what it needs (JOB-14).
	OrderDue struct{ Due time.Time }
	// JobChanged says that the job changed and the orders are to follow (MAN-2). Started: the run's start is past everywhere.
	JobChanged struct{ Started bool }
	// PatchesLeft says that patches may no longer be deployed (CAT-6, CAT-9). It names all that the orders may have, those
	// of an unfinished pass included.
	PatchesLeft struct{ Drop []Drop }
	// RunCancel says that an administrator cancels the run (JOB-3).
	RunCancel struct{}
	// RunWithdraw says that its job was disabled or deleted, or got another start (JOB-5).
	RunWithdraw struct{}
	// Passed says that the first pass is done with the assets up to Cursor. Last: with all of them. Next is when an order
	// is due that it left for later; zero: it left none.
	Passed struct {
		Cursor job.AssetID
		Last   bool
		Next   time.Time
	}
)

func (RunPlan) runEvent()     {}
func (RunDue) runEvent()      {}
func (OrderDue) runEvent()    {}
func (JobChanged) runEvent()  {}
func (PatchesLeft) runEvent() {}
func (RunCancel) runEvent()   {}
func (RunWithdraw) runEvent() {}
func (Passed) runEvent()      {}

// FollowRun returns a run that follows another asset by asset: it gets its orders as the other's succeed (JOB-19).
func FollowRun(id, after job.RunID, start time.Time) Run {
	return Run{ID: id, Start: start, State: RunMade, Made: start, After: after}
}

// StepRun takes the run one event further. It is a function of its arguments alone, and does not change r. An event that the
// run has no use for changes nothing. A run asks for nothing beside its index, so there is nothing to return with it.
func StepRun(r Run, ev RunEvent, at time.Time) Run {
	r.Passes = slices.Clone(r.Passes)
	switch ev := ev.(type) {
	case RunPlan:
		r = Run{
			ID: ev.ID, Start: ev.Occurrence.Start, Local: ev.Occurrence.Local, From: ev.From, State: RunPlanned, Due: ev.Due, After: ev.After,
			Passes: r.stops(),
		}
	case RunDue:
		r.due(ev, at)
	case OrderDue:
		r.dueBy(ev.Due)
	case JobChanged:
		if r.State == RunMaking || r.State == RunMade { // making again goes by the newest catalog, so nothing is left to trim
			again := Pass{Kind: RemakePass, Live: ev.Started}
			if !ev.Started && slices.ContainsFunc(r.Passes, func(p Pass) bool { return p.Kind == MakePass || p.Kind == MorePass }) {
				again.Kind = MakePass // not all had their turn yet
			}
			r.State, r.Passes = RunMaking, append(r.stops(), again)
		}
	case PatchesLeft:
		r.Passes = slices.DeleteFunc(r.Passes, func(p Pass) bool { return p.Kind == TrimPass })
		r.Passes = append(r.Passes, Pass{Kind: TrimPass, Drop: ev.Drop})
	case RunCancel: // also of a run that is withdrawn: an asset may have begun before that came
		if r.State != RunCancelled && r.State != RunMissed {
			r.State, r.Due, r.Passes = RunCancelled, time.Time{}, []Pass{{Kind: CancelPass}}
		}
	case RunWithdraw:
		if r.State.Over() {
			break
		}
		r.State, r.Due, r.Passes = RunWithdrawn, time.Time{}, r.stops()
		if len(r.Passes) == 0 { // otherwise none was made since the last withdrawal
			r.Passes = []Pass{{Kind: WithdrawPass}}
		}
	case Passed:
		r.passed(ev, at)
	}
	return r
}

// due takes the run up, or goes on with its next zones, or with the orders that wait for what they need.
func (r *Run) due(ev RunDue, at time.Time) {
	if r.Due.IsZero() {
		return
	}
	since := r.Taken
	r.Due, r.Taken = time.Time{}, at
	switch {
	case r.State == RunPlanned && ev.Missed:
		r.State = RunMissed
		return
	case r.State == RunPlanned: // of a run that follows asset by asset, the orders of the assets that have succeeded wait
		r.State, r.Passes = RunMaking, append(r.stops(), Pass{Kind: MakePass, Live: r.After != ""})
	default: // a pass in progress may have left behind assets whose time has come since
		if i := slices.IndexFunc(r.Passes, func(p Pass) bool { return p.Kind == MorePass }); i >= 0 {
			since = r.Passes[i].Since
			r.Passes = slices.Delete(r.Passes, i, i+1)
		}
		r.Passes = append(r.Passes, Pass{Kind: MorePass, Live: r.After != "", Since: since})
	}
	if ev.Last.After(at) {
		r.dueBy(ev.Last)
	}
}

// dueBy sees to it that further orders are made at a time.
func (r *Run) dueBy(at time.Time) {
	if (r.State == RunMaking || r.State == RunMade) && !at.IsZero() && (r.Due.IsZero() || at.Before(r.Due)) {
		r.State, r.Due = RunMaking, at
	}
}

// stops returns the passes to be finished whatever becomes of the run: those that cancel or withdraw its orders. They come first.
func (r Run) stops() []Pass {
	n := 0
	for n < len(r.Passes) && (r.Passes[n].Kind == CancelPass || r.Passes[n].Kind == WithdrawPass) {
		n++
	}
	return r.Passes[:n:n]
}

func (r *Run) passed(ev Passed, at time.Time) {
	if len(r.Passes) == 0 {
		return
	}
	r.dueBy(ev.Next)
	if !ev.Last {
		r.Passes[0].Cursor = ev.Cursor
		return
	}
	makes := r.Passes[0].Kind.Makes()
	r.Passes = slices.Delete(r.Passes, 0, 1)
	if !makes {
		return
	}
	r.Made = at
	if r.Due.IsZero() && !slices.ContainsFunc(r.Passes, func(p Pass) bool { return p.Kind.Makes() }) {
		r.State = RunMade
	}
}

// TooLate says why an asset whose clock is in the zone, and which has no order of the run, gets none any more; empty: it
// gets one. Newer are the newer runs of the job, at their local times. A missed run without a newer one still runs, if its
// window allows: that the asset decides (JOB-12).
func (r Run) TooLate(zone *time.Location, newer []schedule.LocalTime, at time.Time) string {
	start := r.Local.In(zone)
	if start.After(at) {
		at = start // a newer one that a clock change lets start at the same instant is the one that runs
	}
	switch {
	case !start.After(r.From):
		return fmt.Sprintf("The start at %v was past on this asset's clock, in %v, when the job was enabled (JOB-9).", r.Local, zone)
	case slices.ContainsFunc(newer, func(l schedule.LocalTime) bool { return !l.In(zone).After(at) }):
		return fmt.Sprintf("The start at %v was missed, and a newer run of the job is due (JOB-12).", r.Local)
	}
	return ""
}

// RunIndex names a list of runs that a server keeps.
type RunIndex uint8

// The indexes of runs.
const (
	Due      RunIndex = 1 + iota // by the time at which they are due: the runs with orders to be made then
	Work                         // the runs with an unfinished pass
	Stopping                     // those of which the pass cancels or withdraws
)

// RunRow is a run's row in one index. Rows are compared with ==.
type RunRow struct {
	Index RunIndex
	Due   time.Time // in Due, UTC
}

// Index returns the rows of the run. They are a function of the run, and nothing else may write them.
func (r Run) Index() []RunRow {
	var rows []RunRow
	if !r.Due.IsZero() {
		rows = append(rows, RunRow{Due, r.Due})
	}
	if len(r.Passes) > 0 {
		rows = append(rows, RunRow{Index: Work})
	}
	if r.Stopping() != nil {
		rows = append(rows, RunRow{Index: Stopping})
	}
	return rows
}

// Stopping returns the event that the pass in progress brings to each order of a run that was cancelled or withdrawn. It
// holds at once for an asset that calls before its turn; nil: no such pass is in progress.
func (r Run) Stopping() Event {
	if len(r.Passes) == 0 {
		return nil
	}
	switch r.Passes[0].Kind {
	case CancelPass:
		return CancelAsked{}
	case WithdrawPass:
		return Withdrawn{}
	default:
		return nil
	}
}

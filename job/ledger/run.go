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

// RunState says how far a run is.
type RunState uint8

// The states of a run.
const (
	RunPlanned   RunState = 1 + iota // waits until it is due: its start minus the lead (MAN-1)
	RunMaking                        // its orders are being made or made again, or further zones wait for theirs
	RunMade                          // its orders are made, or are made as others succeed
	RunCancelled                     // by an administrator (JOB-3)
	RunWithdrawn                     // its job was disabled or deleted, or got another start (JOB-5)
	RunMissed                        // never made: a newer run of the job came due first (JOB-12), or the rollout of an earlier one was open (ROL-1)
)

var runStates = enum.Of[RunState]("run state", "planned", "making", "made", "cancelled", "withdrawn", "missed")

// Over reports whether the run makes no more orders. A withdrawn run can be
// planned again; then it does.
func (s RunState) Over() bool { return s == RunCancelled || s == RunWithdrawn || s == RunMissed }

func (s RunState) String() string                   { return runStates.String(s) }
func (s RunState) MarshalText() ([]byte, error)     { return runStates.MarshalText(s) }
func (s *RunState) UnmarshalText(text []byte) error { return runStates.UnmarshalText(text, s) }

// PassKind says what a pass does to each asset of a run.
type PassKind uint8

// The kinds of passes.
const (
	MakePass     PassKind = 1 + iota // makes the orders that are due
	MorePass                         // makes the orders that have become due since
	RemakePass                       // makes the orders again, because the job changed; see Pass.Live
	TrimPass                         // takes the patches in Drop out of the orders
	CancelPass                       // cancels the orders
	WithdrawPass                     // withdraws the orders
	RecallPass                       // withdraws the orders that have not begun, because the rollout was stopped (ROL-4)
	AbandonPass                      // the same, and those that wait end, because the rollout was abandoned
)

var passKinds = enum.Of[PassKind]("pass", "make", "more", "remake", "trim", "cancel", "withdraw", "recall", "abandon")

// Makes reports whether the pass makes orders.
func (k PassKind) Makes() bool { return k == MakePass || k == MorePass || k == RemakePass }

func (k PassKind) String() string                   { return passKinds.String(k) }
func (k PassKind) MarshalText() ([]byte, error)     { return passKinds.MarshalText(k) }
func (k *PassKind) UnmarshalText(text []byte) error { return passKinds.UnmarshalText(text, k) }

// Pass goes through the assets of a run in the order of their ids, a batch in
// each transaction. The cursor moves in the transaction that does the work, so
// a pass that is cut off continues where it was.
type Pass struct {
	Kind   PassKind    `json:"kind"`
	Cursor job.AssetID `json:"cursor,omitempty"` // the assets up to this one are done
	Live   bool        `json:"live,omitempty"`   // of passes that make orders: only of assets in the index Live; false: of all
	Since  time.Time   `json:"since,omitzero"`   // of MorePass: orders due by then are made
	Drop   []Drop      `json:"drop,omitempty"`   // of TrimPass
}

// Drop is a patch that must leave the orders of a run, with the reason.
type Drop struct {
	Patch catalog.PatchID `json:"patch"`
	Rule  string          `json:"rule"`
	Text  string          `json:"text"`
}

// Run is one occurrence of a job as the server knows it. The job's definition
// is stored with it.
type Run struct {
	ID     job.RunID          `json:"id"`
	Start  time.Time          `json:"start"`           // in each asset's own zone: the earliest anywhere
	Local  schedule.LocalTime `json:"local,omitempty"` // the date and time that the schedule names; zero: it names an instant
	From   time.Time          `json:"from,omitzero"`   // when the job was enabled or got the schedule: earlier starts are past
	State  RunState           `json:"state"`
	Due    time.Time          `json:"due,omitzero"`    // when orders are to be made: the first, or those of the next zones
	Taken  time.Time          `json:"taken,omitzero"`  // when it was last due: orders due by then are made or being made
	Made   time.Time          `json:"made,omitzero"`   // when the last order was made
	After  job.RunID          `json:"after,omitempty"` // the run after which it runs, on each asset separately (JOB-19)
	Passes []Pass             `json:"passes,omitempty"`
}

// RunEvent is something that happened to a run: one of the types below. Nil is
// none.
type RunEvent interface{ step(r *Run, at time.Time) }

// The events of a run.
type (
	// RunPlan says that the run of an occurrence is to be made at Due. A
	// withdrawn run can be planned again: its open withdrawals and cancels
	// are finished first.
	RunPlan struct {
		ID         job.RunID
		Occurrence schedule.Occurrence
		From       time.Time
		Due        time.Time
		After      job.RunID // the run that it follows asset by asset; empty: none
	}
	// RunDue says that the run is due. Missed: a newer run of the job has
	// started in every zone (JOB-12), or the rollout of an earlier one is
	// open (ROL-1). Last is when orders are due in the
	// last zone; zero: they are due everywhere at once.
	RunDue struct {
		Missed bool
		Last   time.Time
	}
	// OrderDue says when an order is to be made: by the asset's clock
	// (JOB-9), or when it stops waiting for what it needs (JOB-14).
	OrderDue struct{ Due time.Time }
	// JobChanged says that the job changed, so its orders must change too
	// (MAN-2). Started: the run's start is past everywhere.
	JobChanged struct{ Started bool }
	// PatchesLeft says that patches may no longer be deployed. Drop lists every
	// such patch that the orders may contain, including those of an unfinished
	// pass (CAT-6, CAT-9).
	PatchesLeft struct{ Drop []Drop }
	// RunCancel says that an administrator cancels the run (JOB-3).
	RunCancel struct{}
	// RunWithdraw says that its job was disabled or deleted, or got another
	// start (JOB-5).
	RunWithdraw struct{}
	// RunRecall says that the run's rollout was stopped, or abandoned. RunResume
	// says that it goes on: what is not recalled yet, stays (ROL-4).
	RunRecall struct{ Abandoned bool }
	RunResume struct{}
	// Passed says that the first pass is done with the assets up to Cursor;
	// Last: with all. Next is when an order is due that it left for later;
	// zero: none.
	Passed struct {
		Cursor job.AssetID
		Last   bool
		Next   time.Time
	}
)

// FollowRun returns a run that follows another asset by asset: it gets its
// orders as the other's succeed (JOB-19).
func FollowRun(id, after job.RunID, start time.Time) Run {
	return Run{ID: id, Start: start, State: RunMade, Made: start, After: after}
}

// StepRun takes the run one event further. It depends on its arguments only,
// and does not change r. An event that does not concern the run changes
// nothing. A run has no effects besides its index.
func StepRun(r Run, ev RunEvent, at time.Time) Run {
	r.Passes = slices.Clone(r.Passes)
	if ev != nil {
		ev.step(&r, at)
	}
	return r
}

func (ev RunPlan) step(r *Run, _ time.Time) {
	*r = Run{
		ID: ev.ID, Start: ev.Occurrence.Start, Local: ev.Occurrence.Local, From: ev.From, State: RunPlanned, Due: ev.Due, After: ev.After,
		Passes: r.stops(),
	}
}

func (ev OrderDue) step(r *Run, _ time.Time) { r.dueBy(ev.Due) }

func (ev JobChanged) step(r *Run, _ time.Time) {
	if r.State == RunMaking || r.State == RunMade { // making again uses the newest catalog, so nothing is left to trim
		again := Pass{Kind: RemakePass, Live: ev.Started}
		if !ev.Started && slices.ContainsFunc(r.Passes, func(p Pass) bool { return p.Kind == MakePass || p.Kind == MorePass }) {
			again.Kind = MakePass // not all had their turn yet
		}
		r.State, r.Passes = RunMaking, append(r.stops(), again)
	}
}

func (ev PatchesLeft) step(r *Run, _ time.Time) {
	r.Passes = slices.DeleteFunc(r.Passes, func(p Pass) bool { return p.Kind == TrimPass })
	r.Passes = append(r.Passes, Pass{Kind: TrimPass, Drop: ev.Drop})
}

// step cancels a withdrawn run, too: an asset may have begun before the
// withdrawal came.
func (RunCancel) step(r *Run, _ time.Time) {
	if r.State != RunCancelled && r.State != RunMissed {
		r.State, r.Due, r.Passes = RunCancelled, time.Time{}, []Pass{{Kind: CancelPass}}
	}
}

func (RunWithdraw) step(r *Run, _ time.Time) {
	if r.State.Over() {
		return
	}
	r.dropRecall()
	r.State, r.Due, r.Passes = RunWithdrawn, time.Time{}, r.stops()
	if len(r.Passes) == 0 { // otherwise none was made since the last withdrawal
		r.Passes = []Pass{{Kind: WithdrawPass}}
	}
}

func (ev RunRecall) step(r *Run, _ time.Time) {
	if r.State.Over() || r.State == RunPlanned {
		return
	}
	r.dropRecall()
	pass := Pass{Kind: RecallPass}
	if ev.Abandoned {
		pass.Kind = AbandonPass
	}
	r.Passes = slices.Insert(r.Passes, len(r.stops()), pass)
}

func (RunResume) step(r *Run, _ time.Time) { r.dropRecall() }

func (r *Run) dropRecall() {
	r.Passes = slices.DeleteFunc(r.Passes, func(p Pass) bool { return p.Kind == RecallPass })
}

// step begins to make the run, or goes on with its next zones or with the orders
// that wait.
func (ev RunDue) step(r *Run, at time.Time) {
	if r.Due.IsZero() {
		return
	}
	since := r.Taken
	r.Due, r.Taken = time.Time{}, at
	switch {
	case r.State == RunPlanned && ev.Missed:
		r.State = RunMissed
		return
	case r.State == RunPlanned: // in a run that follows asset by asset, the orders of assets that succeeded wait
		r.State, r.Passes = RunMaking, append(r.stops(), Pass{Kind: MakePass, Live: r.After != ""})
	default: // assets may have become due after a pass in progress went past them
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

// dueBy plans that further orders are made at a time.
func (r *Run) dueBy(at time.Time) {
	if (r.State == RunMaking || r.State == RunMade) && !at.IsZero() && (r.Due.IsZero() || at.Before(r.Due)) {
		r.State, r.Due = RunMaking, at
	}
}

// stops returns the passes that cancel, withdraw or recall orders. They come
// first, and are finished in any case.
func (r Run) stops() []Pass {
	n := 0
	for n < len(r.Passes) && r.Passes[n].Kind >= CancelPass && r.Passes[n].Kind <= AbandonPass {
		n++
	}
	return r.Passes[:n:n]
}

func (ev Passed) step(r *Run, at time.Time) {
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

// TooLate says why an asset in the zone that has no order of the run no longer
// gets one; empty: it gets one. Newer holds the local times of the newer runs
// of the job. A missed run without a newer one still runs if its window allows;
// the asset decides that (JOB-12).
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
	Due      RunIndex = 1 + iota // the runs with orders to be made, by the time when they are due
	Work                         // the runs with an unfinished pass
	Stopping                     // the runs with a pass that cancels, withdraws or recalls
)

// RunRow is a run's row in one index. Rows are compared with ==.
type RunRow struct {
	Index RunIndex
	Due   time.Time // in Due, UTC
}

// Index returns the rows of the run. They depend on the run only, and nothing
// else may write them.
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

// Stopping returns the event that the pass in progress brings to each order of
// a cancelled, withdrawn or recalled run. It counts at once for an asset that calls
// before its turn. Nil: no such pass is in progress.
func (r Run) Stopping() Event {
	if len(r.Passes) == 0 {
		return nil
	}
	switch r.Passes[0].Kind {
	case CancelPass:
		return CancelAsked{}
	case WithdrawPass:
		return Withdrawn{}
	case RecallPass, AbandonPass:
		return Recalled{All: r.Passes[0].Kind == AbandonPass}
	default:
		return nil
	}
}

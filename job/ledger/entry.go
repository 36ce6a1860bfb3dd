package ledger

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Phase says what the server knows about where an order is.
type Phase uint8

// The phases. [Entry.Validate] says which other fields can be set in each.
const (
	Waiting Phase = 1 + iota // not made yet: it waits for the asset's inventory, its zone's turn or what the patches need
	Open                     // the asset's manifest has it
	Gone                     // it left the manifest, and the asset has not reported what it did with it (JOB-5)
	Ended                    // Result is final
)

var phases = enum.Of[Phase]("order phase", "waiting", "open", "gone", "ended")

func (p Phase) String() string                   { return phases.String(p) }
func (p Phase) MarshalText() ([]byte, error)     { return phases.MarshalText(p) }
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

// Entry is one order as the server knows it. The zero Entry is an order that
// was never made.
type Entry struct {
	Run       job.RunID         `json:"run"`
	Asset     job.AssetID       `json:"asset"`
	Phase     Phase             `json:"phase"`
	Start     time.Time         `json:"start,omitzero"`      // of the order, UTC
	Since     manifest.Revision `json:"since,omitempty"`     // the first revision that has it; zero: the asset never held it
	Dropped   int               `json:"dropped,omitempty"`   // patches over a limit (JOB-8)
	Grant     int               `json:"grant,omitempty"`     // of the run's rollout, under which it was made (ROL-3); zero: the run has none
	Progress  job.Progress      `json:"progress,omitempty"`  // as last reported
	Stage     job.Stage         `json:"stage,omitempty"`     // the furthest known to have begun; zero: none
	Began     time.Time         `json:"began,omitzero"`      // when the stage began, or its reboot was asked for: as reported
	Result    job.Result        `json:"result,omitempty"`    // as last reported; final in Ended
	Cancelled bool              `json:"cancelled,omitempty"` // a cancel was asked for; TooLate and Result are its outcome
	TooLate   job.Stage         `json:"tooLate,omitempty"`   // the stage that had begun when the cancel came; zero: not reported
	Retracted bool              `json:"retracted,omitempty"` // it was withdrawn after it was last made: the asset may report that
	Lost      bool              `json:"lost,omitempty"`      // Result is uncertain: the agent's state was lost (JOB-24), the asset was removed (MAN-10), or the asset reported a result that this release does not know (MAN-11)
	Former    string            `json:"former,omitempty"`    // key of the removed asset that had the order: only it can report on it (MAN-10)
	Again     bool              `json:"again,omitempty"`     // gone, and to be made again: it waits after the asset has reported its end
	Doubtful  bool              `json:"doubtful,omitempty"`  // it had begun when the server was restored from a backup: the manifest says so (JOB-24)
	Stale     bool              `json:"stale,omitempty"`     // it was made again after a withdrawal, which the asset may still report
	At        time.Time         `json:"at,omitzero"`         // of the last report, by the asset's corrected clock
	Ended     time.Time         `json:"ended,omitzero"`      // when the result came
	Reboots   int               `json:"reboots,omitempty"`   // asked for by the execution
	Slot      time.Time         `json:"slot,omitzero"`       // until when the asset may go down for its reboot; zero: it has no slot (ROL-7)
	Text      string            `json:"text,omitempty"`      // one sentence, at most MaxText bytes
}

// ID names the order.
func (e Entry) ID() job.OrderID { return job.MakeOrderID(e.Run, e.Asset) }

// Fixed reports whether the order is never made again: it has begun and starts
// at most once, a cancel was asked for, or a removed asset had it. An order
// that was withdrawn before it began, or that ended before the asset could hold
// it, can be made again.
func (e Entry) Fixed() bool {
	return e.Cancelled || e.Former != "" || e.Stage != 0 || e.Phase == Ended && e.Since != 0 && e.Result != job.Withdrawn
}

// Trimmable reports whether patches can be taken out of the order: it is in the
// manifest. A started execution keeps its copy (CAT-6, CAT-9).
func (e Entry) Trimmable() bool { return e.Phase == Open && !e.Cancelled }

// Held reports whether the asset may have received the order, given the highest
// revision that was sealed for it. An asset that reported on an order has
// received it, whatever a restored server knows about revisions.
func (e Entry) Held(sealed manifest.Revision) bool {
	return e.Since != 0 && (e.Since <= sealed || !e.At.IsZero() || e.Former != "")
}

// Succeeded reports whether a job after this one may follow: everything is
// verified, or there was nothing to do. An order of a removed asset does not
// count (JOB-19).
func (e Entry) Succeeded() bool {
	return e.Phase == Ended && e.Former == "" && (e.Result == job.Completed || e.Result == job.NotApplicable)
}

// Counts reports whether this asset counts in a share of the run's assets: its
// order was not withdrawn. A withdrawn order that the asset carries out counts
// again when its result comes (JOB-19).
func (e Entry) Counts() bool {
	return e.Phase != 0 && e.Phase != Gone && e.Former == "" && e.Result != job.Withdrawn
}

// final reports whether a result ends an order.
func final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// Validate says why e is not a state that [Step] returns, so that a damaged
// record is found. The error is a *job.Invalid. "May" means that the field may
// be set:
//
//	phase     Since   Stage         Result            Cancelled   TooLate   Retracted   Ended
//	waiting   zero    zero          zero              no          no        no          no
//	open      set     before done   zero or pending   may         may [1]   may [2]     no
//	gone      set     before done   zero or pending   no          no        yes         no
//	ended     may     any           final             may         may [1]   may         yes
//
// [1] Only if Cancelled is set. [2] Only if Cancelled or Doubtful is set: the
// order left the manifest and was put back, marked as cancelled or as begun, so
// it never starts. A pending Result is set only if its stage began; so is
// TooLate.
func (e Entry) Validate() error {
	var l problem.List
	want := func(ok bool, field, format string, args ...any) {
		if !ok {
			l.Add(field, "", format, args...)
		}
	}
	live := e.Phase == Open || e.Phase == Gone
	want(e.Run != "" && e.Asset != "", "run", "is missing, or the asset is")
	want(phases.Valid(e.Phase), "phase", "is not a phase")
	want(!live || e.Since > 0, "since", "is zero, and the order is %v", e.Phase)
	want(!live || e.Stage < job.StageDone, "stage", "is done, and the order is %v", e.Phase)
	want(e.Phase != Ended || final(e.Result) && !e.Ended.IsZero(), "result", "is not final, and the order has ended")
	want(e.Phase == Ended || !final(e.Result) && e.Ended.IsZero(), "result", "is final, and the order is %v", e.Phase)
	want(e.Phase == Ended || e.Result == 0 || e.Stage >= job.StageDeploy, "result", "is %v before the deploy stage", e.Result)
	want(e.Phase == Ended || e.Result != job.PendingReboot || e.Stage >= job.StageReboot, "result", "is %v before the reboot stage", e.Result)
	want(e.TooLate == 0 || e.Cancelled, "tooLate", "answers a cancel that nobody asked for")
	want(e.TooLate == 0 || e.TooLate >= job.StageDeploy && e.Stage >= e.TooLate, "tooLate", "is %v in stage %v", e.TooLate, e.Stage)
	want(e.Phase != Gone || e.Retracted, "retracted", "is not set, and the order is %v", e.Phase)
	want(e.Phase != Gone || !e.Cancelled, "cancelled", "is set, and the order is gone")
	want(e.Phase != Open || !e.Retracted || e.Cancelled || e.Doubtful, "retracted", "is set, and the order is open")
	begun := e.Result == job.Failed && e.Stage != 0
	want(!e.Lost || e.Phase == Ended && (begun || e.Result == job.Withdrawn && e.Stage == 0), "lost", "is set, and the order is %v", e.Phase)
	want(e.Former == "" || e.Phase == Ended && e.Since > 0, "former", "is set, and the order is %v", e.Phase)
	want(!e.Again || e.Phase == Gone, "again", "is set, and the order is %v", e.Phase)
	want(e.Slot.IsZero() || e.Phase == Open && e.Stage == job.StageReboot, "slot", "is set, and the order is %v in stage %v", e.Phase, e.Stage)
	want(!e.Doubtful || e.Stage != 0, "doubtful", "is set, and the order has not begun")
	if e.Phase == Waiting {
		want(e == Entry{Run: e.Run, Asset: e.Asset, Phase: Waiting}, "phase", "is waiting, and something is known of the order")
	}
	return l.Err("order " + string(e.ID()))
}

// CancelState is what is known about a cancel on one asset (JOB-3).
type CancelState uint8

// The states.
const (
	CancelDone    CancelState = 1 + iota // nothing of the order was or will be deployed there
	CancelPending                        // the asset has, or may have, the order; its next report decides
	CancelTooLate                        // deploy had begun
	CancelEnded                          // the order had ended before
)

var cancelStates = enum.Of[CancelState]("cancel state", "Cancelled", "CancelPending", "TooLate", "Ended")

func (s CancelState) String() string                   { return cancelStates.String(s) }
func (s CancelState) MarshalText() ([]byte, error)     { return cancelStates.MarshalText(s) }
func (s *CancelState) UnmarshalText(text []byte) error { return cancelStates.UnmarshalText(text, s) }

// Cancel returns the outcome of a cancel, or what it would be now, from what
// the asset reported.
func (e Entry) Cancel() CancelState {
	switch {
	case e.Phase == Ended && e.Result == job.Cancelled:
		return CancelDone
	case e.TooLate != 0, e.Phase != Ended && e.Stage >= job.StageDeploy:
		return CancelTooLate
	case e.Phase == Ended:
		return CancelEnded
	default:
		return CancelPending
	}
}

package ledger

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// Event is something that happened to an order: one of the types below. Nil is
// none.
type Event interface{ step(m *machine) }

// The events.
type (
	// Awaited says that the job selects the asset, but its order cannot be made
	// yet. If the asset may hold the order, it is withdrawn first, and waits
	// after the asset has reported its end.
	Awaited struct{}
	// Made says that the order was made and has something to do. It may be
	// made again because its job (MAN-2), or the asset's inventory or
	// pending reboot (JOB-14) changed.
	Made struct {
		Start   time.Time
		Dropped int
		Grant   int // the number of the rollout's grant; zero: the run has no rollout (ROL-3)
	}
	// MadeEmpty says that the order was made and has nothing to do. Result
	// is NotApplicable; or Failed with the reason in Text; or TimedOut with
	// the reason, if the start is past on the asset's clock (JOB-9,
	// JOB-12).
	MadeEmpty struct {
		Result  job.Result
		Text    string
		Dropped int
	}
	// Trimmed says that patches were taken out of the order (CAT-6, CAT-9).
	// Empty: nothing is left to do.
	Trimmed struct{ Empty bool }
	// Withdrawn says that the job was disabled or deleted, got another
	// start, or no longer selects the asset (JOB-5).
	Withdrawn struct{}
	// Recalled says that the run's rollout was stopped: an order that has not
	// begun is withdrawn (ROL-4). All: it was abandoned, and one that
	// waits ends.
	Recalled struct{ All bool }
	// CancelAsked says that the administrator cancels the run (JOB-3).
	CancelAsked struct{}
	// Missed says that a newer run of the job is due (JOB-12).
	Missed struct{}
	// NeverHeld says that the asset holds a manifest without the order and
	// has nothing to report. Unsure: the server was restored from a backup
	// and has lost reports of the asset. One of them may have been about
	// this order, so a later report can still replace its end.
	NeverHeld struct{ Unsure bool }
	// StateLost says that the agent's state was lost or put back since it
	// last called (JOB-24). See [Heard].
	StateLost struct{}
	// ServerPutBack says that the asset holds a manifest which this server
	// never sealed: the server was restored from a backup (MAN-5). The
	// agent's state may have been lost since.
	ServerPutBack struct{}
	// Slotted says until when the asset may go down for the reboot of an order
	// that waits for it; zero: its slot is free again (ROL-7).
	Slotted struct{ Until time.Time }
	// AssetRemoved says that the administrator removed the asset, and names
	// its key (MAN-10).
	AssetRemoved struct{ Key string }
	// Reported brings a report of the asset on this order.
	Reported struct {
		Report job.Report
		// Foreign is a patch of the report that no order of the run
		// ever had; empty: none.
		Foreign catalog.PatchID
		Former  string // key of a removed asset that reports; empty: the present asset of the name does (MAN-10)
		// Live says that the report came with the asset's newest call, and
		// that no second computer calls as the asset. So the agent still
		// holds the order, even if it counted as lost.
		Live bool
	}
)

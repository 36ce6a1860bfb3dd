package execution

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// State is the whole state of the machine, as a value. The zero State is an
// execution that has not begun.
//
// It must be durable before an effect of the same step is carried out. That
// makes the point of no return exact: a cancel that the machine sees before the
// commit that enters StageDeploy wins, a later one is too late (JOB-3, JOB-4).
type State struct {
	Order   job.Order           `json:"order"`
	Stage   job.Stage           `json:"stage"`
	Phase   Phase               `json:"phase"`
	Waiting EffectID            `json:"waiting,omitempty"` // the effect whose result it waits for; zero: none
	Last    EffectID            `json:"last,omitempty"`    // the last id given out
	Until   schedule.Steady     `json:"until,omitempty"`   // when to stop waiting, or to try again
	Tries   int                 `json:"tries,omitempty"`   // failed inventories in a row
	Failing schedule.Steady     `json:"failing,omitempty"` // since the first of them; zero: the last one succeeded
	Missed  schedule.Steady     `json:"missed,omitempty"`  // since the first download that did not reach its source; zero: all reached it
	Patches []PatchState        `json:"patches,omitempty"` // as Order.Patches
	Acted   int                 `json:"acted,omitempty"`   // actions done, pre-actions first
	Actions []job.ActionOutcome `json:"actions,omitempty"` // of those done
	Failed  int                 `json:"failed,omitempty"`  // actions that failed
	Aborted bool                `json:"aborted,omitempty"` // an action ended with 12

	NeedsReboot    bool            `json:"needsReboot,omitempty"`    // after what was deployed (RBT-2)
	RebootRequired bool            `json:"rebootRequired,omitempty"` // by the system itself, before anything changed
	Pending        bool            `json:"pending,omitempty"`        // a reboot was pending when it began, and the order reboots for it (RBT-11)
	BootID         string          `json:"bootID,omitempty"`         // of this boot
	Sessions       reboot.Sessions `json:"sessions,omitempty"`
	Reboot         reboot.State    `json:"reboot,omitzero"`
	Reboots        int             `json:"reboots,omitempty"` // asked for
	SaidTooLate    bool            `json:"saidTooLate,omitempty"`
	Result         job.Result      `json:"result,omitempty"` // the last one reported; final when Stage is StageDone

	// NotKnown names what another release wrote here and this one does not
	// know, as `phase "Flying"`; empty: nothing.
	NotKnown string `json:"notKnown,omitempty"`
}

// NoteUnknown adds to NotKnown.
func (x *State) NoteUnknown(field, name string) {
	x.NotKnown = job.NoteUnknown(x.NotKnown, field, name)
}

// strange says why this release cannot go on with an execution that another
// release began; empty: it can (MAN-11).
func (x State) strange() string {
	if what := x.Order.NotKnown(); what != "" {
		return what
	}
	if x.Stage == enum.Unknown || x.Phase == enum.Unknown || x.Reboot.Phase == enum.Unknown {
		return cmp.Or(x.NotKnown, "its phase")
	}
	for _, p := range x.Patches {
		if p.Status == enum.Unknown {
			return fmt.Sprintf("patch %s: %s", p.Patch, p.Text)
		}
	}
	return ""
}

// PatchState is one patch of an execution. If it is pending and has a code, its
// source was not reached and is tried again.
type PatchState struct {
	job.PatchOutcome
	Tries    int                `json:"tries,omitempty"`    // downloads that did not reach the source (JOB-27)
	Attempts int                `json:"attempts,omitempty"` // installs begun (JOB-17)
	Reboot   bool               `json:"reboot,omitempty"`   // the installer asked for a reboot
	Digests  []integrity.Digest `json:"digests,omitempty"`  // SHA-256 of each file that passed INT
}

func (p *PatchState) fail(code job.Code, rule, text string) {
	p.Status, p.Code, p.Rule, p.Text = job.PatchFailed, code, rule, text
}

func (p *PatchState) leave(rule, text string) {
	p.Status, p.Rule, p.Text = job.Inapplicable, rule, text
}

// Wake returns how long after now the execution wants a [Tick], at the latest;
// zero: it waits for results only.
func (x State) Wake(now schedule.At) time.Duration {
	var wake time.Duration
	switch {
	case x.Stage == job.StageDone:
		return 0
	case x.Phase == PhaseReboot:
		if wake = reboot.Wake(x.rebootPolicy(), x.Reboot, now); wake > 0 {
			wake = max(wake, time.Millisecond)
		}
	case !x.Until.IsZero():
		wake = max(x.Until.Sub(now.Steady), time.Millisecond)
	}
	if x.endsWithWindow() {
		end := max(x.Order.End.Sub(now.UTC), time.Millisecond)
		wake = min(cmp.Or(wake, end), end)
	}
	return wake
}

// endsWithWindow reports whether the end of the window ends the wait, because
// it can no longer lead to an install (JOB-10).
func (x State) endsWithWindow() bool {
	cut := x.Phase == PhaseDownload || x.Phase == PhasePreflight || x.Phase == PhaseRequire && x.Stage == job.StageDownload
	if x.Phase == PhaseLastCall { // a server that refuses could keep it waiting for ever
		cut = slices.ContainsFunc(x.Patches, func(p PatchState) bool { return p.Status == job.Verified })
	}
	return cut && !x.Order.End.IsZero()
}

// NeedsSlot reports whether the execution waits for a reboot slot, or has one
// until the patches are verified (ROL-7).
func (x State) NeedsSlot() bool {
	return x.Stage == job.StageReboot && x.Order.Reboot.Slot && x.Reboot.NeedsSlot()
}

// Parked reports whether the execution only waits for somebody to reboot by
// hand (RBT-7).
func (x State) Parked() bool { return x.Phase == PhaseReboot && x.Reboot.Phase == reboot.Parked }

// Unverified reports whether the last install and action are over, but taking
// the inventory that verifies them failed. Other jobs then do not wait for this
// execution (JOB-18).
func (x State) Unverified() bool { return x.verifies() && !x.Failing.IsZero() }

// Retrying reports whether the execution only waits to retry its downloads.
// Then it holds up no other job (JOB-27).
func (x State) Retrying() bool { return x.Phase == PhaseDownload && x.Waiting == 0 }

// AtWork reports whether a reboot now would interrupt the execution. It is
// false if the execution only waits for a reboot by hand, to retry its
// downloads, or to verify again.
func (x State) AtWork() bool {
	return !x.Parked() && !x.Retrying() && !(x.verifies() && x.Waiting == 0)
}

func (x State) verifies() bool { return x.Phase == PhaseVerify || x.Phase == PhaseConfirm }

// Unconfirmed returns the products that were installed and not yet verified.
func (x State) Unconfirmed() (products []catalog.ProductID) {
	for i, p := range x.Patches {
		if p.Status == job.Installed {
			products = append(products, x.Order.Patches[i].Product)
		}
	}
	return products
}

// Validate says why x is not a valid state, so that damaged storage is found
// and causes no panic. A state with names that only another release knows
// passes; its execution ends at the next start. The error is a *job.Invalid.
func (x State) Validate() error {
	var l problem.List
	stage := x.Stage == enum.Unknown || x.Stage >= job.StageDownload && x.Stage <= job.StageDone
	if phase := x.Phase == enum.Unknown || phases.Valid(x.Phase); !stage || !phase {
		l.Add("stage", x.Stage.String(), "with phase %v is unknown", x.Phase)
	}
	if len(x.Patches) != len(x.Order.Patches) {
		l.Add("patches", "", "are not the patches of the order")
	}
	if x.Acted < 0 || x.Acted > len(x.Order.Pre)+len(x.Order.Post) {
		l.Add("acted", "", "is negative or more than the order has actions")
	}
	if x.Tries < 0 {
		l.Add("tries", "", "is negative")
	}
	for i, p := range x.Patches {
		if p.Tries < 0 || p.Status == job.Pending && p.Code != 0 && p.Tries == 0 {
			l.Add(fmt.Sprintf("patches[%d].tries", i), "", "is %d", p.Tries)
		}
	}
	if x.Retrying() && (x.Until.IsZero() || !slices.ContainsFunc(x.Patches, func(p PatchState) bool { return p.Status == job.Pending })) {
		l.Add("until", "", "is missing, or no download is to be tried again")
	}
	if i := x.downloading(); x.Phase == PhaseDownload && x.Waiting != 0 && (i < 0 || i >= len(x.Order.Patches) || len(x.Order.Patches[i].Files) == 0) {
		l.Add("phase", x.Phase.String(), "has nothing to download")
	}
	l.Under("order", x.Order.Validate())
	return l.Err("execution of " + string(x.Order.ID))
}

// downloading returns the index of the patch that PhaseDownload waits for: the
// first pending one that was not tried; -1: none.
func (x State) downloading() int {
	return slices.IndexFunc(x.Patches, func(p PatchState) bool { return p.Status == job.Pending && p.Code == 0 })
}

// Phase is what an execution waits for.
type Phase uint8

// The phases, in their order. Those from PhasePre to PhasePost belong to the
// deploy stage.
const (
	PhaseInventory Phase = 1 + iota // the first inventory
	PhaseDownload                   // one patch's files, or the time to retry failed downloads (JOB-27)
	PhasePreflight                  // the platform's answer about the verified patches
	PhaseLastCall                   // a check-in just before the deploy stage (MAN-7)
	PhasePre                        // one pre-action
	PhaseRequire                    // the inventory before the install of a patch that needs others (JOB-14)
	PhaseInstall                    // one installation
	PhaseRecheck                    // the inventory after an installation was cut off, or the agent stopped after a result (JOB-17)
	PhasePost                       // one post-action
	PhaseVerify                     // the inventory after the last change (JOB-18)
	PhaseReboot                     // the reboot machine
	PhaseConfirm                    // the inventory after the reboot (JOB-18)
	PhaseEnd                        // nothing
)

var phases = enum.Of[Phase]("execution phase", "inventory", "download", "preflight", "last call", "pre-action", "require", "install", "recheck",
	"post-action", "verify", "reboot", "confirm", "end")

func (p Phase) String() string                   { return phases.String(p) }
func (p Phase) MarshalText() ([]byte, error)     { return phases.MarshalText(p) }
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

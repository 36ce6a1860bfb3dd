package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// observer watches one asset and its order from outside; see package watch.
type observer struct {
	watch.Order
	patches [titles]watch.Patch
	made    job.Sequence // the last report committed
	taken   job.Sequence // the last report that the server acknowledged
	stage   Stage
	pending bool          // a cancel is on its way to this asset
	marked  bool          // the cancel mark was delivered
	tooLate bool          // the asset reported that the cancel came too late
	refused bool          // the server refused the cancel at once as too late
	local   bool          // the server set the result: the asset never held the order
	since   time.Duration // when the order was received or started
	due     time.Duration // when the reboot that is still missing became due; zero: none
}

// note ends the simulation if an invariant broke.
func (a *asset) note(b *watch.Broken) {
	if b != nil {
		b.At, b.Asset = since(a.s.now), a.config.Asset
		a.s.fail(b)
	}
}

func (a *asset) broken(invariant int, format string, args ...any) {
	a.note(watch.Breaks(invariant, format, args...))
}

// move moves the asset to another stage of the rollout.
func (o *observer) move(a *asset, to Stage) {
	if o.stage == to {
		return
	}
	a.s.tally.move(a.s.now, o.stage, to)
	o.stage = to
}

func (o *observer) committed(a *asset, before, after *agent.State) {
	fresh, broken := watch.Committed(before, after, &o.made, o.taken)
	a.note(broken)
	for _, r := range fresh {
		a.history.report(r)
		o.reported(a, r)
	}
}

func (o *observer) reported(a *asset, r job.Report) {
	if r.Refused != "" {
		a.broken(9, "it refused a manifest: %s", r.Refused)
		return
	}
	if r.Order != job.MakeOrderID(runID, a.config.Asset) {
		a.broken(3, "it reports on order %s, which nobody made", r.Order)
		return
	}
	a.note(o.Reported(r, true, o.marked))
	o.tooLate = o.tooLate || r.TooLate != 0
	switch r.Progress {
	case job.Received:
		o.since = a.s.now
		o.move(a, StageQueued)
	case job.Started:
		o.since = a.s.now
		o.move(a, StageDownload)
	case job.Deploying:
		o.move(a, StageDeploy)
	}
	switch r.Result {
	case 0, job.PendingVerification:
		return
	case job.PendingReboot:
		o.due = a.s.now
		o.move(a, StageReboot)
		return
	case job.Completed, job.NotApplicable:
		o.move(a, StageDone)
	case job.Cancelled, job.Withdrawn:
		o.move(a, StageCancelled)
	default:
		o.move(a, StageFailed)
	}
	for _, p := range r.Patches {
		if p.Status == job.PatchFailed {
			a.s.tally.codes[p.Code]++
		}
	}
}

func (o *observer) deploys(a *asset, e execution.Install) {
	for _, p := range e.Patches {
		n := a.s.product(p.Patch.Product)
		a.note(o.Deploys(&o.patches[n], watch.Install{Patch: p.Patch.Patch, Held: true, Passes: a.staged.has(n), Same: true}))
		if a.has.has(n) {
			a.broken(8, "patch %s is installed again", p.Patch.Patch)
		}
	}
}

func (o *observer) reboots(a *asset, order job.OrderID) {
	a.note(o.Late(since(a.s.now)))
	a.note(o.Reboots(a.boots, policy.Suppress))
	for _, x := range a.state.Executions {
		if x.Order.ID == order {
			a.s.tally.rebooted(a.s.now-o.due, x.Reboot.Used)
		}
	}
}

// delivered checks an answer: whether it brings the cancel in time (MAN-3).
func (o *observer) delivered(a *asset, answer manifest.Answer) {
	o.taken = max(o.taken, answer.Acknowledged)
	cancelled := a.s.cancelled
	if !o.pending || o.marked || len(answer.Manifest) == 0 || answer.At.Before(since(cancelled)) {
		return
	}
	o.marked = true
	took := a.s.now - cancelled
	connected := a.away.to == 0 || a.away.to <= cancelled-settling || a.away.from > a.s.now
	a.s.tally.propagated(took, connected)
	if connected && took > bound {
		a.broken(10, "the cancel took %v to reach it; the bound is %v (MAN-3)", took, bound)
	}
}

// bound is how long a cancel can take to reach a connected asset (MAN-3).
var bound = manifest.Bound(manifest.Every)

// settling is how long after its return an asset may make its first call.
const settling = 30 * time.Minute

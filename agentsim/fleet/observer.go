package fleet

import (
	"bytes"
	"math/bits"
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
	stage   RolloutStage
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
func (o *observer) move(a *asset, to RolloutStage) {
	if o.stage == to {
		return
	}
	m := &a.s.tally.moves[min(int(a.s.now/RolloutStep), len(a.s.tally.moves)-1)]
	m[o.stage]--
	m[to]++
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
			t := a.s.tally
			t.after[min(int((a.s.now-o.due)/deferralStep), deferralSteps-1)]++
			t.putOff[min(x.Reboot.Used, maxPutOff)]++
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

// history is a running hash of what happened on one asset. It is fast, not
// cryptographic; the SHA-256 over all of them is.
type history uint64

func (h *history) add(values ...uint64) {
	for _, v := range values {
		*h = history(bits.RotateLeft64(uint64(*h)^v, 29) * 0x9e3779b97f4a7c15)
	}
}

func (h *history) text(s string) {
	h.add(uint64(len(s)))
	for len(s) >= 8 {
		h.add(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		s = s[8:]
	}
	for i := range len(s) {
		h.add(uint64(s[i]))
	}
}

// Events, for the hash.
const (
	happensStart uint64 = 1 + iota
	happensTick
	happensAnswer
	happensSilence
	happensResult
	happensCall
	happensReport
	happensEffect
)

func (h *history) event(at time.Duration, ev agent.Event) {
	switch ev := ev.(type) {
	case agent.Started:
		h.add(happensStart, uint64(at))
	case agent.Tick:
		h.tick(at)
	case agent.CallDone:
		h.answer(at, ev.ID, ev.Answer.Acknowledged)
		sealed := ev.Answer.Manifest
		if end := bytes.LastIndex(sealed, []byte(`,"signatures"`)); end > 0 { // the same for every key
			h.text(string(sealed[:end]))
		}
	case agent.CallFailed:
		h.add(happensSilence, uint64(at), ev.ID)
	case agent.ForOrder:
		h.add(happensResult, uint64(at))
		h.text(string(ev.Order))
	}
}

// tick, call and answer make up an idle check-in, carried out or skipped.
func (h *history) tick(at time.Duration) { h.add(happensTick ^ uint64(at)<<8) }
func (h *history) call(id uint64, reports int, last bool) {
	flags := happensCall | uint64(reports)<<8
	if last {
		flags |= 1 << 32
	}
	h.add(flags ^ id<<40)
}

func (h *history) answer(at time.Duration, id uint64, acknowledged job.Sequence) {
	h.add(happensAnswer^uint64(at)<<8, id^uint64(acknowledged)<<32)
}

func (h *history) report(r job.Report) {
	h.add(happensReport, uint64(r.Sequence), uint64(r.At.Unix()), uint64(r.Progress), uint64(r.Result), uint64(r.TooLate), uint64(r.Reboots))
	h.text(string(r.Order))
	for _, p := range r.Patches {
		h.text(string(p.Patch))
		h.add(uint64(p.Status), uint64(p.Code))
	}
}

func (h *history) effect(e execution.Effect) {
	h.add(happensEffect)
	switch e := e.(type) {
	case execution.TakeInventory:
		h.add(1, uint64(e.ID))
	case execution.Download:
		h.add(2, uint64(e.ID), uint64(e.Index))
	case execution.Preflight:
		h.add(3, uint64(e.ID), uint64(len(e.Patches)))
	case execution.Install:
		h.add(4, uint64(e.ID), uint64(len(e.Patches)))
	case execution.Prompt:
		h.add(5)
	case execution.Reboot:
		h.add(6)
	case execution.Discard:
		h.add(7)
	}
}

package fleet

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Broken is an invariant that did not hold. The numbers are those of the doc of package job/agent.
type Broken struct {
	Invariant int
	At        time.Time
	Asset     job.AssetID // empty: it concerns the server
	Text      string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("invariant %d broken at %s on %s: %s", b.Invariant, b.At.Format(time.RFC3339), b.Asset, b.Text)
}

// onlooker watches one asset from outside: what reaches it, what it reports and what really happens to it. It never asks
// the agent's machine what to think of that.
type onlooker struct {
	stage    Stage
	order    seen
	pending  bool          // a cancel is under way to this asset
	marked   bool          // its mark was delivered
	due      time.Duration // when a reboot became due that has not happened; zero: none
	offer    time.Duration // when it was first offered; zero: it was not
	deferred int           // how often it was put off
}

// seen is what was seen of one order.
type seen struct {
	received  bool
	deploying bool
	tooLate   bool
	refused   bool // the server knew at once that the cancel came too late
	rebooted  bool
	local     bool       // the server's own word: the asset never held it
	result    job.Result // final
	failures  int        // failed installs in the last report on it (RPT-1)
	since     time.Duration
}

func (o *onlooker) broken(a *asset, invariant int, format string, args ...any) {
	a.s.fail(&Broken{Invariant: invariant, At: since(a.s.now), Asset: a.config.Asset, Text: fmt.Sprintf(format, args...)})
}

// move takes the asset to another stage of the rollout.
func (o *onlooker) move(a *asset, to Stage) {
	if o.stage == to {
		return
	}
	a.s.tally.move(a.s.now, o.stage, to)
	o.stage = to
}

// reported looks at a report as it is made.
func (o *onlooker) reported(a *asset, r job.Report) {
	if r.Refused != "" {
		o.broken(a, 9, "it refused a manifest: %s", r.Refused)
		return
	}
	if !a.isOrder(r.Order) {
		o.broken(a, 3, "it speaks of order %s, which nobody made", r.Order)
		return
	}
	s := &o.order
	if s.result != 0 && r.TooLate == 0 {
		o.broken(a, 2, "order %s had ended as %v when it reported %s", r.Order, s.result, word(r))
	}
	switch {
	case r.Progress != 0:
		o.progress(a, s, r.Progress)
	case r.TooLate != 0:
		s.tooLate = true
		if !s.deploying {
			o.broken(a, 2, "order %s was too late for a cancel, and deploy had not begun", r.Order)
		}
	case r.Result == job.PendingReboot:
		o.due, o.offer, o.deferred = a.s.now, 0, 0
		o.move(a, StageReboot)
	case r.Result == job.PendingVerification:
	default:
		o.ended(a, s, r)
	}
}

func word(r job.Report) string {
	if r.Progress != 0 {
		return r.Progress.String()
	}
	return r.Result.String()
}

func (o *onlooker) progress(a *asset, s *seen, p job.Progress) {
	switch p {
	case job.Received:
		s.received, s.since = true, a.s.now
		o.move(a, StageQueued)
	case job.Started:
		s.since = a.s.now
		o.move(a, StageDownload)
	case job.Deploying:
		s.deploying = true
		o.move(a, StageDeploy)
	}
}

func (o *onlooker) ended(a *asset, s *seen, r job.Report) {
	s.result = r.Result
	if s.result == job.Cancelled && s.deploying {
		o.broken(a, 2, "order %s reports Cancelled after deploy began", r.Order)
	}
	for _, p := range r.Patches {
		if p.Status == job.PatchFailed {
			a.s.tally.failed(p.Code)
			if p.Code != job.CodeCancelled {
				s.failures++
			}
		}
	}
	switch r.Result {
	case job.Completed, job.NotApplicable:
		o.move(a, StageDone)
	case job.Cancelled, job.Withdrawn:
		o.move(a, StageCancelled)
	default:
		o.move(a, StageFailed)
	}
}

// deploys looks at an installation as it begins.
func (o *onlooker) deploys(a *asset, order job.OrderID, e execution.Install) {
	if s := o.order; s.result != 0 || !s.deploying {
		o.broken(a, 2, "order %s is deployed as it is %v", order, s.result)
	}
	for _, p := range e.Patches {
		n := a.s.product(p.Patch.Product)
		if !a.staged.has(n) {
			o.broken(a, 1, "patch %s is installed and did not pass", p.Patch.Patch)
		}
		if a.has.has(n) {
			o.broken(a, 8, "patch %s is installed once more", p.Patch.Patch)
		}
	}
}

// offered notes the offer of a reboot.
func (o *onlooker) offered(a *asset) {
	if o.offer == 0 {
		o.offer = a.s.now
	} else {
		o.deferred++
	}
}

// reboots looks at a reboot that the agent asks for.
func (o *onlooker) reboots(a *asset, order job.OrderID) {
	if o.due == 0 {
		o.broken(a, 4, "it reboots for order %s, which needs none", order)
		return
	}
	s := &o.order
	if s.rebooted {
		o.broken(a, 4, "it reboots a second time for order %s", order)
	}
	if o.offer > 0 && a.s.now-o.offer > 168*time.Hour {
		o.broken(a, 5, "it reboots %v after the first offer", a.s.now-o.offer)
	}
	s.rebooted = true
	for _, x := range a.state.Executions {
		if x.Order.ID == order {
			o.deferred = x.Reboot.Used
		}
	}
	a.s.tally.rebooted(a.s.now-o.due, o.deferred)
	o.due = 0
}

// revised looks at the revision held.
func (o *onlooker) revised(a *asset, before, after manifest.Revision) {
	if after < before {
		o.broken(a, 9, "its manifest revision fell from %d to %d", before, after)
	}
}

// delivered looks at an answer as it comes: whether it carries the change that a cancel made (MAN-3).
func (o *onlooker) delivered(a *asset, answer manifest.Answer) {
	cancelled := a.s.cancelled
	if !o.pending || o.marked || len(answer.Manifest) == 0 || answer.At.Before(since(cancelled)) {
		return
	}
	o.marked = true
	took := a.s.now - cancelled
	connected := a.away.to == 0 || a.away.to <= cancelled-settling || a.away.from > a.s.now
	a.s.tally.propagated(took, connected)
	if bound := a.s.bound; connected && took > bound {
		o.broken(a, 10, "the cancel took %v to reach it; the bound is %v (MAN-3)", took, bound)
	}
}

// settling is how long an asset that came back may need to make its first call.
const settling = 30 * time.Minute

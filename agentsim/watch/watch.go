// Package watch checks the invariants of package job/agent from outside. It
// sees the manifests that reach an asset, the reports that its agent commits
// and what really happens to it. It never asks the agent's machine, and decides
// the rules on its own.
//
// [Order] and [Patch] hold what was observed of an order and of a patch in it.
// They are flat values that a caller may copy, compare and hash. Each of their
// methods takes one observation, and returns the invariant that it breaks, or
// nil. Their arguments are what only the caller can know, such as whether a
// manifest holds the order and whether a file passes the integrity rules.
package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Broken is an invariant that does not hold. The numbers are those of the doc
// of package job/agent.
type Broken struct {
	Invariant int
	At        time.Time   // zero: in the text, or not known
	Asset     job.AssetID // empty: the server, or the world's only asset
	Text      string
}

// Breaks returns a broken invariant without time and asset.
func Breaks(invariant int, format string, args ...any) *Broken {
	return &Broken{Invariant: invariant, Text: fmt.Sprintf(format, args...)}
}

func (b *Broken) Error() string {
	where := ""
	if !b.At.IsZero() {
		where = " at " + b.At.Format(time.RFC3339)
	}
	if b.Asset != "" {
		where += " on " + string(b.Asset)
	}
	return fmt.Sprintf("invariant %d broken%s: %s", b.Invariant, where, b.Text)
}

// Order is what was observed of one order; zero: nothing yet.
type Order struct {
	Received  bool
	Started   bool
	Touched   bool // an action or an install began
	Deploying bool // as reported
	Needs     bool // something that was deployed needs a reboot
	Result    job.Result
	Failed    uint16    // installs, by the last result (RPT-1)
	Rebooted  int       // the boot in which the agent last asked for a reboot, plus one; zero: it did not
	Offer     time.Time // the first prompt for a reboot that was not asked for yet and has not happened; zero: none (RBT-6)
	Barred    bool      // the server knew that it had begun when the agent lost its state
}

// Final reports whether a result ends an order.
func Final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// Ended reports whether the order has a final result.
func (o *Order) Ended() bool { return Final(o.Result) }

// Again reports whether a report says that a withdrawn order was handed out
// again. What was observed of the order before no longer counts then.
func (o *Order) Again(r job.Report) bool {
	return o.Result == job.Withdrawn && r.Progress == job.Received
}

// Reported takes a report on the order. Held says whether the newest manifest
// that the agent had to accept holds the order, and marked whether it is
// cancelled there (invariants 2, 3, 8, 13).
func (o *Order) Reported(r job.Report, held, marked bool) (b *Broken) {
	switch {
	case r.Again && o.Result != 0 && r.Result != o.Result:
		b = Breaks(8, "it ended as %s, and is reported again as %s", o.Result, r.Result)
	case r.Again: // a restored server handed it out again (JOB-24)
		return nil
	case r.Progress == job.Started && (o.Started || o.Barred):
		b = Breaks(13, "it starts again")
	case r.TooLate != 0 && !o.Deploying:
		b = Breaks(2, "it answers that a cancel is too late, although its deploy stage has not begun")
	case r.TooLate != 0:
	case r.Progress == job.Started && (o.Result == job.Withdrawn || !held || marked):
		b = Breaks(3, "it starts, although it was withdrawn or cancelled before")
	case o.Ended() && r.Progress != 0 && r.Progress != job.Received:
		b = Breaks(2, "it reports %s after it ended as %s", r.Progress, o.Result)
	case o.Ended() && r.Result != 0 && o.Result != job.Withdrawn: // a withdrawn order can be handed out again with its end
		b = Breaks(8, "it ends twice: %s, then %s", o.Result, r.Result)
	case r.Progress == job.Deploying && marked:
		b = Breaks(2, "its deploy stage begins, although the agent had received the cancel")
	case r.Result == job.Cancelled && (o.Deploying || o.Touched):
		b = Breaks(2, "it is reported as cancelled after its deploy stage began")
	case r.Result == job.Withdrawn && o.Started:
		b = Breaks(3, "it is reported as withdrawn after it started")
	}
	o.Received = o.Received || r.Progress == job.Received
	o.Started = o.Started || r.Progress == job.Started
	o.Deploying = o.Deploying || r.Progress == job.Deploying
	if r.Result != 0 {
		o.Result, o.Failed = r.Result, uint16(Failures(r.Patches))
	}
	if o.Ended() {
		o.Offer = time.Time{}
	}
	return b
}

// Failures counts the failed installs among outcomes, each patch once (RPT-1).
func Failures(list []job.PatchOutcome) (n int) {
	failed := job.PatchOutcome.FailedInstall
	for i, p := range list {
		if failed(p) && !slices.ContainsFunc(list[:i], func(q job.PatchOutcome) bool { return q.Patch == p.Patch && failed(q) }) {
			n++
		}
	}
	return n
}

// Touches takes an act that changes the asset; what is the act, as a verb
// (invariants 2, 3, 4).
func (o *Order) Touches(what string) *Broken {
	o.Touched = true
	switch {
	case o.Result == job.Cancelled:
		return Breaks(2, "it was reported as cancelled, and %s", what)
	case o.Result == job.Withdrawn || !o.Started:
		return Breaks(3, "it has not started or was withdrawn, and %s", what)
	case o.Rebooted > 0:
		return Breaks(4, "after its reboot, it %s", what)
	}
	return nil
}

// Patch is what was observed of one patch of an order; zero: nothing yet.
type Patch struct {
	Passed bool  // a file that passes was downloaded
	Begun  uint8 // how many installs began
}

// Downloaded takes the end of a download; passes says whether its file passes
// the integrity rules (invariant 8).
func (p *Patch) Downloaded(id catalog.PatchID, passes bool) (b *Broken) {
	if p.Passed {
		b = Breaks(8, "%s was verified, and is downloaded again", id)
	}
	p.Passed = passes
	return b
}

// Install is an install that begins.
type Install struct {
	Patch  catalog.PatchID
	Held   bool // the newest manifest had it when the execution started
	Passes bool // its file passes the integrity rules
	Same   bool // the bytes are those that were verified
}

// Deploys takes an install that begins (invariants 1, 7, 8, and those of
// [Order.Touches]).
func (o *Order) Deploys(p *Patch, i Install) *Broken {
	b := o.Touches("deploys " + string(i.Patch))
	p.Begun++
	switch {
	case b != nil:
		return b
	case p.Begun > 2:
		return Breaks(8, "the install of %s is begun for the third time", i.Patch)
	case !i.Held:
		return Breaks(7, "%s is deployed, although the manifest no longer held it when the execution started", i.Patch)
	case !i.Passes:
		return Breaks(1, "%s is installed although its signature and checksum do not allow it", i.Patch)
	case !i.Same:
		return Breaks(1, "%s is installed from other bytes than were verified", i.Patch)
	case !o.Deploying || o.Ended():
		return Breaks(2, "%s is installed, although the reports say that the deploy stage has not begun or is over", i.Patch)
	}
	return nil
}

// Installs takes an install that succeeds; a zero version means that the
// product was not installed (invariant 6).
func Installs(product string, was, to version.Version) *Broken {
	order, orderable := was.Compare(to)
	switch {
	case was.IsZero():
		return Breaks(6, "%s was installed for the first time", product)
	case !orderable || order > 0:
		return Breaks(6, "%s goes from %s down to %s", product, was, to)
	}
	return nil
}

// Offered takes a prompt, and reports whether it is the first. The 168 hours
// count from the first prompt (RBT-6).
func (o *Order) Offered(now time.Time) bool {
	first := o.Offer.IsZero()
	if first {
		o.Offer = now
	}
	return first
}

// Late returns whether an offered reboot should have been asked for by now
// (invariant 5). The caller adds to now what a boot may take, and clears Offer
// when the computer goes down, whoever caused it (RBT-8).
func (o *Order) Late(now time.Time) *Broken {
	if !o.Offer.IsZero() && now.Sub(o.Offer) > reboot.MaxDeferral {
		return Breaks(5, "a reboot was first offered %v ago, and was not asked for", now.Sub(o.Offer))
	}
	return nil
}

// Reboots takes a reboot that the agent asks for; boot is the number of the
// computer's boot (invariant 4).
func (o *Order) Reboots(boot int, suppressed bool) (b *Broken) {
	switch {
	case o.Rebooted > 0 && o.Rebooted != boot+1:
		b = Breaks(4, "it reboots the asset a second time")
	case suppressed:
		b = Breaks(4, "it reboots, although its job suppresses the reboot")
	case o.Result != job.PendingReboot:
		b = Breaks(4, "it reboots, although no report says that it waits for a reboot")
	case !o.Needs:
		b = Breaks(4, "it reboots, although nothing that was deployed needs it")
	}
	o.Rebooted, o.Offer = boot+1, time.Time{} // the deferral is over, even if the computer does not reboot (RBT-6, RBT-10)
	return b
}

// Committed takes a commit, and returns its new reports. Made is the number of
// the last report so far, which Committed updates. Taken is the number of the
// last report that the agent knows the server to have; the agent must hold all
// later ones (invariants 8, 9).
func Committed(before, after *agent.State, made *job.Sequence, taken job.Sequence) (fresh []job.Report, b *Broken) {
	if after.Revision < before.Revision {
		b = Breaks(9, "the manifest revision falls from %d to %d", before.Revision, after.Revision)
	}
	*made = max(*made, taken) // an agent that lost its state does not know all that the server has
	next := taken + 1
	for i, r := range after.Reports {
		if r.Sequence > next {
			return nil, Breaks(8, "report %d is lost, although the server has not acknowledged it", next)
		}
		next = max(next, r.Sequence+1)
		if r.Sequence > *made {
			*made = r.Sequence
			if fresh == nil {
				fresh = after.Reports[i:]
			}
		}
	}
	if b == nil && (next <= after.Sequence || after.Sequence != *made) {
		b = Breaks(8, "the agent counts %d reports, holds them up to %d, and committed %d: one was lost", after.Sequence, next-1, *made)
	}
	return fresh, b
}

// Package watch checks the invariants of package job/agent from outside: an observer of one asset sees the manifests that
// reach it, the reports it commits and what really happens to it, and never asks the agent's machine. It reads the rules in
// words of its own.
//
// [Order] and [Patch] are what was seen of one order and of one patch in it, flat values that a caller may copy, compare and
// hash. Their methods take one observation each, and return the invariant that does not hold then, or nil. What only the
// caller can know, such as what a manifest holds and whether a file passes the integrity rules, it says in the arguments.
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

// Broken is an invariant that does not hold. The numbers are those of the doc of package job/agent.
type Broken struct {
	Invariant int
	At        time.Time   // zero: the text says it, or it does not matter
	Asset     job.AssetID // empty: it concerns the server, or the world's only asset
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

// Order is what was seen of one order. The zero value is an order of which nothing was seen.
type Order struct {
	Received  bool
	Started   bool
	Touched   bool // an action or an installation began
	Deploying bool // as reported
	Needs     bool // something that was deployed needs a reboot
	Result    job.Result
	Failed    uint16    // installs, by the last result (RPT-1)
	Rebooted  int       // the boot in which a reboot was last asked for, plus one; zero: none was
	Offer     time.Time // the first prompt of a reboot that was neither asked for nor came (RBT-6); zero: none
	Barred    bool      // the server knew that it had begun when the agent lost its state
}

// Final reports whether a result ends an order.
func Final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// Ended reports whether the order has a final result.
func (o *Order) Ended() bool { return Final(o.Result) }

// Again reports whether a report says that the order, which was withdrawn, was handed out once more: then nothing that was
// seen of it counts any more.
func (o *Order) Again(r job.Report) bool {
	return o.Result == job.Withdrawn && r.Progress == job.Received
}

// Reported takes a report on the order: held and marked say whether the newest manifest that the agent had to take holds it,
// and whether it is marked as cancelled there (invariants 2, 3, 8, 13).
func (o *Order) Reported(r job.Report, held, marked bool) (b *Broken) {
	switch {
	case r.Again && o.Result != 0 && r.Result != o.Result:
		b = Breaks(8, "it ended as %s, and says again that it ended as %s", o.Result, r.Result)
	case r.Again: // a server that was put back handed it out once more (JOB-24)
		return nil
	case r.Progress == job.Started && (o.Started || o.Barred):
		b = Breaks(13, "it starts once more")
	case r.TooLate != 0 && !o.Deploying:
		b = Breaks(2, "it is too late for a cancel, although its deploy stage has not begun")
	case r.TooLate != 0:
	case r.Progress == job.Started && (o.Result == job.Withdrawn || !held || marked):
		b = Breaks(3, "it starts, although it was withdrawn or cancelled before")
	case o.Ended() && r.Progress != 0 && r.Progress != job.Received:
		b = Breaks(2, "it reports %s after it ended as %s", r.Progress, o.Result)
	case o.Ended() && r.Result != 0 && o.Result != job.Withdrawn: // what was withdrawn can be handed out once more with its end
		b = Breaks(8, "it ends twice: %s, then %s", o.Result, r.Result)
	case r.Progress == job.Deploying && marked:
		b = Breaks(2, "its deploy stage begins, although the cancel mark had come before")
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

// Failures counts the failed installs among outcomes, a patch once (RPT-1).
func Failures(list []job.PatchOutcome) (n int) {
	failed := job.PatchOutcome.FailedInstall
	for i, p := range list {
		if failed(p) && !slices.ContainsFunc(list[:i], func(q job.PatchOutcome) bool { return q.Patch == p.Patch && failed(q) }) {
			n++
		}
	}
	return n
}

// Touches takes an act that changes the asset; what says it as a verb (invariants 2, 3, 4).
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

// Patch is what was seen of one patch of an order.
type Patch struct {
	Passed bool  // a file was fetched that passes
	Begun  uint8 // installs
}

// Downloaded takes the end of a download, with the file's being what was ordered (invariant 8).
func (p *Patch) Downloaded(id catalog.PatchID, passes bool) (b *Broken) {
	if p.Passed {
		b = Breaks(8, "%s was verified, and is downloaded again", id)
	}
	p.Passed = passes
	return b
}

// Install is an installation as it begins.
type Install struct {
	Patch  catalog.PatchID
	Held   bool // by the newest manifest, when the order's execution started
	Passes bool // its file passes the integrity rules
	Same   bool // the bytes are those that were verified
}

// Deploys takes an installation that begins (invariants 1, 7, 8, and those of Touches).
func (o *Order) Deploys(p *Patch, i Install) *Broken {
	b := o.Touches("deploys " + string(i.Patch))
	p.Begun++
	switch {
	case b != nil:
		return b
	case p.Begun > 2:
		return Breaks(8, "the install of %s is begun for the third time", i.Patch)
	case !i.Held:
		return Breaks(7, "%s is deployed; when the execution started, the manifest did not hold it any more", i.Patch)
	case !i.Passes:
		return Breaks(1, "%s is installed although its signature and checksum do not allow it", i.Patch)
	case !i.Same:
		return Breaks(1, "%s is installed from other bytes than were verified", i.Patch)
	case !o.Deploying || o.Ended():
		return Breaks(2, "%s is installed, and by the reports the deploy stage has not begun or is over", i.Patch)
	}
	return nil
}

// Installs takes an installation that succeeds; the zero version is a product that was not there (invariant 6).
func Installs(product string, was, to version.Version) *Broken {
	order, orderable := was.Compare(to)
	switch {
	case was.IsZero():
		return Breaks(6, "%s was not installed, and now is", product)
	case !orderable || order > 0:
		return Breaks(6, "%s goes from %s down to %s", product, was, to)
	}
	return nil
}

// Offered takes a prompt on the screen, and reports whether it is the first: the 168 hours run from it (RBT-6).
func (o *Order) Offered(now time.Time) bool {
	first := o.Offer.IsZero()
	if first {
		o.Offer = now
	}
	return first
}

// Late says whether a reboot that was offered should have been asked for by now (invariant 5). Whoever calls it adds to the time what
// a boot may take. When the computer goes down, whoever caused it, the caller clears the offer (RBT-8).
func (o *Order) Late(now time.Time) *Broken {
	if !o.Offer.IsZero() && now.Sub(o.Offer) > reboot.MaxDeferral {
		return Breaks(5, "a reboot was first offered %v ago, and was not asked for", now.Sub(o.Offer))
	}
	return nil
}

// Reboots takes a reboot that the agent asks for in one of the computer's boots (invariant 4).
func (o *Order) Reboots(boot int, suppressed bool) (b *Broken) {
	switch {
	case o.Rebooted > 0 && o.Rebooted != boot+1:
		b = Breaks(4, "it reboots the asset a second time")
	case suppressed:
		b = Breaks(4, "it suppresses the reboot, and reboots")
	case o.Result != job.PendingReboot:
		b = Breaks(4, "it reboots, and no report says that it waits for a reboot")
	case !o.Needs:
		b = Breaks(4, "it reboots, and nothing that was deployed needs it")
	}
	o.Rebooted, o.Offer = boot+1, time.Time{} // deferral is over; whether the computer obeys is not the agent's (RBT-6, RBT-10)
	return b
}

// Committed takes a commit, and returns the reports that are new in it. Made is how many there were before, which it brings up
// to date; taken is how many the server has, as far as the agent may know: all others must be there (invariants 8, 9).
func Committed(before, after *agent.State, made *job.Sequence, taken job.Sequence) (fresh []job.Report, b *Broken) {
	if after.Revision < before.Revision {
		b = Breaks(9, "the manifest revision falls from %d to %d", before.Revision, after.Revision)
	}
	*made = max(*made, taken) // what the server has was made, though an agent that lost its state does not know it
	next := taken + 1
	for i, r := range after.Reports {
		if r.Sequence > next {
			return nil, Breaks(8, "report %d is gone, and the server never said that it has it", next)
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

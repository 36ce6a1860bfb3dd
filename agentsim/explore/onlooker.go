package explore

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Broken is an invariant that did not hold. The numbers are those of the doc of package job/agent.
type Broken struct {
	Invariant int
	Text      string
}

func (b *Broken) Error() string { return fmt.Sprintf("invariant %d broken: %s", b.Invariant, b.Text) }

// broke keeps the first.
func (st *state) broke(invariant int, format string, args ...any) {
	if st.broken == nil {
		st.broken = &Broken{Invariant: invariant, Text: fmt.Sprintf(format, args...)}
	}
}

// onlooker watches the asset from outside: the manifests that reach it, the reports it commits, and what really happens to
// it. It reads the rules in words of its own, and never asks the agent's machine.
type onlooker struct {
	revision  manifest.Revision // of the newest manifest the agent had to take
	held      content           // what that says
	ran       content           // what was held when the execution started
	received  bool
	started   bool
	touched   bool
	deploying bool
	cancelled bool
	withdrawn bool
	needs     bool // something deployed that needs a reboot
	final     job.Result
	passed    [2]bool  // a good file was fetched
	begun     [2]uint8 // installs
	reboot    int      // the boot in which the first reboot was asked for, plus one
	offer     time.Time
	journal   job.Sequence // reports committed
}

// delivered is a manifest that arrives in an answer the agent waits for.
func (o *onlooker) delivered(r released) {
	if r.revision > 0 && r.revision >= o.revision {
		o.revision, o.held = r.revision, r.content
	}
}

// committed looks at a commit (invariants 8 and 9), and at the reports in it.
func (o *onlooker) committed(s *scene, st *state, before, after agent.State) {
	if after.Revision < before.Revision {
		st.broke(9, "the manifest revision falls from %d to %d", before.Revision, after.Revision)
	}
	want := st.accepted + 1 // all that the server lacks must be there
	for _, r := range after.Reports {
		if r.Sequence > want {
			st.broke(8, "report %d is gone, and the server never had it", want)
			return
		}
		want = max(want, r.Sequence+1)
		if r.Sequence <= o.journal {
			continue
		}
		o.journal = r.Sequence
		o.reported(st, r)
	}
	if want <= after.Sequence || after.Sequence != o.journal {
		st.broke(8, "the agent counts %d reports, holds them up to %d, and committed %d: one was lost", after.Sequence, want-1, o.journal)
	}
}

func (o *onlooker) reported(st *state, r job.Report) {
	switch {
	case r.Progress == job.Received:
		o.received = true
		if o.withdrawn { // taken back, and handed out once more
			*o = onlooker{revision: o.revision, held: o.held, journal: o.journal, received: true}
		}
	case r.Progress == job.Started:
		if o.withdrawn || !o.held.present || o.held.marked {
			st.broke(3, "it starts, although it was withdrawn or cancelled before")
		}
		o.started, o.ran = true, o.held
	case r.Progress == job.Deploying:
		if o.held.marked {
			st.broke(2, "its deploy stage begins, although the cancel mark had come before")
		}
		o.deploying = true
	case r.Result == job.Cancelled:
		if o.deploying || o.touched {
			st.broke(2, "it is reported as cancelled after its deploy stage began")
		}
		o.cancelled = true
	case r.Result == job.Withdrawn:
		if o.started {
			st.broke(3, "it is reported as withdrawn after it started")
		}
		o.withdrawn = true
	}
	if final(r.Result) {
		if o.final != 0 && !o.withdrawn {
			st.broke(8, "it ends twice: %s, then %s", o.final, r.Result)
		}
		o.final, o.offer = r.Result, time.Time{}
	}
}

// final reports whether a result is the last word on an order.
func final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// downloaded: what passed once is not fetched again (invariant 8).
func (o *onlooker) downloaded(st *state, d job.Download) {
	if o.passed[d.Index] {
		st.broke(8, "%s was verified, and is downloaded again", d.Patch.Patch)
	}
	o.passed[d.Index] = st.staged[d.Index] == good
}

// touches is an act that changes the asset (invariants 2, 3, 4).
func (o *onlooker) touches(st *state, what string) {
	o.touched = true
	switch {
	case o.cancelled:
		st.broke(2, "it was reported as cancelled, and %s", what)
	case o.withdrawn || !o.started:
		st.broke(3, "it has not started or was withdrawn, and %s", what)
	case o.reboot > 0:
		st.broke(4, "after its reboot, %s", what)
	}
}

// deploys is an install that begins (invariants 1, 7, 8, and those of touches).
func (o *onlooker) deploys(s *scene, st *state, p job.Staged) {
	o.touches(st, fmt.Sprintf("%s is deployed", p.Patch.Patch))
	if o.begun[p.Index]++; o.begun[p.Index] > 2 {
		st.broke(8, "the install of %s is begun a third time", p.Patch.Patch)
	}
	if p.Index >= o.ran.patches(s.Patches) {
		st.broke(7, "%s is deployed; when the execution started, the manifest did not hold it any more", p.Patch.Patch)
	}
	f := st.staged[p.Index]
	switch {
	case f == none || f == damaged:
		st.broke(1, "%s is installed although its signature does not allow it", p.Patch.Patch)
	case !slices.Contains(p.Digests, f.digest()):
		st.broke(1, "%s is installed from other bytes than were verified", p.Patch.Patch)
	}
}

// deployed is an installer that succeeds (invariant 6).
func (o *onlooker) deployed(s *scene, st *state, i int) {
	o.needs = o.needs || s.Reboot && i == 0
	if to := st.staged[i].level(); to < st.installed[i] {
		st.broke(6, "%s goes from %s down to %s", product(i), s.versions[st.installed[i]], s.versions[to])
	}
}

// offered is a prompt on the screen: the 168 hours run from the first (RBT-6).
func (o *onlooker) offered(st *state) {
	if o.offer.IsZero() {
		o.offer = st.now
	}
}

// late looks at the time (invariant 5).
func (o *onlooker) late(st *state) {
	if !o.offer.IsZero() && st.now.After(o.offer.Add(reboot.MaxDeferral+bootTime)) {
		st.broke(5, "a reboot was first offered %v ago, and has not come", st.now.Sub(o.offer))
	}
}

// reboots is a reboot that the agent asks for (invariant 4).
func (o *onlooker) reboots(s *scene, st *state) {
	switch {
	case o.reboot > 0 && o.reboot != st.boot+1:
		st.broke(4, "it reboots the asset a second time")
	case s.Policy.Suppress:
		st.broke(4, "it suppresses the reboot, and reboots")
	case !o.needs:
		st.broke(4, "it reboots, and nothing that was deployed needs it")
	}
	o.reboot = st.boot + 1
}

// rebooting is the computer going down, whoever caused it.
func (o *onlooker) rebooting() { o.offer = time.Time{} }

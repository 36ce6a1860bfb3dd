package explore

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
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

// onlooker watches an asset from outside: the manifests that reach it, the reports it commits, and what really happens to
// it. It reads the rules in words of its own, and never asks the agent's machine.
type onlooker struct {
	newest  sheet // the manifest that the agent had to take last
	before  sheet // and the one before it
	orders  [maxJobs]seen
	offer   time.Time    // the first prompt of a reboot that has not come; zero: there is none
	journal job.Sequence // reports committed
}

// sheet is a manifest as it was delivered.
type sheet struct {
	released
	sealed []byte
}

// seen is what was seen of one order.
type seen struct {
	ran       content // what was held when the execution started
	received  bool
	started   bool
	touched   bool
	deploying bool
	cancelled bool
	withdrawn bool
	parked    bool // it waits for somebody to reboot
	needs     bool // something deployed that needs a reboot
	final     job.Result
	failed    uint8             // installs, by its last result
	passed    [maxPatches]bool  // a good file was fetched
	begun     [maxPatches]uint8 // installs
	reboot    int               // the boot in which the first reboot was asked for, plus one
}

// delivered is an answer that the agent waits for.
func (o *onlooker) delivered(m message) {
	if r := m.released; r.revision > o.newest.revision {
		o.before, o.newest = o.newest, sheet{r, m.manifest}
		for j := range o.orders {
			if e := &o.orders[j]; !e.started && o.before.contents[j].patches != r.contents[j].patches {
				e.passed = [maxPatches]bool{} // what was fetched for it as it was may be fetched again (JOB-23)
			}
		}
	}
}

// committed looks at a commit (invariants 8 and 9), and at the reports in it.
func (h *host) committed(s *scene, st *state, before, after agent.State) {
	o := &h.watch
	if after.Revision < before.Revision {
		st.broke(9, "the manifest revision falls from %d to %d", before.Revision, after.Revision)
	}
	accepted := st.accepted(h)
	want := accepted + 1 // all that the server lacks must be there
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
		if j := s.job(r.Order); j >= 0 {
			o.reported(st, j, r)
		}
	}
	if want <= after.Sequence || after.Sequence != o.journal {
		st.broke(8, "the agent counts %d reports, holds them up to %d, and committed %d: one was lost", after.Sequence, want-1, o.journal)
	}
}

// accepted is the last report of an asset that its server has.
func (st *state) accepted(h *host) job.Sequence {
	if st.server != nil {
		return st.server.accepted[h.asset]
	}
	return st.standIn.books[h.asset].accepted
}

func (o *onlooker) reported(st *state, j int, r job.Report) {
	e := &o.orders[j]
	held := o.newest.contents[j]
	switch {
	case r.Progress == job.Received:
		if e.withdrawn { // taken back, and handed out once more
			*e = seen{}
		}
		e.received = true
	case r.Progress == job.Started:
		if e.withdrawn || !held.present || held.marked {
			st.broke(3, "it starts, although it was withdrawn or cancelled before")
		}
		e.started, e.ran = true, held
	case r.Progress == job.Deploying:
		if held.marked {
			st.broke(2, "its deploy stage begins, although the cancel mark had come before")
		}
		e.deploying = true
	case r.Result == job.Cancelled:
		if e.deploying || e.touched {
			st.broke(2, "it is reported as cancelled after its deploy stage began")
		}
		e.cancelled = true
	case r.Result == job.Withdrawn:
		if e.started {
			st.broke(3, "it is reported as withdrawn after it started")
		}
		e.withdrawn = true
	}
	e.parked = e.parked && r.Result == 0 || r.Result == job.PendingReboot
	if final(r.Result) {
		if e.final != 0 && !e.withdrawn {
			st.broke(8, "it ends twice: %s, then %s", e.final, r.Result)
		}
		e.final, o.offer = r.Result, time.Time{}
	}
	if r.Result != 0 {
		e.failed = uint8(failures(r.Patches))
	}
}

// failures counts the failed installs of a result (RPT-1).
func failures(list []job.PatchOutcome) (n int) {
	for _, p := range list {
		if p.Status == job.PatchFailed && p.Code != job.CodeCancelled {
			n++
		}
	}
	return n
}

// final reports whether a result is the last word on an order.
func final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// downloaded: what passed once is not fetched again (invariant 8).
func (h *host) downloaded(st *state, j, patch int, f staged) {
	e := &h.watch.orders[j]
	if e.passed[patch] {
		st.broke(8, "%s was verified, and is downloaded again", upgradeOf(j, patch).id)
	}
	e.passed[patch] = f.file == good
}

// touches is an act that changes the asset (invariants 2, 3, 4).
func (h *host) touches(st *state, j int, what string) *seen {
	e := &h.watch.orders[j]
	e.touched = true
	switch {
	case e.cancelled:
		st.broke(2, "it was reported as cancelled, and %s", what)
	case e.withdrawn || !e.started:
		st.broke(3, "it has not started or was withdrawn, and %s", what)
	case e.reboot > 0:
		st.broke(4, "after its reboot, %s", what)
	}
	return e
}

// deploys is an install that begins (invariants 1, 7, 8, and those of touches).
func (h *host) deploys(s *scene, st *state, j, patch int, p execution.Staged, f staged) {
	e := h.touches(st, j, fmt.Sprintf("%s is deployed", p.Patch.Patch))
	if e.begun[patch]++; e.begun[patch] > 2 {
		st.broke(8, "the install of %s is begun a third time", p.Patch.Patch)
	}
	if e.ran.patches&(1<<patch) == 0 {
		st.broke(7, "%s is deployed; when the execution started, the manifest did not hold it any more", p.Patch.Patch)
	}
	switch {
	case f.file == none || f.file == damaged:
		st.broke(1, "%s is installed although its signature does not allow it", p.Patch.Patch)
	case !slices.Contains(p.Digests, digest(f.file, f.level)):
		st.broke(1, "%s is installed from other bytes than were verified", p.Patch.Patch)
	}
}

// deployed is an installer that succeeds (invariant 6).
func (h *host) deployed(s *scene, st *state, j, patch int, to level) {
	u := upgradeOf(j, patch)
	e := &h.watch.orders[j]
	e.needs = e.needs || s.needsReboot(u)
	if to < h.installed[u.product] {
		st.broke(6, "%s goes from %s down to %s", product(u.product), s.versions[h.installed[u.product]], s.versions[to])
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
func (h *host) reboots(s *scene, st *state, j int) {
	e := &h.watch.orders[j]
	switch {
	case e.reboot > 0 && e.reboot != h.boot+1:
		st.broke(4, "it reboots the asset a second time")
	case s.Policy.Suppress:
		st.broke(4, "it suppresses the reboot, and reboots")
	case !e.needs:
		st.broke(4, "it reboots, and nothing that was deployed needs it")
	}
	e.reboot = h.boot + 1
}

// rebooting is the computer going down, whoever caused it.
func (o *onlooker) rebooting() { o.offer = time.Time{} }

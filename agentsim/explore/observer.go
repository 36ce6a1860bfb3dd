package explore

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Broken is an invariant that did not hold. The numbers are those of the doc of package job/agent.
type Broken = watch.Broken

// note keeps the first invariant that broke, if one did.
func (st *state) note(b *Broken) {
	if st.broken == nil {
		st.broken = b
	}
}

func (st *state) broke(invariant int, format string, args ...any) {
	st.note(watch.Breaks(invariant, format, args...))
}

// observer watches an asset from outside, as package watch says.
type observer struct {
	newest sheet // the manifest that the agent had to take last
	before sheet // and the one before it
	orders [maxJobs]seen
	made   job.Sequence // the last report committed
	taken  job.Sequence // the last one that the server said it has
}

// sheet is a manifest as it was delivered.
type sheet struct {
	released
	sealed []byte
}

// seen is what was seen of one order.
type seen struct {
	watch.Order
	ran     uint8 // the patches that were held when the execution started, a bit each
	patches [maxPatches]watch.Patch
}

// delivered is an answer that the agent waits for.
func (o *observer) delivered(m message) {
	o.taken = max(o.taken, m.ack)
	if r := m.released; r.revision > o.newest.revision {
		o.before, o.newest = o.newest, sheet{r, m.manifest}
		for j := range o.orders {
			if e := &o.orders[j]; !e.Started && o.before.contents[j].patches != r.contents[j].patches {
				for i := range e.patches {
					e.patches[i].Passed = false // what was fetched for it as it was may be fetched again (JOB-23)
				}
			}
		}
	}
}

// committed looks at a commit, and at the reports in it.
func (h *host) committed(s *scene, st *state, before, after *agent.State) {
	taken := h.watch.taken
	if s.Budget.Reinstalls == 0 && s.Budget.Restores == 0 && !s.Copy { // all that the server lacks must be there, whatever it said
		taken = s.accepted(st, h)
	}
	fresh, broken := watch.Committed(before, after, &h.watch.made, taken)
	st.note(broken)
	for _, r := range fresh {
		if s.Copy && numberedAgain(before.Reports, r) {
			continue
		}
		if j := s.job(r.Order); j >= 0 {
			e, held := &h.watch.orders[j], h.watch.newest.contents[j]
			if e.Again(r) {
				*e = seen{}
			}
			if r.Progress == job.Started {
				e.ran = held.patches
			}
			st.note(e.Reported(r, held.present, held.marked))
		}
	}
}

// accepted is the last report of an asset that its server has.
func (s *scene) accepted(st *state, h *host) job.Sequence {
	if st.server != nil {
		return st.server.accepted[s.own(h)]
	}
	return st.standIn.books[h.asset].accepted
}

// reinstalled is a state that was lost: what the server knows to have begun must not start again.
func (o *observer) reinstalled(knows [maxJobs]bool) {
	*o = observer{orders: o.orders}
	for j := range o.orders {
		e := &o.orders[j]
		*e = seen{Order: watch.Order{Barred: e.Barred || knows[j], Failed: e.Failed}}
	}
}

// restored is a server that was put back to when nothing had begun: what the agent lost before, nobody knows any more.
func (o *observer) restored() {
	for j := range o.orders {
		o.orders[j].Barred, o.orders[j].Failed = false, 0
	}
}

// downloaded is a file that was fetched.
func (h *host) downloaded(st *state, j, patch int, f staged) {
	st.note(h.watch.orders[j].patches[patch].Downloaded(upgradeOf(j, patch).id, f.file == good))
}

// deploys is an install that begins.
func (h *host) deploys(st *state, j, patch int, p execution.Staged, f staged) {
	e := &h.watch.orders[j]
	st.note(e.Deploys(&e.patches[patch], watch.Install{Patch: p.Patch.Patch, Held: e.ran&(1<<patch) != 0,
		Passes: f.file == good || f.file == old && p.Patch.LatestOnly, Same: slices.Contains(p.Digests, digest(f.file, f.level))}))
}

// deployed is an installer that succeeds.
func (h *host) deployed(s *scene, st *state, j, patch int, to level) {
	u := upgradeOf(j, patch)
	e := &h.watch.orders[j]
	e.Needs = e.Needs || s.needsReboot(u)
	st.note(watch.Installs(string(product(u.product)), s.versions[h.installed[u.product]], s.versions[to]))
}

// late looks at the time.
func (o *observer) late(st *state) {
	for j := range o.orders {
		st.note(o.orders[j].Late(st.now.Add(-bootTime)))
	}
}

// rebooting is the computer going down, whoever caused it (RBT-8).
func (o *observer) rebooting() {
	for j := range o.orders {
		o.orders[j].Offer = time.Time{}
	}
}

package explore

import (
	"slices"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// Broken is an invariant that did not hold. The numbers are those of package
// job/agent.
type Broken = watch.Broken

// note keeps the first invariant that broke.
func (st *state) note(b *Broken) {
	if st.broken == nil {
		st.broken = b
	}
}

func (st *state) broke(invariant int, format string, args ...any) {
	st.note(watch.Breaks(invariant, format, args...))
}

// observer watches one asset from outside; see package watch.
type observer struct {
	newest sheet // the newest manifest that the agent had to accept
	before sheet // the one before it
	orders [maxJobs]seen
	made   job.Sequence // the last report committed
	taken  job.Sequence // the last report that the server acknowledged
}

// sheet is a manifest as delivered.
type sheet struct {
	released
	sealed []byte
}

type seen struct {
	watch.Order
	ran     uint8 // a bit for each patch that the manifest held when the execution started
	patches [maxPatches]watch.Patch
}

// delivered takes an answer that the agent waits for.
func (o *observer) delivered(m message) {
	o.taken = max(o.taken, m.ack)
	if r := m.released; r.revision > o.newest.revision {
		o.before, o.newest = o.newest, sheet{r, m.manifest}
		for j := range o.orders {
			if e := &o.orders[j]; !e.Started && o.before.contents[j].patches != r.contents[j].patches {
				for i := range e.patches {
					e.patches[i].Passed = false // a changed order may download it again (JOB-23)
				}
			}
		}
	}
}

func (h *host) committed(s *scene, st *state, before, after *agent.State) {
	taken := h.watch.taken
	if s.Budget.Reinstalls == 0 && s.Budget.Restores == 0 && !s.Copy { // then the agent must hold all that the server lacks
		if st.server != nil {
			taken = st.server.accepted[s.own(h)]
		} else {
			taken = st.model.records[h.asset].accepted
		}
	}
	fresh, broken := watch.Committed(before, after, &h.watch.made, taken)
	st.note(broken)
	for _, r := range fresh {
		if s.Copy && slices.ContainsFunc(before.Reports, func(b job.Report) bool {
			return b.Order == r.Order && b.Progress == r.Progress && b.Result == r.Result && b.TooLate == r.TooLate && b.At.Equal(r.At)
		}) { // a restored agent gives it another number: it counts on from what the server has
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

// reinstalled takes the loss of a state. Orders that the server knows are barred.
func (o *observer) reinstalled(knows [maxJobs]bool) {
	*o = observer{orders: o.orders}
	for j := range o.orders {
		e := &o.orders[j]
		*e = seen{Order: watch.Order{Barred: e.Barred || knows[j], Failed: e.Failed}}
	}
}

// late checks the time against the bound of deferrals.
func (o *observer) late(st *state) {
	for j := range o.orders {
		st.note(o.orders[j].Late(st.now.Add(-bootTime)))
	}
}

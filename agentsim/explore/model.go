package explore

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// model is a server that keeps its orders in arrays. Package ledger decides what
// happens to them, the administrator's choices decide which exist.
type model struct {
	jobs    [maxJobs]wanted
	records [maxAssets]*record // shared between states: never written to
}

type wanted struct {
	edited, disabled, cancelled, deleted bool
}

// record is what the server has of an asset.
type record struct {
	revisions ledger.Revisions
	entries   [maxJobs]ledger.Entry
	patches   [maxJobs]uint8 // of the orders as last planned, a bit for each
	accepted  job.Sequence
	caller    ledger.Caller
}

// open enables the jobs on the world's server.
func (s *scene) open(st *state) {
	if s.Server {
		s.openServer(st)
		return
	}
	for i := range s.Assets {
		b := &record{}
		for j, t := range s.tasks {
			b.entries[j] = ledger.Entry{Run: t.run, Asset: assetNames[i]}
			b.make(s, st, j, wanted{})
		}
		b.seal()
		st.model.records[i] = b
	}
}

func (v *model) own(i int) *record {
	b := *v.records[i]
	v.records[i] = &b
	return &b
}

// step takes an order one event further. It returns why a report was not taken.
func (b *record) step(st *state, j int, ev ledger.Event) (objection string) {
	e, out := ledger.Step(b.revisions, b.entries[j], ev, st.now)
	b.entries[j] = e
	if out.Revise {
		b.revisions = b.revisions.Revise(out.Without)
	}
	return out.Objection
}

func (b *record) make(s *scene, st *state, j int, w wanted) {
	if b.entries[j].Fixed() {
		return
	}
	b.patches[j] = s.tasks[j].all().patches
	if w.edited {
		b.patches[j] = 1
	}
	b.step(st, j, ledger.Made{Start: s.tasks[j].start})
}

// seal numbers the manifest. In these worlds none expires.
func (b *record) seal() { b.revisions = b.revisions.Seal(epoch, manifest.MaxLifetime) }

// newest is the manifest as it should be.
func (b *record) newest(s *scene) (r released) {
	r.revision = b.revisions.Sealed
	for j, e := range b.entries[:s.Jobs] {
		if e.Phase == ledger.Open {
			r.contents[j] = content{present: true, marked: e.Cancelled, begun: e.Doubtful, patches: b.patches[j]}
		}
	}
	return r
}

// changes reports whether a change of a job matters to at least one asset.
func (v *model) changes(s *scene, j int, c Choice) bool {
	w := v.jobs[j]
	open, again := false, false
	for _, b := range v.records[:s.Assets] {
		e := b.entries[j]
		open = open || e.Phase == ledger.Open
		again = again || e.Phase != ledger.Ended || e.Result == job.Withdrawn
	}
	switch c {
	case Edit:
		return open && !w.edited && !w.cancelled && len(s.tasks[j].patches) > 1
	case Cancel:
		return open && !w.cancelled
	case Withdraw, Delete:
		return open
	case Enable:
		return again && w.disabled && !w.cancelled && !w.deleted
	}
	return false
}

func (v *model) change(s *scene, st *state, j int, c Choice) {
	w := &v.jobs[j]
	w.edited = w.edited && c != Enable || c == Edit
	w.cancelled = w.cancelled || c == Cancel
	w.deleted = w.deleted || c == Delete
	w.disabled = w.disabled && c != Enable || c == Withdraw || c == Delete
	for i := range s.Assets {
		b := v.own(i)
		switch c {
		case Edit, Enable:
			b.make(s, st, j, *w)
		case Cancel:
			b.step(st, j, ledger.CancelAsked{})
		case Withdraw, Delete:
			b.step(st, j, ledger.Withdrawn{})
		}
	}
}

// checkIn takes the reports and sends the manifest if the agent holds a lower one.
func (v *model) checkIn(s *scene, st *state, h *host, m message) (answer message, ok bool) {
	b, late := v.own(h.asset), false
	if s.Budget.Reinstalls > 0 {
		caller, heard := b.caller.Heard(*m.request, b.accepted, st.now)
		if b.caller, late = caller, heard.Age == ledger.Late; heard.Lost && !s.driver.deaf {
			for j := range s.Jobs {
				b.step(st, j, ledger.StateLost{})
			}
		}
	}
	if heard, _, ahead := b.revisions.Heard(*m.request); ahead && !late {
		b.revisions = heard
		for j := range s.Jobs {
			b.step(st, j, ledger.ServerPutBack{})
		}
	}
	for _, r := range m.request.Reports {
		switch {
		case r.Sequence <= b.accepted:
			continue
		case r.Sequence > b.accepted+1 && !s.restored(st):
			st.broke(8, "the agent sends report %d; the server has them up to %d", r.Sequence, b.accepted)
			return answer, false
		}
		b.accepted = r.Sequence
		if j := s.job(r.Order); j >= 0 {
			if objection := b.step(st, j, ledger.Reported{Report: r}); objection != "" && !s.restored(st) {
				st.broke(12, "the server does not understand a report on %s: %s", r.Order, objection)
				return answer, false
			}
		}
	}
	if late {
		return message{id: m.id, answer: true, ack: b.accepted}, true
	}
	heard, silent, ahead := b.revisions.Heard(*m.request)
	if ahead && !s.restored(st) {
		st.broke(9, "the agent holds revision %d; the server has sealed %d", m.request.Held, b.revisions.Sealed)
		return answer, false
	}
	b.revisions = heard
	for j := range s.Jobs {
		if silent {
			b.step(st, j, ledger.NeverHeld{})
		}
	}
	b.seal()
	answer = message{id: m.id, answer: true, ack: b.accepted}
	if m.request.Held < b.revisions.Sealed {
		answer.released = b.newest(s)
		sealed, err := s.seal(h.asset, answer.released)
		if err != nil {
			st.broke(9, "the server cannot seal its manifest: %v", err)
			return answer, false
		}
		answer.manifest = sealed
		if s.Budget.Restores > 0 {
			b.revisions.Digest = manifest.Digest(sealed)
		}
	}
	return answer, true
}

func (v *model) settled(s *scene, st *state) bool {
	for i, h := range st.hosts[:s.Assets] {
		b := v.records[i]
		if h.agent.Revision != b.revisions.Wanted {
			return false
		}
		for j, e := range b.entries[:s.Jobs] {
			w := &h.watch.orders[j]
			again := (w.Result == job.Withdrawn || w.Ended() && s.restored(st)) && e.Since == 0 // planned again since, and ended before it was handed out
			if w.Received && !again && (!w.Ended() && !s.parked(h) || w.Ended() && (e.Phase != ledger.Ended || e.Result != w.Result)) {
				return false
			}
		}
	}
	return true
}

// record writes what the server has of an asset.
func (w *encoder) record(b *record) {
	r := b.revisions
	w.num(int64(r.Wanted - r.Sealed))
	if w.bit(r.Without > 0); r.Without > 0 {
		w.num(int64(w.revision) - int64(r.Without))
	}
	if w.s.Budget.Restores > 0 { // a backup has its own numbers, so differences are not enough
		w.num(int64(r.Sealed), int64(b.accepted))
		w.text(r.Digest)
		w.bit(r.PutBack)
	}
	if w.s.Budget.Reinstalls > 0 {
		w.at(b.caller.At)
		w.num(min(int64(b.caller.Call), 7)) // which boots called does not matter: none comes back in these worlds
		w.num(int64(w.revision) - int64(b.caller.Held))
	}
	for j, e := range b.entries[:w.s.Jobs] {
		w.num(int64(e.Phase), int64(e.Stage), int64(e.Result), int64(e.TooLate))
		w.bit(e.Cancelled, e.Retracted, e.Stale, e.Lost, e.Doubtful, e.Again, e.Former != "", e.Since > 0, e.Held(r.Sealed))
		w.b = append(w.b, b.patches[j])
	}
}

package explore

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// hash is 128 bits of a state's canonical form.
type hash [16]byte

// writer writes the canonical form of a state: see the package doc for what it leaves out and why that is sound.
type writer struct {
	b     []byte
	st    *state
	grain time.Duration
}

func (s *scene) hash(st *state) hash {
	w := writer{b: make([]byte, 0, 512), st: st, grain: s.Every / 10}
	w.due(epoch.Add(lead))
	if s.Window > 0 {
		w.due(epoch.Add(lead + s.Window))
	}
	w.world()
	w.watch(&st.watch)
	w.agent(&st.agent)
	sum := sha256.Sum256(w.b)
	return hash(sum[:16])
}

func (w *writer) num(ns ...int64) {
	for _, n := range ns {
		w.b = binary.AppendVarint(w.b, n)
	}
}

func (w *writer) text(s string) {
	w.num(int64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) bit(bs ...bool) {
	for _, b := range bs {
		if b {
			w.b = append(w.b, 1)
		} else {
			w.b = append(w.b, 0)
		}
	}
}

// at writes an instant as its distance from now.
func (w *writer) at(t time.Time) {
	if w.bit(t.IsZero()); !t.IsZero() {
		w.num(int64(t.Sub(w.st.now)))
	}
}

// due writes an instant that is only ever asked whether it has come: how long ago that was does not matter.
func (w *writer) due(t time.Time) {
	if w.bit(t.IsZero()); !t.IsZero() {
		w.num(int64(max(t.Sub(w.st.now), 0)))
	}
}

// boot writes a boot identity as how many boots ago it was.
func (w *writer) boot(b string) {
	if w.bit(b == ""); b == "" {
		return
	}
	m := *w.st
	ago := int64(0)
	for ; m.boot >= 0 && m.moment().Boot != b; m.boot-- {
		ago++
	}
	w.num(ago)
}

// seq writes a report's number as counted from what the server has.
func (w *writer) seq(n job.Sequence) { w.num(int64(n) - int64(w.st.accepted)) }

func (w *writer) content(c content) { w.bit(c.present, c.edited, c.marked) }

func (w *writer) world() {
	st := w.st
	w.content(st.content)
	w.content(st.before)
	w.bit(st.revision > 1, st.cancelled, st.user, st.prompt)
	w.num(int64(st.known), int64(st.installed[0]), int64(st.installed[1]), int64(st.staged[0]), int64(st.staged[1]))
	l := st.left
	w.b = append(w.b, l.Changes, l.Crashes, l.Losses, l.Repeats, l.Faults, l.Sessions)
	w.num(int64(len(st.net)))
	for _, m := range st.net {
		w.message(m)
	}
	w.num(int64(len(st.lane)))
	for _, e := range st.lane {
		w.effect(e.Effect)
	}
}

// message writes what can still come of a message: an answer that is not awaited any more is ignored, and of a call the
// server takes the reports that are new to it.
func (w *writer) message(m message) {
	live := m.id == w.st.agent.Calls.Out
	w.bit(m.answer, live)
	if !m.answer {
		w.bit(m.held < w.st.revision)
		if n := len(m.reports); n > 0 {
			w.num(int64(max(m.reports[n-1].Sequence, w.st.accepted) - w.st.accepted))
		} else {
			w.num(0)
		}
		return
	}
	if !live {
		return
	}
	w.seq(m.ack)
	if w.bit(m.released.revision > 0); m.released.revision > 0 {
		w.num(int64(w.st.revision) - int64(m.released.revision))
		w.content(m.released.content)
	}
}

// effect writes an effect by its kind and patch: its id is that which the execution awaits, or one that it has given up.
func (w *writer) effect(e job.Effect) {
	var kind, index int
	var id job.EffectID
	switch e := e.(type) {
	case job.TakeInventory:
		kind, id = 1, e.ID
	case job.Download:
		kind, id, index = 2, e.ID, e.Index
	case job.Preflight:
		kind, id, index = 3, e.ID, staged(e.Patches)
	case job.Deploy:
		kind, id, index = 4, e.ID, staged(e.Patches)
	case job.Act:
		kind, id = 5, e.ID
	case job.Reboot:
		kind = 6
	case job.Discard:
		kind, index = 7, e.Index
	}
	awaited := id != 0 && len(w.st.agent.Executions) > 0 && w.st.agent.Executions[0].Waiting == id
	w.num(int64(kind), int64(index))
	w.bit(awaited)
}

// staged is the set of the patches' indexes.
func staged(list []job.Staged) int {
	set := 0
	for _, p := range list {
		set |= 1 << p.Index
	}
	return set
}

func (w *writer) watch(o *onlooker) {
	w.num(int64(w.st.revision) - int64(o.revision))
	w.content(o.held)
	w.content(o.ran)
	w.bit(o.received, o.started, o.touched, o.deploying, o.cancelled, o.withdrawn, o.needs, o.passed[0], o.passed[1])
	w.num(int64(o.final), int64(o.begun[0]), int64(o.begun[1]))
	if w.bit(o.reboot > 0); o.reboot > 0 {
		w.num(int64(w.st.boot + 1 - o.reboot))
	}
	w.at(o.offer)
	w.seq(o.journal)
}

func (w *writer) agent(a *agent.State) {
	w.num(int64(w.st.revision) - int64(a.Revision))
	w.num(int64(len(a.Queue)))
	for i := range a.Queue {
		w.order(&a.Queue[i])
	}
	w.num(int64(len(a.Early)), int64(len(a.Blocked)), int64(len(a.Ended)), int64(len(a.Executions)), int64(len(a.Reports)))
	for i := range a.Executions {
		w.execution(&a.Executions[i])
	}
	for _, r := range a.Reports {
		w.seq(r.Sequence)
		w.num(int64(r.Progress), int64(r.Result), int64(r.TooLate))
		w.bit(r.Refused != "")
	}
	w.seq(a.Sequence)
	w.text(a.Refusal)
	c := &a.Calls
	if w.bit(c.Out != 0); c.Out != 0 { // it is the last one, then
		if w.bit(c.Sent == 0); c.Sent != 0 {
			w.seq(c.Sent)
		}
	}
	w.num(int64((c.Next.Sub(w.st.now)+w.grain-1)/w.grain), int64(min(c.Failures, 8)))
	if w.bit(c.LastCall.Order != "", c.LastCall.Effect != 0); c.LastCall.Order != "" {
		w.bit(c.LastCall.Call == c.Out) // else no answer to it is awaited any more
		w.due(c.LastCall.Until)
	}
	w.num(int64(a.Clock.Offset))
	w.bit(a.Clock.Known)
}

// order writes what of an order is not the same in all of a world's orders.
func (w *writer) order(o *job.Order) {
	w.num(int64(o.Revision))
	w.bit(o.Cancelled)
}

func (w *writer) execution(x *job.Execution) {
	w.order(&x.Order)
	w.num(int64(x.Stage), int64(x.Step), int64(x.Tries), int64(x.Acted), int64(x.Failed), int64(x.Sessions), int64(x.Reboots), int64(x.Result))
	w.bit(x.Waiting != 0, x.Aborted, x.NeedsReboot, x.Mark, x.SaidTooLate)
	w.at(x.Until)
	w.boot(x.Boot)
	for i := range x.Patches {
		p := &x.Patches[i]
		w.num(int64(p.Status), int64(p.Code), int64(p.Attempts), int64(len(p.Digests)))
		w.bit(p.Reboot)
		for _, d := range p.Digests {
			w.text(d.Sum)
		}
	}
	r := &x.Reboot
	w.num(int64(r.Phase), int64(r.Sessions), int64(r.Used), int64(r.Asks))
	w.boot(r.Boot)
	w.at(r.FirstOffer)
	w.at(r.Until)
}

package explore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// hash is 128 bits of a state's canonical form.
type hash [16]byte

// encoder writes the canonical form of a state; see the package doc.
type encoder struct {
	b        []byte
	s        *scene
	now      time.Time
	h        *host
	revision manifest.Revision // the host's manifests are counted from here
	accepted job.Sequence      // and its reports
	call0    uint64            // and its calls; zero with the production server
}

func (s *scene) hash(st *state) hash {
	w := encoder{b: make([]byte, 0, 1024), s: s, now: st.now}
	w.world(st)
	if st.server != nil {
		w.server(st)
	}
	var hosts [][]byte
	for i, h := range st.hosts[:s.Assets] {
		one := encoder{b: make([]byte, 0, 512), s: s, now: st.now, h: h}
		if st.server == nil {
			b := st.model.records[i]
			one.revision, one.accepted, one.call0 = b.revisions.Sealed, b.accepted, b.caller.Call
			one.record(b)
		} else {
			one.seq(st.server.accepted[s.own(h)])
		}
		one.host()
		hosts = append(hosts, one.b)
	}
	if st.server == nil { // assets that are alike can change places
		slices.SortFunc(hosts, bytes.Compare)
	}
	for _, b := range hosts {
		w.num(int64(len(b)))
		w.b = append(w.b, b...)
	}
	sum := sha256.Sum256(w.b)
	return hash(sum[:16])
}

func (w *encoder) num(ns ...int64) {
	for _, n := range ns {
		w.b = binary.AppendVarint(w.b, n)
	}
}

func (w *encoder) text(s string) {
	w.num(int64(len(s)))
	w.b = append(w.b, s...)
}

func (w *encoder) bit(bs ...bool) {
	for _, b := range bs {
		if b {
			w.b = append(w.b, 1)
		} else {
			w.b = append(w.b, 0)
		}
	}
}

// at writes an instant as its distance from now.
func (w *encoder) at(t time.Time) {
	if w.bit(t.IsZero()); !t.IsZero() {
		w.num(int64(t.Sub(w.now)))
	}
}

// due writes an instant of which only matters whether it has come.
func (w *encoder) due(t time.Time) {
	if w.bit(t.IsZero()); !t.IsZero() {
		w.num(int64(max(t.Sub(w.now), 0)))
	}
}

// instant converts a steady instant to the system's clock, which nobody sets.
func (w *encoder) instant(t schedule.Steady) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	anchor := &w.h.agent.Clock
	return anchor.Wall.Add(t.Sub(anchor.Steady))
}

// boot writes a boot identity as the number of boots since then.
func (w *encoder) boot(b string) {
	if w.bit(b == ""); b == "" {
		return
	}
	then, ago := *w.h, int64(0)
	for ; then.boot >= 0 && then.moment(w.now).BootID != b; then.boot-- {
		ago++
	}
	w.num(ago)
}

// seq writes a report's number relative to what the server has.
func (w *encoder) seq(n job.Sequence) { w.num(int64(n) - int64(w.accepted)) }

func (w *encoder) contents(c contents) {
	for _, c := range c[:w.s.Jobs] {
		w.bit(c.present, c.marked, c.begun)
		w.b = append(w.b, c.patches)
	}
}

func (w *encoder) released(r released) {
	if w.bit(r.revision > 0); r.revision > 0 {
		w.num(int64(w.revision) - int64(r.revision))
		w.contents(r.contents)
	}
}

func (w *encoder) world(st *state) {
	for _, t := range w.s.tasks {
		w.due(t.start)
		w.due(t.end)
	}
	l := st.left
	w.b = append(w.b, l.Turns, l.Changes, l.Crashes, l.Losses, l.Repeats, l.Faults, l.Sessions, l.Sleeps, l.Outages, l.Vendor, l.Reinstalls, l.Restores, l.Removals, l.Clones)
	for _, j := range st.model.jobs[:w.s.Jobs] {
		w.bit(j.edited, j.disabled, j.cancelled, j.deleted)
	}
}

// call writes a call's number relative to the newest that the model received.
func (w *encoder) call(n uint64) {
	const lost = 6
	if d := int64(n) - int64(w.call0); w.s.Server {
		w.num(d)
	} else {
		w.num(min(max(d, -lost), lost))
	}
}

// server writes the production server, and now, because its records hold instants.
func (w *encoder) server(st *state) {
	v := st.server
	w.num(w.now.UnixNano())
	w.num(int64(st.turns.last), int64(st.turns.count))
	w.at(st.turns.at)
	for _, part := range v.store.sum {
		w.b = binary.LittleEndian.AppendUint64(w.b, part)
	}
	w.at(v.due)
	w.at(v.sync)
	w.at(v.feed.ended)
	w.bit(v.feed.done[:]...)
	w.num(int64(v.fuse))
	for _, j := range v.jobs[:w.s.Jobs] {
		w.num(int64(j.state), int64(j.patches))
		w.bit(j.cancelled)
	}
}

func (w *encoder) host() {
	h := w.h
	w.bit(h.prompt, h.absent, h.copied, h.removed, h.refused)
	w.num(int64(h.key))
	w.bit(slices.Concat(h.had[:], h.former[:])...)
	w.num(int64(h.sessions), int64(h.installed[0]), int64(h.installed[1]))
	for _, order := range h.staged[:w.s.Jobs] {
		for _, f := range order {
			w.num(int64(f.file), int64(f.level))
		}
	}
	w.num(int64(len(h.net)))
	for _, m := range h.net {
		w.message(m)
	}
	w.num(int64(len(h.todo)))
	for _, t := range h.todo {
		w.pending(t)
	}
	w.watch(&h.watch)
	w.agent(&h.agent)
}

// message writes what a message can still cause: an awaited answer, new reports.
func (w *encoder) message(m message) {
	live := m.id == w.h.agent.Calls.Out
	w.bit(m.answer, live, m.given)
	if !m.answer {
		if w.s.Server {
			w.num(int64(m.request.Held))
			w.text(m.request.Digest)
		}
		if w.s.Server || w.s.Budget.Reinstalls > 0 {
			w.at(m.request.At)
			w.call(m.request.Call)
			w.seq(m.request.Made)
			w.text(m.request.HeldDigest)
		}
		w.bit(m.request.Held < w.revision)
		if w.s.Budget.Restores > 0 { // a restored server may lack reports that the agent no longer holds
			w.num(int64(len(m.request.Reports)))
			for i := range m.request.Reports {
				w.report(&m.request.Reports[i])
			}
		}
		if n := len(m.request.Reports); n > 0 {
			w.seq(max(m.request.Reports[n-1].Sequence, w.accepted))
		} else {
			w.num(0)
		}
		return
	}
	if !live {
		return
	}
	w.seq(m.ack)
	w.released(m.released)
}

// pending writes an effect's kind, job and patch, and whether it is awaited.
func (w *encoder) pending(t pending) {
	var kind, index int
	var id execution.EffectID
	switch e := t.effect.(type) {
	case execution.TakeInventory:
		kind, id = 1, e.ID
	case execution.Download:
		kind, id, index = 2, e.ID, e.Index
	case execution.Preflight:
		kind, id, index = 3, e.ID, indexes(e.Patches)
	case execution.Install:
		kind, id, index = 4, e.ID, indexes(e.Patches)
	case execution.RunAction:
		kind, id = 5, e.ID
	case execution.Reboot:
		kind = 6
	case execution.Discard:
		kind, index = 7, e.Index
	}
	awaited := false
	for _, x := range w.h.agent.Executions {
		awaited = awaited || id != 0 && x.Order.ID == t.order && x.Waiting == id
	}
	for _, e := range w.h.agent.Early {
		awaited = awaited || t.early && e.Order == t.order && e.Waiting && e.Next == index
	}
	w.num(int64(kind), int64(w.s.job(t.order)), int64(index))
	w.bit(awaited)
}

func indexes(list []execution.Staged) int {
	n := 0
	for _, p := range list {
		n |= 1 << p.Index
	}
	return n
}

func (w *encoder) watch(o *observer) {
	w.released(o.newest.released)
	if w.s.Budget.Repeats > 0 { // otherwise it is never replayed
		w.bit(o.before.revision > 0)
		w.contents(o.before.contents)
	}
	w.seq(o.made)
	w.seq(o.taken)
	for i := range o.orders[:w.s.Jobs] {
		e := &o.orders[i]
		w.bit(e.Received, e.Started, e.Touched, e.Deploying, e.Needs, e.Barred)
		w.b = append(w.b, uint8(e.Result), uint8(e.Failed), e.ran)
		w.at(e.Offer)
		if w.bit(e.Rebooted > 0); e.Rebooted > 0 {
			w.num(int64(w.h.boot + 1 - e.Rebooted))
		}
		for _, p := range e.patches {
			w.bit(p.Passed)
			w.b = append(w.b, p.Begun)
		}
	}
}

func (w *encoder) agent(a *agent.State) {
	w.num(int64(w.revision)-int64(a.Revision), int64(len(a.Queue)))
	if w.s.Budget.Restores > 0 { // otherwise a revision says it all
		w.text(a.Held)
	}
	for i := range a.Queue {
		w.order(&a.Queue[i])
	}
	w.num(int64(len(a.Early)))
	for _, e := range a.Early {
		w.num(int64(w.s.job(e.Order)), int64(e.Next))
		w.bit(e.Waiting)
		w.due(e.At)
	}
	w.num(int64(len(a.Blocked)), int64(len(a.Ended)))
	for _, id := range a.Blocked {
		w.num(int64(w.s.job(id)))
	}
	for _, e := range a.Ended { // no world lasts until one is forgotten, so its time does not matter
		w.num(int64(w.s.job(e.Order)), int64(e.Result))
	}
	w.num(int64(len(a.Executions)), int64(len(a.Reports)))
	for i := range a.Executions {
		w.execution(&a.Executions[i])
	}
	for i := range a.Reports {
		w.report(&a.Reports[i])
	}
	w.seq(a.Sequence)
	w.text(a.Refusal)
	w.boot(a.Owed.BootID)
	c := &a.Calls
	if w.s.Server || w.s.Budget.Reinstalls > 0 {
		w.call(c.Last)
	}
	if w.bit(c.Out != 0); c.Out != 0 { // then it is the last one
		if w.bit(c.Sent == 0); c.Sent != 0 {
			w.seq(c.Sent)
		}
	}
	grain := w.s.Every / 10
	w.num(int64((w.instant(c.Next).Sub(w.now)+grain-1)/grain), int64(min(c.Failures, 8)))
	if w.bit(c.LastCall.Order != "", c.LastCall.Effect != 0); c.LastCall.Order != "" {
		w.num(int64(w.s.job(c.LastCall.Order)))
		w.due(w.instant(c.LastCall.Until))
		if c.Out == 0 { // the next try is that many seconds away
			w.due(w.instant(c.Next))
		}
		w.num(int64(c.LastCall.Tries))
	}
	w.num(int64(a.Clock.Offset), int64(a.Clock.Jump)) // no world lasts until a manifest expires
	w.bit(a.Clock.Known, c.Refused)
	if w.bit(a.Back.IsZero()); !a.Back.IsZero() {
		for _, t := range w.s.tasks {
			w.bit(t.start.After(a.Back)) // it has not passed when the agent came back
		}
	}
}

func (w *encoder) report(r *job.Report) {
	w.seq(r.Sequence)
	w.num(int64(w.s.job(r.Order)), int64(r.Progress), int64(r.Result), int64(r.TooLate))
	w.bit(r.Refused != "", r.Again)
	if w.s.Server {
		w.num(int64(watch.Failures(r.Patches)))
	}
}

// order writes what can differ between orders of one job.
func (w *encoder) order(o *job.Order) {
	j := w.s.job(o.ID)
	w.num(int64(j), int64(o.Revision))
	w.bit(o.Cancelled)
	for _, p := range o.Patches {
		w.num(int64(w.s.tasks[max(j, 0)].number(p.Patch)))
	}
	w.num(int64(len(o.Patches)))
}

func (w *encoder) execution(x *execution.State) {
	w.order(&x.Order)
	w.num(int64(x.Stage), int64(x.Phase), int64(x.Tries), int64(x.Acted), int64(x.Failed), int64(x.Sessions), int64(x.Reboots), int64(x.Result))
	w.bit(x.Waiting != 0, x.Aborted, x.NeedsReboot, x.RebootRequired, x.Pending, x.SaidTooLate)
	w.at(w.instant(x.Until))
	w.at(w.instant(x.Failing))
	w.at(w.instant(x.Missed))
	w.boot(x.BootID)
	for i := range x.Patches {
		p := &x.Patches[i]
		w.num(int64(p.Status), int64(p.Code), int64(p.Tries), int64(p.Attempts), int64(len(p.Digests)))
		w.bit(p.Reboot)
		for _, d := range p.Digests {
			w.text(d.Sum)
		}
	}
	r := &x.Reboot
	w.num(int64(r.Phase), int64(r.Sessions), int64(r.Used), int64(r.Asks))
	w.boot(r.BootID)
	w.at(w.instant(r.FirstOffer))
	w.at(w.instant(r.Until))
	w.at(w.instant(r.Lease))
}

package explore

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// apply carries a possible move out and returns the state after it.
func (s *scene) apply(before *state, m move) *state {
	st := before.copy()
	if b := st.left.of(m.choice); b != nil && *b != AnyTurns {
		*b--
	}
	switch m.choice.target() {
	case anAsset:
		s.happen(st, st.own(int(m.of)), m.choice)
	case aJob:
		if st.server != nil {
			s.administer(st, int(m.of), m.choice)
		} else {
			st.model.change(s, st, int(m.of), m.choice)
		}
	default:
		s.worldly(st, m.choice)
	}
	for _, h := range st.hosts[:s.Assets] {
		h.watch.late(st)
	}
	return st
}

func (s *scene) worldly(st *state, c Choice) {
	switch c {
	case Go:
		s.defaultStep(st)
	case Time:
		s.advance(st)
	case Halt, HaltAfter, HaltSecond:
		st.server.own(st).fuse = 1 + uint8(c-Halt)
	case Publish, End, Unlist, MoveOn:
		st.server.own(st).change(st.now, c)
	case Sync:
		s.sync(st)
	case Restore:
		s.restore(st)
	case Clone:
		s.clone(st)
	case Settle:
		s.settle(st)
	}
}

func (s *scene) happen(st *state, h *host, c Choice) {
	switch c {
	case Arrive:
		s.message(st, h, 0)
	case SecondFirst:
		s.message(st, h, 1)
	case Lose:
		s.step(st, h, agent.CallFailed{ID: h.take(0).id}, false)
	case GiveUp:
		h.net = slices.Clone(h.net)
		h.net[0].given = true
		s.step(st, h, agent.CallFailed{ID: h.net[0].id}, false)
	case Repeat:
		m := h.net[0]
		s.message(st, h, 0)
		h.put(min(len(h.net), 1), m)
	case Replay:
		old := h.watch.before
		s.serve(st, h, 0)
		if len(h.net) > 0 && h.net[0].answer {
			h.net = slices.Clone(h.net)
			h.net[0].released, h.net[0].manifest = old.released, old.sealed
		}
	case Crash:
		s.restart(st, h)
	case CrashBefore:
		if leavesTrace(h.next()) {
			s.effect(st, h, c)
		} else {
			s.crashBeforeCommit(st, h)
		}
	case Boot:
		s.reboot(st, h)
	case Reinstall:
		s.reinstall(st, h)
	case Remove:
		s.remove(st, h)
	case Enrol:
		s.enrol(st, h)
	case Sleep:
		st.now = s.windowEnd(st.now)
		s.step(st, h, agent.Tick{}, false)
	case Work, CutOff, Fail, Damage, Age:
		s.effect(st, h, c)
	case Login, Lock, Logout:
		h.sessions = map[Choice]reboot.Sessions{Login: reboot.Active, Lock: reboot.Locked, Logout: reboot.Nobody}[c]
		s.toExecutions(st, h, execution.SessionsChanged{Sessions: h.sessions})
	case Later, Now:
		s.toExecutions(st, h, execution.PromptAnswered{Later: c == Later})
	}
}

// turn returns the asset of the default step: messages before effects; -1: none.
func (st *state) turn(s *scene) int {
	hosts := st.hosts[:s.Assets]
	if i := slices.IndexFunc(hosts, func(h *host) bool { return len(h.net) > 0 }); i >= 0 {
		return i
	}
	return slices.IndexFunc(hosts, func(h *host) bool { return len(h.todo) > 0 })
}

func (s *scene) defaultStep(st *state) {
	i := st.turn(s)
	switch {
	case i < 0:
		s.advance(st)
	case len(st.hosts[i].net) > 0:
		s.message(st, st.own(i), 0)
	default:
		s.effect(st, st.own(i), Work)
	}
}

// crashBeforeCommit is a default step whose commit is lost in a crash.
func (s *scene) crashBeforeCommit(st *state, h *host) {
	switch {
	case len(h.net) > 0 && h.net[0].answer:
		s.arrive(st, h, 0, true)
	case len(h.net) > 0:
		s.serve(st, h, 0)
		s.restart(st, h)
	case len(h.todo) > 0:
		s.effect(st, h, CrashBefore)
	default:
		st.now = h.wake
		s.step(st, h, agent.Tick{}, true)
	}
}

// advance moves time to the next wake-up. The server's comes before the assets'.
func (s *scene) advance(st *state) {
	first, wake := -1, time.Time{}
	if st.server != nil {
		wake = st.server.wake()
	}
	for i, h := range st.hosts[:s.Assets] {
		if !h.absent && (wake.IsZero() || h.wake.Before(wake)) {
			first, wake = i, h.wake
		}
	}
	if wake.After(st.now) {
		st.now = wake
	}
	for _, h := range st.hosts[:s.Assets] {
		h.watch.late(st)
	}
	if first < 0 {
		s.tick(st)
		return
	}
	s.step(st, st.own(first), agent.Tick{}, false)
}

// windowEnd returns the first end of a window after now; zero: none.
func (s *scene) windowEnd(now time.Time) (end time.Time) {
	for _, t := range s.tasks {
		if t.end.After(now) && (end.IsZero() || t.end.Before(end)) {
			end = t.end
		}
	}
	return end
}

func (s *scene) toExecutions(st *state, h *host, ev execution.Event) {
	for _, x := range h.agent.Executions {
		s.step(st, h, agent.ForOrder{Order: x.Order.ID, Event: ev}, false)
	}
}

func (s *scene) message(st *state, h *host, i int) {
	if h.net[i].answer {
		s.arrive(st, h, i, false)
		return
	}
	s.serve(st, h, i)
}

func (s *scene) arrive(st *state, h *host, i int, crash bool) {
	m := h.take(i)
	if m.id == h.agent.Calls.Out && !crash {
		h.watch.delivered(m)
	}
	s.step(st, h, agent.CallDone{ID: m.id, Answer: manifest.Answer{At: st.now, Acknowledged: m.ack, Manifest: m.manifest}}, crash)
}

// serve brings a call to the server. Nobody gets the answer to a given-up call.
func (s *scene) serve(st *state, h *host, i int) {
	m := h.take(i)
	answer, ok := message{}, false
	if st.server != nil {
		answer, ok = s.checkIn(st, h, m)
	} else {
		answer, ok = st.model.checkIn(s, st, h, m)
	}
	switch {
	case st.broken != nil || m.given:
	case ok:
		h.put(i, answer)
	default:
		s.step(st, h, agent.CallFailed{ID: m.id}, false)
	}
}

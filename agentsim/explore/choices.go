package explore

import (
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Choice is what happens next in a world.
type Choice uint8

// The choices. Which of them a state has depends on what is under way and on the budget that is left.
const (
	Go          Choice = 1 + iota // the ordinary step: the first message, else the first effect, else the time goes on
	Time                          // the time goes on to when the agent wants to be woken, though something is under way
	Work                          // the first effect is carried out, though a message is under way
	SecondFirst                   // the second message overtakes the first
	Lose                          // the first message is lost, and the agent hears of it
	Repeat                        // the first answer arrives, and will arrive once more
	Replay                        // the first call is answered with the manifest before the newest
	Crash                         // the agent crashes, right behind its last commit
	CrashBefore                   // the effect is carried out, and the agent crashes before it commits the result
	CutOff                        // the agent crashes in the middle of an installation or an action
	Boot                          // somebody boots the computer
	Fail                          // the effect fails: a download, an installer, an action, a reboot that does not come
	Damage                        // the vendor serves a file whose signature does not hold
	Age                           // the vendor serves a rightly signed file of an older version
	Edit                          // the job loses its last patch
	Cancel                        // the job is cancelled
	Withdraw                      // the job is disabled
	Enable                        // it is enabled again
	Login                         // a user comes
	Logout                        // the user goes
	Later                         // the user puts the reboot off
	Now                           // the user wants it now
)

var choices = enum.Of[Choice]("choice", "go", "time", "work", "second first", "lose", "repeat", "replay", "crash",
	"crash before commit", "cut off", "boot", "fail", "damage", "age", "edit", "cancel", "withdraw", "enable", "login", "logout", "later", "now")

// String returns the choice's name.
func (c Choice) String() string { return choices.String(c) }

// ParseChoice finds a choice by its name.
func ParseChoice(s string) (Choice, error) { return choices.Parse(s) }

// Choices lists the choices in order.
func Choices() []Choice { return choices.All() }

// options lists what may happen in a state, the ordinary step first.
func (s *scene) options(st *state) []Choice {
	var list []Choice
	for _, c := range choices.All() {
		if s.possible(st, c) {
			list = append(list, c)
		}
	}
	return list
}

// next is the effect to be carried out; nil: there is none.
func (st *state) next() job.Effect {
	if len(st.lane) == 0 {
		return nil
	}
	return st.lane[0].Effect
}

func (s *scene) possible(st *state, c Choice) bool {
	b := &st.left
	switch c {
	case Go:
		return true
	case Time:
		return len(st.lane)+len(st.net) > 0
	case Work:
		return len(st.lane) > 0 && len(st.net) > 0
	case SecondFirst:
		return len(st.net) > 1
	case Lose:
		return b.Losses > 0 && len(st.net) > 0
	case Repeat:
		return b.Repeats > 0 && len(st.net) > 0 && st.net[0].answer
	case Replay:
		return b.Repeats > 0 && len(st.net) > 0 && !st.net[0].answer && st.revision > 1
	case Crash, Boot:
		return b.Crashes > 0
	case CrashBefore: // of what leaves nothing behind, that is the same as Crash
		switch st.next().(type) {
		case job.Download, job.Deploy, job.Act:
			return b.Crashes > 0
		case job.Reboot:
			return false
		}
		return b.Crashes > 0 && s.driver.early
	case CutOff:
		switch st.next().(type) {
		case job.Deploy, job.Act:
			return b.Crashes > 0
		}
	case Fail:
		switch e := st.next().(type) {
		case job.Download:
			return b.Faults > 0 && st.staged[e.Index] == none
		case job.Deploy, job.Act, job.Reboot:
			return b.Faults > 0
		}
	case Damage, Age:
		e, ok := st.next().(job.Download)
		return ok && b.Faults > 0 && st.staged[e.Index] == none
	case Edit:
		return b.Changes > 0 && s.Patches > 1 && st.content == content{present: true}
	case Cancel:
		return b.Changes > 0 && st.content.present && !st.content.marked
	case Withdraw:
		return b.Changes > 0 && st.content.present
	case Enable:
		return b.Changes > 0 && !st.content.present && !st.cancelled && (st.known == 0 || st.known == job.Withdrawn)
	case Login:
		return b.Sessions > 0 && !st.user
	case Logout:
		return b.Sessions > 0 && st.user
	case Later, Now:
		return st.prompt && st.user
	}
	return false
}

// apply makes a possible choice happen, and returns the state after it.
func (s *scene) apply(before *state, c Choice) *state {
	st := before.copy()
	b := &st.left
	switch c {
	case Go:
		s.ordinary(st, false)
	case Time:
		s.pass(st, false)
	case Work:
		s.effect(st, ordinary)
	case SecondFirst:
		s.message(st, 1, false)
	case Lose:
		b.Losses--
		m := st.take(0)
		s.step(st, agent.CallFailed{ID: m.id}, false)
	case Repeat:
		b.Repeats--
		m := st.net[0]
		s.message(st, 0, false)
		st.net = append([]message{m}, st.net[:min(len(st.net), maxFlying-1)]...)
	case Replay:
		b.Repeats--
		s.serve(st, 0)
		st.net[0].released = released{st.revision - 1, st.before}
	case Crash:
		b.Crashes--
		s.restart(st)
	case CrashBefore:
		b.Crashes--
		switch st.next().(type) {
		case job.Download, job.Deploy, job.Act:
			s.effect(st, outlives)
		default:
			s.ordinary(st, true)
		}
	case CutOff:
		b.Crashes--
		s.effect(st, breaks)
	case Boot:
		b.Crashes--
		s.reboot(st)
	case Fail:
		b.Faults--
		s.effect(st, fails)
	case Damage:
		b.Faults--
		s.effect(st, spoils)
	case Age:
		b.Faults--
		s.effect(st, ages)
	case Edit:
		s.publish(st, content{present: true, edited: true})
	case Cancel:
		st.cancelled = true
		marked := st.content
		marked.marked = true
		s.publish(st, marked)
	case Withdraw:
		s.publish(st, content{})
	case Enable:
		st.known = 0
		s.publish(st, content{present: true})
	case Login, Logout:
		b.Sessions--
		st.user = c == Login
		s.tell(st, job.SessionsChanged{Sessions: st.sessions()})
	case Later, Now:
		s.tell(st, job.Answered{Later: c == Later})
	}
	st.watch.late(st)
	return st
}

func (s *scene) ordinary(st *state, crash bool) {
	switch {
	case len(st.net) > 0:
		s.message(st, 0, crash)
	case len(st.lane) > 0 && crash:
		s.effect(st, outlives)
	case len(st.lane) > 0:
		s.effect(st, ordinary)
	default:
		s.pass(st, crash)
	}
}

// pass lets the time go on to when the agent wants to be woken.
func (s *scene) pass(st *state, crash bool) {
	st.now = st.wake
	st.watch.late(st)
	s.step(st, agent.Tick{}, crash)
}

func (s *scene) tell(st *state, ev job.Event) {
	for _, x := range st.agent.Executions {
		s.step(st, agent.Execution{Order: x.Order.ID, Event: ev}, false)
	}
}

func (s *scene) publish(st *state, c content) {
	st.left.Changes--
	st.release(c)
}

func (st *state) release(c content) {
	st.before, st.content = st.content, c
	st.revision++
}

// take takes a message off the network.
func (st *state) take(i int) message {
	m := st.net[i]
	net := make([]message, 0, len(st.net))
	st.net = append(append(net, st.net[:i]...), st.net[i+1:]...)
	return m
}

// message lets a message go on: a call reaches the server, which answers, or an answer the agent.
func (s *scene) message(st *state, i int, crash bool) {
	if !st.net[i].answer {
		s.serve(st, i)
		if crash {
			s.restart(st)
		}
		return
	}
	m := st.take(i)
	answer := manifest.Answer{At: st.now, Acknowledged: m.ack}
	if m.released.revision > 0 {
		sealed, err := s.seal(m.released)
		if err != nil {
			st.broke(9, "the server cannot seal its manifest: %v", err)
			return
		}
		answer.Manifest = sealed
		if m.id == st.agent.Calls.Out && !crash {
			st.watch.delivered(m.released)
		}
	}
	s.step(st, agent.CalledIn{ID: m.id, Answer: answer}, crash)
}

// serve is the server's part, reduced to what an agent can see of it: reports are taken each once and in order, an order that
// ended leaves the manifest, and that is sent if the agent holds a lower one.
func (s *scene) serve(st *state, i int) {
	m := st.take(i)
	for _, report := range m.reports {
		switch {
		case report.Sequence <= st.accepted:
			continue
		case report.Sequence > st.accepted+1:
			st.broke(8, "the agent sends report %d; the server has them up to %d", report.Sequence, st.accepted)
			return
		}
		st.accepted = report.Sequence
		if final(report.Result) {
			st.known = report.Result
			if st.content.present && report.Result != job.Withdrawn { // an order that ended leaves the manifest
				st.release(content{})
			}
		}
	}
	answer := message{id: m.id, answer: true, ack: st.accepted}
	if m.held < st.revision {
		answer.released = released{st.revision, st.content}
	}
	st.net = append(st.net[:i:i], append([]message{answer}, st.net[i:]...)...)
}

// settled reports whether everything has come to its end: the agent holds the newest manifest, nothing is under way, and an
// order that it ever received has a final result that the server knows.
func (st *state) settled() bool {
	a := &st.agent
	return len(st.lane)+len(st.net)+len(a.Queue)+len(a.Executions)+len(a.Reports) == 0 && a.Revision == st.revision &&
		(!st.watch.received || st.watch.final != 0 && st.known == st.watch.final)
}

package reboot

import (
	"cmp"
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Out is what a step returns besides the new state.
type Out struct {
	// Effects are carried out once the state is durable, in this order:
	// ClearPrompt, then ShowPrompt or ShowCountdown, then Reboot. Each
	// comes at most once.
	Effects []Effect
	// Wake is how long after this step the machine wants a Tick, at the
	// latest; zero: never.
	Wake time.Duration
}

// Step takes the machine one event further. It depends on its arguments only,
// and does not change s. An event or a phase that it does not know changes
// nothing.
//
// Every step of one machine takes the same policy; only Suppress may be set
// later (RBT-7). Values outside their bounds are moved into them. Waits are
// measured by at.Steady, which must not be zero; at.UTC counts only for hours
// and a deadline.
func Step(p Policy, s State, ev Event, at schedule.At) (State, Out) {
	m := machine{State: s, p: p.bounded(), now: at.Steady, utc: at.UTC}
	switch s.Phase {
	case 0, Idle:
		if due, ok := ev.(Due); ok {
			m.State = State{BootID: due.BootID, Sessions: due.Sessions.Known()}
			if m.p.Suppress {
				m.Phase = Parked
			} else {
				m.offer()
			}
		}
	case Prompting, Deferred, Counting, Asked, Parked, Waiting, Queued:
		m.live(ev)
	default: // Rebooted is the end
	}
	return m.State, m.out(s.Phase)
}

// machine is one step in progress.
type machine struct {
	State
	p      Policy
	now    schedule.Steady
	utc    time.Time
	waited bool   // for a slot or for the hours to begin, until this step
	show   Effect // ShowPrompt or ShowCountdown
	reboot bool
}

// out puts the step's effects in order, and clears a prompt or countdown that
// nothing replaces.
func (m *machine) out(before Phase) (out Out) {
	if shown(before) && !shown(m.Phase) {
		out.Effects = append(out.Effects, ClearPrompt{})
	}
	if m.show != nil && shown(m.Phase) {
		out.Effects = append(out.Effects, m.show)
	}
	if m.reboot {
		out.Effects = append(out.Effects, Reboot{})
	}
	out.Wake = m.wake()
	return out
}

// Wake returns how long a machine in state s can wait for a [Tick] after at;
// zero: it needs none. Step returns the same in Out.
func Wake(p Policy, s State, at schedule.At) time.Duration {
	m := machine{State: s, p: p.bounded(), now: at.Steady, utc: at.UTC}
	return m.wake()
}

func (m *machine) wake() (wake time.Duration) {
	if !m.Until.IsZero() {
		wake = max(m.Until.Sub(m.now), 1) // zero would say "never"
	}
	if m.p.Hours != nil && m.inHours() {
		if ends := m.p.Hours.ends(m.utc, m.force()); !ends.IsZero() {
			end := max(ends.Sub(m.utc), 1)
			wake = min(cmp.Or(wake, end), end)
		}
	}
	return wake
}

func shown(p Phase) bool { return p == Prompting || p == Counting }

// inHours reports whether the phase ends with the reboot hours.
func (m *machine) inHours() bool { return shown(m.Phase) || m.Phase == Queued }

func (m *machine) live(e Event) {
	if b, ok := e.(Booted); ok && m.rebooted(b.BootID) {
		return
	}
	if m.p.Suppress && m.Phase != Parked { // the policy changed since the last step
		m.Phase, m.Until, m.Lease = Parked, 0, 0
		return
	}
	if m.inHours() && m.shut() { // the hours have ended
		if e, ok := e.(SessionsChanged); ok {
			m.Sessions = e.Sessions.Known()
		}
		m.wait()
		return
	}
	switch e := e.(type) {
	case SessionsChanged:
		m.sessionsChanged(e.Sessions.Known())
	case Accept:
		if m.Phase == Prompting || m.Phase == Deferred {
			m.count()
		} else {
			m.advance()
		}
	case Defer:
		if m.Phase == Prompting && m.now.Before(m.Until) {
			m.putOff(m.now, e.At)
		} else {
			m.advance() // too late an answer must not use the next prompt's deferral
		}
	case Booted:
		if !m.advance() {
			m.showAgain()
		}
	case Lease:
		m.leased(e.Until)
	case Tick:
		m.advance()
	}
}

// rebooted notices a new boot identity, whoever caused it (RBT-8).
func (m *machine) rebooted(id string) bool {
	if id == "" || id == m.BootID {
		return false
	}
	if m.BootID == "" { // not known when the reboot became due: this is the first
		m.BootID = id
		return false
	}
	m.Phase, m.Until = Rebooted, 0
	return true
}

func (m *machine) sessionsChanged(s Sessions) {
	before := m.Sessions
	m.Sessions = s
	switch {
	case s == Nobody && (m.Phase == Prompting || m.Phase == Deferred): // RBT-4
		m.count()
	case !m.advance() && before == Nobody && s != Nobody:
		m.showAgain() // the countdown goes on, and whoever logs in sees it
	}
}

// advance does what is due by now, and reports whether it did anything.
func (m *machine) advance() bool {
	if m.now.Before(m.Until) {
		return false
	}
	switch m.Phase {
	case Prompting: // nobody answered: this uses a deferral, which began when the prompt ended (RBT-5)
		m.putOff(m.Until, time.Time{})
	case Deferred:
		m.offer()
	case Counting:
		m.ask()
	case Waiting:
		m.waited = true
		if m.Asks > 0 {
			m.count()
		} else {
			m.offer()
		}
	case Asked: // it did not come: whoever is there now sees the countdown again (RBT-10)
		m.count()
	default: // Parked waits for no time
		return false
	}
	return true
}

// offer shows the next prompt if somebody is there, a deferral is left and time
// is left for it; otherwise it counts down.
func (m *machine) offer() {
	if m.shut() {
		m.wait()
		return
	}
	if m.Sessions == Nobody || m.Used >= m.p.Deferrals {
		m.count()
		return
	}
	if m.FirstOffer.IsZero() {
		m.FirstOffer = m.now
	}
	m.Until = m.before(m.now.Add(m.p.Prompt), m.p.Countdown)
	if !m.now.Before(m.Until) {
		m.count()
		return
	}
	m.Phase = Prompting
	m.showAgain()
}

// putOff defers from an instant for an interval, or so that the countdown ends
// when the user wants it to; zero: the user does not say.
func (m *machine) putOff(from schedule.Steady, at time.Time) {
	until, last := from.Add(m.p.Interval), m.last()
	if m.Used++; !at.IsZero() {
		until = max(min(m.steady(at), last).Add(-m.p.Countdown), m.now)
		m.Used = m.p.Deferrals
	}
	m.Phase, m.Until = Deferred, m.before(until, m.p.Countdown)
	m.advance() // it may be over already: the asset slept
}

// count starts the countdown, or waits for a slot; without a countdown, or when
// MaxDeferral is over, it asks at once. RBT-6 bounds the first countdown only,
// and not one that had to wait for a slot or for the hours to begin. A deadline
// never shortens it.
func (m *machine) count() {
	if m.shut() {
		m.wait()
		return
	}
	if !m.maySoon(m.p.Countdown) {
		m.Phase, m.Until = Queued, 0
		return
	}
	m.Phase, m.Until = Counting, m.now.Add(m.p.Countdown)
	if end := m.FirstOffer.Add(MaxDeferral); m.Asks <= 0 && !m.waited && !m.FirstOffer.IsZero() && end.Before(m.Until) {
		m.Until = end
	}
	if !m.advance() {
		m.showAgain()
	}
}

// ask asks for the reboot, and plans to count down again after a pause that
// doubles up to maxPause.
func (m *machine) ask() {
	if !m.maySoon(0) { // the asset slept through the end of its lease
		m.Phase, m.Until = Queued, 0
		return
	}
	pause := firstPause
	for range min(max(m.Asks, 0), 6) {
		pause = min(2*pause, maxPause)
	}
	m.Asks = min(max(m.Asks, 0)+1, maxAsks)
	m.Phase, m.Until = Asked, m.now.Add(pause)
	m.reboot = true
}

// showAgain shows the prompt or countdown of this phase, with the time that is
// left.
func (m *machine) showAgain() {
	switch left := m.Until.Sub(m.now); m.Phase {
	case Prompting:
		m.show = ShowPrompt{Remaining: m.p.Deferrals - m.Used, Wait: left, Last: m.last()}
	case Counting:
		m.show = ShowCountdown{Left: left, Last: m.Until}
	}
}

// last is when the reboot is asked for if nobody answers this prompt and those
// that follow (RBT-12).
func (m *machine) last() schedule.Steady {
	left := time.Duration(m.p.Deferrals - m.Used)
	last := m.before(m.Until.Add(left*m.p.Interval+(left-1)*m.p.Prompt+m.p.Countdown), 0)
	if m.p.Hours == nil {
		return last
	}
	next, _ := m.p.Hours.next(m.instant(last), m.force())
	return m.steady(next)
}

// before returns t, or the end that RBT-6 sets less the time to reserve,
// whichever comes first.
func (m *machine) before(t schedule.Steady, reserve time.Duration) schedule.Steady {
	if end := m.end(); !end.IsZero() && end.Add(-reserve).Before(t) {
		return end.Add(-reserve)
	}
	return t
}

// end returns when deferral ends (RBT-6): at the deadline, or MaxDeferral after
// the first offer; zero: neither is known.
func (m *machine) end() (end schedule.Steady) {
	if !m.FirstOffer.IsZero() {
		end = m.FirstOffer.Add(MaxDeferral)
	}
	if due := m.steady(m.p.Deadline); !due.IsZero() && (end.IsZero() || due.Before(end)) {
		end = max(due, 1) // zero would say "none"
	}
	return end
}

package reboot

import "time"

// Step takes the machine one event further and returns the new state and what to carry out once that state is durable,
// in this order: ClearPrompt, then ShowPrompt or ShowCountdown, then Reboot; each at most once, most steps none.
//
// It is a function of its arguments alone; s is not changed. Now is the steady clock, see State. The policy must be the
// same at every step of one machine; it need not be valid: values outside their bounds are moved into them. An event or
// a phase it does not know leaves the state as it is.
func Step(p Policy, s State, e Event, now time.Time) (State, []Effect) {
	m := machine{p: p.bounded(), State: s, now: now.UTC()}
	switch s.Phase {
	case 0, Idle:
		due, ok := e.(Due)
		if !ok {
			return s, nil
		}
		m.due(due)
	case Prompting, Deferred, Counting, Asked, Parked:
		if !m.live(e) {
			return s, nil
		}
	default: // Rebooted is the end
		return s, nil
	}
	return m.State, m.effects(s.Phase)
}

// Wake says how long after now the machine wants a Tick at the latest; zero: not at all.
func Wake(s State, now time.Time) time.Duration {
	switch s.Phase {
	case Prompting, Deferred, Counting, Asked:
		return max(s.Until.Sub(now), 1) // zero would say "not at all"
	default:
		return 0
	}
}

// machine is a step at work.
type machine struct {
	State
	p      Policy
	now    time.Time
	show   Effect // ShowPrompt or ShowCountdown
	reboot bool
}

// effects puts the step's effects in order. What stood before and has no successor is taken away.
func (m *machine) effects(before Phase) []Effect {
	var out []Effect
	if stands(before) && !stands(m.Phase) {
		out = append(out, ClearPrompt{})
	}
	if m.show != nil && stands(m.Phase) {
		out = append(out, m.show)
	}
	if m.reboot {
		out = append(out, Reboot{})
	}
	return out
}

// stands reports whether a prompt or a countdown is on the screen in that phase.
func stands(p Phase) bool { return p == Prompting || p == Counting }

func (m *machine) due(e Due) {
	m.State = State{Boot: e.Boot, Sessions: known(e.Sessions)}
	if m.p.Suppress {
		m.Phase = Parked
		return
	}
	m.offer()
}

// live takes an event in a phase between Idle and Rebooted; it reports false for an event that means nothing there.
func (m *machine) live(e Event) bool {
	if b, ok := e.(Booted); ok && m.rebooted(b.Boot) {
		return true
	}
	if m.p.Suppress && m.Phase != Parked { // the policy changed under the machine; RBT-7 is the safer side
		m.park()
		return true
	}
	switch e := e.(type) {
	case SessionsChanged:
		m.sessionsChanged(known(e.Sessions))
	case Accept:
		if m.Phase == Prompting || m.Phase == Deferred {
			m.count()
		} else {
			m.advance()
		}
	case Defer:
		if m.Phase == Prompting && m.now.Before(m.Until) {
			m.putOff(m.now)
		} else {
			m.advance() // too late an answer is none: it must not spend the next prompt's deferral
		}
	case Booted:
		if !m.advance() {
			m.showAgain()
		}
	case Tick:
		m.advance()
	default:
		return false
	}
	return true
}

// rebooted sees a new boot identity, whoever caused it (RBT-8).
func (m *machine) rebooted(boot string) bool {
	if boot == "" || boot == m.Boot {
		return false
	}
	if m.Boot == "" { // it was not known when the reboot became due: nothing to compare with, so this is the first
		m.Boot = boot
		return false
	}
	m.Phase, m.Until = Rebooted, time.Time{}
	return true
}

func (m *machine) park() { m.Phase, m.Until = Parked, time.Time{} }

func (m *machine) sessionsChanged(s Sessions) {
	before := m.Sessions
	m.Sessions = s
	switch {
	case s == Nobody && (m.Phase == Prompting || m.Phase == Deferred): // RBT-4
		m.count()
	case !m.advance() && before == Nobody && s != Nobody:
		m.showAgain() // the countdown goes on, but whoever comes shall see it
	}
}

// advance does what the time asks for and reports whether that was anything.
func (m *machine) advance() bool {
	if m.now.Before(m.Until) {
		return false
	}
	switch m.Phase {
	case Prompting: // nobody answered: one deferral used, and it began when the prompt ended (RBT-5)
		m.putOff(m.Until)
	case Deferred:
		m.offer()
	case Counting, Asked:
		m.ask()
	default: // Parked waits for no time
		return false
	}
	return true
}

// offer shows the next prompt if somebody is there, a deferral is left and there is time for it, and else counts down.
func (m *machine) offer() {
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

// putOff uses one deferral, which began at from.
func (m *machine) putOff(from time.Time) {
	m.Used++
	m.Phase, m.Until = Deferred, m.before(from.Add(m.p.Interval), m.p.Countdown)
	m.advance() // it may be over already: the asset slept
}

// count starts the countdown; without one, or when MaxDeferral is over, it asks at once.
func (m *machine) count() {
	m.Phase, m.Until = Counting, m.before(m.now.Add(m.p.Countdown), 0)
	if !m.advance() {
		m.showAgain()
	}
}

// ask asks for the reboot, and plans to ask again after a pause that doubles up to maxPause.
func (m *machine) ask() {
	pause := firstPause
	for range min(max(m.Asks, 0), 6) {
		pause = min(2*pause, maxPause)
	}
	m.Asks = min(max(m.Asks, 0)+1, maxAsks)
	m.Phase, m.Until = Asked, m.now.Add(pause)
	m.reboot = true
}

// showAgain shows what stands in this phase, with the time that is left of it.
func (m *machine) showAgain() {
	switch left := m.Until.Sub(m.now); m.Phase {
	case Prompting:
		m.show = ShowPrompt{Remaining: m.p.Deferrals - m.Used, Wait: left}
	case Counting:
		m.show = ShowCountdown{Left: left}
	}
}

// before is t, or what is left before the end that RBT-6 sets if that comes first. Reserve is the time still needed then.
func (m *machine) before(t time.Time, reserve time.Duration) time.Time {
	if m.FirstOffer.IsZero() {
		return t
	}
	if end := m.FirstOffer.Add(MaxDeferral - reserve); end.Before(t) {
		return end
	}
	return t
}

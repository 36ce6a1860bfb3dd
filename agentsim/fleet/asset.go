package fleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// asset is a computer with the production agent. Times are since the beginning.
type asset struct {
	s       *shard
	index   int // in the shard
	config  agent.Config
	state   agent.State
	rng     rng
	history history
	person  person
	latency time.Duration // of a message, one way
	speed   time.Duration // average time of a download
	skew    time.Duration // of its clock
	away    away

	up       bool
	life     uint32 // grows with each boot; replies to an earlier life are dropped
	boots    int
	booted   time.Duration
	bootID   string
	wake     time.Duration // of the agent; negative: none
	agenda   []due
	watching bool // the next change of sessions is on the agenda

	has    installed
	staged installed // downloaded and good
	watch  observer

	reported installed     // the newest inventory that the server has
	handed   bool          // the server handed out a manifest that the agent has not taken yet
	renewal  time.Duration // when the server may send the manifest again; zero: never
}

// away is when an asset cannot be reached.
type away struct {
	from, to time.Duration // zero: never
	off      bool          // switched off; otherwise only its network is cut
}

func (a away) at(t time.Duration) bool { return a.to > 0 && t >= a.from && t < a.to }

type due struct {
	at     time.Duration
	life   uint32
	always bool // also in another life
	do     func()
}

// init decides what an asset is like. It must not move: its agenda points to it.
func (a *asset) init(s *shard, index, number int) {
	d := newRNG(s.cfg.Seed, number)
	*a = asset{s: s, index: index, up: true, bootID: "boot-0", wake: -1, watch: observer{stage: StageNone}}
	a.config = agent.Config{Asset: assetID(number), Key: s.cfg.keys.verifier, Every: manifest.Every}.WithDefaults()
	a.person = d.person()
	a.latency = d.between(20*time.Millisecond, 400*time.Millisecond)
	a.speed = d.between(20*time.Second, 4*time.Minute)
	a.skew = d.between(-30*time.Second, 30*time.Second)
	if d.share(20) {
		a.skew = d.between(-2*time.Hour, 2*time.Hour)
	}
	for n, perThousand := range [titles]int{80, 300} {
		if d.share(perThousand) {
			a.has |= 1 << n
		}
	}
	if d.share(s.cfg.Offline) {
		a.away = away{from: time.Hour + d.upTo(10*time.Hour), off: d.share(500)}
		a.away.to = a.away.from + d.between(day, 3*day)
		a.at(a.away.from, a.leave)
		a.at(a.away.to, a.comeBack)
	}
	starts := d.upTo(a.config.Every)
	a.rng = d
	a.at(starts, func() { a.step(agent.Started{}) })
}

func assetID(number int) job.AssetID {
	return job.AssetID(fmt.Sprintf("a%07d", number))
}

// at puts something on the agenda that happens in any life of the computer.
func (a *asset) at(t time.Duration, do func()) {
	a.agenda = append(a.agenda, due{at: t, always: true, do: do})
}

// after puts something on the agenda that happens only in this life.
func (a *asset) after(d time.Duration, do func()) {
	a.agenda = append(a.agenda, due{at: a.s.now + d, life: a.life, do: do})
}

// next returns when something happens to the asset, or the end of the world.
func (a *asset) next() time.Duration {
	t := a.s.end
	if a.up && a.wake >= 0 {
		t = min(t, a.wake)
	}
	for i := range a.agenda {
		t = min(t, a.agenda[i].at)
	}
	return t
}

// happen does what is due now: first the agenda in order, then the wake-up.
func (a *asset) happen() {
	for i := range a.agenda {
		if d := a.agenda[i]; d.at <= a.s.now {
			a.agenda = slices.Delete(a.agenda, i, i+1)
			if d.always || d.life == a.life && a.up {
				d.do()
			}
			return
		}
	}
	a.step(agent.Tick{})
}

func (a *asset) moment() agent.Moment {
	return agent.Moment{Wall: began.Add(a.s.now + a.skew), BootID: a.bootID, Up: a.s.now - a.booted}
}

// step hands the agent an event and carries out the effects.
func (a *asset) step(ev agent.Event) {
	a.s.tally.Steps++
	before := a.state
	state, out := agent.Step(a.config, before, ev, a.moment())
	a.state, a.wake = state, a.s.now+out.Wake
	a.history.event(a.s.now, ev)
	a.watch.committed(a, &before, &a.state)
	if state.Revision != before.Revision {
		a.handed = false
	}
	for _, e := range out.Effects {
		switch e := e.(type) { // no job here allows early downloads
		case agent.Call:
			a.history.call(e.ID, len(e.Request.Reports), e.Request.LastCall)
			a.call(e)
		case agent.Execute:
			a.history.effect(e.Effect)
			a.carryOut(e.Order, e.Effect)
		}
	}
	if len(state.Executions) > 0 && !a.watching {
		a.watchSessions()
	}
}

func (a *asset) call(c agent.Call) {
	if a.away.at(a.s.now) {
		a.after(2*a.latency, func() { a.step(agent.CallFailed{ID: c.ID, Err: "the network is down"}) })
		return
	}
	in := c.Request
	life := a.life
	a.at(a.s.now+a.latency, func() {
		if a.s.now >= a.s.end {
			return
		}
		answer, ok := a.s.checkIn(a, in)
		if !ok || a.life != life || !a.up {
			return
		}
		act := a.s.nextAct
		a.after(a.latency, func() {
			if a.away.at(a.s.now) {
				a.step(agent.CallFailed{ID: c.ID, Err: "the network is down"})
				return
			}
			if a.state.Clock.Sure(answer.At, a.moment()) { // otherwise the agent ignores it
				a.watch.delivered(a, answer)
			}
			a.step(agent.CallDone{ID: c.ID, Answer: answer})
			if act == a.s.nextAct && a.idle() {
				a.jump()
			}
		})
	})
}

// watchSessions reports each login and logout to the executions.
func (a *asset) watchSessions() {
	_, until := a.person.sessions(a.s.now)
	if until == 0 {
		return
	}
	a.watching = true
	a.at(until, func() {
		a.watching = false
		if !a.up {
			return
		}
		for _, x := range slices.Clone(a.state.Executions) {
			a.step(agent.ForOrder{Order: x.Order.ID, Event: execution.SessionsChanged{Sessions: a.sessions()}})
		}
	})
}

func (a *asset) sessions() reboot.Sessions {
	now, _ := a.person.sessions(a.s.now)
	return now
}

// shutDown ends this life of the computer, and the offer of a reboot (RBT-8).
func (a *asset) shutDown() {
	a.life++
	a.up = false
	a.watch.Offer = time.Time{}
}

func (a *asset) boot() {
	a.up = true
	a.boots++
	a.bootID = fmt.Sprintf("boot-%d", a.boots)
	a.booted = a.s.now
	a.step(agent.Started{})
}

// leave makes the asset unreachable.
func (a *asset) leave() {
	if a.away.off {
		a.shutDown()
	}
}

func (a *asset) comeBack() {
	if a.away.off {
		a.life++ // drops a boot that was under way when it was switched off
		a.boot()
	}
}

// far is later than anything that wakes an agent.
const far = 1000 * day

// idle reports whether the agent has nothing to report and waits for nothing.
func (a *asset) idle() bool {
	calls := a.state.Calls
	return calls.Out == 0 && calls.Failures == 0 && calls.LastCall.Order == "" && a.state.Clock.Jump == 0 && len(a.state.Reports) == 0
}

// jump skips the check-ins at which nothing can happen: the agent is idle, the
// server has just answered it, and until the horizon neither acts. Their times are
// those that the agent would choose. Of what they change only the last counts. It
// is carried out where somebody could look before the next.
func (a *asset) jump() {
	if a.s.cfg.everyCall {
		return
	}
	horizon, looked := a.s.end, true
	before := func(at time.Duration, looks bool) {
		if at < horizon {
			horizon, looked = at, looks
		}
	}
	if a.renewal > 0 {
		before(a.renewal, false)
	}
	before(a.s.nextAct, false)
	for i := range a.agenda {
		before(a.agenda[i].at, true)
	}
	// To learn what else wakes the agent, step it with its next check-in far away.
	asked := a.state
	asked.Calls.Next = asked.Calls.Next.Add(far)
	_, out := agent.Step(a.config, asked, agent.Tick{}, a.moment())
	if len(out.Effects) > 0 {
		return
	}
	wake := a.s.now + out.Wake
	before(wake, false)
	last, at := a.state.Calls.Last, a.wake
	for at+2*a.latency < horizon {
		wait := a.config.Interval(last + 1)
		if looked && at+wait+2*a.latency >= horizon {
			break
		}
		last++
		a.history.tick(at)
		a.history.call(last, 0, false)
		a.history.answer(at+2*a.latency, last, a.state.Sequence)
		at += wait
	}
	passed := int(last - a.state.Calls.Last)
	a.state.Calls.Last = last
	a.state.Calls.Next = a.state.Calls.Next.Add(at - a.wake)
	a.wake = min(at, wake)
	a.s.tally.Steps += 2 * passed
	a.s.tally.CheckIns += passed
	a.s.tally.Idle += passed
}

func since(t time.Duration) time.Time { return began.Add(t) }

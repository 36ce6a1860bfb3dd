package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/agent"
)

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

package agent

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Out is what a step returns beside the new state.
type Out struct {
	Call    *Call         // nil: none
	Effects []Effect      // in order, after the commit
	Wake    time.Duration // when the machine wants a Tick at the latest; always positive
}

// Effect is an execution's effect with the order it belongs to.
type Effect struct {
	Order  job.OrderID
	Effect execution.Effect
}

// Step takes one event at one moment and returns the state after it, with what is to be carried out once it is durable.
// It does not change s. An event the state has no use for changes nothing. It never fails: what is refused is reported.
func Step(c Config, s State, ev Event, at Moment) (State, Out) {
	at.Wall = at.Wall.Round(0).UTC()
	m := machine{c: c.WithDefaults(), s: s.clone(), at: at, now: s.Clock.now(at)}
	m.s.Asset = c.Asset
	_, tick := ev.(Tick)
	m.handle(ev)
	m.start()
	m.fetchEarly()
	m.call()
	if !tick || m.out.Call != nil || len(m.out.Effects) > 0 || m.reported {
		m.s.Clock = m.s.Clock.anchor(at)
	}
	m.out.Wake = m.wake()
	return m.s, m.out
}

// machine is one step in the making.
type machine struct {
	c        Config
	s        State
	at       Moment
	now      schedule.At
	out      Out
	reported bool
	callNow  bool // a check-in is wanted at once
	lastCall bool // and it is a last call, which waits for no other
}

func (m *machine) handle(ev Event) {
	switch ev := ev.(type) {
	case Started:
		m.started()
	case Tick:
		m.tick()
	case CalledIn:
		m.calledIn(ev)
	case CallFailed:
		m.callFailed(ev)
	case Execution:
		m.execution(ev.Order, ev.Event)
		if fetched, ok := ev.Event.(execution.Downloaded); ok {
			m.fetchedEarly(ev.Order, fetched.ID)
		}
	}
}

// started takes up what the last commit left: the calls that were out are lost, the executions resume.
func (m *machine) started() {
	m.s.Calls.Out, m.s.Calls.LastCall = 0, LastCall{}
	m.callNow = true
	for i := range m.s.Early {
		m.s.Early[i].Waiting = 0
	}
	for _, id := range m.executing() {
		m.execution(id, execution.Restarted{BootID: m.at.Boot})
	}
}

func (m *machine) tick() {
	for _, id := range m.executing() {
		m.execution(id, execution.Tick{})
	}
	if last := m.s.Calls.LastCall; last.Order != "" && last.Effect == 0 && !m.now.Steady.Before(last.Until) {
		m.begin(last.Order) // nobody answered: go on without (MAN-7)
	}
}

func (m *machine) executing() []job.OrderID {
	ids := make([]job.OrderID, len(m.s.Executions))
	for i, x := range m.s.Executions {
		ids[i] = x.Order.ID
	}
	return ids
}

// report numbers a report and keeps it until it is acknowledged (MAN-6, JOB-21). Results are not kept waiting.
func (m *machine) report(r job.Report) {
	m.s.Sequence++
	r.Sequence, r.At = m.s.Sequence, m.now.UTC.Truncate(time.Second)
	m.s.Reports = append(m.s.Reports, r)
	m.reported = true
	if r.Progress == 0 && m.s.Calls.Failures == 0 {
		m.callNow = true
	}
}

// execution hands an event to an execution, and keeps what comes of it.
func (m *machine) execution(id job.OrderID, ev execution.Event) {
	i := slices.IndexFunc(m.s.Executions, func(x execution.State) bool { return x.Order.ID == id })
	if i < 0 {
		return
	}
	m.carryOn(i, ev)
}

// carryOn steps the execution i.
func (m *machine) carryOn(i int, ev execution.Event) {
	x, out := execution.Step(execution.Config{Policy: m.c.Policy, Stopping: m.c.Stopping}, m.s.Executions[i], ev, m.now)
	m.s.Executions[i] = x
	for _, r := range out.Reports {
		m.report(r)
	}
	for _, e := range out.Effects {
		if call, ok := e.(execution.LastCall); ok {
			m.awaitCall(LastCall{Order: x.Order.ID, Effect: call.ID})
			continue
		}
		m.out.Effects = append(m.out.Effects, Effect{Order: x.Order.ID, Effect: e})
	}
	if x.Stage == job.StageDone {
		m.s.Executions = slices.Delete(m.s.Executions, i, i+1)
		m.s.Ended = append(m.s.Ended, x.Order.ID)
	}
}

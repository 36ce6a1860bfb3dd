package agent

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Out is what a step returns besides the new state. The reports are in the
// state.
type Out struct {
	// Effects are carried out once the state is durable, and begin in this
	// order. A Call comes first; no other effect waits for a Call or a Prompt.
	// TakeInventory, Preflight, Install, RunAction and Reboot are carried out
	// one after the other. So are Download, DownloadEarly and Discard of one
	// order; a Discard cuts off the downloads that it deletes.
	Effects []Effect
	// Wake is how long after this step the agent wants a Tick, at the
	// latest; always positive.
	Wake time.Duration
}

// Step takes the agent one event further. It depends on its arguments only, and
// does not change s. An event that the state does not wait for changes nothing.
// Step never fails: what it refuses, it reports.
func Step(c Config, s State, ev Event, at Moment) (State, Out) {
	at.Wall = at.Wall.Round(0).UTC()
	m := machine{c: c.WithDefaults(), s: s.clone(), at: at, now: s.Clock.now(at)}
	m.s.Asset = c.Asset
	_, tick := ev.(Tick)
	m.awake(ev)
	if ev != nil {
		ev.step(&m)
	}
	m.start()
	m.downloadEarly()
	m.askForSlot(s)
	m.call()
	if !tick || len(m.out.Effects) > 0 || m.s.Sequence != s.Sequence {
		m.s.Clock = m.s.Clock.anchor(at)
	}
	m.out.Wake = m.wake()
	return m.s, m.out
}

// machine is one step in progress.
type machine struct {
	c        Config
	s        State
	at       Moment
	now      schedule.At
	out      Out
	callNow  bool // a check-in is wanted at once
	lastCall bool // and it is a last call, which waits for no other
}

func (m *machine) do(e Effect) { m.out.Effects = append(m.out.Effects, e) }

func (ev ForOrder) step(m *machine) { m.forOrder(ev.Order, ev.Event) }

// owes reports whether a reboot is owed in this boot.
func (m *machine) owes() bool { return m.s.Owed != Owed{} && m.s.Owed.BootID == m.at.BootID }

// step goes on from the last commit: the open calls are lost, the executions
// resume.
func (Started) step(m *machine) {
	m.s.Calls.Out, m.s.Calls.LastCall = 0, LastCall{}
	m.callNow = true
	if !m.owes() {
		m.s.Owed = Owed{}
	}
	for i := range m.s.Early {
		m.s.Early[i].Waiting = false
	}
	for _, id := range m.executing() {
		m.forOrder(id, execution.Restarted{BootID: m.at.BootID})
	}
}

func (Tick) step(m *machine) {
	for _, id := range m.executing() {
		m.forOrder(id, execution.Tick{})
	}
	if last := m.s.Calls.LastCall; !last.Until.IsZero() && !m.now.Steady.Before(last.Until) {
		m.lastCallOver() // no answer came: go on without one (MAN-7)
	}
}

func (m *machine) executing() []job.OrderID {
	ids := make([]job.OrderID, len(m.s.Executions))
	for i, x := range m.s.Executions {
		ids[i] = x.Order.ID
	}
	return ids
}

// report numbers a report and keeps it until it is acknowledged (MAN-6,
// JOB-21). All but progress is sent at once.
func (m *machine) report(r job.Report) {
	m.s.Sequence++
	r.Sequence, r.At = m.s.Sequence, m.now.UTC.Truncate(time.Second)
	m.s.Reports = append(m.s.Reports, r)
	if r.Progress == 0 && m.s.Calls.Failures == 0 {
		m.callNow = true
	}
}

func (m *machine) forOrder(id job.OrderID, ev execution.Event) {
	if i := slices.IndexFunc(m.s.Executions, func(x execution.State) bool { return x.Order.ID == id }); i >= 0 {
		m.execute(i, ev)
	}
}

// execute steps execution i, and takes in its reports and effects.
func (m *machine) execute(i int, ev execution.Event) {
	c := execution.Config{Policy: m.c.Policy, Can: m.c.Can, Stopping: m.c.Stopping}
	for j, other := range m.s.Executions {
		if j != i {
			c.Busy = c.Busy || other.AtWork() || m.s.Executions[i].Retrying() && m.occupies(other, m.s.Executions[i].Order)
			c.Parked = c.Parked || other.Parked()
			c.Unconfirmed = append(c.Unconfirmed, other.Unconfirmed()...)
		}
	}
	c.Parked = c.Parked || m.owes()
	x, out := execution.Step(c, m.s.Executions[i], ev, m.now)
	if out.Owes {
		m.s.Owed = Owed{m.at.BootID, m.at.Wall}
	}
	m.s.Executions[i] = x
	for _, r := range out.Reports {
		m.report(r)
	}
	if last := &m.s.Calls.LastCall; last.Effect != 0 && last.Order == x.Order.ID && last.Effect != x.Waiting {
		*last = LastCall{} // the execution no longer waits: it was cancelled, or its window ended
	}
	for _, e := range out.Effects {
		if call, ok := e.(execution.LastCall); ok {
			m.awaitCall(x.Order, call.ID)
			continue
		}
		m.do(Execute{Order: x.Order.ID, Effect: e})
	}
	if x.Stage == job.StageDone {
		m.s.Executions = slices.Delete(m.s.Executions, i, i+1)
		m.remember(x.Order.ID, out.Reports[len(out.Reports)-1].Result)
	}
}

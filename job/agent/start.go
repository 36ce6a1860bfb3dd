package agent

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// start goes through the queue: orders whose window is over end, and orders
// that are due start or wait (JOB-11, JOB-12).
func (m *machine) start() {
	m.expire()
	m.refuse()
	var free []job.Order
	due := slices.DeleteFunc(slices.Clone(m.s.Queue), func(o job.Order) bool { return o.Start.After(m.now.UTC) })
	slices.SortFunc(due, func(a, b job.Order) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	for _, o := range due {
		why := m.blocked(o)
		if why == "" {
			free = append(free, o)
		} else if !slices.Contains(m.s.Blocked, o.ID) {
			m.s.Blocked = append(m.s.Blocked, o.ID)
			m.report(job.Report{Order: o.ID, Progress: job.Blocked, Text: why})
		}
	}
	if len(free) == 0 {
		return
	}
	first := free[0]
	switch {
	case first.NoLastCall:
		m.begin(first.ID)
	case m.s.Calls.LastCall.Effect == 0 && m.s.Calls.LastCall.Order != first.ID:
		m.awaitCall(first, 0)
	}
}

// blocked says why an order that is due does not start; empty: it may. An order
// that waits for the server starts after an answer, if the manifest has not
// expired (MAN-5, MAN-7).
func (m *machine) blocked(o job.Order) string {
	for _, x := range m.s.Executions {
		if m.occupies(x, o) {
			return fmt.Sprintf("waits for job %s", x.Order.Job)
		}
	}
	switch expires := m.s.Expires; {
	case m.s.Calls.Refused:
		return "waits for the server, which refuses this agent's calls (MAN-7)"
	case m.s.Clock.setBack(m.at):
		return "waits for the server: the system's clock was set back while the asset was off (MAN-5)"
	case m.disowned():
		return "waits for the server: the key that signed the manifest is no longer trusted (MAN-13)"
	case !expires.IsZero() && !m.now.UTC.Before(expires):
		return fmt.Sprintf("waits for the server: the manifest expired at %s (MAN-5)", expires.Format(time.RFC3339))
	}
	return ""
}

// occupies reports whether an execution keeps an order from starting. An order
// that reboots for a pending reboot does not wait for it (RBT-11).
func (m *machine) occupies(x execution.State, o job.Order) bool {
	return !x.Unverified() && !x.Retrying() && (!x.Parked() || m.c.WaitParked && !o.RebootPending)
}

// expire ends the queued orders whose window is over, and all but the newest
// due run of each job (JOB-12).
func (m *machine) expire() {
	over := func(o job.Order) bool { return !o.End.IsZero() && !m.now.UTC.Before(o.End) }
	newest := map[job.ID]time.Time{} // the start of the newest due run
	for _, o := range m.s.Queue {
		if !over(o) && !o.Start.After(m.now.UTC) && o.Start.After(newest[o.Job]) {
			newest[o.Job] = o.Start
		}
	}
	m.s.Queue = slices.DeleteFunc(m.s.Queue, func(o job.Order) bool {
		var why string
		switch {
		case over(o):
			why = "its window ended before it could start"
		case o.Start.Before(newest[o.Job]):
			why = "a newer run of the job is due"
		default:
			return false
		}
		m.end(job.Report{Order: o.ID, Result: job.TimedOut, Text: why})
		return true
	})
}

// refuse ends the due orders that this agent does not begin (MAN-11, INT-10).
// Until they are due, a newer manifest or a newer agent may still help.
func (m *machine) refuse() {
	m.s.Queue = slices.DeleteFunc(m.s.Queue, func(o job.Order) bool {
		if o.Start.After(m.now.UTC) {
			return false
		}
		x := m.obstacle(o)
		if x.Text != "" {
			m.end(o.Refuse(x))
		}
		return x.Text != ""
	})
}

// obstacle says why this agent does not begin an order; zero: it does.
func (m *machine) obstacle(o job.Order) job.Obstacle {
	if what := o.NotKnown(); what != "" {
		return job.NotBegun(what + " is not known to this release")
	}
	return o.Obstacle(m.c.Can, m.c.Policy)
}

func (m *machine) end(r job.Report) {
	id := r.Order
	m.report(r)
	m.remember(id, r.Result)
	m.dropEarly(id)
	m.s.Blocked = slices.DeleteFunc(m.s.Blocked, func(b job.OrderID) bool { return b == id })
	if last := m.s.Calls.LastCall; last.Order == id && last.Effect == 0 {
		m.s.Calls.LastCall = LastCall{}
	}
}

// remember notes that an order ended, as the last report says, so that it never
// starts again (JOB-24).
func (m *machine) remember(id job.OrderID, r job.Result) {
	now := m.now.UTC.Truncate(time.Second)
	old := func(e Ended) bool { return now.Sub(e.At) > endedKept }
	kept := slices.DeleteFunc(slices.Clone(m.s.Ended), old)
	m.s.Ended = append(kept[max(0, len(kept)+1-maxEnded):], Ended{Order: id, Result: r, At: now, Reported: m.s.Sequence})
}

func (m *machine) ended() []job.OrderID {
	ids := make([]job.OrderID, len(m.s.Ended))
	for i, e := range m.s.Ended {
		ids[i] = e.Order
	}
	return ids
}

// begin starts a queued order, if it is still queued and due: the answer that
// it waited for may have corrected the clock (MAN-8).
func (m *machine) begin(id job.OrderID) {
	i := slices.IndexFunc(m.s.Queue, func(o job.Order) bool { return o.ID == id })
	if i < 0 || m.s.Queue[i].Start.After(m.now.UTC) || m.blocked(m.s.Queue[i]) != "" || m.obstacle(m.s.Queue[i]).Text != "" {
		return // the answer may have replaced the order; refuse looks at it
	}
	order := m.s.Queue[i]
	m.s.Early = slices.DeleteFunc(m.s.Early, func(e Early) bool { return e.Order == id })
	m.s.Queue = slices.Delete(m.s.Queue, i, i+1)
	m.s.Blocked = slices.DeleteFunc(m.s.Blocked, func(b job.OrderID) bool { return b == id })
	m.s.Executions = append(m.s.Executions, execution.State{})
	m.execute(len(m.s.Executions)-1, execution.Begin{Order: order, BootID: m.at.BootID, Sessions: reboot.Unknown})
}

func (m *machine) wake() time.Duration {
	wake := m.s.Calls.Next.Sub(m.now.Steady)
	sooner := func(d time.Duration) { wake = min(wake, d) }
	if last := m.s.Calls.LastCall; !last.Until.IsZero() {
		sooner(last.Until.Sub(m.now.Steady))
	}
	for _, o := range m.s.Queue {
		if o.Start.After(m.now.UTC) {
			sooner(o.Start.Sub(m.now.UTC))
		}
		if !o.End.IsZero() {
			sooner(o.End.Sub(m.now.UTC))
		}
	}
	for _, e := range m.s.Early {
		if e.At.After(m.now.UTC) {
			sooner(e.At.Sub(m.now.UTC))
		}
	}
	for _, x := range m.s.Executions {
		if d := x.Wake(m.now); d > 0 {
			sooner(d)
		}
	}
	return max(wake, time.Millisecond)
}

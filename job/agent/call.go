package agent

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// CallState is what the agent knows of its check-ins. The zero CallState is an agent that has never called.
type CallState struct {
	Last     uint64          `json:"last"`               // id of the last one begun
	Out      uint64          `json:"out,omitempty"`      // id of the one an answer is awaited for; zero: none
	Sent     job.Sequence    `json:"sent,omitempty"`     // the last report it carries
	Next     schedule.Steady `json:"next,omitempty"`     // when the next is begun
	Failures int             `json:"failures,omitempty"` // in a row
	LastCall LastCall        `json:"lastCall,omitzero"`
}

// LastCall is a last call that is awaited (MAN-7); the zero value is none.
type LastCall struct {
	Order  job.OrderID        `json:"order"`
	Effect execution.EffectID `json:"effect,omitempty"` // the execution's effect it answers; zero: it is the one before the start
	Call   uint64             `json:"call"`             // id of the check-in
	Until  schedule.Steady    `json:"until,omitempty"`  // of the one before the start, for an execution has its own wait
}

// awaitCall asks for a check-in whose answer the execution, or the start, waits for (MAN-7).
func (m *machine) awaitCall(last LastCall) {
	m.s.Calls.LastCall = last
	m.callNow, m.lastCall = true, true
}

// call begins a check-in when one is due or wanted. One that is out is waited for, unless a last call or its time comes. It
// carries as many reports as a server takes; more follow at once, so the bound costs no time.
func (m *machine) call() {
	calls := &m.s.Calls
	due := !m.now.Steady.Before(calls.Next)
	if !due && !m.lastCall && (!m.callNow || calls.Out != 0) {
		return
	}
	calls.Last++
	calls.Out = calls.Last
	calls.Next = m.now.Steady.Add(m.c.Interval(calls.Last))
	if calls.LastCall.Order != "" { // no answer to the one before is awaited any more, so this answer is what is waited for
		calls.LastCall.Call = calls.Last
	}
	reports := m.s.Reports[:min(len(m.s.Reports), manifest.MaxReports)]
	calls.Sent = 0
	if len(reports) > 0 {
		calls.Sent = reports[len(reports)-1].Sequence
	}
	var since time.Time
	if m.owes() {
		since = m.s.Owed.Since
	}
	m.out.Effects = slices.Insert(m.out.Effects, 0, Effect(Call{ID: calls.Last, Request: manifest.CheckIn{
		Asset: m.c.Asset, Held: m.s.Revision, HeldDigest: m.s.Held, At: m.at.Wall, Offset: m.s.Clock.offset(m.at), Boot: m.at.BootID,
		Reboot: m.owes(), RebootSince: since, LastCall: m.lastCall, Made: m.s.Sequence, Reports: slices.Clone(reports), Call: calls.Last,
	}}))
}

// Interval is how long after the beginning of a check-in the next one begins, if nothing calls for it sooner. It spreads
// the agents' calls: up to a tenth less than Every, drawn from the asset and the call, so that a fleet started at once does
// not call at once, and no call comes later than Every (MAN-3).
func (c Config) Interval(call uint64) time.Duration {
	every := c.Every
	if every <= 0 {
		every = c.WithDefaults().Every
	}
	var digits [20]byte
	return every - spread(every/10, string(c.Asset), string(strconv.AppendUint(digits[:0], call, 10)))
}

// spread draws a share of d from some words, by FNV-1a: the same words give the same share, other words any other.
func spread(d time.Duration, words ...string) time.Duration {
	h := uint32(2166136261)
	for _, w := range words {
		for i := range len(w) {
			h = (h ^ uint32(w[i])) * 16777619
		}
		h *= 16777619 // a zero byte ends each word
	}
	return d / 1000 * time.Duration(h%1000)
}

func (m *machine) callDone(ev CallDone) {
	if ev.ID == 0 || ev.ID != m.s.Calls.Out {
		return
	}
	m.s.Calls.Out, m.s.Calls.Failures = 0, 0
	if !ev.Answer.At.IsZero() {
		m.s.Clock = m.s.Clock.learn(ev.Answer.At, m.at)
		m.now = m.s.Clock.now(m.at)
	}
	waiting := len(m.s.Reports)
	m.acknowledge(ev.Answer.Acknowledged)
	taken := waiting - len(m.s.Reports)
	if len(ev.Answer.Manifest) > 0 {
		m.open(ev.Answer.Manifest)
	}
	m.lastCallOver(ev.ID)
	// Made meanwhile, or beyond what one call carries. A server that takes none of what was sent is not called at once again.
	if len(m.s.Reports) > 0 && (taken > 0 || m.s.Reports[0].Sequence > m.s.Calls.Sent) {
		m.callNow = true
	}
}

func (m *machine) callFailed(ev CallFailed) {
	if ev.ID == 0 || ev.ID != m.s.Calls.Out {
		return
	}
	calls := &m.s.Calls
	calls.Out = 0
	pause := min(m.c.Retry<<min(calls.Failures, 16), m.c.Every)
	calls.Failures++
	calls.Next = m.now.Steady.Add(pause)
	m.lastCallOver(ev.ID)
}

// lastCallOver goes on with what waited for the check-in.
func (m *machine) lastCallOver(id uint64) {
	last := m.s.Calls.LastCall
	if last.Order == "" || last.Call != id {
		return
	}
	m.s.Calls.LastCall = LastCall{}
	if last.Effect != 0 {
		m.forOrder(last.Order, execution.LastCallDone{ID: last.Effect})
		return
	}
	m.begin(last.Order)
}

// acknowledge forgets the reports that the server has. If it has more than were ever made, the agent's state was put back:
// the numbers go on after the server's, so that no report is taken for a repetition (MAN-6).
func (m *machine) acknowledge(upTo job.Sequence) {
	if upTo > m.s.Sequence {
		for i := range m.s.Reports {
			upTo++
			m.s.Reports[i].Sequence = upTo
		}
		m.s.Sequence, m.callNow = upTo, len(m.s.Reports) > 0
		return
	}
	m.s.Reports = slices.DeleteFunc(m.s.Reports, func(r job.Report) bool { return r.Sequence <= upTo })
}

// open takes a manifest in, or refuses it and keeps the queue (MAN-5).
func (m *machine) open(sealed []byte) {
	doc, err := manifest.Open(sealed, m.c.Key, m.c.Asset, m.s.Revision, m.now.UTC)
	if err != nil {
		m.refuse(err)
		return
	}
	m.s.Refusal = ""
	m.s.Revision, m.s.Held = doc.Revision, manifest.Digest(sealed)
	queue, changes := m.s.Queue.Apply(doc, m.executing(), m.ended())
	m.s.Queue = queue
	for _, id := range changes.Received {
		m.report(job.Report{Order: id, Progress: job.Received})
		m.planEarly(id)
	}
	for _, id := range changes.Replaced {
		m.report(job.Report{Order: id, Progress: job.Received, Text: "changed"})
		m.dropEarly(id)
		m.planEarly(id)
	}
	for _, id := range changes.Withdrawn {
		m.dropEarly(id)
		m.report(job.Report{Order: id, Result: job.Withdrawn, Text: "withdrawn before it started"})
	}
	for _, id := range changes.Cancelled {
		m.end(id, job.Cancelled, "cancelled before it started")
	}
	for _, id := range changes.Lost {
		m.end(id, job.Failed, "the agent lost its state; what it did is not known")
	}
	for _, id := range changes.CancelStarted {
		m.forOrder(id, execution.Cancel{})
	}
	queued := func(id job.OrderID) bool {
		return slices.ContainsFunc(m.s.Queue, func(o job.Order) bool { return o.ID == id })
	}
	for _, id := range changes.Again { // as long as its report is under way, the server cannot know better
		if !slices.ContainsFunc(m.s.Reports, func(r job.Report) bool { return r.Order == id }) {
			e := m.s.Ended[slices.IndexFunc(m.s.Ended, func(e Ended) bool { return e.Order == id })]
			m.report(job.Report{Order: id, Result: e.Result, Again: true, Text: "it had ended at " + e.At.Format(time.RFC3339) + ", and is not started again"})
		}
	}
	m.s.Blocked = slices.DeleteFunc(m.s.Blocked, func(id job.OrderID) bool { return !queued(id) })
	if last := m.s.Calls.LastCall; last.Order != "" && last.Effect == 0 && !queued(last.Order) {
		m.s.Calls.LastCall = LastCall{}
	}
}

// refuse reports a refusal once, not at every call while the server sends the same.
func (m *machine) refuse(err error) {
	key := err.Error()
	if refused, ok := errors.AsType[*manifest.Refused](err); ok {
		key = fmt.Sprintf("%s %s", refused.Reason, refused.Have) // what was wanted moves on with the clock
	}
	if key != m.s.Refusal {
		m.s.Refusal = key
		m.report(job.Report{Refused: err.Error()})
	}
}

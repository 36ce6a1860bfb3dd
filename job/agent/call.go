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

// CallState is what the agent knows about its check-ins. The zero CallState is
// an agent that never called.
type CallState struct {
	Last     uint64          `json:"last"`               // id of the last one begun
	Out      uint64          `json:"out,omitempty"`      // id of the one whose answer it waits for; zero: none
	Sent     job.Sequence    `json:"sent,omitempty"`     // the last report it carries
	Next     schedule.Steady `json:"next,omitempty"`     // when the next is begun
	Failures int             `json:"failures,omitempty"` // check-ins that failed in a row; those of one last call count once
	Refused  bool            `json:"refused,omitempty"`  // the server refused a call and has answered none since: nothing starts (MAN-7)
	LastCall LastCall        `json:"lastCall,omitzero"`
}

// LastCall is a check-in just before an order's start or its deploy stage,
// whose answer the agent waits for (MAN-7). The answer to any check-in ends the
// wait. The zero LastCall is none.
type LastCall struct {
	Order  job.OrderID        `json:"order"`
	Effect execution.EffectID `json:"effect,omitempty"` // the execution.LastCall effect that it answers; zero: this is the check-in before the order's start
	Until  schedule.Steady    `json:"until,omitempty"`  // when the wait ends; zero: only an answer ends it
	Tries  int                `json:"tries,omitempty"`  // check-ins that have failed since
}

// awaitCall asks for a last call: of an execution, or without an effect before
// an order's start (MAN-7).
func (m *machine) awaitCall(o job.Order, effect execution.EffectID) {
	wait := lastCallWait
	if !m.s.Back.IsZero() && !o.Start.After(m.s.Back) {
		wait = lateCall
	}
	last := LastCall{Order: o.ID, Effect: effect, Until: m.now.Steady.Add(wait)}
	if m.s.Calls.Refused {
		last.Until = 0
	}
	m.s.Calls.LastCall = last
	m.callNow, m.lastCall = true, true
}

// awake notices that the asset was off or asleep: the agent has just started,
// or a Tick came late. What is due then waits longer for an answer, because the
// network may come back later than the agent (MAN-7).
func (m *machine) awake(ev Event) {
	const slack = time.Minute // a slow disk is not sleep
	before := m.s.Clock.Wall.Add(m.s.Clock.Offset)
	_, back := ev.(Started)
	slept := func(wanted schedule.Steady) bool { return !wanted.IsZero() && m.now.Steady.Sub(wanted) > slack }
	back = back || slept(m.s.Calls.Next) || slept(m.s.Calls.LastCall.Until)
	for _, o := range m.s.Queue {
		back = back || o.Start.After(before) && m.now.UTC.After(o.Start.Add(slack))
	}
	if !back {
		return
	}
	m.s.Back = m.now.UTC
	if last := &m.s.Calls.LastCall; !last.Until.IsZero() {
		last.Until = m.now.Steady.Add(lateCall)
	}
}

// call begins a check-in if one is due or wanted. While another is out, only a
// last call or the next due time begins one. It carries as many reports as a
// server takes; the rest follow at once.
func (m *machine) call() {
	calls := &m.s.Calls
	due := !m.now.Steady.Before(calls.Next)
	if !due && !m.lastCall && (!m.callNow || calls.Out != 0) {
		return
	}
	calls.Last++
	calls.Out = calls.Last
	slot, waits := m.s.slot()
	pause := m.c.Interval(calls.Last)
	if waits {
		pause = min(pause, slotPause)
	}
	calls.Next = m.now.Steady.Add(pause)
	reports := m.s.Reports[:min(len(m.s.Reports), manifest.MaxReports)]
	calls.Sent = 0
	if len(reports) > 0 {
		calls.Sent = reports[len(reports)-1].Sequence
	}
	var since time.Time
	if m.owes() {
		since = m.s.Owed.Since
	}
	trust := m.trust().Version
	if m.disowned() {
		trust = 1 // the server sends the manifest again
	}
	const most = time.Duration(manifest.MaxNumber)
	offset := max(min(m.s.Clock.offset(m.at), most), -most)
	m.out.Effects = slices.Insert(m.out.Effects, 0, Effect(Call{ID: calls.Last, Request: manifest.CheckIn{
		Asset: m.c.Asset, Held: m.s.Revision, HeldDigest: m.s.Held, At: m.now.UTC.Add(-offset), Offset: offset, Boot: m.at.BootID,
		Reboot: m.owes(), RebootSince: since, LastCall: calls.LastCall.Order != "", Slot: slot, Made: m.s.Sequence, Reports: slices.Clone(reports),
		Call: calls.Last, Format: manifest.Format, Trust: trust, Release: m.c.Release, Hostname: m.c.Hostname, Can: m.c.Can,
	}}))
}

// Interval returns how long after the beginning of a check-in the next one
// begins, at the latest. It is up to a tenth less than Every, depending on the
// asset and the call, so that a fleet started at once does not call at once
// (MAN-3).
func (c Config) Interval(call uint64) time.Duration {
	every := c.Every
	if every <= 0 {
		every = c.WithDefaults().Every
	}
	var digits [20]byte
	return every - spread(every/10, string(c.Asset), string(strconv.AppendUint(digits[:0], call, 10)))
}

// spread returns a share of d that depends only on the words, by FNV-1a.
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

func (ev CallDone) step(m *machine) {
	calls, a := &m.s.Calls, ev.Answer
	if a.Validate() != nil || a.Acknowledged > max(m.s.Sequence, manifest.MaxNumber/2) { // so that the numbers never run out (MAN-12)
		m.noAnswer(ev.ID, false)
		return
	}
	if ev.ID == 0 || ev.ID != calls.Out {
		return
	}
	calls.Out = 0
	waiting := len(m.s.Reports)
	m.acknowledge(a.Acknowledged)
	taken := waiting - len(m.s.Reports)
	doubted := m.s.Clock.Jump != 0
	var sure bool
	if m.s.Clock, sure = m.s.Clock.learn(a.At, m.at); !sure { // another answer must agree, and its contents count (MAN-12)
		if m.callNow = m.callNow || !doubted; doubted && !calls.LastCall.Until.IsZero() {
			m.missed()
		}
		return
	}
	m.now = m.s.Clock.now(m.at)
	calls.Failures, calls.Refused, m.s.Back = 0, false, time.Time{}
	m.follow(a.Trust)
	if len(a.Manifest) > 0 {
		m.open(a.Manifest)
	}
	m.lastCallOver()
	// These were made meanwhile, or one call could not carry them. A server
	// that took none of those sent is not called again at once.
	if len(m.s.Reports) > 0 && (taken > 0 || m.s.Reports[0].Sequence > calls.Sent) {
		m.callNow = true
	}
}

func (ev CallFailed) step(m *machine) { m.noAnswer(ev.ID, ev.Refused) }

// noAnswer goes on after a check-in without an answer. Refused: the server
// refuses the call.
func (m *machine) noAnswer(id uint64, refused bool) {
	calls := &m.s.Calls
	if id == 0 || id != calls.Out {
		return
	}
	calls.Out = 0
	if refused {
		calls.Refused, calls.LastCall.Until = true, 0
		if calls.LastCall.Effect == 0 { // the order's start asks again when the server answers
			calls.LastCall = LastCall{}
		}
	}
	m.missed()
}

// missed plans the next check-in after one that failed: soon during a last
// call, otherwise later and later.
func (m *machine) missed() {
	calls := &m.s.Calls
	last := &calls.LastCall
	pause := min(m.c.Retry<<min(calls.Failures, 16), m.c.Every)
	if last.Until.IsZero() || last.Tries == 0 {
		calls.Failures++
	}
	if !last.Until.IsZero() {
		pause = min(lastCallPause<<min(last.Tries, 16), m.c.Retry)
		last.Tries++
	}
	calls.Next = m.now.Steady.Add(pause)
}

// lastCallOver goes on with the execution or start that waited for the last
// call.
func (m *machine) lastCallOver() {
	last := m.s.Calls.LastCall
	m.s.Calls.LastCall = LastCall{}
	if last.Effect != 0 {
		m.forOrder(last.Order, execution.LastCallDone{ID: last.Effect})
	} else if last.Order != "" {
		m.begin(last.Order)
	}
}

// acknowledge forgets the reports that the server has. If it has more than were
// ever made, the agent's state was put back: the numbers go on after the
// server's, so that no report is taken for a repetition (MAN-6). If it has
// fewer than were forgotten here, the server was put back: what is under way is
// reported again (JOB-24).
func (m *machine) acknowledge(upTo job.Sequence) {
	if upTo > m.s.Sequence {
		for i := range m.s.Reports {
			upTo++
			m.s.Reports[i].Sequence = upTo
		}
		m.s.Sequence, m.callNow = upTo, len(m.s.Reports) > 0
		return
	}
	if forgotten := m.s.Sequence - job.Sequence(len(m.s.Reports)); upTo < forgotten {
		for _, id := range m.executing() {
			if !m.reporting(id) {
				m.forOrder(id, execution.Forgotten{})
			}
		}
		for i, e := range m.s.Ended {
			if upTo < e.Reported && e.Reported <= forgotten {
				m.endedAgain(i)
			}
		}
	}
	m.s.Reports = slices.DeleteFunc(m.s.Reports, func(r job.Report) bool { return r.Sequence <= upTo })
}

func (m *machine) reporting(id job.OrderID) bool {
	return slices.ContainsFunc(m.s.Reports, func(r job.Report) bool { return r.Order == id })
}

// open applies a manifest, or refuses it and keeps the queue (MAN-5).
func (m *machine) open(sealed []byte) {
	revision, digest := m.s.Revision, m.s.Held
	if m.disowned() {
		revision, digest = 0, ""
	}
	keys := m.c.Key
	if t := m.trust(); t.Version > 0 {
		keys = manifest.Keys(t.Manifest) // (MAN-5)
	}
	doc, err := manifest.Open(sealed, keys, m.c.Asset, revision, digest, m.now.UTC)
	if err != nil {
		m.refuseManifest(err)
		return
	}
	m.s.Refusal = ""
	m.s.Revision, m.s.Held, m.s.HeldBy, m.s.Expires = doc.Revision, manifest.Digest(sealed), "", doc.Expires
	if m.trust().Version > 0 {
		m.s.HeldBy = manifest.SignedBy(sealed)
	}
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
		m.end(job.Report{Order: id, Result: job.Cancelled, Text: "cancelled before it started"})
	}
	for _, id := range changes.Lost {
		m.end(job.Report{Order: id, Result: job.Failed, Text: "the agent lost its state; what it did is not known"})
	}
	for _, id := range changes.CancelStarted {
		m.forOrder(id, execution.Cancel{})
	}
	m.slots(doc)
	queued := func(id job.OrderID) bool {
		return slices.ContainsFunc(m.s.Queue, func(o job.Order) bool { return o.ID == id })
	}
	for _, id := range changes.Again { // until its report is acknowledged, the server cannot know better
		if !m.reporting(id) {
			m.endedAgain(slices.IndexFunc(m.s.Ended, func(e Ended) bool { return e.Order == id }))
		}
	}
	m.s.Blocked = slices.DeleteFunc(m.s.Blocked, func(id job.OrderID) bool { return !queued(id) })
	if last := m.s.Calls.LastCall; last.Order != "" && last.Effect == 0 && !queued(last.Order) {
		m.s.Calls.LastCall = LastCall{}
	}
}

// endedAgain reports the result of an order once more (JOB-24).
func (m *machine) endedAgain(i int) {
	m.s.Ended = slices.Clone(m.s.Ended)
	e := &m.s.Ended[i]
	text := "it ended at " + e.At.Format(time.RFC3339) + " and is not started again"
	if e.NotKnown != "" {
		text += "; its " + e.NotKnown + " was written by another release"
	}
	m.report(job.Report{Order: e.Order, Result: e.Result, Again: true, Text: text})
	e.Reported = m.s.Sequence
}

// refuseManifest reports a refusal once, not again while the server sends the
// same.
func (m *machine) refuseManifest(err error) {
	key := err.Error()
	if refused, ok := errors.AsType[*manifest.Refused](err); ok {
		key = fmt.Sprintf("%s %s", refused.Reason, refused.Have) // what is wanted changes with the clock
	}
	if key != m.s.Refusal {
		m.s.Refusal = key
		m.report(job.Report{Refused: err.Error()})
	}
}

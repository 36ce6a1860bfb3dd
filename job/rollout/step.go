package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// machine is one step in progress.
type machine struct {
	State
	p   Policy
	m   Member
	at  time.Time
	out Out
}

// Step takes a rollout one event further. It depends on its arguments only, and
// does not change s. An event that does not concern the rollout changes
// nothing. At is the server's clock, UTC.
func Step(p Policy, s State, ev Event, at time.Time) (State, Out) {
	x := machine{State: s, p: p, at: at.UTC().Round(0)}
	if ev == nil || !x.fits() {
		return s, x.out
	}
	x.Rings = slices.Clone(s.Rings)
	ev.step(&x)
	x.settle()
	return x.State, x.out
}

// StepMember takes a rollout and one of its members one event further. State
// and member must be read and written in one transaction: only then does the
// budget hold with several servers (ROL-3). Otherwise it is like [Step]. An
// event with the number of a grant that is not the member's last one is ignored,
// so it may come twice or late.
func StepMember(p Policy, s State, m Member, ev MemberEvent, at time.Time) (State, Member, Out) {
	x := machine{State: s, p: p, m: m, at: at.UTC().Round(0)}
	if ev == nil || !x.fits() {
		return s, m, x.out
	}
	if bad := m.Validate(); m.Phase != 0 && (bad != nil || m.Ring >= len(s.Rings)) {
		x.refuse("ROL-1", "The record of member %q is damaged or of another rollout; restore the server from a backup.", problem.Clip(m.ID, MaxText))
		return s, m, x.out
	}
	x.Rings = slices.Clone(s.Rings)
	x.m.Accepted = m.Accepted || m.bad() && m.Epoch < s.Epoch
	before := x.m
	ev.member(&x)
	x.m.tidy(before, s.Epoch)
	if x.m != before {
		if n := x.Rings[x.m.Ring].count(before); n != nil {
			*n--
		}
		if n := x.Rings[x.m.Ring].count(x.m); n != nil {
			*n++
		}
	}
	x.settle()
	return x.State, x.m, x.out
}

// fits reports whether the policy is about this rollout. If it has other rings,
// nothing is decided.
func (x *machine) fits() bool {
	if len(x.p.Rings) == len(x.Rings) {
		return true
	}
	x.refuse("ROL-1", "The policy has %d rings, and the rollout was made with %d; use the policy that it was made with.", len(x.p.Rings), len(x.Rings))
	return false
}

func (x *machine) refuse(rule, format string, args ...any) {
	x.out.Refused, x.out.Reason = true, Reason{rule, fmt.Sprintf(format, args...)}
}

// tidy clears what has no meaning in the member's new phase.
func (m *Member) tidy(before Member, epoch int) {
	m.Silent = m.Silent && (m.Phase == Granted || m.Phase == Begun)
	m.Accepted = m.Accepted && m.atRisk()
	if m.Phase != Granted && m.Phase != Begun || m.Silent {
		m.Until = time.Time{}
	}
	if m.bad() && !before.bad() {
		m.Epoch = epoch
	}
}

// settle stops the rollout if it has to, and says what is next.
func (x *machine) settle() {
	present := x.present()
	for i, p := range x.p.Rings[:present] {
		switch r := &x.Rings[i]; {
		case r.conclusive() < p.Gate.bounded().Results:
			r.Enough = time.Time{}
		case r.Enough.IsZero():
			r.Enough = x.at
		}
	}
	if why := x.mustStop(x.p); x.Phase == Running && why.Rule != "" {
		x.stop(why)
	}
	if x.Phase != Running {
		return
	}
	x.out.Room = x.Room()
	x.out.Wake = x.judge(x.p, x.at).wait
}

func (x *machine) stop(why Reason) {
	x.Phase, x.Why = Stopped, why
	x.out.Withdraw, x.out.Reason = true, why
}

// step promotes: as many rings as an act has skipped, or one.
func (ev Tick) step(x *machine) {
	for x.Phase == Running {
		gate := x.judge(x.p, x.at)
		if gate.Answer != Promote {
			return
		}
		x.Why, x.out.Reason = gate.Reason, gate.Reason
		next := x.present()
		if next == len(x.Rings) || x.Total().idle() {
			x.Phase = Done
			return
		}
		start := ev.Next.UTC().Round(0)
		if start.Before(x.at) {
			start = x.at
		}
		x.Rings[next].Start = start
		x.out.Opened = append(x.out.Opened, next)
	}
}

// named reports whether an act says who does it and why; otherwise it is
// refused.
func (x *machine) named(a Act, does string) bool {
	var bad problem.List
	bad.Text("by", a.By, MaxText)
	bad.Text("reason", a.Reason, MaxText)
	switch {
	case a.By == "" || a.Reason == "":
		x.refuse("ROL-4", "Say who %s the rollout, and why.", does)
	case len(bad) > 0:
		x.refuse("ROL-4", "The name or the reason of whoever %s the rollout is not valid: %s %s.", does, bad[0].Field, bad[0].Text)
	case !x.Open():
		x.refuse("ROL-4", "The rollout is %s; nobody %s it.", x.Phase, does)
	default:
		x.out.Reason = Reason{"ROL-4", fmt.Sprintf("%s %s the rollout: %s", a.By, does, a.Reason)}
		return true
	}
	return false
}

func (ev StopAsked) step(x *machine) {
	if x.named(ev.Act, "stops") && x.Phase == Running {
		x.stop(x.out.Reason)
	}
}

func (ev ResumeAsked) step(x *machine) {
	if !x.named(ev.Act, "resumes") {
		return
	}
	if x.Phase != Stopped {
		x.refuse("ROL-4", "The rollout is running; there is nothing to resume.")
		return
	}
	x.Phase, x.Why = Running, x.out.Reason
	x.Epoch++
	for i := range x.Rings {
		c := &x.Rings[i].Counts
		c.Accepted += c.bad()
		c.Silent, c.Failed, c.Lost = 0, 0, 0
	}
}

func (ev ExpediteAsked) step(x *machine) {
	switch {
	case !x.named(ev.Act, "expedites"):
	case x.Phase != Running:
		x.refuse("ROL-6", "The rollout is stopped: %s Resume it first.", x.Why.Text)
	case ev.To < x.present() || ev.To >= len(x.Rings):
		x.refuse("ROL-6", "Ring %d cannot be started early; the rings that have not started are %d to %d.", ev.To, x.present(), len(x.Rings)-1)
	default:
		x.Expedited, x.out.Reason.Rule = ev.To, "ROL-6"
		x.Why = x.out.Reason
	}
}

func (ev AbandonAsked) step(x *machine) {
	if x.named(ev.Act, "abandons") {
		x.Phase, x.Why = Abandoned, x.out.Reason
		x.out.Withdraw = true
	}
}

func (ev Joined) member(x *machine) {
	switch {
	case x.m.Phase != 0: // it is a member already
	case !x.Open():
		x.refuse("ROL-1", "The rollout is %s; the asset joins the next one.", x.Phase)
	default:
		x.m = x.Place(x.p, ev.Asset)
	}
}

func (ev Ask) member(x *machine) {
	if x.m.Phase != Waiting {
		x.refuse("ROL-3", "The asset does not wait for a grant: it is %s.", x.m.Phase)
		return
	}
	ring, name := x.Rings[x.m.Ring], x.p.Rings[x.m.Ring].Name
	switch all := x.Total(); {
	case x.Phase != Running:
		x.refuse("ROL-4", "The rollout is %s: %s", x.Phase, x.Why.Text)
	case ring.Start.IsZero():
		x.refuse("ROL-1", "Ring %q has not started: it waits for the gate of ring %q.", name, x.p.Rings[x.present()-1].Name)
	case all.AtRisk() >= x.Budget:
		x.refuse("ROL-3", "The budget is full: %d of at most %d assets are at risk.", all.AtRisk(), x.Budget)
	case ring.Full():
		x.refuse("ROL-3", "The limit of ring %q is full: %d of at most %d assets are at risk.", name, ring.AtRisk(), ring.Limit)
	default:
		since := ev.Start.UTC().Round(0)
		if since.Before(x.at) {
			since = x.at
		}
		x.m.Phase, x.m.Since, x.m.Until = Granted, since, since.Add(x.p.silence())
		x.m.Grant++
		x.out.Grant = true
		x.out.Reason = Reason{"ROL-3", fmt.Sprintf("Ring %q has started, and %d of at most %d assets were at risk.", name, all.AtRisk(), x.Budget)}
	}
}

func (ev Began) member(x *machine) {
	if x.m.Phase == Granted && x.m.Grant == ev.Grant {
		x.m.Phase = Begun
		x.reported()
	}
}

// reported notes that the asset has just said something.
func (x *machine) reported() { x.m.Silent, x.m.Until = false, x.at.Add(x.p.silence()) }

func (ev Ended) member(x *machine) {
	m := &x.m
	if m.Grant != ev.Grant {
		return
	}
	switch {
	case m.Phase == Waiting && ev.Outcome == NotApplicable:
		m.Phase = Left
	case m.Phase == Lost && (ev.Outcome == Success || ev.Outcome == NotApplicable || ev.Outcome == Withdrawn):
		m.Phase = Left // a removed asset never comes back to the gate
	case m.Phase != Granted && m.Phase != Begun && m.Phase != Failed:
	case ev.Outcome == Success:
		m.Phase = Verified
	case ev.Outcome == Failure:
		m.Phase = Failed
	case ev.Outcome == NotApplicable:
		m.Phase = Left
	case ev.Outcome == Withdrawn:
		m.Phase = Waiting
	}
}

func (ev Heard) member(x *machine) {
	if x.m.Phase != Granted && x.m.Phase != Begun {
		return
	}
	last := ev.At.UTC().Round(0)
	if last.After(x.at) {
		last = x.at
	}
	if last.Before(x.m.Since) {
		last = x.m.Since
	}
	x.m.Until = last.Add(x.p.silence())
	x.m.Silent = !x.at.Before(x.m.Until)
}

func (Removed) member(x *machine) {
	switch m := &x.m; {
	case m.Phase == Waiting || m.Phase == Verified:
		m.Phase = Left
	case m.atRisk():
		m.Phase = Lost
	}
}

package execution

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Config is the agent's settings, and what the agent knows about its other
// executions. It is not part of the state: a change counts from the next step
// on.
type Config struct {
	// Policy is the agent's own signer policy, which holds whatever the
	// order says; zero: none. Files judged in an earlier step keep their
	// verdict (INT-4).
	Policy integrity.Excerpt
	// Can is what the agent may do (MAN-11); nil:
	// job.CapabilitiesUnder(Policy). If an action of a running order may no
	// longer run, the order ends before the deploy stage, or the rest of it
	// is aborted (INT-10).
	Can []string
	// Stopping says that the agent is stopping: no other action or
	// installer begins.
	Stopping bool
	// Busy says that another execution is at work on the asset. A reboot or a
	// retried download waits for it (JOB-18, JOB-27).
	Busy bool
	// Parked says that a reboot is pending: another execution waits for a
	// reboot by hand (RBT-7), or ended without the reboot that it needed
	// (JOB-18).
	Parked bool
	// Unconfirmed names the products that other executions have installed and
	// not confirmed: a reboot may be pending for them (JOB-14).
	Unconfirmed []catalog.ProductID
}

// Out is what a step returns besides the new state.
type Out struct {
	Reports []job.Report  // to be committed with the state; the caller numbers them
	Effects []Effect      // to be carried out after the commit, in this order
	Owes    bool          // it ended without the reboot that it needs (JOB-18)
	Wake    time.Duration // how long after this step it wants a Tick, at the latest; zero: it waits for results only
}

// Step applies one event to an execution. It depends on its arguments only, and
// does not change s. An event that the state does not wait for changes nothing.
// Both times of at must be set.
func Step(c Config, s State, ev Event, at schedule.At) (State, Out) {
	s.Patches, s.Actions = slices.Clone(s.Patches), slices.Clip(s.Actions)
	if c.Can == nil {
		c.Can = job.CapabilitiesUnder(c.Policy)
	}
	c.Can = job.AlwaysCan(c.Can)
	m := machine{State: s, c: c, now: at}
	if _, begins := ev.(Begin); ev != nil && begins == (s.Stage == 0) && s.Stage != job.StageDone {
		ev.step(&m)
	}
	m.out.Wake = m.Wake(at)
	return m.State, m.out
}

// machine is one step in progress.
type machine struct {
	State
	c   Config
	now schedule.At
	out Out
}

func (ev Begin) step(m *machine) {
	m.State = State{Order: ev.Order, Stage: job.StageDownload, BootID: ev.BootID, Sessions: ev.Sessions.Known()}
	for _, p := range ev.Order.Patches {
		m.Patches = append(m.Patches, PatchState{PatchOutcome: job.PatchOutcome{
			Patch: p.Patch, Name: p.Name, Status: job.Pending, To: p.Version,
		}})
	}
	m.progress(job.Started)
	m.takeInventory(PhaseInventory)
}

func (ev SessionsChanged) step(m *machine) {
	m.Sessions = ev.Sessions.Known()
	m.rebootEvent(reboot.SessionsChanged{Sessions: ev.Sessions})
}

func (ev SlotLeased) step(m *machine) { m.rebootEvent(reboot.Lease{Until: ev.Until}) }

func (ev PromptAnswered) step(m *machine) {
	if ev.Later {
		m.rebootEvent(reboot.Defer{At: ev.At})
	} else {
		m.rebootEvent(reboot.Accept{})
	}
}

// awaited reports whether the state waits for result id in one of the phases.
// If so, it stops waiting.
func (m *machine) awaited(id EffectID, in ...Phase) bool {
	if id == 0 || id != m.Waiting || !slices.Contains(in, m.Phase) {
		return false
	}
	m.Waiting, m.Until = 0, 0
	return true
}

// wait enters a phase that waits for an effect, and returns the effect's id.
func (m *machine) wait(p Phase) EffectID {
	m.Last++
	m.Phase, m.Waiting, m.Until = p, m.Last, 0
	return m.Last
}

func (m *machine) do(e Effect) { m.out.Effects = append(m.out.Effects, e) }

func (m *machine) report(r job.Report) { m.out.Reports = append(m.out.Reports, r) }

func (m *machine) progress(p job.Progress) {
	m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, Progress: p})
}

// reportResult reports a result with all outcomes, in a size that a server
// takes.
func (m *machine) reportResult(r job.Result) {
	m.Result = r
	outcomes := make([]job.PatchOutcome, len(m.Patches))
	for i, p := range m.Patches {
		outcomes[i] = p.PatchOutcome
		outcomes[i].Text = problem.Clip(p.Text, min(job.MaxText, maxReportText/len(outcomes)))
	}
	m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, Result: r, Patches: outcomes, Actions: m.Actions, Reboots: m.Reboots})
}

func (m *machine) end(r job.Result) {
	m.Stage, m.Phase, m.Waiting, m.Until = job.StageDone, PhaseEnd, 0, 0
	m.reportResult(r)
	m.do(Discard{Index: -1})
}

func (m *machine) windowOver() bool {
	return !m.Order.End.IsZero() && !m.now.UTC.Before(m.Order.End)
}

// step ends the execution before the deploy stage. Later it reports once that
// the cancel came too late (JOB-3).
func (Cancel) step(m *machine) {
	if m.Stage == job.StageDownload {
		m.fail(job.CodeCancelled, "JOB-3", "The job was cancelled before the deploy stage began.", job.Pending, job.Verified)
		m.end(job.Cancelled)
		return
	}
	if !m.SaidTooLate {
		m.SaidTooLate = true
		m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, TooLate: m.Stage})
	}
}

// step reports how far the execution is, for a server that has forgotten
// it (JOB-24).
func (Forgotten) step(m *machine) {
	m.SaidTooLate = false
	switch {
	case m.Result != 0:
		m.reportResult(m.Result)
	case m.Stage == job.StageDownload:
		m.progress(job.Resumed) // not Started, which is reported once
	default:
		m.progress(job.Deploying)
	}
}

func (Tick) step(m *machine) {
	if m.Phase == PhaseReboot {
		m.rebootEvent(reboot.Tick{})
		return
	}
	if m.endsWithWindow() && m.windowOver() {
		if m.Phase == PhaseLastCall {
			m.nothingLeft() // ends the execution, unless it reboots for a pending reboot
		} else {
			m.downloadNext() // fails what is pending, and ends the execution
		}
		return
	}
	if m.Until.IsZero() || m.now.Steady.Before(m.Until) {
		return
	}
	switch m.Phase {
	case PhaseInventory, PhaseRequire, PhaseRecheck, PhaseVerify, PhaseConfirm:
		m.takeInventory(m.Phase)
	case PhaseDownload:
		if m.c.Busy {
			m.Until = m.now.Steady.Add(downloadPause)
			return
		}
		m.takeInventory(PhaseInventory) // another job may have installed something
	}
}

// step goes on from the last commit (JOB-17), or notices a reboot (RBT-8).
func (ev Restarted) step(m *machine) {
	rebooted := ev.BootID != m.BootID
	m.BootID = ev.BootID
	if what := m.strange(); what != "" {
		m.abandon(job.NotBegun(what + " is not known to this release, which cannot go on with what another release began"))
		return
	}
	if m.Phase == PhaseReboot {
		m.rebootEvent(reboot.Booted{BootID: ev.BootID})
		return
	}
	m.progress(job.Resumed)
	if m.Retrying() {
		m.waits()
		return
	}
	switch {
	case m.Stage == job.StageDownload: // much may have changed
		m.takeInventory(PhaseInventory)
	case m.Phase == PhaseVerify && rebooted && m.asksForReboot():
		m.Stage, m.NeedsReboot = job.StageReboot, true // somebody rebooted before it was asked for (RBT-8)
		m.takeInventory(PhaseConfirm)
	case m.Phase == PhasePre || m.Phase == PhasePost:
		m.acted(1, "", "The agent stopped while it ran.")
	case m.Phase == PhaseInstall:
		m.takeInventory(PhaseRecheck)
	default: // require, recheck, verify and confirm
		m.takeInventory(m.Phase)
	}
}

// abandon ends an execution that the agent cannot or may not continue. What it
// installed is not verified, and it asks for no reboot.
func (m *machine) abandon(x job.Obstacle) {
	m.out.Owes = m.Stage >= job.StageDeploy && m.asksForReboot()
	for i := range m.Patches {
		switch p := &m.Patches[i]; p.Status {
		case job.Succeeded, job.PatchFailed, job.Inapplicable:
		default:
			p.fail(x.Code, x.Rule, x.Text)
		}
	}
	m.end(job.Failed)
	report := &m.out.Reports[len(m.out.Reports)-1]
	report.Text = problem.Clip(x.Text, job.MaxText)
}

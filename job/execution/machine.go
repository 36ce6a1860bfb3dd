package execution

import (
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// machine is one step in the making.
type machine struct {
	State
	now schedule.At
	out Out
}

func (m *machine) done() (State, Out) { return m.State, m.out }

func (m *machine) handle(ev Event) {
	switch ev := ev.(type) {
	case Restarted:
		m.restarted(ev.Boot)
	case SessionsChanged:
		m.Sessions = ev.Sessions
		m.rebootEvent(reboot.SessionsChanged{Sessions: ev.Sessions})
	case Answered:
		if ev.Later {
			m.rebootEvent(reboot.Defer{})
		} else {
			m.rebootEvent(reboot.Accept{})
		}
	case Cancel:
		m.cancel()
	case Tick:
		m.tick()
	case InventoryTaken:
		if m.awaited(ev.ID, StepInventory, StepRecheck, StepVerify, StepConfirm) {
			m.inventory(ev)
		}
	case Fetched:
		if m.awaited(ev.ID, StepFetch) {
			m.fetched(ev)
		}
	case Checked:
		if m.awaited(ev.ID, StepPreflight) {
			m.checked(ev)
		}
	case Called:
		if m.awaited(ev.ID, StepLastCall) {
			m.deploy()
		}
	case Acted:
		if m.awaited(ev.ID, StepPre, StepPost) {
			m.acted(ev.Exit, ev.Err, ev.Stopping)
		}
	case Deployed:
		if m.awaited(ev.ID, StepInstall) {
			m.deployed(ev.Outcomes, ev.Stopping)
		}
	}
}

// awaited reports whether the state waits for the result id in one of the steps, and if so stops waiting.
func (m *machine) awaited(id EffectID, in ...Step) bool {
	if id == 0 || id != m.Waiting || !slices.Contains(in, m.Step) {
		return false
	}
	m.Waiting, m.Until = 0, 0
	return true
}

// wait enters a step that waits for an effect, and returns the effect's id.
func (m *machine) wait(step Step) EffectID {
	m.Last++
	m.Step, m.Waiting, m.Until = step, m.Last, 0
	return m.Last
}

func (m *machine) do(e Effect) { m.out.Effects = append(m.out.Effects, e) }

func (m *machine) report(r job.Report) { m.out.Reports = append(m.out.Reports, r) }

func (m *machine) progress(p job.Progress) {
	m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, Progress: p})
}

// tell reports a result, with what is known of each patch, in a size that a server takes.
func (m *machine) tell(r job.Result) {
	m.Result = r
	outcomes := m.Outcomes()
	for i := range outcomes {
		outcomes[i].Text = problem.Clip(outcomes[i].Text, min(job.MaxText, maxReportText/len(outcomes)))
	}
	m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, Result: r, Patches: outcomes, Reboots: m.Reboots})
}

func (m *machine) end(r job.Result) {
	m.Stage, m.Step, m.Waiting, m.Until = job.StageDone, StepEnd, 0, 0
	m.tell(r)
	m.do(Discard{Order: m.Order.ID, Index: -1})
}

// windowOver reports whether no new download or install may start (JOB-10).
func (m *machine) windowOver() bool {
	return !m.Order.End.IsZero() && !m.now.UTC.Before(m.Order.End)
}

// cancel obeys the mark before stage 2 began, and refuses it, once, afterwards (JOB-3).
func (m *machine) cancel() {
	if m.Stage == job.StageDownload {
		for i := range m.Patches {
			if p := &m.Patches[i]; p.Status == job.Pending || p.Status == job.Verified {
				p.fail(job.CodeCancelled, "JOB-3", "The job was cancelled before the deploy stage began.")
			}
		}
		m.end(job.Cancelled)
		return
	}
	if !m.SaidTooLate {
		m.SaidTooLate = true
		m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, TooLate: m.Stage})
	}
}

func (m *machine) tick() {
	if m.Step == StepReboot {
		m.rebootEvent(reboot.Tick{})
		return
	}
	if m.Until.IsZero() || m.now.Steady.Before(m.Until) {
		return
	}
	switch m.Step {
	case StepLastCall: // nobody answered: go on without (MAN-7)
		m.deploy()
	case StepInventory, StepRecheck, StepVerify, StepConfirm:
		m.takeInventory(m.Step)
	}
}

// restarted takes up an execution where the commit before the crash left it (JOB-17), or notices a reboot (RBT-8).
func (m *machine) restarted(boot string) {
	m.Boot = boot
	if m.Step == StepReboot {
		m.rebootEvent(reboot.Booted{BootID: boot})
		return
	}
	m.progress(job.Resumed)
	switch m.Step {
	case StepRecheck, StepVerify, StepConfirm:
		m.takeInventory(m.Step)
	case StepInventory, StepFetch, StepPreflight, StepLastCall: // much may have changed meanwhile
		m.takeInventory(StepInventory)
	case StepPre, StepPost:
		m.acted(1, "The agent stopped while it ran.", false)
	case StepInstall:
		m.takeInventory(StepRecheck)
	}
}

package execution

import (
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// The exit codes of actions (JOB-13).
const (
	exitOK           = 0
	exitReboot       = 10
	exitFailedReboot = 11
	exitAbort        = 12
	exitSkipped      = 101
)

func (ev LastCallDone) step(m *machine) {
	if m.awaited(ev.ID, PhaseLastCall) {
		m.deploy()
	}
}

// deploy enters the deploy stage. After the commit of this step the execution
// cannot be cancelled (JOB-3, JOB-4). The window may have ended during the last
// call, or while the agent was down.
func (m *machine) deploy() {
	if m.nothingLeft() {
		return
	}
	if x := m.Order.Obstacle(m.c.Can, m.c.Policy); x.Text != "" { // what the agent may do changed since the order began
		m.abandon(x)
		return
	}
	if m.Phase != PhaseRequire && m.needy(m.staged(func(int) bool { return true })) {
		m.takeInventory(PhaseRequire) // do not begin what cannot be installed
		return
	}
	m.Stage, m.Waiting, m.Until = job.StageDeploy, 0, 0
	m.progress(job.Deploying)
	if !m.deployable() { // no deploy, only the reboot that was pending already (JOB-2, RBT-2)
		m.takeInventory(PhaseVerify)
		return
	}
	m.act()
}

// act begins what comes next: a pre-action, an install, a post-action, or the
// verification (JOB-13).
func (m *machine) act() {
	switch pre, post := len(m.Order.Pre), len(m.Order.Post); {
	case m.Aborted:
		m.takeInventory(PhaseVerify)
	case m.Acted < pre:
		m.run(PhasePre, m.Order.Pre[m.Acted])
	case m.count(job.Verified) > 0:
		m.install()
	case m.Acted < pre+post:
		m.run(PhasePost, m.Order.Post[m.Acted-pre])
	default:
		m.takeInventory(PhaseVerify)
	}
}

// run runs an action, if it may still run (INT-10).
func (m *machine) run(p Phase, a job.Action) {
	if x := a.Obstacle(m.c.Can, m.c.Policy); x.Text != "" {
		m.skip(x.Rule, x.Text)
		m.Aborted = true
		m.acted(1, "", x.Text)
		return
	}
	m.do(RunAction{ID: m.wait(p), Action: a})
}

func (ev ActionDone) step(m *machine) {
	if m.awaited(ev.ID, PhasePre, PhasePost) {
		m.acted(ev.Exit, ev.Output, ev.Err)
	}
}

// acted takes in the end of an action. Output is the end of what it wrote;
// trouble is why it could not be run.
func (m *machine) acted(exit int, output, trouble string) {
	if trouble != "" {
		exit, output = 1, strings.TrimSpace(output)+"\n"+trouble
	}
	if run := slices.Concat(m.Order.Pre, m.Order.Post); m.Acted < len(run) {
		m.Actions = append(m.Actions, job.ActionOutcome{
			Name: run[m.Acted].Name, Post: m.Acted >= len(m.Order.Pre), Exit: exit, Text: problem.Tail(output, job.MaxOutput),
		})
	}
	m.Acted++
	switch exit {
	case exitOK, exitSkipped:
	case exitReboot:
		m.NeedsReboot = true
	case exitFailedReboot:
		m.NeedsReboot = true
		m.Failed++
	case exitAbort:
		m.Aborted = true
		m.Failed++
		m.skip("JOB-13", "An action ended with exit code 12, which aborts the rest of the order.")
	default:
		m.Failed++
	}
	m.next()
}

// next goes on after the result of an action or an installer. An agent that is
// stopping begins no other, because it would count as cut off. It takes the
// inventory, which changes nothing and goes on after the next start.
func (m *machine) next() {
	if m.c.Stopping {
		m.takeInventory(PhaseRecheck)
		return
	}
	m.act()
}

func (m *machine) skip(rule, text string) {
	m.fail(job.PatchInstallationSkipped, rule, text, job.Verified)
}

func (m *machine) fail(code job.Code, rule, text string, in ...job.PatchStatus) {
	for i := range m.Patches {
		if p := &m.Patches[i]; slices.Contains(in, p.Status) {
			p.fail(code, rule, text)
		}
	}
}

// install hands the next patch to the installer, with the others of its
// transaction. The commit before the effect counts the attempt, so no crash
// loses the count (JOB-17).
func (m *machine) install() {
	if m.windowOver() {
		for i := range m.Patches {
			if p := &m.Patches[i]; p.Status == job.Verified && p.Attempts == 0 { // an install that began before a crash may be finished
				p.fail(job.PatchInstallationSkipped, "JOB-10", windowEnded)
			}
		}
		if m.count(job.Verified) == 0 {
			m.act()
			return
		}
	}
	group := m.group()
	if m.Phase != PhaseRequire && m.needy(group) {
		m.takeInventory(PhaseRequire)
		return
	}
	for _, s := range group {
		p := &m.Patches[s.Index]
		p.Status = job.Installing
		p.Attempts++
	}
	m.do(Install{ID: m.wait(PhaseInstall), Patches: group, Limit: m.Order.InstallLimit})
}

func (m *machine) group() []Staged {
	var transaction string
	first := -1
	return m.staged(func(i int) bool {
		if first < 0 {
			first, transaction = i, m.Order.Patches[i].Transaction
			return true
		}
		return transaction != "" && m.Order.Patches[i].Transaction == transaction
	})
}

func (ev Installed) step(m *machine) {
	if !m.awaited(ev.ID, PhaseInstall) {
		return
	}
	for _, r := range ev.Results {
		if r.Index < 0 || r.Index >= len(m.Patches) || m.Patches[r.Index].Status != job.Installing {
			continue
		}
		p := &m.Patches[r.Index]
		p.Reboot = p.Reboot || r.Reboot
		if r.Code != 0 {
			rule := "JOB-16"
			switch r.Code {
			case job.FileValidationFailed, job.FileHashValidationFailed:
				rule = "INT-6"
			case job.DeployerProcessCrashed:
				rule = "JOB-25"
			}
			p.fail(r.Code, rule, r.Text)
			continue
		}
		p.Status = job.Installed
	}
	m.fail(job.UnspecifiedAgentError, "JOB-16", "The installer returned no result for it.", job.Installing)
	m.next()
}

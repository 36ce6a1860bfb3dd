package execution

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func (m *machine) takeInventory(p Phase) {
	m.do(TakeInventory{ID: m.wait(p)})
}

func (ev InventoryTaken) step(m *machine) {
	switch {
	case !m.awaited(ev.ID, PhaseInventory, PhaseRequire, PhaseRecheck, PhaseVerify, PhaseConfirm):
		return
	case ev.Err != "":
		m.noInventory(ev.Err)
		return
	}
	m.Tries, m.Failing = 0, 0
	m.Sessions = ev.Sessions.Known()
	switch m.Phase {
	case PhaseInventory:
		m.RebootRequired = ev.RebootRequired
		m.Pending = m.Order.RebootPending && m.pending(ev)
		m.apply(ev.Inventory)
	case PhaseRequire:
		m.require(ev)
	case PhaseRecheck:
		m.recheck(ev.Inventory)
	case PhaseVerify:
		m.verify(ev)
	case PhaseConfirm:
		m.confirm(ev.Inventory)
	}
}

// noInventory tries again after a pause. What was deployed is neither a success
// nor a failure until it is verified (JOB-21), for 24 h at most (JOB-18).
func (m *machine) noInventory(trouble string) {
	m.Tries++
	if m.Failing.IsZero() {
		m.Failing = m.now.Steady
	}
	switch {
	case m.Phase == PhaseRequire && m.Stage == job.StageDeploy && m.Tries >= inventoryTries:
		m.skip("JOB-14", "The inventory could not be taken before its installation: "+trouble)
		m.act()
		return
	case m.Stage == job.StageDownload && m.Tries >= inventoryTries:
		m.fail(job.UnspecifiedAgentError, "JOB-18", "The inventory could not be taken: "+trouble, job.Pending, job.Verified)
		m.end(job.Failed)
		return
	case m.Phase == PhaseInventory || m.Phase == PhaseRequire: // nothing waits to be verified
	case m.now.Steady.Sub(m.Failing) >= maxUnverified:
		// It asks for no reboot, because what was installed is not known (JOB-18).
		m.out.Owes = m.Stage == job.StageDeploy && m.asksForReboot()
		m.skip("JOB-18", "The inventory could not be taken before its installation: "+trouble)
		m.fail(job.UnspecifiedAgentError, "JOB-18", fmt.Sprintf("Installed, could not be verified: the inventory could not be taken for %v: %s", maxUnverified, trouble), job.Installed)
		m.fail(job.DeployerProcessCrashed, "JOB-18", "Its installation was cut off, and the inventory that shows the outcome could not be taken: "+trouble, job.Installing)
		m.end(m.result())
		return
	case m.Result != job.PendingVerification:
		m.reportResult(job.PendingVerification)
	}
	m.Until = m.now.Steady.Add(min(inventoryPause<<min(m.Tries-1, 8), inventoryMaxPause))
}

// at reports whether the inventory has patch i at its version or newer (CAT-7).
func (m *machine) at(i int, inv catalog.Inventory) bool {
	ordered := m.Order.Patches[i]
	found, ok := inv.Find(ordered.Product)
	m.Patches[i].Now = found.Version
	order, orderable := found.Version.Compare(ordered.Version)
	return ok && orderable && order >= 0
}

// recheck finds out what an installation that was cut off has done (JOB-17).
func (m *machine) recheck(inv catalog.Inventory) {
	if m.Result == job.PendingVerification { // the inventory could not be taken, and the execution goes on
		m.Result = 0
		m.progress(job.Deploying)
	}
	for i := range m.Patches {
		p := &m.Patches[i]
		switch {
		case p.Status != job.Installing:
		case m.at(i, inv):
			p.Status = job.Installed
		case p.Attempts < MaxAttempts:
			p.Status = job.Verified
		default:
			p.fail(job.DeployerProcessCrashed, "JOB-17", fmt.Sprintf("Its installation was cut off %d times.", p.Attempts))
		}
	}
	m.act()
}

// verify decides whether a reboot is needed, and otherwise confirms the patches
// (RBT-2, JOB-18).
func (m *machine) verify(ev InventoryTaken) {
	deployed := m.count(job.Installed) > 0
	m.Pending = m.Pending && m.pending(ev) // somebody may have rebooted meanwhile
	m.NeedsReboot = m.asksForReboot() || deployed && ev.RebootRequired && !m.RebootRequired || m.Pending
	switch {
	case !m.NeedsReboot:
		m.confirm(ev.Inventory)
		return
	case m.c.Busy:
		m.Until = m.now.Steady.Add(inventoryPause)
		return
	}
	for i := range m.Patches {
		m.at(i, ev.Inventory) // for the report: what is installed now
	}
	m.Stage, m.Phase = job.StageReboot, PhaseReboot
	m.reportResult(job.PendingReboot)
	m.rebootEvent(reboot.Due{BootID: m.BootID, Sessions: m.Sessions})
}

func (m *machine) pending(ev InventoryTaken) bool { return ev.RebootRequired || m.c.Parked }

// asksForReboot reports whether an action, an installer or a patch that was
// deployed asks for a reboot (RBT-2).
func (m *machine) asksForReboot() bool {
	for i, p := range m.Patches {
		if p.Status == job.Installed && (p.Reboot || m.Order.Patches[i].Reboot) {
			return true
		}
	}
	return m.NeedsReboot
}

// confirm settles every patch by the inventory, and ends the execution
// (JOB-18).
func (m *machine) confirm(inv catalog.Inventory) {
	for i := range m.Patches {
		p, ordered := &m.Patches[i], m.Order.Patches[i]
		if p.Status != job.Installed {
			continue
		}
		there := m.at(i, inv)
		order, _ := p.Now.Compare(ordered.Version) // two spellings may be the same version
		switch {
		case there && order > 0:
			p.Status, p.Rule = job.Succeeded, "CAT-7"
			p.Text = fmt.Sprintf("%s %s is installed; %s was ordered, and the vendor served a newer one.", ordered.Name, p.Now, ordered.Version)
		case there:
			p.Status = job.Succeeded
		case m.Stage == job.StageReboot:
			p.fail(job.FailedAfterReboot, "JOB-18", "After the reboot it is not at its version"+instead(p.Now.String()))
		default:
			p.fail(job.InstallerFailed, "JOB-18", "The installer reported success, but it is not at its version"+instead(p.Now.String()))
		}
	}
	m.end(m.result())
}

func instead(version string) string {
	if version == "" {
		return ": it is not installed."
	}
	return ": " + strings.TrimSpace(version) + " is installed."
}

// result decides by the patches whether anything succeeded. Actions that
// succeeded count only if no patch failed.
func (m *machine) result() job.Result {
	failed := m.count(job.PatchFailed) + m.Failed
	succeeded := m.count(job.Succeeded)
	if m.count(job.PatchFailed) == 0 {
		succeeded += m.Acted - m.Failed
	}
	switch {
	case failed+succeeded == 0 && !m.Pending: // its requirements are unmet (JOB-14), and it did not reboot (RBT-11)
		return job.NotApplicable
	case failed == 0:
		return job.Completed
	case succeeded == 0:
		return job.Failed
	default:
		return job.CompletedWithFailures
	}
}

// rebootPolicy is the order's, with the earliest deadline of the patches that
// wait for the reboot (RBT-6).
func (x State) rebootPolicy() reboot.Policy {
	policy := x.Order.Reboot
	asks := func(i int) bool { return x.Patches[i].Reboot || x.Order.Patches[i].Reboot }
	some := false // a patch asks for the reboot; otherwise any of them may need it
	for i, p := range x.Patches {
		some = some || p.Status == job.Installed && asks(i)
	}
	for i, p := range x.Patches {
		due := x.Order.Patches[i].Due
		waits := p.Status == job.Installed && (asks(i) || !some)
		if waits && !due.IsZero() && (policy.Deadline.IsZero() || due.Before(policy.Deadline)) {
			policy.Deadline = due
		}
	}
	return policy
}

// rebootEvent steps the reboot machine and returns its effects as the
// execution's.
func (m *machine) rebootEvent(ev reboot.Event) {
	if m.Phase != PhaseReboot {
		return
	}
	state, out := reboot.Step(m.rebootPolicy(), m.Reboot, ev, m.now)
	if state.Phase == reboot.Queued && m.Reboot.Phase != reboot.Queued { // waiting for a slot is reported (RBT-10)
		m.report(job.Report{At: m.now.UTC, Order: m.Order.ID, Progress: job.Blocked, Text: "its reboot waits for a slot (ROL-7)"})
	}
	m.Reboot = state
	for _, e := range out.Effects {
		if _, ok := e.(reboot.Reboot); !ok {
			m.do(m.prompt(e))
			continue
		}
		if m.Reboots++; m.Reboots == 1 {
			m.progress(job.Rebooting)
		}
		m.do(Reboot{})
	}
	if state.Phase == reboot.Rebooted {
		m.progress(job.Resumed)
		m.takeInventory(PhaseConfirm)
	}
}

package execution

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
)

// require checks just before an install what the next patches need, and leaves
// out those whose requirements are unmet (JOB-14).
func (m *machine) require(ev InventoryTaken) {
	if m.Stage == job.StageDeploy {
		for m.leaveUnmet(m.group(), ev) {
		}
		m.act()
		return
	}
	m.RebootRequired = ev.RebootRequired // nothing was installed yet
	for m.leaveUnmet(m.staged(func(int) bool { return true }), ev) {
	}
	for len(m.Order.Pre) == 0 && m.leaveUnmet(m.group(), ev) { // this group is installed next
	}
	if m.nothingApplies() {
		m.end(job.NotApplicable)
		return
	}
	m.deploy()
}

func (m *machine) needy(patches []Staged) bool {
	return slices.ContainsFunc(patches, func(s Staged) bool { return len(s.Patch.Requires) > 0 })
}

// lacks returns a requirement of patch i that the order was to meet and cannot,
// or cannot yet: the required patch was not downloaded, or lacks something
// itself. Zero: there is none. Each patch comes after those that it needs.
func (m *machine) lacks(i int) (lacked job.Requirement) {
	for _, r := range m.Order.Patches[i].Requires {
		j := slices.IndexFunc(m.Order.Patches[:i], r.Provides)
		if j < 0 {
			continue
		}
		p := m.Patches[j]
		order, orderable := p.From.Compare(r.Version)
		there := orderable && order >= 0
		if !there && (p.Status == job.Pending || p.Status == job.PatchFailed || p.Status == job.Verified && m.lacks(j) != job.Requirement{}) {
			return r
		}
	}
	return lacked
}

// leaveUnmet leaves out the first patch of a group whose requirements are
// unmet, and reports whether there was one.
func (m *machine) leaveUnmet(group []Staged, ev InventoryTaken) bool {
	for _, s := range group {
		for _, r := range s.Patch.Requires {
			failed, text := m.unmet(r, group, ev)
			switch {
			case failed:
				m.Patches[s.Index].fail(job.PatchInstallationSkipped, "JOB-14", text)
				return true
			case text != "":
				m.Patches[s.Index].leave("JOB-14", text)
				return true
			}
		}
	}
	return false
}

// unmet says why a requirement is unmet. It is empty if the requirement is met,
// or a patch installed together with this one or before it may meet it. Failed:
// the required patch was in the order and failed.
func (m *machine) unmet(r job.Requirement, group []Staged, ev InventoryTaken) (failed bool, text string) {
	text = r.Unmet(ev.Inventory, job.PendingReboots{Unknown: m.RebootRequired && ev.RebootRequired, Products: m.c.Unconfirmed})
	i := slices.IndexFunc(m.Order.Patches, r.Provides)
	if i < 0 {
		return false, text
	}
	together := slices.ContainsFunc(group, func(s Staged) bool { return s.Index == i })
	switch status := m.Patches[i].Status; {
	case r.Reboot && (status == job.Installed || together && text != ""):
		return false, fmt.Sprintf("It needs %s and a reboot between them; a later run takes it.", r.Patch)
	case together:
		return false, ""
	case text != "" && status == job.PatchFailed:
		return true, fmt.Sprintf("It needs %s, which failed.", r.Patch)
	default:
		return false, text
	}
}

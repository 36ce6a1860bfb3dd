package execution

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
)

// require checks, just before an install, what the next patches need, and leaves out those that do not have it (JOB-14).
func (m *machine) require(ev InventoryTaken) {
	m.waitsNoMore()
	for m.leaveUnmet(m.group(), ev) {
	}
	m.act()
}

// leaveUnmet leaves out the first patch of a group whose requirements are not met, and reports whether there was one.
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

// unmet returns why a requirement is not met; empty: it is met. Failed: the order had what is required, and that failed.
func (m *machine) unmet(r job.Requirement, group []Staged, ev InventoryTaken) (failed bool, text string) {
	text = r.Unmet(ev.Inventory, job.PendingReboots{Unknown: m.RebootRequired && ev.RebootRequired, Products: m.c.Pending})
	i := slices.IndexFunc(m.Order.Patches, r.Provides)
	if i < 0 {
		return false, text
	}
	together := slices.ContainsFunc(group, func(s Staged) bool { return s.Index == i })
	switch status := m.Patches[i].Status; {
	case r.Reboot && (together || status == job.Installed):
		return false, fmt.Sprintf("It needs %s and a reboot between them; a later run takes it.", r.Patch)
	case together:
		return false, ""
	case text != "" && status == job.PatchFailed:
		return true, fmt.Sprintf("It needs %s, which failed.", r.Patch)
	default:
		return false, text
	}
}

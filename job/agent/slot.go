package agent

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// slotPause is how long after a check-in the next one begins, at the latest,
// while a reboot waits for a slot: another asset may have returned its own.
const slotPause = time.Minute

// slot returns the order whose reboot needs a slot; empty: none does (ROL-7).
func (s State) slot() (id job.OrderID, waits bool) {
	for _, x := range s.Executions {
		if x.NeedsSlot() {
			return x.Order.ID, x.Reboot.Phase == reboot.Queued
		}
	}
	return "", false
}

// askForSlot has the server hear at once that a slot is needed, or no longer.
func (m *machine) askForSlot(before State) {
	was, _ := before.slot()
	if is, _ := m.s.slot(); is != was && m.s.Calls.Failures == 0 {
		m.callNow = true
	}
}

// slots passes on which executions have a slot. The newest manifest says so: an
// order that it does not name has none.
func (m *machine) slots(d manifest.Document) {
	for _, x := range slices.Clone(m.s.Executions) {
		var until time.Time
		if i := slices.IndexFunc(d.Orders, func(o job.Order) bool { return o.ID == x.Order.ID }); i >= 0 {
			until = d.Orders[i].RebootUntil
		}
		if x.NeedsSlot() {
			m.forOrder(x.Order.ID, execution.SlotLeased{Until: until})
		}
	}
}

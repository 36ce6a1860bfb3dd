package agentsim

import (
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// rebootSlots is a clause of a job (ROL-7).
func rebootSlots(d *job.Definition, m *match) {
	d.RebootSlots = &rollout.SlotPolicy{Slots: m.number(0), Tag: m.w[1], Lease: m.duration(2)}
}

func (p *player) expectSlots(m *match) {
	list, err := p.w.server.c.Slots(background, job.ID(m.w[0]), p.w.now)
	compareAll(m, 1, list, err, func(s controller.Slot) string { return string(s.Asset) }, "nobody")
}

// freeSlot is an administrator's act.
func (p *player) freeSlot(m *match) {
	id := job.ID(m.w[1])
	asks(func(c *controller.Controller, m *match, now time.Time) error {
		return c.FreeSlot(controller.As(background, "the administrator"), id, job.AssetID(m.w[0]), "a scenario", now)
	})(p, m)
	p.w.server.freed[id] = p.w.server.freed[id] || p.refused == nil
}

// slots checks how many assets are down for the reboots of a job, when one more
// goes down. It is about all versions of the job, because the server may have
// leased by an earlier one.
func (o *observer) slots(id job.OrderID) {
	s, of := o.a.w.server, id.Run().Job()
	if !o.of(id).order.Reboot.Slot || s.restored || s.freed[of] {
		return
	}
	most := 0
	for _, d := range s.saved[of] {
		if d.RebootSlots == nil {
			return
		}
		most = max(most, d.RebootSlots.Slots)
	}
	down := 0
	for _, a := range o.a.w.sorted() {
		for other, e := range a.observer.orders {
			if other.Run().Job() == of && !s.removed[a.id] && e.order.Reboot.Slot && e.Down(a.boots) {
				down++
			}
		}
	}
	o.note(id, watch.Slots(down, most))
}

package agentsim

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// What an order may do follows from its job, calendars and baselines as they
// were when it was made, which only the server knows. So the observer objects
// only to what no version of them allows.

func calendarOf(d job.Definition) string { return d.Calendar }

func rebootHoursOf(d job.Definition) string { return d.RebootHours }

// hours returns what the calendars allow now that the job of an order names.
func (o *observer) hours(id job.OrderID, named func(job.Definition) string) watch.Hours {
	free := watch.Hours{Open: true}
	zone, err := time.LoadLocation(o.a.zone)
	if err != nil || o.a.skew != 0 { // what the agent takes for now is not known
		return free
	}
	h := watch.Hours{Closed: true}
	for _, d := range o.a.w.server.saved[id.Run().Job()] {
		if named(d) == "" {
			return free
		}
		for _, c := range o.a.w.server.ever.calendars {
			if c.Name != named(d) {
				continue
			}
			in := zone
			if c.Zone != schedule.AssetZone {
				if in, err = time.LoadLocation(c.Zone); err != nil {
					return free
				}
			}
			h.Open = h.Open || c.At(o.a.w.now, in).Open
			h.Closed = h.Closed && !c.WithoutOpenings().At(o.a.w.now, in).Open
		}
	}
	return h
}

// rebootHours are the hours of the calendar and of the reboot hours together
// (RBT-10).
func (o *observer) rebootHours(id job.OrderID) watch.Hours {
	a, b := o.hours(id, calendarOf), o.hours(id, rebootHoursOf)
	return watch.Hours{Open: a.Open && b.Open, Closed: a.Closed || b.Closed}
}

// bound reports whether the deferral of a reboot is over, by time or because
// something is due (RBT-6). Its countdown may begin earlier by its own length.
func (o *observer) bound(e *observed) bool {
	now := o.a.w.now.Add(countdown(e.order.Reboot))
	return !e.Offer.IsZero() && now.Sub(e.Offer) >= reboot.MaxDeferral || !e.due.IsZero() && !now.Before(e.due)
}

func countdown(p reboot.Policy) time.Duration { return max(p.WithDefaults().Countdown, 0) }

// denied reports whether every baseline that the job of an order named denies a
// patch by its id (APR-1).
func (o *observer) denied(id job.OrderID, patch catalog.PatchID) bool {
	s, found := o.a.w.server, false
	for _, d := range s.saved[id.Run().Job()] {
		if d.Baseline == "" {
			return false
		}
		for _, b := range s.ever.baselines {
			if b.Name != d.Baseline {
				continue
			}
			if found = true; !slices.Contains(b.Denied, patch) {
				return false
			}
		}
	}
	return found
}

// waits notes that an installed patch waits for the reboot. When it is due is in
// the manifest.
func (e *observed) waits(patch catalog.PatchID) {
	for _, p := range e.order.Patches {
		if p.Patch == patch && !p.Due.IsZero() && (e.due.IsZero() || p.Due.Before(e.due)) {
			e.due = p.Due
		}
	}
}

// due checks that an offered reboot is asked for by the deadline of what waits
// for it (invariant 16), once the asset is awake and its reboot hours are not
// in a closed period.
func (o *observer) due(id job.OrderID, e *observed, grace time.Duration) {
	if e.due.IsZero() {
		return
	}
	long := countdown(e.order.Reboot)
	var check func()
	check = func() {
		switch {
		case o.orders[id] != e || !o.a.up || o.a.skew != 0:
		case o.a.asleep():
			o.a.w.after(o.a.sleep.Sub(o.a.w.now)+grace, check)
		case o.rebootHours(id).Closed:
			o.a.w.after(time.Hour+long, check)
		default:
			o.note(id, e.Overdue(o.a.w.now, e.due, long+grace))
		}
	}
	o.a.w.after(max(e.due.Sub(o.a.w.now), long)+2*grace, check)
}

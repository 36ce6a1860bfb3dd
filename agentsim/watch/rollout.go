package watch

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// Rollout is what was observed of the rollout of one run; zero: nothing yet.
type Rollout struct {
	rings []ring
	moved int // the rings that an act skips the gates of
}

type ring struct {
	open   bool
	counts rollout.Counts
	enough time.Time // since when its gate had its results; zero: it has not
}

// Rolled is one observation of a rollout.
type Rolled struct {
	Policy  rollout.Policy
	Rings   []rollout.Ring // as the server counts them
	Budget  int
	AtRisk  int // assets whose order of the run began and did not end well, as they report themselves
	Skipped int // the gates of so many rings, from the first, are skipped by a named act (ROL-6)
	At      time.Time
}

// AtRisk reports whether the order puts its asset at risk: it began, and nobody
// knows yet that nothing is wrong (ROL-3).
func (o *Order) AtRisk() bool {
	switch o.Result {
	case job.Completed, job.NotApplicable, job.Cancelled, job.TimedOut, job.Withdrawn:
		return false
	}
	return o.Started
}

// See takes an observation and returns what was observed so far, and whether
// the rollout has more assets at risk than its budget, or started a ring whose
// predecessor's gate had not promoted (invariant 14). It judges each gate by
// the counts of the observation before, so it must see every change.
func (r Rollout) See(now Rolled) (Rollout, *Broken) {
	next := Rollout{moved: max(r.moved, now.Skipped)}
	accepted := 0
	for i, counts := range now.Rings {
		var before ring
		if i < len(r.rings) {
			before = r.rings[i]
		}
		accepted += counts.Accepted
		after := ring{open: !counts.Start.IsZero(), counts: counts.Counts, enough: before.enough}
		switch enough := counts.Verified+counts.Failed >= max(now.Policy.Rings[i].Gate.Results, 1); {
		case !enough:
			after.enough = time.Time{}
		case after.enough.IsZero():
			after.enough = now.At
		}
		next.rings = append(next.rings, after)
		if !after.open && after.counts.AtRisk()+after.counts.Verified > 0 {
			return next, Breaks(14, "ring %q has grants, and has not started", now.Policy.Rings[i].Name)
		}
		if i > 0 && i-1 < len(r.rings) && after.open && !before.open && i > next.moved {
			if b := r.rings[i-1].promotes(now.Policy.Rings[i-1], now.At); b != nil {
				return next, b
			}
		}
	}
	if now.AtRisk > now.Budget+accepted {
		return next, Breaks(14, "%d assets are at risk, and the budget is %d", now.AtRisk, now.Budget)
	}
	return next, nil
}

// promotes decides ROL-2 a second time.
func (r ring) promotes(p rollout.RingPolicy, at time.Time) *Broken {
	share := p.Gate.Success
	if share == 0 {
		share = 100
	}
	c := r.counts
	granted := c.Granted + c.Begun + c.Silent + c.Verified + c.Failed
	switch {
	case !r.open:
		return Breaks(14, "the ring after %q starts before it", p.Name)
	case r.enough.IsZero():
		return Breaks(14, "the ring after %q starts with %d results, and its gate wants %d", p.Name, c.Verified+c.Failed, p.Gate.Results)
	case c.Verified*100 < share*granted:
		return Breaks(14, "the ring after %q starts with %d of %d granted assets done, and its gate wants %d percent", p.Name, c.Verified, granted, share)
	case at.Before(r.enough.Add(p.Soak)):
		return Breaks(14, "the ring after %q starts before it has soaked for %v", p.Name, p.Soak)
	}
	return nil
}

// Down reports whether the asset may be down for the order's reboot: it was
// asked for in this boot, and the order has not ended.
func (o *Order) Down(boot int) bool { return o.Rebooted == boot+1 && !o.Ended() }

// Slots returns whether more assets are down for the reboots of a job than it
// has reboot slots (ROL-7, invariant 14).
func Slots(down, slots int) *Broken {
	if down > slots {
		return Breaks(14, "%d assets are down for the reboots of its job, which has %d reboot slots", down, slots)
	}
	return nil
}

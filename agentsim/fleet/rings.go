package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Ring is how one ring went, over all servers (ROL-1).
type Ring struct {
	Name   string        `json:"name"`
	Counts []RingCounts  `json:"counts"`          // one per RingStep from Enabled on
	First  time.Duration `json:"first,omitempty"` // from Enabled until it started on the first server; zero on the first ring, or if it never did
}

// RingCounts are the assets of a ring at one time.
type RingCounts struct {
	Waiting  int `json:"waiting"`
	AtRisk   int `json:"atRisk"`
	Verified int `json:"verified"`
	Left     int `json:"left"` // nothing was missing
}

// rings is the rollout of a server's assets.
type rings struct {
	policy  rollout.Policy
	state   rollout.State
	members []rollout.Member
	heard   []time.Time
}

// begin makes the rollout. The assets with nothing to do leave it.
func (l *lean) begin(now time.Time) {
	var assets []rollout.Asset
	for i := range l.assets {
		assets = append(assets, rollout.Asset{ID: string(assetID(l.first + i))})
	}
	x := &rings{policy: l.policy.WithDefaults(), members: make([]rollout.Member, len(assets)), heard: make([]time.Time, len(assets))}
	x.state = rollout.Begin(x.policy, string(runID), assets, now)
	for i := range x.members {
		x.members[i] = x.state.Place(x.policy, assets[i])
		if l.assets[i].entry.Phase == ledger.Ended {
			x.step(i, rollout.Ended{Outcome: rollout.NotApplicable}, now)
		}
	}
	l.rings = x
}

func (x *rings) step(i int, ev rollout.MemberEvent, now time.Time) (out rollout.Out) {
	x.state, x.members[i], out = rollout.StepMember(x.policy, x.state, x.members[i], ev, now)
	return out
}

// tick reports to the rollout where the orders are, lets it go on, and makes the
// orders that it grants. It returns the counts of each ring, and whether the
// rollout is over.
func (l *lean) tick(now time.Time) (counts []rollout.Counts, over bool, err error) {
	x := l.rings
	if x == nil {
		return nil, true, nil
	}
	for i := range l.assets {
		if m := x.members[i]; m.Phase == rollout.Granted || m.Phase == rollout.Begun {
			x.step(i, rollout.Heard{At: x.heard[i]}, now)
			if ev := moved(l.assets[i].entry, m); ev != nil {
				x.step(i, ev, now)
			}
		}
	}
	x.state, _ = rollout.Step(x.policy, x.state, rollout.Tick{}, now)
	for i := range l.assets {
		switch m := x.members[i]; {
		case x.state.Recalls(m):
			l.assets[i].step(ledger.Recalled{}, now)
		case m.Phase == rollout.Waiting && x.state.Room() > 0 && x.step(i, rollout.Ask{}, now).Grant:
			r := &l.assets[i]
			r.order.Start, r.order.End = l.definition().Span(schedule.Occurrence{Start: now}, assetID(l.first+i))
			r.step(ledger.Made{Start: r.order.Start, Grant: x.members[i].Grant}, now)
		}
	}
	all := x.state.Total()
	if all.AtRisk() > x.state.Budget {
		return nil, true, watch.Breaks(14, "%d assets are at risk, and the budget is %d", all.AtRisk(), x.state.Budget)
	}
	for _, r := range x.state.Rings {
		counts = append(counts, r.Counts)
	}
	return counts, x.state.Phase != rollout.Running && all.Granted+all.Begun == 0, nil
}

// moved is what became known of an order that was granted; nil: nothing.
func moved(e ledger.Entry, m rollout.Member) rollout.MemberEvent {
	switch {
	case e.Phase == ledger.Ended && e.Result == job.Completed:
		return rollout.Ended{Grant: m.Grant, Outcome: rollout.Success}
	case e.Phase == ledger.Ended && (e.Result == job.NotApplicable || e.Result == job.Cancelled || e.Result == job.TimedOut):
		return rollout.Ended{Grant: m.Grant, Outcome: rollout.NotApplicable}
	case e.Phase == ledger.Ended && e.Result == job.Withdrawn:
		return rollout.Ended{Grant: m.Grant, Outcome: rollout.Withdrawn}
	case e.Phase == ledger.Ended:
		return rollout.Ended{Grant: m.Grant, Outcome: rollout.Failure}
	case e.Stage != 0 && m.Phase == rollout.Granted:
		return rollout.Began{Grant: m.Grant}
	}
	return nil
}

// ringed adds up the rings of all servers. A rollout that is over stays as it
// ended.
func (f *whole) ringed() []Ring {
	if f.cfg.Rollout == nil {
		return nil
	}
	list := make([]Ring, len(f.cfg.Rollout.Rings))
	for i, p := range f.cfg.Rollout.Rings {
		list[i].Name = p.Name
		for at, counts := range f.tally.rings {
			c := counts[i]
			if list[i].Counts = append(list[i].Counts, c); i > 0 && list[i].First == 0 && c.AtRisk+c.Verified > 0 {
				list[i].First = time.Duration(at) * RingStep
			}
		}
	}
	return list
}

// ring adds the counts of a server from a tick on until the next.
func (t *tally) ring(tick int, counts []rollout.Counts) {
	for len(t.rings) <= tick {
		t.rings = append(t.rings, make([]RingCounts, len(counts)))
	}
	for i, c := range counts {
		to := &t.rings[tick][i]
		to.Waiting, to.AtRisk, to.Verified, to.Left = to.Waiting+c.Waiting, to.AtRisk+c.AtRisk(), to.Verified+c.Verified, to.Left+c.Left
	}
}

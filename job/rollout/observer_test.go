package rollout_test

import (
	"fmt"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// The observer checks invariant 14 and what goes with it, in its own words: it
// looks at the real assets, and at the reports that servers committed, never at
// the machine's counts.

// atRisk counts the assets that can be hurt, or are: an order was sent, and
// nothing on the asset has ended it. Those that a resume accepted do not count.
func (n *node) atRisk(s *setting) (count int) {
	for i := range s.tags {
		if h := n.hosts[i]; !n.known[i].accepted && (h.sent > h.order || h.at == holding || h.at == working || h.at == hurt) {
			count++
		}
	}
	return count
}

// hurt counts the assets that began and are not verified.
func (n *node) hurt(s *setting) (count int) {
	for i := range s.tags {
		if h := n.hosts[i]; h.at == working || h.at == hurt {
			count++
		}
	}
	return count
}

// ring recounts a ring by what servers know.
func (n *node) ring(s *setting, ring int) (granted, verified, failed int) {
	for i := range s.tags {
		k := n.known[i]
		if n.members[i].Ring != ring || k.removed || k.accepted {
			continue
		}
		switch k.at {
		case holding, working:
			granted++
		case fine:
			granted++
			verified++
		case hurt:
			granted++
			failed++
		}
	}
	return granted, verified, failed
}

func (n *node) breaks(format string, args ...any) {
	if n.broken == "" {
		n.broken = fmt.Sprintf(format, args...)
	}
}

// observe follows what a server committed, and looks whether it was allowed.
func (s *setting) observe(n *node, m move, before rollout.State, out rollout.Out) {
	k := &n.known[m.asset]
	took := func(at hostPhase) {
		open := k.at == holding || k.at == working || k.at == hurt && at != working
		if m.arg == k.grant && open {
			k.at, k.silent = at, false
		}
	}
	switch m.kind {
	case ask:
		if out.Grant {
			k.grant++
			*k = known{grant: k.grant, at: holding}
			if n.stopped {
				n.breaks("ROL-4: a grant was made after the stop")
			}
		}
	case takeBegan:
		if k.at == holding {
			took(working)
		}
	case takeGood:
		took(fine)
	case takeBad:
		took(hurt)
	case takeEmpty:
		took(nothing)
	case takeDropped:
		took(idle)
	case heard:
		if k.at == holding || k.at == working {
			since := n.members[m.asset].Since.Sub(t0).Hours()
			k.silent = float64(n.hour)-max(since, float64(n.hosts[m.asset].called)) >= s.policy.Silence.Hours()
		}
	case remove:
		k.removed = true
		k.silent = false
	case stop, abandon:
		n.stopped = n.stopped || !out.Refused
	case resume:
		if !out.Refused {
			n.stopped = false
			for i := range s.tags {
				k := &n.known[i]
				k.accepted = k.accepted || k.at == hurt || k.silent || k.removed && (k.at == holding || k.at == working)
			}
		}
	case expedite:
		if !out.Refused {
			n.expedited = max(n.expedited, m.arg)
		}
	}
	if k.accepted && (k.at == fine || k.at == nothing || k.at == idle) {
		k.accepted = false
	}
	for _, ring := range out.Opened {
		s.promoted(n, ring)
		n.enough = -1
	}
	s.check(n, before)
}

// promoted wants the gate before a ring to have been passed.
func (s *setting) promoted(n *node, ring int) {
	gate, soak := s.policy.Rings[ring-1].Gate, s.policy.Rings[ring-1].Soak
	if n.stopped {
		n.breaks("ROL-4: ring %d started after the stop", ring)
	}
	if int(n.expedited) >= ring {
		return
	}
	switch granted, verified, failed := n.ring(s, ring-1); {
	case verified+failed < gate.Results:
		n.breaks("ROL-2: ring %d started after %d results, and the gate wants %d", ring, verified+failed, gate.Results)
	case verified*100 < granted*gate.Success:
		n.breaks("ROL-2: ring %d started after %d of %d granted assets succeeded, and the gate wants %d percent", ring, verified, granted, gate.Success)
	case n.enough < 0 || float64(n.hour-n.enough) < soak.Hours():
		n.breaks("ROL-2: ring %d started before the soak time was over", ring)
	}
}

func (s *setting) check(n *node, before rollout.State) {
	if n.state.Budget != before.Budget {
		n.breaks("ROL-3: the budget changed")
	}
	if risk := n.atRisk(s); risk > n.state.Budget {
		n.breaks("invariant 14: %d assets are at risk, and the budget is %d", risk, n.state.Budget)
	}
	present, bad := 0, 0
	for present < len(n.state.Rings) && !n.state.Rings[present].Start.IsZero() {
		present++
	}
	for i := range s.tags {
		k, ring := n.known[i], n.members[i].Ring
		if k.grant > 0 && ring >= present {
			n.breaks("invariant 14: asset %c of ring %d has a grant, and the ring has not started", 'a'+i, ring)
		}
		if !k.accepted && (k.at == hurt || k.silent || k.removed && (k.at == holding || k.at == working)) {
			bad++
		}
	}
	if bad >= n.state.Budget && n.state.Phase == rollout.Running {
		n.breaks("ROL-3: failed and silent assets alone fill the budget, and the rollout runs")
	}
	if n.state.Phase == rollout.Stopped {
		n.stopped = true
	}
	if _, verified, failed := n.ring(s, present-1); verified+failed < s.policy.Rings[present-1].Gate.Results {
		n.enough = -1
	} else if n.enough < 0 {
		n.enough = n.hour
	}
	if err := n.state.Validate(); err != nil {
		n.breaks("%v", err)
	}
	var counts [rollout.MaxRings]rollout.Counts
	for i := range s.tags {
		if m := n.members[i]; m.Phase != 0 {
			if err := m.Validate(); err != nil {
				n.breaks("%v", err)
			}
			m.Accepted = m.Accepted || (m.Silent || m.Phase == rollout.Failed || m.Phase == rollout.Lost) && m.Epoch < n.state.Epoch
			tally(&counts[m.Ring], m)
		}
	}
	for i, r := range n.state.Rings {
		if r.Counts != counts[i] {
			n.breaks("the counts of ring %d are %+v, and its members add up to %+v", i, r.Counts, counts[i])
		}
	}
}

// tally counts a member, as the comments of Counts say.
func tally(c *rollout.Counts, m rollout.Member) {
	switch {
	case m.Accepted:
		c.Accepted++
	case m.Silent:
		c.Silent++
	case m.Phase == rollout.Waiting:
		c.Waiting++
	case m.Phase == rollout.Granted:
		c.Granted++
	case m.Phase == rollout.Begun:
		c.Begun++
	case m.Phase == rollout.Verified:
		c.Verified++
	case m.Phase == rollout.Failed:
		c.Failed++
	case m.Phase == rollout.Lost:
		c.Lost++
	default:
		c.Left++
	}
}

func TestVocabulary(t *testing.T) {
	for text, m := range vocabulary {
		if m.String() != text {
			t.Errorf("%q is the text of another move, %q", text, m.String())
		}
	}
}

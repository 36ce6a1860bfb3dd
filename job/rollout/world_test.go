package rollout_test

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// The searched world: one rollout, up to five assets, two servers over one
// serializable store, and an administrator. Messages between assets and servers
// are never consumed: each can arrive late, twice, in any order, or never.
//
// A transaction of server 1 is one step. One of server 2 is two: it reads, and
// later commits, which the store refuses if what it read has changed since. So
// each way in which two transactions can overlap is in the search.

var t0 = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

const most = 5 // assets

// setting is what does not change in a history.
type setting struct {
	name     string
	policy   rollout.Policy
	tags     []string // of each asset: a, b, c …; one tag or none
	joiner   bool     // the last of them joins later
	hours    int      // how many pass
	budget   acts
	overlaps bool // server 2 works
	grants   int  // most grants of one asset

	// What planted bugs replace.
	step       func(rollout.Policy, rollout.State, rollout.Event, time.Time) (rollout.State, rollout.Out)
	stepMember func(rollout.Policy, rollout.State, rollout.Member, rollout.MemberEvent, time.Time) (rollout.State, rollout.Member, rollout.Out)
	unchecked  bool // the store commits what was read before another's commit
	early      bool // a transaction reads the rollout's phase before it begins
}

// acts are how often something may still happen.
type acts struct{ stops, resumes, expedites, abandons, removals, crashes int8 }

// node is one state of the world.
type node struct {
	state   rollout.State
	members [most]rollout.Member
	hosts   [most]host
	known   [most]known
	tx      transaction
	hour    int8
	left    acts

	stopped   bool // a stop was committed, and no resume since
	expedited int8 // up to this ring, by an act
	enough    int8 // hour since when the gate in question had its results; -1: it has not
	broken    string
}

// host is the real asset, and what was sent to and from it.
type host struct {
	sent, recall   int8 // the highest grant whose order, and whose withdrawal, a server has sent
	order          int8 // the highest grant that it knows
	at             hostPhase
	called         int8 // hour of its last call
	began          int8 // the grants of its reports, as bits
	good, bad      int8
	empty, dropped int8
}

type hostPhase int8

const (
	idle    hostPhase = iota
	holding           // an order that it has not begun
	working
	fine
	hurt
	nothing // the order did not apply
)

// known is what the observer knows of an asset from what servers committed.
type known struct {
	grant    int8
	at       hostPhase // as the last report said that a server took; holding: granted
	silent   bool
	removed  bool
	accepted bool
}

type transaction struct {
	move   move // zero: none
	stale  bool
	state  rollout.State
	member rollout.Member
}

func (s *setting) assets() (all []rollout.Asset) {
	for i, tag := range s.tags {
		all = append(all, rollout.Asset{ID: string(rune('a' + i)), Tags: []string{tag}})
	}
	return all
}

func (s *setting) start() *node {
	if s.step == nil {
		s.step = rollout.Step
	}
	if s.stepMember == nil {
		s.stepMember = rollout.StepMember
	}
	assets := s.assets()
	there := assets
	if s.joiner {
		there = assets[:len(assets)-1]
	}
	n := &node{state: rollout.Begin(s.policy, "release", there, t0), left: s.budget, enough: -1}
	for i, a := range there {
		n.members[i] = n.state.Place(s.policy, a)
	}
	return n
}

func (n *node) now() time.Time { return t0.Add(time.Duration(n.hour) * time.Hour) }

// moves lists what can happen next. What changes nothing need not be left out.
func (s *setting) moves(n *node) (list []move) {
	server := func(m move) {
		list = append(list, m)
		if s.overlaps && n.tx.move.kind == 0 {
			m.two = true
			list = append(list, m)
		}
	}
	for i := range int8(len(s.tags)) {
		m, h := n.members[i], n.hosts[i]
		if m.Phase == 0 {
			if s.joiner {
				server(move{kind: join, asset: i})
			}
			continue
		}
		if m.Phase == rollout.Waiting && m.Grant < s.grants {
			server(move{kind: ask, asset: i})
		}
		for k, grants := range [...]int8{h.began, h.good, h.bad, h.empty, h.dropped} {
			for g := int8(1); grants>>g > 0; g++ {
				if grants>>g&1 == 1 {
					server(move{kind: takeBegan + kind(k), asset: i, arg: g})
				}
			}
		}
		if !m.Until.IsZero() && !n.now().Before(m.Until) || m.Silent {
			server(move{kind: heard, asset: i})
		}
		if n.left.removals > 0 {
			server(move{kind: remove, asset: i})
		}
		if n.state.Recalls(m) && h.recall < int8(m.Grant) {
			server(move{kind: recall, asset: i})
		}
		if h.sent > h.order {
			list = append(list, move{kind: receive, asset: i})
		}
		if h.recall > h.order || h.recall == h.order && h.at == holding {
			list = append(list, move{kind: drop, asset: i})
		}
		if h.at == holding {
			list = append(list, move{kind: begin, asset: i}, move{kind: skip, asset: i})
		}
		if h.at == working {
			list = append(list, move{kind: succeed, asset: i}, move{kind: fail, asset: i})
		}
		if h.called < n.hour && m.Silent {
			list = append(list, move{kind: call, asset: i})
		}
	}
	server(move{kind: tick})
	if n.left.stops > 0 {
		server(move{kind: stop})
	}
	if n.left.resumes > 0 {
		server(move{kind: resume})
	}
	if n.left.abandons > 0 {
		server(move{kind: abandon})
	}
	if n.left.expedites > 0 {
		for ring := range s.policy.Rings[1:] {
			server(move{kind: expedite, arg: int8(ring + 1)})
		}
	}
	if n.tx.move.kind != 0 {
		list = append(list, move{kind: commit})
		if n.left.crashes > 0 {
			list = append(list, move{kind: crash})
		}
	}
	if int(n.hour) < s.hours {
		list = append(list, move{kind: wait})
	}
	return list
}

// possible reports whether a move can happen, for histories that were cut.
func (s *setting) possible(n *node, m move) bool { return slices.Contains(s.moves(n), m) }

// apply carries out a move on a copy of n.
func (s *setting) apply(n *node, m move) *node {
	c := *n
	h := &c.hosts[m.asset]
	switch m.kind {
	case receive:
		h.order, h.at = h.sent, holding
	case drop:
		h.order, h.at = h.recall, idle
		h.dropped |= 1 << h.recall
	case begin:
		h.at = working
		h.began |= 1 << h.order
	case succeed:
		h.at = fine
		h.good |= 1 << h.order
	case fail:
		h.at = hurt
		h.bad |= 1 << h.order
	case skip:
		h.at = nothing
		h.empty |= 1 << h.order
	case call:
		h.called = c.hour
	case wait:
		c.hour++
	case crash:
		c.left.crashes--
		c.tx = transaction{}
	case commit:
		switch tx := c.tx; {
		case !tx.stale || s.unchecked:
			s.transact(&c, tx.move, tx.state, tx.member)
		case s.early:
			st, phase := c.state, c.state.Phase
			st.Phase = tx.state.Phase
			s.transact(&c, tx.move, st, c.members[tx.move.asset])
			c.state.Phase = phase
		}
		c.tx = transaction{}
	default:
		if m.two {
			c.tx = transaction{move: m, state: c.state, member: c.members[m.asset]}
			return &c
		}
		s.transact(&c, m, c.state, c.members[m.asset])
	}
	return &c
}

// transact steps what a server has read, and commits it.
func (s *setting) transact(c *node, m move, state rollout.State, member rollout.Member) {
	act := rollout.Act{By: "ana", Reason: "test"}
	var whole rollout.Event
	var one rollout.MemberEvent
	spend := func(left *int8) { *left-- }
	h := &c.hosts[m.asset]
	switch m.kind {
	case ask:
		one = rollout.Ask{Start: state.Rings[member.Ring].Start}
	case takeBegan:
		one = rollout.Began{Grant: int(m.arg)}
	case takeGood:
		one = rollout.Ended{Grant: int(m.arg), Outcome: rollout.Success}
	case takeBad:
		one = rollout.Ended{Grant: int(m.arg), Outcome: rollout.Failure}
	case takeEmpty:
		one = rollout.Ended{Grant: int(m.arg), Outcome: rollout.NotApplicable}
	case takeDropped:
		one = rollout.Ended{Grant: int(m.arg), Outcome: rollout.Withdrawn}
	case heard:
		one = rollout.Heard{At: t0.Add(time.Duration(h.called) * time.Hour)}
	case remove:
		one = rollout.Removed{}
		spend(&c.left.removals)
	case join:
		one = rollout.Joined{Asset: s.assets()[m.asset]}
	case recall:
		if state.Recalls(member) {
			h.recall = int8(member.Grant)
		}
		return
	case tick:
		whole = rollout.Tick{}
	case stop:
		whole = rollout.StopAsked{Act: act}
		spend(&c.left.stops)
	case resume:
		whole = rollout.ResumeAsked{Act: act}
		spend(&c.left.resumes)
	case expedite:
		whole = rollout.ExpediteAsked{Act: act, To: int(m.arg)}
		spend(&c.left.expedites)
	case abandon:
		whole = rollout.AbandonAsked{Act: act}
		spend(&c.left.abandons)
	}
	before := c.state
	var out rollout.Out
	if one != nil {
		c.state, c.members[m.asset], out = s.stepMember(s.policy, state, member, one, c.now())
		if out.Grant {
			h.sent = int8(c.members[m.asset].Grant)
		}
	} else {
		c.state, out = s.step(s.policy, state, whole, c.now())
	}
	c.tx.stale = true // whatever it read
	s.observe(c, m, before, out)
}

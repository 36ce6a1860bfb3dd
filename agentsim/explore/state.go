package explore

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// state is one state of a world. It is a value: what its pointers and slices hold is never written to once it is reached.
type state struct {
	now     time.Time
	hosts   [maxAssets]*host // nil: there is none
	standIn standIn
	server  *server // the production one; nil: the stand-in serves
	left    Budget
	turns   turns // in worlds with a copy
	broken  *Broken
}

// host is one asset.
type host struct {
	asset  int
	absent bool // it is a copy that is not made yet
	copied bool // it is a copy
	boot   int
	booted time.Time
	key    uint8 // number of its own key

	removed bool          // its asset was removed, and its key with it
	refused bool          // a call of it was, since then
	had     [maxJobs]bool // the orders that it was handed
	former  [maxJobs]bool // those that the computer of this name before it was handed

	agent agent.State // as committed
	read  *reading    // its bytes, read back
	wake  time.Time   // when it wants a Tick
	lane  []pending   // effects to be carried out, one after the other; memory only
	net   []message   // under way; what belongs to the agent's calls is memory only

	installed [2]level
	staged    [maxJobs][maxPatches]staged
	sessions  reboot.Sessions
	prompt    bool // the reboot prompt is on the screen
	watch     observer
}

// pending is an effect of an order's execution, or the download of one of its patches before it begins.
type pending struct {
	order  job.OrderID
	effect execution.Effect
	early  bool
}

// message is a call on its way to the server, or an answer on its way back.
type message struct {
	id       uint64
	answer   bool
	given    bool              // the agent gave it up
	request  *manifest.CheckIn // of a call
	ack      job.Sequence      // answer
	manifest []byte            // answer; nil: none
	released released          // answer: what the manifest says
}

// reading is what comes of a commit's bytes when an agent starts on them, read once for all crashes after that commit.
type reading struct {
	once sync.Once
	at   agent.State
	err  error
}

// copy is a state to go on with; its hosts are shared until own copies them.
func (st *state) copy() *state {
	c := *st
	return &c
}

// own returns a host that may be changed.
func (st *state) own(i int) *host {
	c := *st.hosts[i]
	c.lane, c.net = slices.Clip(c.lane), slices.Clip(c.net)
	st.hosts[i] = &c
	return &c
}

func (h *host) moment(now time.Time) agent.Moment {
	id := fmt.Sprintf("boot-%d", h.boot)
	if h.copied {
		id = "copy-" + id
	}
	return agent.Moment{Wall: now, BootID: id, Up: now.Sub(h.booted)}
}

// take takes a message off the network.
func (h *host) take(i int) message {
	m := h.net[i]
	net := make([]message, 0, len(h.net))
	h.net = append(append(net, h.net[:i]...), h.net[i+1:]...)
	return m
}

// put puts a message at a place on the network.
func (h *host) put(i int, m message) {
	h.net = append(h.net[:i:i], append([]message{m}, h.net[i:]...)...)
	if len(h.net) > maxFlying {
		h.net = h.net[len(h.net)-maxFlying:]
	}
}

// next is the effect to be carried out; nil: there is none.
func (h *host) next() execution.Effect {
	if len(h.lane) == 0 {
		return nil
	}
	return h.lane[0].effect
}

// start is the state a world begins in: the jobs enabled, the agents started, and their first calls under way.
func (s *scene) start() *state {
	st := s.first.copy()
	users := reboot.Nobody
	if s.Users {
		users = reboot.Active
	}
	for i := range s.Assets {
		st.hosts[i] = &host{asset: i, absent: s.Copy && i > 0, read: &reading{}, booted: epoch, installed: [2]level{1, 1}, sessions: users}
	}
	for i := range s.Assets {
		if st.broken == nil && !st.hosts[i].absent {
			s.restart(st, st.own(i))
		}
	}
	return st
}

// quiet reports whether nothing is under way on a host, and nothing waits to be started or reported.
func (h *host) quiet() bool {
	a := &h.agent
	return len(h.lane)+len(h.net)+len(a.Queue)+len(a.Executions)+len(a.Reports) == 0
}

// settled reports whether everything has come to its end: nothing is under way, each agent holds the newest manifest, and an
// order that it ever received has a final result that the server knows. A reboot that is left to somebody may wait for ever.
func (s *scene) settled(st *state) bool {
	for _, h := range st.hosts[:s.Assets] {
		if !h.quiet() && !s.parked(h) {
			return false
		}
	}
	if st.server != nil {
		return s.served(st)
	}
	return st.standIn.settled(s, st)
}

// parked reports whether a host only waits for somebody to reboot it, and later jobs with it (RBT-7).
func (s *scene) parked(h *host) bool {
	a := &h.agent
	return s.Policy.Suppress && len(h.lane)+len(h.net)+len(a.Reports) == 0 && len(a.Executions) > 0 &&
		!slices.ContainsFunc(a.Executions, func(x execution.State) bool { return !x.Parked() })
}

package explore

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// state is one state of a world. What it points to is never written to afterwards.
type state struct {
	now    time.Time
	hosts  [maxAssets]*host // nil: none
	model  model
	server *server // the production one; nil: the model serves
	left   Budget
	turns  turns         // in worlds with a copy
	rolled watch.Rollout // of the first job's run
	broken *Broken
}

type host struct {
	asset  int
	absent bool // a copy that does not exist yet
	copied bool // a copy
	boot   int
	booted time.Time
	key    uint8 // the number of its key

	removed bool          // its asset was removed, with its key
	refused bool          // the server refused a call since
	had     [maxJobs]bool // orders that it was handed
	former  [maxJobs]bool // orders that an earlier computer of this name was handed

	agent agent.State // as committed
	read  *reading    // the committed bytes, read back
	wake  time.Time   // when it wants a Tick
	todo  []pending   // effects to carry out, in order; lost in a crash
	net   []message   // messages under way; lost in a crash

	installed [2]level
	staged    [maxJobs][maxPatches]staged
	sessions  reboot.Sessions
	prompt    bool // the reboot prompt is on the screen
	watch     observer
}

// pending is an effect of an order's execution, or an early download for it.
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
	ack      job.Sequence      // of an answer
	manifest []byte            // of an answer; nil: none
	released released          // of an answer: what the manifest says
}

// reading is what an agent reads of a commit. Crashes after that commit share it.
type reading struct {
	once sync.Once
	at   agent.State
	err  error
}

// copy returns a state to go on with. Hosts are shared until own copies them.
func (st *state) copy() *state {
	c := *st
	return &c
}

// own returns a host that may be changed.
func (st *state) own(i int) *host {
	c := *st.hosts[i]
	c.todo, c.net = slices.Clip(c.todo), slices.Clip(c.net)
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

func (h *host) take(i int) message {
	m := h.net[i]
	h.net = slices.Delete(slices.Clone(h.net), i, i+1)
	return m
}

func (h *host) put(i int, m message) {
	h.net = slices.Insert(slices.Clip(h.net), i, m)
	if len(h.net) > maxFlying {
		h.net = h.net[len(h.net)-maxFlying:]
	}
}

func (h *host) next() execution.Effect {
	if len(h.todo) == 0 {
		return nil
	}
	return h.todo[0].effect
}

// start returns the first state: jobs enabled, agents started, calls under way.
func (s *scene) start() *state {
	st := s.first.copy()
	users := reboot.Nobody
	if s.Users {
		users = reboot.Active
	}
	for i := range s.Assets {
		h := &host{asset: i, absent: s.Copy && i > 0, read: &reading{}, booted: epoch, installed: [2]level{1, 1}, sessions: users}
		if st.hosts[i] = h; st.broken == nil && !h.absent {
			s.restart(st, h)
		}
	}
	return st
}

// settled reports whether everything has ended: nothing is under way, each agent
// holds the newest manifest, and the server knows a final result of each order
// received. A reboot by hand can be missing for ever.
func (s *scene) settled(st *state) bool {
	for _, h := range st.hosts[:s.Assets] {
		a := &h.agent
		if busy := len(h.todo)+len(h.net)+len(a.Queue)+len(a.Executions)+len(a.Reports) > 0; busy && !s.parked(h) {
			return false
		}
	}
	if st.server != nil {
		return s.served(st)
	}
	return st.model.settled(s, st)
}

// parked reports whether a host only waits for a reboot by hand (RBT-7).
func (s *scene) parked(h *host) bool {
	a := &h.agent
	return s.Policy.Suppress && len(h.todo)+len(h.net)+len(a.Reports) == 0 && len(a.Executions) > 0 &&
		!slices.ContainsFunc(a.Executions, func(x execution.State) bool { return !x.Parked() })
}

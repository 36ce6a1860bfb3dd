package explore

import (
	"cmp"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// driver drives the agents and the server. Tests set a field to plant a bug.
type driver struct {
	step  func(agent.Config, agent.State, agent.Event, agent.Moment) (agent.State, agent.Out) // nil: agent.Step
	early bool                                                                                // effects are carried out before the commit
	store func(table, key string, value []byte) []byte                                        // what the server's store makes of a value
	ack   bool                                                                                // the server answers before it commits
	deaf  bool                                                                                // the model does not notice that a state was lost
}

func (d driver) agent() func(agent.Config, agent.State, agent.Event, agent.Moment) (agent.State, agent.Out) {
	if d.step == nil {
		return agent.Step
	}
	return d.step
}

// step hands the agent an event. With crash, the agent dies before the commit.
func (s *scene) step(st *state, h *host, ev agent.Event, crash bool) {
	after, out := s.driver.agent()(s.configs[h.asset], h.agent, ev, h.moment(st.now))
	var call *agent.Call
	var todo []pending
	for _, e := range out.Effects {
		switch e := e.(type) {
		case agent.Call:
			call = &e
		case agent.DownloadEarly:
			todo = append(todo, pending{order: e.Order, effect: execution.Download{Index: e.Index, Patch: e.Patch}, early: true})
		case agent.Execute:
			todo = append(todo, pending{order: e.Order, effect: e.Effect})
		}
	}
	if crash {
		if s.driver.early && len(todo) > 0 {
			h.todo = todo[:1]
			s.effect(st, h, Work)
		}
		s.restart(st, h)
		return
	}
	before := h.agent
	h.agent, h.wake, h.read = after, st.now.Add(out.Wake), &reading{}
	h.committed(s, st, &before, &h.agent)
	if call != nil {
		request := call.Request
		if st.server != nil { // a driver adds these
			request.Digest, request.Key = s.inventory(h).Digest(), manifest.Fingerprint(s.keyOf(h))
		}
		h.put(len(h.net), message{id: call.ID, request: &request})
	}
	for _, t := range todo {
		switch effect := t.effect.(type) {
		case execution.Prompt:
			_, h.prompt = effect.Kind.(reboot.ShowPrompt)
			if h.prompt {
				h.watch.orders[max(s.job(t.order), 0)].Offered(st.now)
			}
			continue
		case execution.Discard:
			h.todo = slices.DeleteFunc(slices.Clone(h.todo), func(queued pending) bool {
				d, ok := queued.effect.(execution.Download)
				return ok && queued.order == t.order && (effect.Index < 0 || effect.Index == d.Index)
			})
		}
		h.todo = append(h.todo, t)
	}
}

// restart starts the agent on what it committed. All else is gone.
func (s *scene) restart(st *state, h *host) {
	h.todo, h.net, h.prompt = nil, nil, false
	h.read.once.Do(func() {
		data, err := h.agent.MarshalBinary()
		ended, errEnded := h.agent.MarshalEnded()
		h.read.err = cmp.Or(err, errEnded)
		if h.read.err == nil {
			h.read.err = cmp.Or(h.read.at.UnmarshalBinary(data), h.read.at.UnmarshalEnded(ended))
		}
	})
	if err := h.read.err; err != nil {
		st.broke(8, "the agent cannot read what it committed: %v", err)
		return
	}
	h.agent = h.read.at
	h.sweep(s)
	s.step(st, h, agent.Started{}, false)
}

// sweep deletes staged files that nothing needs, as a driver does at its start.
func (h *host) sweep(s *scene) {
	var needed [maxJobs]bool
	for _, o := range h.agent.Queue {
		needed[max(s.job(o.ID), 0)] = true
	}
	for _, x := range h.agent.Executions {
		needed[max(s.job(x.Order.ID), 0)] = true
	}
	for j := range h.staged {
		if !needed[j] {
			h.staged[j] = [maxPatches]staged{}
		}
	}
}

// reinstall deletes the agent's state and files. It takes as long as a boot.
func (s *scene) reinstall(st *state, h *host) {
	st.now = st.now.Add(bootTime)
	var knows [maxJobs]bool
	for j := range s.Jobs {
		knows[j] = s.knows(st, h.asset, j)
	}
	h.watch.reinstalled(knows)
	h.agent, h.read, h.staged = agent.State{}, &reading{}, [maxJobs][maxPatches]staged{}
	s.restart(st, h)
}

// knows reports whether the server knows that an order began on an asset.
func (s *scene) knows(st *state, asset, j int) bool {
	if st.server == nil {
		e := st.model.records[asset].entries[j]
		return e.Stage != 0 || e.Phase == ledger.Ended && e.Result != job.Withdrawn
	}
	rows := st.rows(s.view(st), s.tasks[j])
	i := slices.IndexFunc(rows, func(r controller.RunAsset) bool { return r.Asset == assetNames[asset] })
	return i >= 0 && (rows[i].Stage != 0 || !rows[i].Ended.IsZero() && rows[i].Result != job.Withdrawn)
}

// restore puts the server back to the world's start. The vendor's changes stay.
func (s *scene) restore(st *state) {
	for i := range s.Assets {
		st.own(i).watch.restored()
	}
	if st.server == nil {
		st.model = s.first.model
		return
	}
	feed := st.server.feed
	v := s.first.server.own(st)
	v.feed, v.due = feed, st.now
	if v.feed != s.first.server.feed {
		v.sync = st.now.Add(syncEvery)
	}
}

func (s *scene) restored(st *state) bool { return st.left.Restores < s.Budget.Restores }

func (s *scene) reboot(st *state, h *host) {
	for j := range h.watch.orders {
		h.watch.orders[j].Offer = time.Time{} // for any reason (RBT-8)
	}
	st.now = st.now.Add(bootTime)
	h.boot++
	h.booted, h.sessions = st.now, reboot.Nobody
	s.restart(st, h)
}

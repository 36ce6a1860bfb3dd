package explore

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/integrity"
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
		orders := &st.own(i).watch.orders
		for j := range orders { // what agents lost before is forgotten
			orders[j].Barred, orders[j].Failed = false, 0
		}
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

type file uint8

// The files that a vendor serves.
const (
	none    file = iota
	good         // as ordered, or newer with a valid signature
	damaged      // its signature is bad
	old          // older than the installed version, with a valid signature
)

// staged is a downloaded file and the version that it contains.
type staged struct {
	file  file
	level level
}

const vendor = "Vendor"

func digest(f file, l level) integrity.Digest { // of a file's bytes
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: strings.Repeat(string("0123"[f])+string("0123"[l]), 32)}
}

func (f staged) evidence() []execution.Evidence {
	signature := integrity.Signature{Status: integrity.Valid, Signer: vendor}
	if f.file == damaged {
		signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
	}
	return []execution.Evidence{{Digests: []integrity.Digest{digest(f.file, f.level)}, Signature: signature}}
}

// upgradeOf returns a patch of a job by its number.
func upgradeOf(j, patch int) upgrade { return upgrades[j*maxPatches+patch] }

// at returns what is staged of a job's patch, by its index in the order.
func (h *host) at(j, index int) *staged { return &h.staged[max(j, 0)][index%maxPatches] }

// effect carries out the first effect: as ordered, or as Fail, Damage, Age, CutOff
// or CrashBefore says.
func (s *scene) effect(st *state, h *host, how Choice) {
	t := h.todo[0]
	h.todo = h.todo[1:]
	j := max(s.job(t.order), 0)
	reply := func(ev execution.Event) {
		s.step(st, h, agent.ForOrder{Order: t.order, Event: ev}, how == CrashBefore)
	}
	switch e := t.effect.(type) {
	case execution.TakeInventory:
		reply(execution.InventoryTaken{ID: e.ID, Inventory: *s.inventory(h), Sessions: h.sessions})
	case execution.Download:
		if t.early {
			reply = func(execution.Event) {
				s.step(st, h, agent.DownloadedEarly{Order: t.order, Index: e.Index}, how == CrashBefore)
			}
		}
		s.download(st, h, j, e, how, reply)
	case execution.Preflight:
		var results []execution.PreflightResult
		for _, p := range e.Patches {
			results = append(results, execution.PreflightResult{Index: p.Index, Version: s.versions[h.at(j, p.Index).level]})
		}
		reply(execution.PreflightDone{ID: e.ID, Results: results})
	case execution.RunAction:
		st.note(h.watch.orders[j].Touches("runs an action"))
		if how == CutOff {
			s.restart(st, h)
			return
		}
		reply(execution.ActionDone{ID: e.ID, Exit: map[bool]int{true: 1}[how == Fail]})
	case execution.Install:
		s.deploy(st, h, j, e, how, reply)
	case execution.Reboot:
		policy, pending := s.reboots(j)
		order := &h.watch.orders[j]
		order.Needs = order.Needs || pending && h.watch.orders[0].Result == job.PendingReboot
		st.note(order.Reboots(h.boot, policy.Suppress))
		if how != Fail {
			s.reboot(st, h)
		}
	case execution.Discard:
		for i := range maxPatches {
			if e.Index < 0 || e.Index == i {
				*h.at(j, i) = staged{}
			}
		}
	}
}

// download downloads a patch's file, unless it is staged already (JOB-17).
func (s *scene) download(st *state, h *host, j int, e execution.Download, how Choice, reply func(execution.Event)) {
	f := h.at(j, e.Index)
	patch := s.tasks[j].number(e.Patch.Patch)
	switch {
	case f.file != none:
	case how == Fail:
		reply(execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The download failed."})
		return
	default:
		u := upgradeOf(j, patch)
		switch *f = (staged{good, u.level}); {
		case how == Damage:
			f.file = damaged
		case how == Age:
			*f = staged{old, 0}
		case st.server != nil && st.server.feed.did(MoveOn) && e.Patch.LatestOnly:
			f.level = level(len(levels) - 1)
		}
		st.note(h.watch.orders[j].patches[patch].Downloaded(u.id, f.file == good))
	}
	reply(execution.Downloaded{ID: e.ID, Files: f.evidence()})
}

func (s *scene) deploy(st *state, h *host, j int, e execution.Install, how Choice, reply func(execution.Event)) {
	var results []execution.InstallResult
	order := &h.watch.orders[j]
	for _, p := range e.Patches {
		patch, f := s.tasks[j].number(p.Patch.Patch), *h.at(j, p.Index)
		st.note(order.Deploys(&order.patches[patch], watch.Install{Patch: p.Patch.Patch, Held: order.ran&(1<<patch) != 0,
			Passes: f.file == good || f.file == old && p.Patch.LatestOnly, Same: slices.Contains(p.Digests, digest(f.file, f.level))}))
		result := execution.InstallResult{Index: p.Index}
		switch how {
		case CutOff:
		case Fail:
			result.Code, result.Text = job.InstallerFailed, "The installer failed."
		default:
			u := upgradeOf(j, patch)
			order.Needs = order.Needs || s.needsReboot(u)
			st.note(watch.Installs(string(product(u.product)), s.versions[h.installed[u.product]], s.versions[f.level]))
			h.installed[u.product] = f.level
		}
		results = append(results, result)
	}
	if how == CutOff {
		s.restart(st, h)
		return
	}
	reply(execution.Installed{ID: e.ID, Results: results})
}

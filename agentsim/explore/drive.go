package explore

import (
	"slices"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// driver is a driver's duty towards the agent. The zero value does it right; a test plants a bug by filling a field in.
type driver struct {
	step    func(agent.Config, agent.State, agent.Event, agent.Moment) (agent.State, agent.Out) // instead of agent.Step
	restore func(agent.State) agent.State                                                       // what a restart makes of what was committed
	early   bool                                                                                // effects are carried out before the commit
}

// step hands the agent an event and commits what it becomes. With crash, the agent dies just before the commit.
func (s *scene) step(st *state, ev agent.Event, crash bool) {
	do := agent.Step
	if s.driver.step != nil {
		do = s.driver.step
	}
	after, out := do(s.config, st.agent, ev, st.moment())
	if crash {
		if s.driver.early && len(out.Effects) > 0 {
			st.lane = []agent.Effect{out.Effects[0]}
			s.effect(st, ordinary)
		}
		s.restart(st)
		return
	}
	before := st.agent
	st.agent, st.wake, st.read = after, st.now.Add(out.Wake), &reading{}
	st.watch.committed(s, st, before, after)
	if out.Call != nil {
		st.net = append(st.net, message{id: out.Call.ID, held: out.Call.Request.Held, reports: out.Call.Request.Reports})
		if n := len(st.net); n > maxFlying {
			st.net = st.net[n-maxFlying:]
		}
	}
	for _, e := range out.Effects {
		switch effect := e.Effect.(type) {
		case job.Prompt:
			s.show(st, effect.Kind)
		case job.Discard:
			st.lane = slices.DeleteFunc(slices.Clone(st.lane), func(e agent.Effect) bool {
				d, ok := e.Effect.(job.Download)
				return ok && (effect.Index < 0 || effect.Index == d.Index)
			})
			st.lane = append(st.lane, e)
		default:
			st.lane = append(st.lane, e)
		}
	}
}

func (s *scene) show(st *state, kind reboot.Effect) {
	_, st.prompt = kind.(reboot.ShowPrompt)
	if st.prompt {
		st.watch.offered(st)
	}
}

// reading is what comes of a commit's bytes when an agent starts on them, read once for all crashes behind that commit.
type reading struct{ at *agent.State }

// restart starts the agent on the bytes it had committed: calls, effects and the prompt are gone.
func (s *scene) restart(st *state) {
	st.lane, st.net, st.prompt = nil, nil, false
	if st.read.at == nil {
		st.read.at = &agent.State{}
		data, err := st.agent.MarshalBinary()
		if err == nil {
			err = st.read.at.UnmarshalBinary(data)
		}
		if err != nil {
			st.broke(8, "the agent cannot read what it committed: %v", err)
			return
		}
	}
	committed := *st.read.at
	if s.driver.restore != nil {
		committed = s.driver.restore(committed)
	}
	if len(committed.Executions) == 0 && len(committed.Queue) == 0 {
		st.staged = [2]file{} // a driver deletes at its start what nothing needs any more
	}
	st.agent = committed
	s.step(st, agent.Started{}, false)
}

// reboot takes the computer down and up again.
func (s *scene) reboot(st *state) {
	st.watch.rebooting()
	st.now = st.now.Add(bootTime)
	st.boot++
	st.booted, st.user = st.now, false
	s.restart(st)
}

// file is what is staged of a patch.
type file uint8

// The files a vendor serves.
const (
	none    file = iota
	good         // as ordered
	damaged      // its signature does not hold
	old          // rightly signed, of a version before the installed one
)

const vendor = "Vendor"

func (f file) digest() integrity.Digest {
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: sums[f]}
}

var sums = [4]string{
	good:    "1111111111111111111111111111111111111111111111111111111111111111",
	damaged: "2222222222222222222222222222222222222222222222222222222222222222",
	old:     "3333333333333333333333333333333333333333333333333333333333333333",
}

func (f file) evidence() []job.Evidence {
	signature := integrity.Signature{Status: integrity.Valid, Signer: vendor}
	if f == damaged {
		signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
	}
	return []job.Evidence{{Digests: []integrity.Digest{f.digest()}, Signature: signature}}
}

// level is the version a file really contains.
func (f file) level() level {
	if f == old {
		return 0
	}
	return 2
}

// result is how carrying an effect out goes.
type result uint8

const (
	ordinary result = iota
	fails           // with a failure code; a reboot does not come
	spoils          // the file is damaged
	ages            // the file is an old one
	breaks          // the agent crashes in the middle, and nothing was done
	outlives        // it is done, and the agent crashes before it can commit that
)

// effect carries out the first effect of the lane.
func (s *scene) effect(st *state, how result) {
	e := st.lane[0]
	st.lane = st.lane[1:]
	reply := func(ev job.Event) {
		s.step(st, agent.Execution{Order: e.Order, Event: ev}, how == outlives)
	}
	switch e := e.Effect.(type) {
	case job.TakeInventory:
		reply(job.InventoryTaken{ID: e.ID, Inventory: s.inventories[st.installed], Sessions: st.sessions()})
	case job.Download:
		if st.staged[e.Index] == none {
			if how == fails {
				reply(job.Fetched{ID: e.ID, Code: job.FileDownloadFailed, Text: "The download failed."})
				return
			}
			st.staged[e.Index] = map[result]file{spoils: damaged, ages: old}[how]
			if st.staged[e.Index] == none {
				st.staged[e.Index] = good
			}
			st.watch.downloaded(st, e)
		}
		reply(job.Fetched{ID: e.ID, Files: st.staged[e.Index].evidence()})
	case job.Preflight:
		var findings []job.Finding
		for _, p := range e.Patches {
			findings = append(findings, job.Finding{Index: p.Index, Version: s.versions[st.staged[p.Index].level()]})
		}
		reply(job.Checked{ID: e.ID, Findings: findings})
	case job.Act:
		st.watch.touches(st, "an action runs")
		if how == breaks {
			s.restart(st)
			return
		}
		reply(job.Acted{ID: e.ID, Exit: map[bool]int{true: 1}[how == fails]})
	case job.Deploy:
		s.deploy(st, e, how, reply)
	case job.Reboot:
		st.watch.reboots(s, st)
		if how != fails {
			s.reboot(st)
		}
	case job.Discard:
		for i := range st.staged {
			if e.Index < 0 || e.Index == i {
				st.staged[i] = none
			}
		}
	}
}

func (s *scene) deploy(st *state, e job.Deploy, how result, reply func(job.Event)) {
	var outcomes []job.Outcome
	for _, p := range e.Patches {
		st.watch.deploys(s, st, p)
		outcome := job.Outcome{Index: p.Index}
		switch how {
		case breaks:
		case fails:
			outcome.Code, outcome.Text = job.InstallerFailed, "The installer failed."
		default:
			st.watch.deployed(s, st, p.Index)
			st.installed[p.Index] = st.staged[p.Index].level()
		}
		outcomes = append(outcomes, outcome)
	}
	if how == breaks {
		s.restart(st)
		return
	}
	reply(job.Deployed{ID: e.ID, Outcomes: outcomes})
}

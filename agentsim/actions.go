package agentsim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// reboots is the result of an installer that succeeds and asks for a reboot.
var reboots = execution.InstallResult{Reboot: true}

// actions are what an asset, its user, its network and its parts can do: the
// words after the asset's id.
var actions = newGrammar("an action of an asset", "ASSET ", []pattern[*asset]{
	{"logs in|out", "", (*asset).login},
	{"locks|unlocks", "", (*asset).login},
	{"cannot|can tell who is logged in", "", func(a *asset, m *match) {
		a.blind = m.w[0] == "cannot"
		a.reportSessions()
	}},
	{"answers later|now[ N times]  answers the next prompts, one minute after each appears, if somebody is there", "", func(a *asset, m *match) {
		times := 1
		if m.w[1] != "" {
			times = m.number(1)
		}
		if len(a.answers)+times > maxTimes {
			m.err = fmt.Errorf("a user has at most %d answers; answer fewer prompts", maxTimes)
			return
		}
		a.answers = append(a.answers, slices.Repeat([]bool{m.w[0] == "later"}, times)...)
	}},
	{"user says later|now  answers the prompt at once", "", whileUp(func(a *asset, m *match) { a.saysAtOnce(execution.PromptAnswered{Later: m.w[0] == "later"}) })},
	{"user wants the reboot at TIME  answers the prompt at once (RBT-10)", "", whileUp(func(a *asset, m *match) {
		a.saysAtOnce(execution.PromptAnswered{Later: true, At: m.time(0)})
	})},
	{"crashes  its agent crashes", "", whileUp(func(a *asset, _ *match) {
		a.log("agent crashes")
		a.crash()
	})},
	{"crashes before|after STEP[ of JOB]  its agent crashes once, at that commit", "", whileUp(func(a *asset, m *match) { a.addCrash(m, false) })},
	{"loses power before|after STEP[ of JOB]", "", whileUp(func(a *asset, m *match) { a.addCrash(m, true) })},
	{"reboots", "", whileUp(func(a *asset, _ *match) {
		a.log("is rebooted by hand")
		a.boot(a.took["boot"])
	})},
	{"reboots off for D", "", whileUp(func(a *asset, m *match) {
		a.log("is rebooted by hand, off for %s", short(m.duration(0)))
		a.boot(m.duration(0))
	})},
	{"goes off", "", func(a *asset, _ *match) {
		a.log("is switched off")
		a.stop()
		a.up = false
	}},
	{"comes on", "", func(a *asset, m *match) {
		if a.up {
			m.err = notNowf("%s is on", a.id)
			return
		}
		a.boot(0)
	}},
	{"sleeps for D", "", whileUp(func(a *asset, m *match) {
		a.log("sleeps for %s", short(m.duration(0)))
		a.sleep = a.w.now.Add(m.duration(0))
		a.after(0, nil, func() {
			a.log("wakes up")
			a.reportSessions()
			a.step(agent.Tick{})
		})
	})},
	{"ignores N reboots", "", whileUp(func(a *asset, m *match) { a.ignored = m.number(0) })},
	{"network cut|back  the asset's network", "", func(a *asset, m *match) {
		a.log("%s", m.text)
		a.link.cut = m.w[0] == "cut"
	}},
	{"loses the next N calls|answers  they are lost on the way", "", whileUp(func(a *asset, m *match) {
		*map[string]*int{"calls": &a.link.loseCalls, "answers": &a.link.loseAnswers}[m.w[1]] = m.number(0)
	})},
	{"next N calls arrive twice", "", func(a *asset, m *match) { a.link.repeat = m.number(0) }},
	{"next N calls arrive D late", "", func(a *asset, m *match) { a.link.late, a.link.lateness = m.number(0), m.duration(1) }},
	{"is sent a forged|expired|old|damaged|huge manifest", "", func(a *asset, m *match) { a.link.fake = m.w[0] }},
	{"is sent a manifest of another asset", "", func(a *asset, _ *match) { a.link.fake = "other asset" }},
	{"clock +D", "", func(a *asset, m *match) { a.setClock(m, "+"+m.w[0], m.duration(0)) }},
	{"clock -D", "", func(a *asset, m *match) { a.setClock(m, "-"+m.w[0], -m.duration(0)) }},
	{"moves to ZONE  its computer's time zone", "", func(a *asset, m *match) {
		if m.err = schedule.ValidZone(m.zone(0)); m.err == nil {
			a.log("%s", m.text)
			a.zone = m.zone(0)
		}
	}},
	{"loses its state  its agent's state is gone", "", whileUp(func(a *asset, _ *match) {
		a.log("loses its state")
		a.forget()
	})},
	{"is reinstalled  its agent's state and downloads are gone; it enrols if the asset was removed", "", whileUp(func(a *asset, m *match) {
		a.log("its agent is reinstalled")
		clear(a.staged)
		if a.w.server.removed[a.id] {
			m.err = a.enrolAgain(a.as)
		}
		a.forget()
	})},
	{"enrols again[ as NAME]  with a new key and without its state; NAME: by default its own name", "", whileUp(func(a *asset, m *match) { // (MAN-10)
		a.log("%s", m.text)
		if m.err = a.enrolAgain(cmp.Or(job.AssetID(m.w[0]), a.id)); m.err == nil {
			clear(a.staged)
			a.forget()
		}
	})},
	{"is cloned as NAME  another computer starts with a copy of its disk; it has its own boots and clock, and calls as the same asset", "", func(a *asset, m *match) { m.err = a.clone(job.AssetID(m.w[0]), m) }}, // (MAN-9)
	{"installer of PRODUCT fails[ N times]", "", func(a *asset, m *match) {
		failed := execution.InstallResult{Code: job.InstallerFailed, Text: "The installer ended with exit code 1."}
		a.setFault(m, fault{result: failed, times: m.number(1)})
	}},
	{"installer of PRODUCT crashes the agent[ N times]", "", func(a *asset, m *match) { a.setFault(m, fault{crash: true, times: m.number(1)}) }},
	{"installer of PRODUCT lies  it reports success and changes nothing", "", func(a *asset, m *match) { a.setFault(m, fault{lies: true}) }},
	{"installer of PRODUCT asks for a reboot", "", func(a *asset, m *match) { a.setFault(m, fault{result: reboots}) }},
	{"installer of PRODUCT leaves the reboot mark", "", func(a *asset, m *match) { a.setFault(m, fault{marks: true}) }},
	{"installer of PRODUCT is undone by a reboot", "", func(a *asset, m *match) { a.setFault(m, fault{undone: true, result: reboots}) }},
	{"installer of PRODUCT works", "", func(a *asset, m *match) { a.setFault(m, fault{}) }},
	{"download of PRODUCT fails with CODE", "", func(a *asset, m *match) { a.setFault(m, fault{noFetch: value(m, 1, job.ParseCode)}) }},
	{"refuses PRODUCT: WHY…", "", func(a *asset, m *match) { a.setFault(m, fault{refuse: m.w[1]}) }},
	{"inventory fails N times", "", func(a *asset, m *match) { a.unread = m.number(0) }},
	{"action NAME exits N", "", func(a *asset, m *match) { a.exits[m.w[0]] = m.number(1) }},
	{"takes D for inventory|download|install|action|boot", "", func(a *asset, m *match) { a.took[m.w[1]] = m.duration(0) }},
	{"has PRODUCT VERSION  somebody else installed it", "", func(a *asset, m *match) {
		id, v, err := a.w.vendor.parseVersion(m.w[0], a.on, m.w[1])
		if m.err = err; err == nil {
			a.log("somebody installs %s %s", m.w[0], v)
			a.installed[id] = v
		}
	}},
	{"waits for reboots by hand", "", func(a *asset, _ *match) { a.config.WaitParked = true }},
	{"runs no|any|allowed actions  allowed (the default): those that its policy allows, or any if it has no policy", "", func(a *asset, m *match) { // (INT-10)
		a.log("%s", m.text)
		a.config.Can = map[string][]string{"no": {}, "any": job.Capabilities()}[m.w[0]]
	}},
	{"does not say what it can do  in its calls, like an agent of an older release", "", func(a *asset, m *match) { a.link.mute = true }}, // (MAN-11)
	{"is held to POLICY…  a signer policy, or no policy", "", func(a *asset, m *match) {
		a.log("%s", m.text)
		a.config.Policy = value(m, 0, m.p.named)
	}},
})

// whileUp wraps an action that needs the computer to be on.
func whileUp(do func(*asset, *match)) func(*asset, *match) {
	return func(a *asset, m *match) {
		if !a.up {
			m.err = notNowf("%s is off", a.id)
			return
		}
		do(a, m)
	}
}

func (a *asset) forget() {
	a.stop()
	a.disk = disk{}
	a.observer.forget()
	a.start()
}

// enrolAgain enrols the computer with a new key. Its reports are counted from
// one again.
func (a *asset) enrolAgain(as job.AssetID) error {
	s := a.w.server
	if !s.up {
		return notNow{errDown}
	}
	was, own, known := a.as, a.key, s.accepted[a.fingerprint()]
	a.as = as
	if err := s.enrol(a); err != nil {
		a.as, a.key = was, own
		return err
	}
	a.observer.replaced(known)
	a.enrolled, a.config.Asset = a.w.now, as
	delete(s.removed, a.id)
	a.w.share(as)
	return nil
}

func (w *World) share(as job.AssetID) {
	of := slices.DeleteFunc(w.sorted(), func(a *asset) bool { return a.as != as })
	for _, a := range of {
		a.shared = a.shared || len(of) > 1
	}
}

// clone adds a computer with a copy of this one's disk: the agent's identity
// and state, its downloads and the installed products. It has a clock and boots
// of its own, and starts now.
func (a *asset) clone(id job.AssetID, m *match) error {
	c, err := a.w.newAsset(id, a.tags, a.on)
	if err != nil {
		return err
	}
	a.log("%s", m.text)
	c.as, c.key, c.config, c.zone, c.enrolled = a.as, a.key, a.config, a.zone, a.enrolled
	c.installed, c.held, c.staged = maps.Clone(a.installed), maps.Clone(a.held), maps.Clone(a.staged)
	c.took, c.exits, c.faults = maps.Clone(a.took), maps.Clone(a.exits), maps.Clone(a.faults)
	c.disk, c.running = a.disk, false
	if a.running {
		c.disk = a.committed()
	}
	c.observer = a.observer.copied(c)
	a.w.server.removed[id] = a.w.server.removed[a.id]
	a.w.assets[id] = c
	a.w.share(a.as)
	c.after(0, nil, c.start)
	return nil
}

func (a *asset) setFault(m *match, f fault) { a.faults[a.product(m.w[0])] = f }

func (a *asset) setClock(m *match, by string, d time.Duration) {
	if skew := a.skew + d; skew.Abs() > maxSpan {
		m.err = fmt.Errorf("the clock would be off by %s; at most %s is allowed", short(skew.Abs()), short(maxSpan))
		return
	}
	a.log("clock set by %s", by)
	a.skew += d
	a.step(agent.Tick{}) // as a driver that checks the clock often
}

// crashPoint crashes an agent once at a step: just before the commit, so that
// the event is lost, or just after, so that no effect is carried out.
type crashPoint struct {
	after bool   // the commit
	step  string // in lower case: a progress step, a result or one of crashEffects
	job   job.ID // empty: any job
	power bool   // the whole computer goes down, and boots again
}

// crashEffects are the effects at which an agent can crash: how the names of
// their types end.
var crashEffects = []string{"inventory", "download", "preflight", "install", "action", "prompt", "reboot"}

// addCrash adds a crash point: before|after STEP[ of JOB].
func (a *asset) addCrash(m *match, power bool) {
	_, progress := job.ParseProgress(m.w[1])
	_, result := job.ParseResult(m.w[1])
	if progress != nil && result != nil && !slices.Contains(crashEffects, m.w[1]) {
		m.err = fmt.Errorf("%q is not a step; a step is a progress step or a result such as Deploying or Completed, or one of %s", m.w[1], join(crashEffects, ", "))
		return
	}
	a.crashes = append(slices.Clip(a.crashes), crashPoint{after: m.w[0] == "after", step: strings.ToLower(m.w[1]), job: job.ID(m.w[2]), power: power})
}

// crashesAt crashes the agent if the step is at one of its crash points, and
// reports whether it did.
func (a *asset) crashesAt(committed bool, before, after agent.State, out agent.Out) bool {
	i := slices.IndexFunc(a.crashes, func(c crashPoint) bool { return c.after == committed && c.at(before, after, out) })
	if i < 0 {
		return false
	}
	c, when := a.crashes[i], map[bool]string{false: "before", true: "after"}[committed]
	a.crashes = slices.Delete(slices.Clone(a.crashes), i, i+1)
	if c.power {
		a.log("loses power just %s the commit of %s", when, c.step)
		a.boot(a.took["boot"])
	} else {
		a.log("agent crashes just %s the commit of %s", when, c.step)
		a.crash()
	}
	return true
}

func (c crashPoint) at(before, after agent.State, out agent.Out) bool {
	is := func(of job.OrderID, step string) bool {
		return strings.ToLower(step) == c.step && (c.job == "" || c.job == of.Run().Job())
	}
	for _, r := range after.Reports {
		if r.Sequence > before.Sequence && (r.Progress != 0 && is(r.Order, r.Progress.String()) || r.Result != 0 && is(r.Order, r.Result.String())) {
			return true
		}
	}
	return slices.ContainsFunc(out.Effects, func(e agent.Effect) bool {
		switch e := e.(type) {
		case agent.DownloadEarly:
			return is(e.Order, "download")
		case agent.Execute:
			name := strings.ToLower(fmt.Sprintf("%T", e.Effect))
			return slices.ContainsFunc(crashEffects, func(word string) bool { return strings.HasSuffix(name, word) && is(e.Order, word) })
		}
		return false
	})
}

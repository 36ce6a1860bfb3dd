package agentsim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

type stagedKey struct {
	order job.OrderID
	index int
}

type stagedFile struct {
	version  version.Version
	evidence []execution.Evidence
}

type fault struct {
	result  execution.InstallResult
	times   int             // how often; zero: always
	crash   bool            // the agent crashes in the middle, and nothing is installed
	lies    bool            // it reports success and changes nothing
	undone  bool            // it succeeds, and the next boot undoes it
	was     version.Version // what the next boot restores
	marks   bool            // it sets the system's reboot-required flag
	refuse  string          // why the preflight refuses it
	noFetch job.Code        // the download fails with this code
}

// task is one effect that takes time.
type task struct {
	download stagedKey // zero: it is not a download
	takes    func() time.Duration
	do       func()
}

func (a *asset) queue(takes time.Duration, do func()) {
	a.queueTask(task{takes: func() time.Duration { return takes }, do: do})
}

func (a *asset) queueTask(t task) {
	a.tasks = append(a.tasks, &t)
	a.work()
}

func (a *asset) work() {
	if a.current != nil || len(a.tasks) == 0 {
		return
	}
	t := a.tasks[0]
	a.tasks, a.current = a.tasks[1:], t
	a.after(t.takes(), nil, func() {
		if a.current != t { // cut off
			return
		}
		t.do()
		if a.current == t {
			a.current = nil
			a.work()
		}
	})
}

// discard cuts off the downloads that a Discard names, and deletes their files
// after the tasks that are queued.
func (a *asset) discard(order job.OrderID, index int) {
	covers := func(at stagedKey) bool { return at.order == order && (index < 0 || index == at.index) }
	a.tasks = slices.DeleteFunc(slices.Clone(a.tasks), func(t *task) bool { return covers(t.download) })
	if a.current != nil && covers(a.current.download) {
		a.current = nil
		a.work()
	}
	a.queue(0, func() { maps.DeleteFunc(a.staged, func(at stagedKey, _ stagedFile) bool { return covers(at) }) })
}

func (a *asset) carryOut(e agent.Effect) {
	switch e := e.(type) {
	case agent.Call:
		a.call(e)
	case agent.DownloadEarly:
		done := func(execution.Event) { a.step(agent.DownloadedEarly{Order: e.Order, Index: e.Index}) }
		a.download(e.Order, execution.Download{Index: e.Index, Patch: e.Patch}, done)
	case agent.Execute:
		a.execute(e.Order, e.Effect)
	}
}

func (a *asset) execute(order job.OrderID, e execution.Effect) {
	reply := func(ev execution.Event) { a.step(agent.ForOrder{Order: order, Event: ev}) }
	switch e := e.(type) {
	case execution.TakeInventory:
		a.queue(a.took["inventory"], func() { reply(a.takeInventory(e)) })
	case execution.Download:
		a.download(order, e, reply)
	case execution.Preflight:
		a.queue(a.took["preflight"], func() {
			reply(execution.PreflightDone{ID: e.ID, Results: a.preflight(order, e), RebootRequired: a.mark})
		})
	case execution.Install:
		a.install(order, e, reply)
	case execution.RunAction:
		a.queue(a.took["action"], func() {
			exit := a.exits[e.Action.Name]
			a.observer.acted(order, e.Action, exit)
			a.log("%s ran %s: exit %d", order.Run().Job(), e.Action.Name, exit)
			reply(execution.ActionDone{ID: e.ID, Exit: exit, Output: fmt.Sprintf("%s ends with %d", e.Action.Name, exit)})
		})
	case execution.Prompt:
		a.prompt(order, e, reply)
	case execution.Reboot:
		a.queue(0, func() {
			a.observer.reboots(order)
			a.log("reboots")
			if take(&a.ignored) {
				a.log("goes on as if nothing had been asked")
				return
			}
			a.boot(a.took["boot"])
		})
	case execution.Discard:
		a.discard(order, e.Index)
	}
}

func (a *asset) takeInventory(e execution.TakeInventory) execution.InventoryTaken {
	if take(&a.unread) {
		a.log("inventory fails")
		return execution.InventoryTaken{ID: e.ID, Err: "the package database cannot be read"}
	}
	return execution.InventoryTaken{ID: e.ID, Inventory: a.inventory(), RebootRequired: a.mark, Sessions: a.seen()}
}

// download fetches the files of a patch, unless they are staged (JOB-17).
func (a *asset) download(order job.OrderID, e execution.Download, reply func(execution.Event)) {
	at := stagedKey{order, e.Index}
	takes := func() time.Duration {
		if _, staged := a.staged[at]; staged {
			return 0
		}
		return a.took["download"]
	}
	a.queueTask(task{download: at, takes: takes, do: func() {
		done := execution.Downloaded{ID: e.ID}
		file, staged := a.staged[at]
		code := a.faults[e.Patch.Product].noFetch
		switch {
		case staged:
			done.Files = file.evidence
		case code != 0:
			done.Code, done.Text = code, fmt.Sprintf("The download ended with %s.", code)
		case a.link.cut:
			done.Code, done.Text = job.FileDownloadFailed, "The network is down."
		default:
			var contains version.Version
			done, contains = a.w.vendor.fetch(e.Patch)
			if done.ID = e.ID; done.Code == 0 {
				a.log("downloads %s", e.Patch.Patch)
				a.observer.downloaded(at, e.Patch, done.Files)
				a.staged[at] = stagedFile{contains, done.Files}
			}
		}
		reply(done)
	}})
}

// preflight returns what each staged file contains, and which patches would
// not install or would lower a version.
func (a *asset) preflight(order job.OrderID, e execution.Preflight) (results []execution.PreflightResult) {
	for _, s := range e.Patches {
		r := execution.PreflightResult{
			Index: s.Index, Version: a.staged[stagedKey{order, s.Index}].version, Refused: a.faults[s.Patch.Product].refuse,
		}
		if sign, ok := a.installed[s.Patch.Product].Compare(r.Version); r.Refused == "" && ok && sign > 0 {
			r.Refused = fmt.Sprintf("It would take %s from %s down to %s.", s.Patch.Name, a.installed[s.Patch.Product], r.Version)
		}
		results = append(results, r)
	}
	return results
}

// install installs one patch after the other. A crash in between keeps what was
// installed until then.
func (a *asset) install(order job.OrderID, e execution.Install, reply func(execution.Event)) {
	var results []execution.InstallResult
	left := e.Limit
	for _, s := range e.Patches {
		a.observer.deploys(order, s)
		takes, ended := a.took["install"], e.Limit > 0 && a.took["install"] > left
		if e.Limit > 0 {
			takes = min(takes, left)
			left -= takes
		}
		a.queue(takes, func() {
			r, crashed := a.runInstaller(order, s, ended)
			if crashed {
				return
			}
			r.Index = s.Index
			results = append(results, r)
			if len(results) == len(e.Patches) {
				reply(execution.Installed{ID: e.ID, Results: results})
			}
		})
	}
}

// runInstaller runs the installer of a patch. It is ended if it reached its
// limit before it changed anything (JOB-25).
func (a *asset) runInstaller(order job.OrderID, s execution.Staged, ended bool) (r execution.InstallResult, crashed bool) {
	if ended {
		a.log("ends the installer of %s at its limit", s.Patch.Patch)
		return execution.InstallResult{Code: job.DeployerProcessCrashed, Text: "It ran longer than the install limit."}, false
	}
	product := s.Patch.Product
	f := a.faults[product]
	if f.times > 0 { // then it works again
		left := f
		if left.times--; left.times == 0 {
			left = fault{}
		}
		a.faults[product] = left
	}
	if f.crash {
		a.log("agent crashes while it installs %s", s.Patch.Patch)
		a.crash()
		return r, true
	}
	r = f.result
	was, to := a.installed[product], a.staged[stagedKey{order, s.Index}].version
	if f == (fault{noFetch: f.noFetch, refuse: f.refuse}) && a.w.cfg.Install != nil {
		to, r = a.w.cfg.Install(a.id, s.Patch, was, to)
	}
	a.observer.deployed(order, s, r, f, to)
	if r.Code == 0 && !f.lies {
		if f.undone {
			f.was = was
			a.faults[product] = f
		}
		a.log("installed %s %s (was %s)", s.Patch.Name, to, was)
		a.installed[product] = to
	}
	a.mark = a.mark || f.marks
	return r, false
}

// prompt shows a prompt. An active user answers as the scenario says, and by
// default does not answer.
func (a *asset) prompt(order job.OrderID, e execution.Prompt, reply func(execution.Event)) {
	about := fmt.Sprintf("%s (%s)", e.Job, e.Reasons()) // (RBT-12)
	switch kind := e.Kind.(type) {
	case reboot.ShowPrompt:
		a.observer.offers(order)
		a.log("asks to reboot for %s: now or later (%d left), %s at the latest", about, kind.Remaining, a.w.since(e.Last))
		if len(a.answers) == 0 || a.sessions != reboot.Active {
			return
		}
		later := a.answers[0]
		a.answers = a.answers[1:]
		a.after(time.Minute, nil, func() { a.says(execution.PromptAnswered{Later: later}, reply) })
	case reboot.ShowCountdown:
		a.log("reboots in %v, %s, for %s", kind.Left.Round(time.Second), a.w.since(e.Last), about)
	}
}

func (a *asset) says(answer execution.PromptAnswered, reply func(execution.Event)) {
	text := "now"
	switch {
	case !answer.At.IsZero():
		text = "at " + a.w.since(answer.At)
	case answer.Later:
		text = "later"
	}
	a.log("user answers: %s", text)
	reply(answer)
}

// saysAtOnce answers whatever is on the screen.
func (a *asset) saysAtOnce(answer execution.PromptAnswered) {
	for _, x := range a.state.Executions {
		a.says(answer, func(ev execution.Event) { a.step(agent.ForOrder{Order: x.Order.ID, Event: ev}) })
	}
}

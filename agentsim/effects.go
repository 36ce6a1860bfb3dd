package agentsim

import (
	"fmt"
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

// stagedFile is the fetched file of a patch: what it really contains, and what was found out about it.
type stagedFile struct {
	version  version.Version
	evidence []execution.Evidence
}

// fault is what an installer does instead of succeeding.
type fault struct {
	code    job.Code
	text    string
	times   int             // how often; zero: always
	crash   bool            // the agent crashes in the middle, and nothing is installed
	reboot  bool            // it succeeds and asks for a reboot
	lies    bool            // it reports success and changes nothing
	undone  bool            // it succeeds, and the next boot undoes it
	was     version.Version // before it was undone
	marks   bool            // it leaves the system's mark
	refuse  string          // the preflight refuses it
	noFetch job.Code        // the download fails with this code
}

// task is one effect on an asset's lane: effects are carried out one after the other, each taking its time.
type task struct {
	download stagedKey // that a Discard cuts off; the zero value: none
	takes    func() time.Duration
	do       func()
}

func (a *asset) queue(takes time.Duration, do func()) {
	a.add(&task{takes: func() time.Duration { return takes }, do: do})
}

func (a *asset) add(t *task) {
	a.lane = append(a.lane, t)
	a.work()
}

func (a *asset) work() {
	if a.current != nil || len(a.lane) == 0 {
		return
	}
	t := a.lane[0]
	a.lane = a.lane[1:]
	a.current = t
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

// cutOff drops the downloads that a Discard makes useless.
func (a *asset) cutOff(order job.OrderID, d execution.Discard) {
	covered := func(t *task) bool {
		return t.download.order == order && (d.Index < 0 || d.Index == t.download.index)
	}
	kept := []*task{}
	for _, t := range a.lane {
		if !covered(t) {
			kept = append(kept, t)
		}
	}
	a.lane = kept
	if a.current != nil && covered(a.current) {
		a.current = nil
		a.work()
	}
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
			a.watch.acted(order, e.Action, exit)
			a.log("%s ran %s: exit %d", order.Run().Job(), e.Action.Name, exit)
			reply(execution.ActionDone{ID: e.ID, Exit: exit, Output: fmt.Sprintf("%s ends with %d", e.Action.Name, exit)})
		})
	case execution.Prompt:
		a.prompt(order, e, reply)
	case execution.Reboot:
		a.queue(0, func() {
			a.watch.reboots(order)
			a.log("reboots")
			if take(&a.ignored) {
				a.log("goes on as if nothing had been asked")
				return
			}
			a.boot(a.took["boot"])
		})
	case execution.Discard:
		a.cutOff(order, e)
		a.queue(0, func() {
			for at := range a.staged {
				if at.order == order && (e.Index < 0 || e.Index == at.index) {
					delete(a.staged, at)
				}
			}
		})
	}
}

func (a *asset) takeInventory(e execution.TakeInventory) execution.InventoryTaken {
	if take(&a.unread) {
		a.log("inventory fails")
		return execution.InventoryTaken{ID: e.ID, Err: "the package database cannot be read"}
	}
	inventory, err := a.inventory()
	if err != nil {
		a.w.fail(err)
	}
	return execution.InventoryTaken{ID: e.ID, Inventory: inventory, RebootRequired: a.mark, Sessions: a.seen()}
}

// download fetches, unless the file is staged already (JOB-17).
func (a *asset) download(order job.OrderID, e execution.Download, reply func(execution.Event)) {
	at := stagedKey{order, e.Index}
	takes := func() time.Duration {
		if _, there := a.staged[at]; there {
			return 0
		}
		return a.took["download"]
	}
	a.add(&task{download: at, takes: takes, do: func() {
		if file, there := a.staged[at]; there {
			reply(execution.Downloaded{ID: e.ID, Files: file.evidence})
			return
		}
		if code := a.faults[e.Patch.Product].noFetch; code != 0 {
			reply(execution.Downloaded{ID: e.ID, Code: code, Text: fmt.Sprintf("The download ended with %s.", code)})
			return
		}
		if a.link.cut {
			reply(execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The network is down."})
			return
		}
		fetched, really := a.w.vendor.fetch(e.Patch)
		fetched.ID = e.ID
		if fetched.Code == 0 {
			a.log("downloads %s", e.Patch.Patch)
			a.watch.downloaded(at, e.Patch, fetched.Files)
			a.staged[at] = stagedFile{really, fetched.Files}
		}
		reply(fetched)
	}})
}

// preflight says what each staged file really contains, and what would not install or would lower a version.
func (a *asset) preflight(order job.OrderID, e execution.Preflight) []execution.PreflightResult {
	var results []execution.PreflightResult
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

// install installs one patch after the other; a crash in between leaves what was installed until then.
func (a *asset) install(order job.OrderID, e execution.Install, reply func(execution.Event)) {
	var results []execution.InstallResult
	left := e.Limit
	for _, s := range e.Patches {
		a.watch.deploys(order, s)
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
			results = append(results, r)
			if len(results) == len(e.Patches) {
				reply(execution.Installed{ID: e.ID, Results: results})
			}
		})
	}
}

// runInstaller brings a patch to its end. Ended: by its limit, before it had changed anything (JOB-25).
func (a *asset) runInstaller(order job.OrderID, s execution.Staged, ended bool) (r execution.InstallResult, crashed bool) {
	if ended {
		a.log("ends the installer of %s at its limit", s.Patch.Patch)
		return execution.InstallResult{Index: s.Index, Code: job.DeployerProcessCrashed, Text: "It ran longer than the install limit."}, false
	}
	product := s.Patch.Product
	f := a.faults[product]
	if f.times > 0 { // the last time, it works again
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
	r = execution.InstallResult{Index: s.Index, Code: f.code, Text: f.text, Reboot: f.reboot}
	to := a.staged[stagedKey{order, s.Index}].version
	a.watch.deployed(order, s, f, to)
	if f.code == 0 && !f.lies {
		if f.undone {
			f.was = a.installed[product]
			a.faults[product] = f
		}
		a.log("installed %s %s (was %s)", s.Patch.Name, to, a.installed[product])
		a.installed[product] = to
	}
	if f.marks {
		a.mark = true
	}
	return r, false
}

// prompt shows it, and answers as the script says if somebody is there to do it: by default nobody does.
func (a *asset) prompt(order job.OrderID, e execution.Prompt, reply func(execution.Event)) {
	switch kind := e.Kind.(type) {
	case reboot.ShowPrompt:
		a.watch.offers(order)
		a.log("asks to reboot for %s: now or later (%d left), %s at the latest", about(e), kind.Remaining, a.w.since(e.Last))
		if len(a.answers) == 0 || a.sessions != reboot.Active {
			return
		}
		later := a.answers[0]
		a.answers = a.answers[1:]
		a.after(time.Minute, nil, func() { a.says(later, reply) })
	case reboot.ShowCountdown:
		a.log("reboots in %v, %s, for %s", kind.Left.Round(time.Second), a.w.since(e.Last), about(e))
	case reboot.ClearPrompt:
	}
}

// about is the job that a prompt is of, and what its reboot is for (RBT-12).
func about(p execution.Prompt) string { return fmt.Sprintf("%s (%s)", p.Job, p.Reasons()) }

// says is a user's answer, whatever is on the screen.
func (a *asset) says(later bool, reply func(execution.Event)) {
	a.log("user answers: %s", map[bool]string{true: "later", false: "now"}[later])
	reply(execution.Answered{Later: later})
}

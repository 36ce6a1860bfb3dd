package agentsim

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// carryOut puts an effect on the asset's lane: effects are carried out one after the other, each taking its time.
func (a *asset) carryOut(e agent.Effect) {
	reply := func(ev job.Event) { a.step(agent.Execution{Order: e.Order, Event: ev}) }
	switch e := e.Effect.(type) {
	case job.TakeInventory:
		a.queue(a.took.inventory, func() {
			inventory, err := a.inventory()
			if err != nil {
				a.w.fail(err)
				return
			}
			reply(job.InventoryTaken{ID: e.ID, Inventory: inventory, Mark: a.mark, Sessions: a.seen()})
		})
	case job.Download:
		a.download(e, reply)
	case job.Preflight:
		a.queue(a.took.preflight, func() { reply(job.Checked{ID: e.ID, Findings: a.preflight(e)}) })
	case job.Deploy:
		a.deploy(e, reply)
	case job.Act:
		a.checkAct(e)
		a.queue(a.took.action, func() {
			a.w.log(string(a.id), "%s ran %s: exit %d", jobOf(e.Order), e.Action.Name, a.exits[e.Action.Name])
			reply(job.Acted{ID: e.ID, Exit: a.exits[e.Action.Name]})
		})
	case job.Prompt:
		a.prompt(e, reply)
	case job.Reboot:
		a.checkReboot(e.Order)
		a.w.log(string(a.id), "reboots")
		a.boot(a.took.boot)
	case job.Discard:
		for key := range a.staged {
			if key.order == e.Order && (e.Index < 0 || e.Index == key.index) {
				delete(a.staged, key)
			}
		}
	}
}

// queue adds a task that takes d, and then does something.
func (a *asset) queue(d time.Duration, do func()) {
	a.lane = append(a.lane, func(done func()) {
		a.after(d, nil, func() {
			do()
			done()
		})
	})
	a.work()
}

func (a *asset) work() {
	if a.working || len(a.lane) == 0 {
		return
	}
	next := a.lane[0]
	a.lane = a.lane[1:]
	a.working = true
	life := a.life
	next(func() {
		if a.life == life {
			a.working = false
			a.work()
		}
	})
}

// download fetches, unless the file is staged already (JOB-17).
func (a *asset) download(e job.Download, reply func(job.Event)) {
	took, at := a.took.download, stagedKey{e.Order, e.Index}
	if _, there := a.staged[at]; there {
		took = 0
	}
	a.queue(took, func() {
		if file, there := a.staged[at]; there {
			reply(job.Fetched{ID: e.ID, Files: []job.Evidence{file.evidence}})
			return
		}
		if !a.network {
			reply(job.Fetched{ID: e.ID, Code: job.FileDownloadFailed, Text: "The network is down."})
			return
		}
		fetched, really := a.w.vendor.fetch(e.Patch)
		fetched.ID = e.ID
		if fetched.Code == 0 {
			a.checkDownload(e)
			a.w.log(string(a.id), "downloads %s", e.Patch.Patch)
			a.staged[at] = stagedFile{really, fetched.Files[0]}
		}
		reply(fetched)
	})
}

// preflight tells what each staged file really contains, and what would not install.
func (a *asset) preflight(e job.Preflight) []job.Finding {
	var findings []job.Finding
	for _, s := range e.Patches {
		findings = append(findings, job.Finding{
			Index: s.Index, Version: a.staged[stagedKey{e.Order, s.Index}].version, Refused: a.faults[s.Patch.Product].refuse,
		})
	}
	return findings
}

// deploy installs one patch after the other; a crash in between leaves what was installed until then.
func (a *asset) deploy(e job.Deploy, reply func(job.Event)) {
	var outcomes []job.Outcome
	for _, s := range e.Patches {
		a.checkDeploy(e.Order, s)
		a.queue(a.took.install, func() {
			f := a.faults[s.Patch.Product]
			o := job.Outcome{Index: s.Index, Code: f.code, Text: f.text, Reboot: f.reboot}
			if f.code == 0 && !f.lies {
				a.install(e.Order, s)
			}
			if f.marks {
				a.mark = true
			}
			outcomes = append(outcomes, o)
			if len(outcomes) == len(e.Patches) {
				reply(job.Deployed{ID: e.ID, Outcomes: outcomes})
			}
		})
	}
}

func (a *asset) install(order job.OrderID, s job.Staged) {
	to := a.staged[stagedKey{order, s.Index}].version
	a.checkInstall(order, s, to)
	if f, ok := a.faults[s.Patch.Product]; ok && f.undone {
		f.was = a.installed[s.Patch.Product]
		a.faults[s.Patch.Product] = f
	}
	a.w.log(string(a.id), "installed %s %s (was %s)", s.Patch.Name, to, a.installed[s.Patch.Product])
	a.installed[s.Patch.Product] = to
}

// prompt shows it, and answers as the script says: by default nobody does.
func (a *asset) prompt(e job.Prompt, reply func(job.Event)) {
	switch kind := e.Kind.(type) {
	case reboot.ShowPrompt:
		if a.offered.IsZero() {
			a.offered = a.w.now
		}
		a.w.log(string(a.id), "asks to reboot: now or later (%d left)", kind.Remaining)
		if len(a.answers) > 0 {
			later := a.answers[0]
			a.answers = a.answers[1:]
			a.after(time.Minute, nil, func() {
				a.w.log(string(a.id), "user answers: %s", map[bool]string{true: "later", false: "now"}[later])
				reply(job.Answered{Later: later})
			})
		}
	case reboot.ShowCountdown:
		a.w.log(string(a.id), "reboots in %v", kind.Left)
	case reboot.ClearPrompt:
	}
}
